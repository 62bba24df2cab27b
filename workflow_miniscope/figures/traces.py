"""Fluorescence of several cells, with the activity deconvolved from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..movies.types import Floats, Ints
from .style import CYCLE, INK, WIDTH, check_lengths, new_figure, put_title, round_length, styled


def clearest(fluorescence: Floats, count: int) -> Ints:
    """Choose the cells whose transients stand out most from their noise.

    Parameters
    ----------
    fluorescence : ndarray [cell, frame]
        Traces.
    count : int
        How many to choose.

    Returns
    -------
    ndarray of int
        Indices of at most ``count`` cells, in ascending order.
    """
    fluorescence = np.asarray(fluorescence, float)
    if not fluorescence.size:
        return np.zeros(0, int)
    height = np.percentile(fluorescence, 99.5, axis=1) - np.median(fluorescence, axis=1)
    return np.sort(np.argsort(-height / np.maximum(noise(fluorescence), 1e-12))[:count])


def noise(fluorescence: Floats) -> Floats:
    """Return the noise of traces [cell, frame], a standard deviation for each cell."""
    if fluorescence.shape[1] < 2:
        return np.zeros(len(fluorescence))
    # neighbouring frames differ by noise, not by slow transients; 0.6745 makes it a standard deviation
    found: Floats = np.median(np.abs(np.diff(fluorescence, axis=1)), axis=1) / 0.6745 / np.sqrt(2)
    return found


@styled
def traces(
    times: Floats,
    fluorescence: Floats,
    activity: Floats | None = None,
    labels: Sequence[int | str] | None = None,
    unit: str = "ΔF/F",
    title: str | None = None,
) -> Figure:
    """Draw stacked traces and, under each, the activity deconvolved from it.

    Parameters
    ----------
    times : ndarray [frame]
        Seconds.
    fluorescence : ndarray [cell, frame]
        Traces, all drawn to the same scale.
    activity : ndarray [cell, frame], optional
        Deconvolved activity, drawn as bars, each cell scaled to its own largest value.
    labels : sequence, optional
        What to call each cell; by default its index.
    unit : str
        Unit of the fluorescence.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        The arrays' numbers of cells or frames differ.
    """
    times = np.asarray(times, float)
    fluorescence = np.atleast_2d(np.asarray(fluorescence, float))
    check_lengths(times=times, fluorescence=fluorescence, activity=activity)
    count = len(fluorescence)
    labels = range(count) if labels is None else labels
    if len(labels) != count or (activity is not None and len(activity) != count):
        raise ValueError("Fluorescence, activity and labels must have the same number of cells.")

    baseline = np.median(fluorescence, axis=1, keepdims=True) if times.size else np.zeros((count, 1))
    above = fluorescence - baseline
    # the distance between rows: the largest transients may reach into the row above
    step = max(np.percentile(above, 99.9) * 0.75, 1e-9) if above.size else 1.0

    figure = new_figure(height=1.0 + 0.42 * max(count, 2), width=WIDTH)
    axes = figure.add_subplot()
    for row, trace in enumerate(above):
        colour = CYCLE[row % len(CYCLE)]
        floor = (count - 1 - row) * step
        if activity is not None:
            _bars(axes, times, np.asarray(activity[row], float), floor - 0.3 * step, 0.24 * step)
        axes.plot(times, trace + floor, color=colour, zorder=3)
        _label(axes, str(labels[row]), floor, colour)
    axes.set_ylim(-0.45 * step, (count - 1) * step + max(above.max(initial=0), step) * 1.02)
    if times.size:
        axes.set_xlim(times[0], times[-1])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("Time from the start (s)")
    _height_bar(axes, step, unit)
    put_title(figure, title)
    return figure


def _bars(axes: Axes, times: Floats, activity: Floats, bottom: float, height: float) -> None:
    """Draw a cell's activity, its largest value as high as said."""
    peak = float(np.nanmax(activity, initial=0))
    active = np.flatnonzero(activity > 0.02 * peak) if peak > 0 else np.zeros(0, int)
    tops = bottom + height * activity[active] / max(peak, 1e-12)
    axes.vlines(times[active], bottom, tops, color=INK, lw=0.7)


def _label(axes: Axes, text: str, y: float, colour: str) -> None:
    """Write a cell's name left of its row."""
    axes.annotate(
        text,
        (0, y),
        xycoords=("axes fraction", "data"),
        xytext=(-6, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        color=colour,
        fontweight="bold",
        fontsize=8,
        annotation_clip=False,
    )


def _height_bar(axes: Axes, step: float, unit: str) -> None:
    height = round_length(step)
    low = axes.get_ylim()[0]
    place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False}
    axes.plot([1.012, 1.012], [low, low + height], color=INK, linewidth=1.6, solid_capstyle="butt", **place)
    axes.text(1.02, low + height / 2, f"{height:g}\n{unit}", va="center", ha="left", fontsize=8, **place)
