"""The cells of two analyses of one recording, and how alike their traces are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..movies.types import Floats, Ints
from ..results.outlines import outline
from .style import INK, QUIET, WIDTH, image_scale_bar, new_figure, put_title, show_image, styled

# told apart on a dark image and, darker, on white, with any common colour blindness
FIRST, SECOND = ("#FFB000", "#B97800"), ("#63C7FF", "#1F77B4")
#: so many cells of an analysis are drawn at full strength; more are thinner, so that the image is seen
MANY = 150

Mask = tuple[Ints, Ints, Floats]


@styled
def comparison(
    image: Floats,
    first: Sequence[Mask],
    second: Sequence[Mask],
    pairs: Ints,
    correlations: Floats,
    names: tuple[str, str] = ("first", "second"),
    energy: float = 0.85,
    um_per_px: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the outlines of two analyses' cells over one image, and the distribution of trace correlations.

    Cells with a partner have solid outlines and a line from centre to centre; those of one analysis alone have dotted
    outlines.

    Parameters
    ----------
    image : ndarray [height, width]
        Summary image.
    first, second : sequence of (xpix, ypix, weights)
        For each cell, the columns and rows of its pixels and their weights.
    pairs : ndarray of int [pair, 2]
        Indices into ``first`` and ``second`` of the cells that are one.
    correlations : ndarray [pair]
        Correlation of the traces of each pair; nan is left out.
    names : tuple of str
        What the two analyses are called.
    energy : float
        Part of a footprint's energy (sum of squared weights) that its outline encloses.
    um_per_px : float, optional
        Size of a pixel, for the scale bar; without it the bar is in pixels.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        There is not one correlation for each pair, or a mask leaves the image.
    """
    image, pairs = np.asarray(image, float), np.asarray(pairs, int).reshape(-1, 2)
    correlations = np.asarray(correlations, float)
    if len(pairs) != len(correlations):
        raise ValueError(f"{len(pairs)} pairs, but {len(correlations)} correlations.")
    height, width = image.shape
    wide = 0.62 * WIDTH
    figure = new_figure(height=float(np.clip(wide * height / width + 0.6, 3.2, 8.5)))
    axes, bars = figure.subplots(1, 2, width_ratios=(wide, WIDTH - wide))
    show_image(axes, image)
    handles = []
    thin = float(np.sqrt(MANY / max(len(first), len(second), MANY)))
    for side, (masks, colour, name) in enumerate(((first, FIRST, names[0]), (second, SECOND, names[1]))):
        matched = set(pairs[:, side].tolist())
        outlines = [outline(mask, height, width, energy) for mask in masks]
        for both, style in ((False, (0, (1, 1))), (True, "-")):
            lines = [line for i, found in enumerate(outlines) if (i in matched) == both for line in found]
            axes.add_collection(LineCollection(lines, colors=colour[0], linewidths=max(thin, 0.4), linestyles=style))
        handles.append(
            Line2D([], [], color=colour[1], label=f"{name}: {len(masks)}, {len(masks) - len(matched)} alone")
        )
    centres = [np.array([_centre(mask) for mask in masks]).reshape(-1, 2) for masks in (first, second)]
    between = np.stack([centres[0][pairs[:, 0]], centres[1][pairs[:, 1]]], axis=1)
    axes.add_collection(LineCollection(list(between), colors="white", linewidths=1.2 * max(thin, 0.4)))
    handles.append(Line2D([], [], color=QUIET, linestyle=":", label="dotted: in one alone"))
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    image_scale_bar(axes, width, height, um_per_px)
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0), borderaxespad=0.2, handlelength=1.6)
    put_title(figure, title)
    _histogram(bars, correlations, len(pairs))
    return figure


def _centre(mask: Mask) -> tuple[float, float]:
    x, y, weights = (np.asarray(part, float) for part in mask)
    total = weights.sum()
    return ((x * weights).sum() / total, (y * weights).sum() / total) if total > 0 else (np.nan, np.nan)


def _histogram(axes: Axes, correlations: Floats, n_pairs: int) -> None:
    known = correlations[np.isfinite(correlations)]
    # from 0, or from lower where there are such
    lowest = min(0.0, np.floor(known.min() * 20) / 20) if len(known) else 0.0
    axes.hist(known, bins=np.linspace(lowest, 1, round((1 - lowest) * 20) + 1).tolist(), color=QUIET)
    axes.set_xlim(lowest, 1)
    axes.locator_params(axis="y", integer=True)
    axes.set_xlabel("Correlation of the two traces")
    axes.set_ylabel("Cells")
    label = f"{n_pairs} cells in both"
    if len(known):
        median = float(np.median(known))
        axes.axvline(median, color=INK, lw=1.2)
        label += f"\nmedian correlation {median:.2f}"
    axes.set_title(label)
