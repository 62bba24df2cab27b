"""Time stamps, and what they say about dropped, doubled and disordered frames."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import RecordingError
from .alignment import in_order

# An interval this many times the usual one may hide a dropped frame
GAP_FACTOR = 1.5
# Shorter intervals (s) are rounding errors; no camera is as fast
_MIN_INTERVAL = 1e-6


@dataclass(frozen=True)
class TimeStamps:
    """The rows of a time stamp file for one device.

    Attributes
    ----------
    path : Path
        The file.
    times : ndarray of float64 [n]
        Seconds from the start of the recording; the first ones are often negative.
    frame_numbers : ndarray of int64 [n]
        The program's frame number, from 0.
    daq_frames : ndarray of int64 [n] or None
        The DAQ's own frame counter (Miniscope-DAQ-QT v2.0, scopes).
    warnings : tuple of str
        What was wrong with the file but could be handled.
    """

    path: Path
    times: np.ndarray
    frame_numbers: np.ndarray
    daq_frames: np.ndarray | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def consecutive(self) -> bool:
        """Whether the frame numbers are 0, 1, 2, ... so that row i is frame i of the video."""
        return np.array_equal(self.frame_numbers, np.arange(len(self)))

    def without_repeated_rows(self) -> TimeStamps:
        """Leave out rows that say the same of the same frame as the row before, with a warning."""
        again = (np.diff(self.frame_numbers) == 0) & (np.diff(self.times) == 0)
        n = int(np.count_nonzero(again))
        if not n:
            return self
        keep = np.concatenate([[True], ~again])
        said = f"{_count(n, 'row')} of {self.path.name} only repeated the row before and {'was' if n == 1 else 'were'}"
        return replace(
            self,
            times=self.times[keep],
            frame_numbers=self.frame_numbers[keep],
            daq_frames=None if self.daq_frames is None else self.daq_frames[keep],
            warnings=(*self.warnings, f"{said} left out."),
        )

    def first(self, n: int) -> TimeStamps:
        """Keep the first ``n`` rows."""
        daq_frames = None if self.daq_frames is None else self.daq_frames[:n]
        return replace(self, times=self.times[:n], frame_numbers=self.frame_numbers[:n], daq_frames=daq_frames)


@dataclass(frozen=True)
class Gap:
    """Frames missing between two that are there.

    Attributes
    ----------
    index : int
        The last frame before the gap.
    time : float
        Its time (s).
    interval : float
        Time to the next frame (s).
    missing : int
        Frames that should have been between.
    """

    index: int
    time: float
    interval: float
    missing: int


def _no_frames() -> np.ndarray:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Timing:
    """How regular a recording's frames are.

    Attributes
    ----------
    interval : float
        Mean of the regular intervals (s), those within half of the median. The median itself is a whole number of
        milliseconds, and would make 30.3 Hz of a camera of 30 Hz.
    jitter : float
        Standard deviation of the regular intervals (s), from their median absolute deviation.
    gaps : tuple of Gap
        Where frames are missing, by time or by the DAQ's counter.
    duplicates : ndarray of int64
        Frames with the time of the frame before.
    backward : ndarray of int64
        Frames with an earlier time than the frame before.
    daq_resets : ndarray of int64
        Frames at which the DAQ's counter did not go forward.
    """

    interval: float
    jitter: float
    gaps: tuple[Gap, ...] = ()
    duplicates: np.ndarray = field(default_factory=_no_frames)
    backward: np.ndarray = field(default_factory=_no_frames)
    daq_resets: np.ndarray = field(default_factory=_no_frames)

    @property
    def fps(self) -> float:
        """Frames per second: 1 / interval."""
        return 1 / self.interval

    @property
    def dropped_frames(self) -> int:
        """Number of frames missing."""
        return sum(gap.missing for gap in self.gaps)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each kind of irregularity."""
        found = []
        if self.gaps:
            longest = max(self.gaps, key=lambda gap: gap.interval)
            found.append(
                f"{_count(self.dropped_frames, 'frame')} dropped in {_count(len(self.gaps), 'gap')}, the longest "
                f"of {longest.interval:.3f} s after frame {longest.index} ({longest.time:.3f} s)."
            )
        for frames, what in (
            (self.duplicates, "has the time of the frame before"),
            (self.backward, "has an earlier time than the frame before"),
            (self.daq_resets, "does not advance the DAQ's frame counter"),
        ):
            if len(frames):
                more = f", and so do {len(frames) - 1} more" if len(frames) > 1 else ""
                found.append(f"Frame {frames[0]} {what}{more}.")
        return tuple(found)


def examine(times: np.ndarray, daq_frames: np.ndarray | None = None) -> Timing:
    """Find dropped, doubled and disordered frames.

    A frame that arrives late is followed by ones that arrive early, and one whose time is wrong is a frame; only time
    that is not caught up counts as dropped frames. Where the DAQ's counter jumps by more, the counter is believed.

    Parameters
    ----------
    times : ndarray [n]
        Frame times (s); nan where a frame has none.
    daq_frames : ndarray [n], optional
        The DAQ's frame counter.

    Raises
    ------
    RecordingError
        There are fewer than two frames, or time does not advance.
    """
    times = np.asarray(times, np.float64)
    steps = np.diff(times)
    advancing = steps[steps > _MIN_INTERVAL]
    if not len(advancing):
        what = {0: "no frame", 1: "only one frame"}.get(len(times), "no time that advances")
        raise RecordingError(f"The time stamps have {what}, so that there is no frame rate.")
    usual = float(np.median(advancing))
    regular = steps[(steps > 0.5 * usual) & (steps < GAP_FACTOR * usual)]
    interval = float(regular.mean()) if len(regular) else usual
    jitter = 1.4826 * float(np.median(np.abs(regular - np.median(regular)))) if len(regular) else 0.0

    missing = np.zeros(len(steps), np.int64)
    # a frame with a wrong time is there all the same: what is missing shows between those whose times are in order
    placed = np.flatnonzero(in_order(times))
    spans, frames = np.diff(times[placed]), np.diff(placed)
    for i in np.flatnonzero(spans > (frames - 1 + GAP_FACTOR) * interval):
        end = i + 1  # the frames that follow at less than half the interval were waiting
        while end < len(spans) and spans[end] < 0.5 * frames[end] * interval:
            end += 1
        elapsed = times[placed[end]] - times[placed[i]]
        missing[placed[i]] = max(0, round(elapsed / interval) - (placed[end] - placed[i]))
    resets = _no_frames()
    if daq_frames is not None:
        jumps = np.diff(np.asarray(daq_frames, np.int64))
        resets = np.flatnonzero(jumps < 1) + 1
        missing = np.maximum(missing, jumps - 1)
    gaps = tuple(Gap(int(i), float(times[i]), float(steps[i]), int(missing[i])) for i in np.flatnonzero(missing > 0))
    duplicates, backward = np.flatnonzero(steps == 0) + 1, np.flatnonzero(steps < 0) + 1
    return Timing(interval, jitter, gaps, duplicates, backward, resets)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
