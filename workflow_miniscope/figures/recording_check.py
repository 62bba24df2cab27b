"""Everything about a session's recordings at a glance: when frames came, how bright they were, what they show."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..movies.types import Bools, Floats, Ints, Numbers
from .style import BLUE, GREEN, INK, ORANGE, QUIET, RED, WIDTH, show_image, styled

_POINTS = 3000  # more than there are pixels across
_BINS = 300
_LABELS = 6  # gaps that get their number of frames written beside them
_LOGARITHMIC = 6  # usual intervals from which on the regular ones could not be told apart on a linear scale
_COLOURS = {"good": GREEN, "usable with warnings": ORANGE, "unusable": RED}


@dataclass(frozen=True)
class DevicePicture:
    """What is drawn of one device; everything but the title may be left out.

    Attributes
    ----------
    title : str
        Name and figures, in one line.
    verdict : str
        good, usable with warnings, or unusable.
    times : ndarray [n], optional
        Frame times, seconds.
    lost : mapping of int to int
        Frames lost after a frame.
    brightness : ndarray [n], optional
        Mean of each frame, 0 to 255.
    images : sequence of (str, ndarray [height, width])
        Frames with their labels.
    orientation : (ndarray [m], ndarray of bool [m]), optional
        Times of the samples of the head orientation, and whether they are valid.
    reasons : sequence of str
        Sentences, drawn where there are no times.
    pauses : mapping of int to float
        Seconds without recording after a frame.
    """

    title: str
    verdict: str
    times: Floats | None = None
    lost: Mapping[int, int] = field(default_factory=dict)
    brightness: Floats | None = None
    images: Sequence[tuple[str, Numbers]] = ()
    orientation: tuple[Floats, Bools] | None = None
    reasons: Sequence[str] = ()
    pauses: Mapping[int, float] = field(default_factory=dict)


@styled
def recording_check(devices: Sequence[DevicePicture], title: str | None = None, notes: Sequence[str] = ()) -> Figure:
    """Draw the recordings of a session, one below the other.

    Parameters
    ----------
    devices : sequence of DevicePicture
        At least one.
    title : str, optional
        Title of the figure.
    notes : sequence of str
        Sentences about the session as a whole, drawn below the title.

    Raises
    ------
    ValueError
        There is no device.
    """
    if not devices:
        raise ValueError("There is no device to draw.")
    lines = _wrapped(notes)
    heights = [0.1 + 0.2 * len(lines)] if lines else []
    heights += [_height(device) for device in devices]
    figure = Figure(figsize=(WIDTH, sum(heights) + (0.4 if title else 0)), layout="constrained", dpi=110)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    parts = list(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    if lines:
        _write(parts.pop(0), lines)
    for part, device in zip(parts, devices, strict=True):
        _draw(part, device)
    return figure


def _height(device: DevicePicture) -> float:
    if device.times is None:
        return 0.45 + 0.2 * len(_wrapped(device.reasons))
    return 2.3 + (1.0 if device.brightness is not None else 0) + (0.75 if device.orientation is not None else 0)


def _wrapped(reasons: Sequence[str]) -> list[str]:
    return [line for reason in reasons for line in textwrap.wrap(reason, 120)]


def _write(part: SubFigure, lines: Sequence[str]) -> None:
    axes = part.subplots()
    axes.set_axis_off()
    axes.text(0.005, 1, "\n".join(lines), va="top", transform=axes.transAxes)


def _draw(part: SubFigure, device: DevicePicture) -> None:
    part.suptitle(device.title, x=0.01, ha="left", fontsize=10, color=_COLOURS.get(device.verdict, INK))
    if device.times is None:
        _write(part, _wrapped(device.reasons))
        return
    times = np.asarray(device.times, float)
    heights = [1.5]
    draw: list[Callable[[Axes], None]] = [partial(_intervals, times=times, lost=device.lost, pauses=device.pauses)]
    if device.brightness is not None:
        heights.append(1.0)
        draw.append(partial(_brightness, times=times, brightness=np.asarray(device.brightness, float)))
    if device.orientation is not None:
        heights.append(0.6)
        samples, valid = device.orientation
        draw.append(partial(_orientation, frames=times, times=np.asarray(samples), valid=np.asarray(valid)))
    grid = part.add_gridspec(1, 2 if device.images else 1, width_ratios=(1, 3.4) if device.images else None)
    if device.images:
        places = grid[0].subgridspec(len(device.images), 1)
        for number, (label, image) in enumerate(device.images):
            axes = part.add_subplot(places[number])
            show_image(axes, np.asarray(image, float))
            axes.set_title(label, fontsize=8, pad=2)
    courses = grid[-1].subgridspec(len(draw), 1, height_ratios=heights)
    first: Axes | None = None
    for number, course in enumerate(draw):
        axes = part.add_subplot(courses[number], sharex=first)
        first = first or axes
        course(axes)
        axes.tick_params(labelbottom=course is draw[-1])
        axes.ticklabel_format(axis="x", useOffset=False, style="plain")
    axes.set_xlabel("Time (s)")
    span = float(np.ptp(times)) or 1.0
    axes.set_xlim(float(times.min()) - 0.01 * span, float(times.max()) + 0.01 * span)


def _intervals(axes: Axes, times: Floats, lost: Mapping[int, int], pauses: Mapping[int, float]) -> None:
    intervals = 1000 * np.diff(times)
    if not intervals.size:
        axes.set_axis_off()
        return
    advancing = intervals[intervals > 0]
    usual = float(np.median(advancing)) if advancing.size else 1.0
    labels = {gap: f"{n} lost" for gap, n in lost.items()}
    labels |= {gap: f"paused for {seconds:.0f} s" for gap, seconds in pauses.items()}
    gaps = np.array(sorted(labels), int)
    disordered = intervals <= 0
    logarithmic = intervals.max() > _LOGARITHMIC * usual
    # what has no place on a logarithmic axis is drawn at its lower end
    lowest = usual / 8 if logarithmic else min(0.0, float(intervals.min()))
    shown = np.maximum(intervals, lowest) if logarithmic else intervals
    regular = ~disordered
    regular[gaps] = False
    when = times[1:][regular]
    starts = _pieces(len(when))
    axes.axhline(usual, color=QUIET, lw=0.6, zorder=0)
    if starts is None:
        axes.scatter(when, shown[regular], s=5, color=BLUE, alpha=0.6, linewidths=0)
    else:
        low, high = _envelope(shown[regular], starts)
        earliest, _ = _envelope(when, starts)
        axes.vlines(earliest, low, high, color=BLUE, lw=0.8)
        axes.scatter(np.tile(earliest, 2), np.r_[low, high], s=2, color=BLUE, linewidths=0)
    axes.scatter(times[gaps + 1], shown[gaps], s=22, color=RED, marker="D", linewidths=0, zorder=3)
    axes.scatter(times[1:][disordered], shown[disordered], s=22, color=ORANGE, marker="v", linewidths=0, zorder=3)
    for gap in sorted(labels, key=lambda index: -intervals[index])[:_LABELS]:
        right = times[gap + 1] < times[0] + 0.9 * np.ptp(times)
        axes.annotate(
            labels[gap],
            (times[gap + 1], shown[gap]),
            xytext=(5 if right else -5, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize=8,
            color=RED,
        )
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(lowest / 1.15, shown.max() * 1.6)
    else:
        axes.set_ylim(lowest * 1.1, shown.max() * 1.2)
    axes.set_ylabel("Interval (ms)")
    said = [f"{sum(lost.values())} lost in {len(lost)} gap{'s' * (len(lost) > 1)}"] if lost else []
    said += [f"paused for {sum(pauses.values()):.0f} s"] if pauses else []
    said += [f"{np.count_nonzero(disordered)} not later than the frame before (▼)"] if disordered.any() else []
    title = "Frames: " + ", ".join(said) if said else "No frame lost"
    axes.set_title(title, fontsize=8, color=RED if said else QUIET, pad=3)


def _brightness(axes: Axes, times: Floats, brightness: Floats) -> None:
    starts = _pieces(len(brightness))
    if starts is None:
        axes.plot(times, brightness, color=BLUE, lw=0.8)
    else:
        low, high = _envelope(brightness, starts)
        axes.fill_between(_envelope(times, starts)[0], low, high, color=BLUE, lw=0.5)
    middle = np.median(brightness)
    # a quarter of the median at least, so that noise does not look like a change
    reach = max(np.abs(brightness - middle).max() * 1.1, middle / 4, 1.0)
    axes.set_ylim(max(0.0, middle - reach), min(260.0, middle + reach))
    axes.set_ylabel("Brightness\n(mean, 0-255)")


def _orientation(axes: Axes, frames: Floats, times: Floats, valid: Bools) -> None:
    edges = np.linspace(frames.min(), frames.max(), min(_BINS, max(len(frames) // 4, 1)) + 1)
    expected = np.maximum(np.histogram(frames, edges)[0], 1)
    good, all_samples = np.histogram(times[valid], edges)[0], np.histogram(times, edges)[0]
    axes.stairs(np.minimum(100 * all_samples / expected, 100), edges, fill=True, color=RED)
    axes.stairs(np.minimum(100 * good / expected, 100), edges, fill=True, color=GREEN)
    axes.set_ylim(0, 105)
    axes.set_ylabel("Head\norient. (%)")
    invalid = np.count_nonzero(~valid)
    axes.set_title(
        f"{len(times)} samples of the head orientation, {invalid} invalid",
        fontsize=8,
        color=RED if invalid else QUIET,
        pad=3,
    )


def _pieces(n: int) -> Ints | None:
    """Return where each of as many pieces of n values as can be seen starts; None where all values can be."""
    return None if n <= _POINTS else np.linspace(0, n, _POINTS // 2, endpoint=False).astype(int)


def _envelope(values: Floats, starts: Ints) -> tuple[Floats, Floats]:
    """Return the lowest and the highest value of each piece."""
    return np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
