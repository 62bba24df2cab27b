"""The regions that were looked at, and what the eye did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..movies.types import Bools, Floats, Ints
from .style import CYCLE, INK, QUIET, WIDTH, check_lengths, new_figure, put_title, show_image, styled


def region_colours(names: Sequence[str]) -> dict[str, str]:
    """Return the colour of each region of a face, the same in every figure.

    Parameters
    ----------
    names : sequence of str
        All regions of a result in their order: of motion without the full frame, pupils, lids.
    """
    return {name: CYCLE[number % len(CYCLE)] for number, name in enumerate(names)}


@dataclass(frozen=True)
class FaceRegion:
    """A region of the face.

    Attributes
    ----------
    name : str
        What it is called.
    x_range, y_range : ndarray of int
        Its columns and rows, pixels of the camera's frame.
    """

    name: str
    x_range: Ints
    y_range: Ints


@styled
def face_regions(
    average_frame: Floats, regions: Sequence[FaceRegion], sbin: int = 1, title: str | None = None
) -> Figure:
    """Draw the average frame with the regions that were analysed.

    Parameters
    ----------
    average_frame : ndarray [y bin, x bin]
        The camera's average picture.
    regions : sequence of FaceRegion
        In pixels.
    sbin : int
        Side of the picture's bins, pixels.
    title : str, optional
        Title of the figure.
    """
    average_frame = np.asarray(average_frame, float)
    rows, columns = average_frame.shape
    wide = 0.55 * WIDTH
    figure = new_figure(height=min(wide * rows / columns + 0.6, 8.0), width=wide)
    axes = figure.add_subplot()
    show_image(axes, average_frame, low=0.5, high=100)
    handles = []
    colours = region_colours([region.name for region in regions])
    for number, region in enumerate(regions):
        # a pixel reaches half a pixel to either side of its centre; a bin's centre is amid its pixels
        x, y = (edges[0] / sbin - 0.5 for edges in (region.x_range, region.y_range))
        width, height = (len(edges) / sbin for edges in (region.x_range, region.y_range))
        # dashed over solid: pupil and lid often have the same box
        dashed = number % 2 == 1
        box = Rectangle(
            (x, y),
            width,
            height,
            fill=False,
            lw=1.8,
            label=region.name,
            edgecolor=colours[region.name],
            ls="--" if dashed else "-",
            zorder=3 if dashed else 2,
        )
        handles.append(axes.add_patch(box))
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=3, handlelength=1.2)
    put_title(figure, title)
    return figure


@styled
def eye(
    times: Floats,
    pupils: Sequence[tuple[str, Floats, Floats, Floats]] = (),
    blinks: Sequence[tuple[str, Floats]] = (),
    closed: Bools | None = None,
    colours: Mapping[str, str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the area of pupils, how far they moved, and the lids.

    Parameters
    ----------
    times : ndarray [frame]
        Seconds.
    pupils : sequence of (name, area, x, y)
        For each pupil, its area (square pixels) and its centre (pixels), [frame]; nan where the eye is closed.
    blinks : sequence of (name, darkness)
        For each lid, how much of its region is dark, [frame].
    closed : ndarray of bool [frame], optional
        Frames to shade.
    colours : mapping of str to str, optional
        Colours of the regions (:func:`region_colours`); by default those of these pupils and lids alone.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        The numbers of frames differ, or there is nothing to draw.
    """
    if not pupils and not blinks:
        raise ValueError("There is neither a pupil nor a lid to draw.")
    times = np.asarray(times, float)
    if colours is None:
        colours = region_colours([pupil[0] for pupil in pupils] + [blink[0] for blink in blinks])
    panels: list[tuple[str, str, list[tuple[str | None, Floats]]]] = []
    for name, area, x, y in pupils:
        check_lengths(times=times, area=area, x=x, y=y)
        panels.append((name, "area (px²)", [(None, area)]))
        panels.append((name, "moved (px)", [("x", x - _middle(x)), ("y", y - _middle(y))]))
    for name, darkness in blinks:
        check_lengths(times=times, darkness=darkness)
        panels.append((name, "darkness", [(None, darkness)]))

    figure = new_figure(height=0.9 + 1.0 * len(panels))
    axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True))
    for panel, (name, quantity, lines) in zip(axes, panels, strict=True):
        colour = colours.get(name, INK)
        for part, line in lines:
            panel.plot(times, line, color=QUIET if part == "y" else colour, label=part, lw=0.8)
        panel.set_ylabel(f"{name}\n{quantity}", color=colour)
        if len(lines) > 1:
            panel.legend(loc="lower right", bbox_to_anchor=(1, 0.97), ncols=2, borderaxespad=0)
        for start, stop in _runs(closed, times):
            panel.axvspan(start, stop, color=QUIET, alpha=0.35, lw=0)
    if times.size:
        axes[-1].set_xlim(times[0], times[-1])
    axes[-1].set_xlabel(
        "Time from the start (s)" + ("; shaded: closed" if closed is not None and np.any(closed) else "")
    )
    put_title(figure, title)
    return figure


def _middle(values: Floats) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0


def _runs(closed: Bools | None, times: Floats) -> list[tuple[float, float]]:
    """Return the first and last time of each run of closed frames."""
    if closed is None or not np.any(closed):
        return []
    check_lengths(times=times, closed=closed)
    changes = np.diff(np.asarray(closed, np.int8), prepend=0, append=0)
    starts, stops = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1) - 1
    return [(float(times[start]), float(times[stop])) for start, stop in zip(starts, stops, strict=True)]
