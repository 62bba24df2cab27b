"""The cells' outlines over a summary image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from ..movies.types import Floats, Ints
from ..results.outlines import outline
from .style import CYCLE, WIDTH, image_scale_bar, new_figure, put_title, show_image, styled

ACCEPTED, REJECTED = "#FFD166", "#7FC8F8"  # light enough to be read on a dark image
# so many outlines are drawn at full strength; more are thinner, and the rejected ones fade, so that the image is seen
MANY_ACCEPTED, MANY_REJECTED = 150, 60


@styled
def footprints(
    image: Floats,
    masks: Sequence[tuple[Ints, Ints, Floats]],
    accepted: Sequence[bool] | None = None,
    highlight: Sequence[int] = (),
    labels: Sequence[int | str] | None = None,
    energy: float = 0.85,
    um_per_px: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the outlines of the cells over a summary image.

    Parameters
    ----------
    image : ndarray [height, width]
        Correlation, maximum or average image; shown between its 1st and 99.7th percentile.
    masks : sequence of (xpix, ypix, weights)
        For each cell, the columns and rows of its pixels and their weights.
    accepted : sequence of bool, optional
        For each cell, whether it was accepted; by default all were.
    highlight : sequence of int
        Indices of the cells to label and to colour, in the order and colours of :func:`.traces`.
    labels : sequence, optional
        What to call each cell; by default its index.
    energy : float
        Part of a footprint's energy (sum of squared weights) that its outline encloses.
    um_per_px : float, optional
        Size of a pixel, for the scale bar; without it the bar is in pixels.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        ``accepted`` or ``labels`` do not have one value for each mask, or a mask leaves the image.
    """
    image = np.asarray(image, float)
    height, width = image.shape
    kept = np.ones(len(masks), bool) if accepted is None else np.asarray(accepted, bool)
    labels = range(len(masks)) if labels is None else labels
    if not len(kept) == len(labels) == len(masks):
        raise ValueError(f"{len(masks)} masks, but {len(kept)} values in accepted and {len(labels)} labels.")

    figure = new_figure(height=min(WIDTH * 0.72 * height / width + 0.5, 8.5), width=WIDTH * 0.72)
    axes = figure.add_subplot()
    show_image(axes, image)
    outlines = [outline(mask, height, width, energy) for mask in masks]
    yes, no = int(kept.sum()), int((~kept).sum())
    thin, faint = (np.sqrt(most / max(n, most)) for n, most in ((yes, MANY_ACCEPTED), (no, MANY_REJECTED)))
    refused = [line for o, ok in zip(outlines, kept, strict=True) if not ok for line in o]
    _draw(axes, refused, REJECTED, 0.7 * max(faint, 0.6), ":", alpha=max(faint, 0.35))
    cells = [line for o, ok in zip(outlines, kept, strict=True) if ok for line in o]
    _draw(axes, cells, ACCEPTED, 0.9 * max(thin, 0.4), "-")
    for order, cell in enumerate(highlight):
        colour = CYCLE[order % len(CYCLE)]
        _draw(axes, outlines[cell], colour, 1.8, "-" if kept[cell] else ":")  # still to be told from the accepted
        x, y, weights = (np.asarray(part, float) for part in masks[cell])
        total = max(weights.sum(), 1e-12)
        axes.text(
            (x * weights).sum() / total,
            (y * weights).sum() / total,
            str(labels[cell]),
            color="white",
            fontsize=8,
            ha="center",
            va="center",
            path_effects=[withStroke(linewidth=2, foreground="#00000099")],
        )
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    image_scale_bar(axes, width, height, um_per_px)
    _legend(axes, yes, no)
    put_title(figure, title)
    return figure


def _draw(axes: Axes, lines: Sequence[Floats], colour: str, width: float, style: str, alpha: float = 1.0) -> None:
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, linestyles=style, alpha=alpha))


def _legend(axes: Axes, n_accepted: int, n_rejected: int) -> None:
    # drawn darker than over the image, to be read on white
    handles = [Line2D([], [], color="#C98F00", label=f"{n_accepted} accepted")]
    if n_rejected:
        handles.append(Line2D([], [], color="#3A8FC4", linestyle=":", label=f"{n_rejected} rejected"))
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=2, borderaxespad=0.2, handlelength=1.6)
