"""How clear and how large the components of a recording are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..movies.types import Bools, Floats
from ..results.footprint_size import diameter
from .style import BLUE, INK, QUIET, new_figure, put_title, styled

#: percentile of the values at which an axis ends; the last bar holds what is beyond
BEYOND = 99.0
BARS = 30


@styled
def cell_quality(
    areas: Floats,
    snr: Floats | None = None,
    accepted: Sequence[bool] | None = None,
    um_per_px: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the distributions of signal to noise ratio and size, accepted components and rejected ones apart.

    Parameters
    ----------
    areas : ndarray [component]
        Area of each footprint's half maximum (:func:`..results.footprint_size.half_maximum_area`), square pixels.
    snr : ndarray [component], optional
        Signal to noise ratio of each trace; nan where it is not known.
    accepted : sequence of bool, optional
        Whether each was accepted; by default all were.
    um_per_px : float, optional
        Size of a pixel; without it sizes are in pixels.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        The numbers of components differ.
    """
    areas = np.asarray(areas, float)
    kept = np.ones(len(areas), bool) if accepted is None else np.asarray(accepted, bool)
    if len(kept) != len(areas) or (snr is not None and len(snr) != len(areas)):
        raise ValueError("Areas, signal to noise ratios and accepted must have one value for each component.")
    unit = "px" if um_per_px is None else "µm"
    panels = [(f"Diameter at half maximum ({unit})", diameter(areas) * (um_per_px or 1))]
    if snr is not None:
        panels.insert(0, ("Signal to noise ratio", np.asarray(snr, float)))
    figure = new_figure(height=2.6, width=4.5 * len(panels))
    for number, (axes, (label, values)) in enumerate(
        zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True)
    ):
        _histogram(axes, values, kept)
        axes.set_xlabel(label)
        axes.set_ylabel("Components" if not number else "")
    put_title(figure, title)
    return figure


def _histogram(axes: Axes, values: Floats, kept: Bools) -> None:
    known = np.isfinite(values)
    groups = [values[known & kept], values[known & ~kept]]
    end = float(np.percentile(values[known], BEYOND)) if known.any() else 1.0
    edges = np.linspace(0, max(end, 1e-9), BARS + 1)
    shown = [np.clip(group, 0, edges[-1]) for group in groups]
    names = ["accepted", "rejected"]
    if len(groups[0]):
        median = float(np.median(groups[0]))
        axes.axvline(median, color=INK, lw=1.2)
        names[0] += f", median {median:.3g}"
    names = [f"{len(group)} {name}" for group, name in zip(groups, names, strict=True)]
    axes.hist(shown, bins=edges.tolist(), stacked=True, color=[BLUE, QUIET], label=names)
    axes.set_xlim(0, edges[-1])
    axes.locator_params(axis="y", integer=True)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, handlelength=1.2)
