"""How much of the cells' activity the motion of the face explains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..movies.types import Bools, Floats
from .style import CYCLE, INK, QUIET, check_lengths, new_figure, put_title, styled


@styled
def neural_prediction(
    times: Floats,
    activity: Floats,
    predicted: Floats,
    explained: Floats,
    chance: Floats | None = None,
    labels: Sequence[int | str] | None = None,
    count: int = 6,
    title: str | None = None,
) -> Figure:
    """Draw the variance explained of all cells, and the activity of those that are explained best.

    Parameters
    ----------
    times : ndarray [frame]
        Seconds.
    activity, predicted : ndarray [cell, frame]
        Activity, and what is predicted of it from motion; nan where it is not.
    explained : ndarray [cell]
        Cross-validated variance explained; nan where it is not known.
    chance : ndarray [cell], optional
        The most that is explained of each cell with its activity shifted in time. Cells above it, and above 0, are
        told apart.
    labels : sequence, optional
        What to call each cell; by default its index.
    count : int
        How many cells to show.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        The numbers of cells or frames differ.
    """
    times, explained = np.asarray(times, float), np.asarray(explained, float)
    activity, predicted = np.asarray(activity, float), np.asarray(predicted, float)
    check_lengths(times=times, activity=activity, predicted=predicted)
    labels = range(len(explained)) if labels is None else labels
    if not len(activity) == len(predicted) == len(explained) == len(labels):
        raise ValueError("Activity, predictions, variances explained and labels must have the same number of cells.")
    known = np.flatnonzero(np.isfinite(explained))
    best = known[np.argsort(-explained[known], kind="stable")][:count]

    figure = new_figure(height=max(3.0, 1.1 + 0.45 * len(best)))
    bars, stack = figure.subplots(1, 2, width_ratios=(1, 2.2))
    # less than nothing is nothing, however rare
    above = None if chance is None else explained[known] > np.maximum(np.asarray(chance, float)[known], 0)
    _histogram(bars, explained[known], above)
    for row, cell in enumerate(best):
        colour = CYCLE[row % len(CYCLE)]
        floor = (len(best) - 1 - row) * 1.1
        low, high = np.percentile(activity[cell], [0.5, 99.9])
        height = max(high - low, 1e-12)
        stack.plot(times, (activity[cell] - low) / height + floor, color=QUIET, lw=0.6)
        stack.plot(times, (predicted[cell] - low) / height + floor, color=colour, lw=1.1)
        place: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8, "annotation_clip": False}
        place |= {"xycoords": ("axes fraction", "data"), "color": colour}
        stack.annotate(str(labels[cell]), (0, floor + 0.3), xytext=(-6, 0), ha="right", fontweight="bold", **place)
        said = f"{round(explained[cell], 2) + 0.0:.2f}"  # never -0.00
        stack.annotate(said, (1, floor + 0.3), xytext=(5, 0), ha="left", **place)
    stack.set_yticks([])
    stack.spines["left"].set_visible(False)
    stack.set_ylim(-0.2, max(len(best), 1) * 1.1 + 0.3)
    if times.size:
        stack.set_xlim(times[0], times[-1])
    stack.set_xlabel("Time from the start (s); grey: activity, colour: predicted from the face")
    put_title(figure, title)
    return figure


def _histogram(axes: Axes, explained: Floats, above: Bools | None) -> None:
    if len(explained):
        # what is far below 0 is as good as 0: nothing; the bar says that it is there
        clipped = np.clip(explained, -0.1, 1)
        width = 0.02 if clipped.max() <= 0.4 else 0.05
        edges = np.arange(-0.1, np.ceil(clipped.max() / width) * width + width, width).tolist()
        median = float(np.median(explained))
        said = f"{len(explained)} cells, median {round(median, 2) + 0.0:.2f}"  # never -0.00
        if above is None:
            axes.hist(clipped, bins=edges, color=QUIET)
        else:
            groups = [clipped[above], clipped[~above]]
            axes.hist(groups, bins=edges, color=[CYCLE[0], QUIET], stacked=True)
            place: dict[str, Any] = {
                "xycoords": "axes fraction",
                "textcoords": "offset points",
                "annotation_clip": False,
            }
            axes.annotate(f"{np.count_nonzero(above)} above chance", (0, 1), (0, 6), color=CYCLE[0], **place)
        axes.axvline(0, color=INK, lw=0.6, ls=":")
        axes.axvline(max(median, -0.1), color=INK, lw=1.2)
        axes.set_title(said, pad=None if above is None else 20)
    else:
        axes.set_title("no cells")
    axes.locator_params(axis="y", integer=True)
    axes.set_xlabel("Variance explained")
    axes.set_ylabel("Cells")
