"""Whether frames were lost: the time between one frame and the next."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from .. import daq
from ..movies.types import Floats
from .style import BLUE, QUIET, RED, new_figure, put_title, styled


@styled
def frame_intervals(times: Floats, title: str | None = None) -> Figure:
    """Draw the interval before each frame; where frames were lost, say how many.

    Parameters
    ----------
    times : ndarray [frame]
        Frame times, seconds.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        Fewer than two frames.
    RecordingError
        Time does not advance.
    """
    times = np.asarray(times, float)
    if times.size < 2:
        raise ValueError(f"{times.size} frames have no interval between them; at least 2 are needed.")
    intervals = np.diff(times) * 1000
    timing = daq.examine(times)
    missing = np.zeros(len(intervals), int)
    for gap in timing.gaps:
        missing[gap.index] = gap.missing
    late = missing > 0

    figure = new_figure(height=2.3)
    over_time, histogram = figure.subplots(1, 2, width_ratios=(3.4, 1), sharey=True)
    over_time.axhline(1000 * timing.interval, color=QUIET, lw=0.6, zorder=0)
    over_time.scatter(times[1:][~late], intervals[~late], s=4, color=BLUE, alpha=0.5, linewidths=0)
    over_time.scatter(times[1:][late], intervals[late], s=22, color=RED, marker="D", linewidths=0)
    for when, interval, count in zip(times[1:][late][:40], intervals[late][:40], missing[late][:40], strict=True):
        over_time.annotate(
            f"{count} lost",
            (when, interval),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=RED,
        )
    over_time.set_ylim(0, intervals.max() * 1.15)
    over_time.set_xlim(times[0], times[-1])
    over_time.set_xlabel("Time from the start (s)")
    over_time.set_ylabel("Interval (ms)")
    # wider than rounding where all are alike
    spread = (min(intervals.min(), 999.5 * timing.interval), max(intervals.max(), 1000.5 * timing.interval))
    histogram.hist(intervals, bins=60, range=spread, orientation="horizontal", color=BLUE)
    histogram.set_xscale("log")
    histogram.set_xlabel("Frames")
    summary = f"{timing.fps:.2f} frames/s, {missing.sum()} of {len(times) + missing.sum()} frames lost"
    if timing.pauses:
        paused = sum(gap.interval for gap in timing.pauses)
        summary += f", paused for {paused:.0f} s"
    over_time.set_title(summary)
    put_title(figure, title)
    return figure
