"""The activity of all cells of a recording in one picture."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ..movies.types import Floats, Ints
from .style import BLUE, check_lengths, new_figure, put_title, styled
from .traces import noise

#: columns of the picture: about as many as a printed page shows
COLUMNS = 1200
#: percentile of all values that is drawn black
DARKEST = 99.5
#: cells a printed inch of height, about, until the picture is as high as it may be
CELLS_PER_INCH = 60


@styled
def raster(times: Floats, traces: Floats, title: str | None = None) -> Figure:
    """Draw all cells as lines of an image, those that are active together next to each other, and their mean above.

    Each trace is drawn from its median on in units of its own noise, so that bright cells do not hide the others. Where
    no frame was recorded the image is left white.

    Parameters
    ----------
    times : ndarray [frame]
        Seconds, ascending.
    traces : ndarray [cell, frame]
        Fluorescence or dF/F.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        The numbers of frames differ.
    """
    times = np.asarray(times, float)
    traces = np.atleast_2d(np.asarray(traces, float))
    check_lengths(times=times, traces=traces)
    count = len(traces)
    figure = new_figure(height=float(np.clip(1.4 + count / CELLS_PER_INCH, 2.6, 7.5)))
    mean, image = figure.subplots(2, 1, sharex=True, height_ratios=(0.6, max(figure.get_figheight() - 1.4, 1)))
    if traces.size:
        level = np.median(traces, axis=1, keepdims=True)
        edges, binned = _binned(times, (traces - level) / np.maximum(noise(traces), 1e-12)[:, None])
        order = by_likeness(binned)
        known = binned[np.isfinite(binned)]
        black = max(float(np.percentile(known, DARKEST)), 1e-9) if known.size else 1.0
        drawn = image.imshow(
            binned[order],
            aspect="auto",
            cmap="gray_r",
            vmin=0,
            vmax=black,
            interpolation="nearest",
            extent=(edges[0], edges[-1], count, 0),
        )
        figure.colorbar(drawn, ax=image, label="ΔF / noise", pad=0.01, fraction=0.04, aspect=12)
        mean.plot((edges[1:] + edges[:-1]) / 2, binned.mean(axis=0), color=BLUE, lw=0.8)
        image.set_xlim(edges[0], edges[-1])
    mean.set_ylabel("Mean")
    mean.locator_params(axis="y", nbins=3)
    image.set_ylabel(f"{count} cells,\nalike together")  # in two lines: of few cells the image is low
    image.set_yticks([0, count] if count else [])
    image.set_xlabel("Time from the start (s)")
    put_title(figure, title)
    return figure


def by_likeness(traces: Floats) -> Ints:
    """Order cells by their weight in what they share most, so that those which are active together stand together.

    Parameters
    ----------
    traces : ndarray [cell, bin]
        nan in bins that are not known, the same for all cells.

    Returns
    -------
    ndarray of int
        Indices of the cells, by their weights in the first principal component of the standardised traces.
    """
    known = traces[:, np.isfinite(traces).all(axis=0)]
    if len(known) < 2 or known.shape[1] < 2:
        return np.arange(len(traces))
    known = known - known.mean(axis=1, keepdims=True)
    known /= np.maximum(known.std(axis=1, keepdims=True), 1e-12)
    _, vectors = np.linalg.eigh(known @ known.T)
    first = vectors[:, -1]
    # a vector's sign is arbitrary: cells with most weight come first
    return np.argsort(-first * np.sign(first.sum() or 1), kind="stable")


def _binned(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return the edges of bins of equal time, [bin + 1], and the mean of the frames in each, [cell, bin]."""
    columns = min(COLUMNS, len(times))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    edges = np.linspace(times[0], times[-1] + max(step, 1e-9), columns + 1)
    bins = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, columns - 1)
    number = np.bincount(bins, minlength=columns)
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    binned = np.full((len(values), columns), np.nan)
    binned[:, bins[starts]] = np.add.reduceat(values, starts, axis=1)
    binned[:, number > 0] /= number[number > 0]
    return edges, binned
