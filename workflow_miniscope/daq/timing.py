"""What the times of a recording say: its rate, and dropped, doubled and disordered frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RecordingError
from .alignment import in_order
from .clock import MAD_TO_SD, Floats, Integers, Stretch, fit

# Shorter intervals (s) are rounding errors; no camera is as fast
_MIN_INTERVAL = 1e-6
# Frames by which the times may place a loss otherwise than the DAQ's counter, which knows where it was
_SAME_LOSS = 3
# Of changes of the rate, so many are told one by one
_TOLD = 3


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
        Time to the next frame (s) whose time is trusted.
    missing : int
        Frames that should have been between.
    """

    index: int
    time: float
    interval: float
    missing: int


def _no_frames() -> Integers:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Timing:
    """How regular a recording's frames are.

    Attributes
    ----------
    interval : float
        Time between two frames (s), where none is missing: that of the rate which most frames have. It is the slope of
        a line through the times and not a mean or median of intervals, which would be off by the rounding to
        milliseconds, by what arrived late and by what was lost.
    jitter : float
        Standard deviation of the regular intervals (s), from the median absolute deviation of their rate's interval.
    gaps : tuple of Gap
        Where frames are missing, by time or by the DAQ's counter.
    duplicates : ndarray of int64
        Frames with the time of the frame before.
    backward : ndarray of int64
        Frames with an earlier time than the frame before.
    daq_resets : ndarray of int64
        Frames at which the DAQ's counter did not go forward.
    stretches : tuple of Stretch
        Frames of one rate; several where the rate changed.
    pauses : tuple of Gap
        Where nothing was recorded for seconds; these frames are not among the dropped ones.
    """

    interval: float
    jitter: float
    gaps: tuple[Gap, ...] = ()
    duplicates: Integers = field(default_factory=_no_frames)
    backward: Integers = field(default_factory=_no_frames)
    daq_resets: Integers = field(default_factory=_no_frames)
    stretches: tuple[Stretch, ...] = ()
    pauses: tuple[Gap, ...] = ()

    @property
    def fps(self) -> float:
        """Frames per second: 1 / interval."""
        return 1 / self.interval

    @property
    def dropped_frames(self) -> int:
        """Number of frames missing, without those of pauses."""
        return sum(gap.missing for gap in self.gaps)

    def places(self, n_frames: int) -> Integers:
        """Give each frame's place on an even grid of intervals, int64 [n_frames], from 0 and each after the one before.

        Frames that are missing leave their places free, and so does a rate lower than that of ``interval``. A higher
        one has no places to give: there, frames follow one another.
        """
        steps = np.ones(n_frames)
        steps[0] = 0
        for gap in (*self.gaps, *self.pauses):
            steps[gap.index + 1] += gap.missing
        if len(self.stretches) < 2:
            return np.cumsum(steps).astype(np.int64)
        for stretch in self.stretches:
            steps[stretch.start : stretch.stop] *= stretch.interval / self.interval
        order = np.arange(n_frames)
        return np.maximum.accumulate(np.round(np.cumsum(steps)).astype(np.int64) - order) + order

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each kind of irregularity."""
        return (*self.unevenness, *self._of_order())

    @property
    def unevenness(self) -> tuple[str, ...]:
        """Those of the sentences that say of frames that they are not equally far apart."""
        return (*filter(None, [self.rate_changes]), *self._of_gaps())

    @property
    def rate_changes(self) -> str:
        """A sentence on how the frame rate changes; empty where it does not."""
        if len(self.stretches) < 2:
            return ""
        first, *others = self.stretches
        told = [f"{one.fps:.2f} from frame {one.start}" for one in others[:_TOLD]]
        if len(others) > _TOLD:
            told.append(f"and it changes {_count(len(others) - _TOLD, 'more time')}")
        return f"The frame rate changes: {first.fps:.2f} frames per second at first, {', '.join(told)}."

    def _of_gaps(self) -> Iterator[str]:
        if self.pauses:
            longest = max(self.pauses, key=lambda gap: gap.interval)
            more = f", the longest of {_count(len(self.pauses), 'pause')}" if len(self.pauses) > 1 else ""
            yield (
                f"Recording was paused for {longest.interval:.1f} s after frame {longest.index} "
                f"({longest.time:.3f} s){more}."
            )
        if self.gaps:
            longest = max(self.gaps, key=lambda gap: gap.interval)
            yield (
                f"{_count(self.dropped_frames, 'frame')} dropped in {_count(len(self.gaps), 'gap')}, the longest "
                f"of {longest.interval:.3f} s after frame {longest.index} ({longest.time:.3f} s)."
            )

    def _of_order(self) -> Iterator[str]:
        for frames, what in (
            (self.duplicates, "has the time of the frame before"),
            (self.backward, "has an earlier time than the frame before"),
            (self.daq_resets, "does not advance the DAQ's frame counter"),
        ):
            if len(frames):
                more = f", and so do {len(frames) - 1} more" if len(frames) > 1 else ""
                yield f"Frame {frames[0]} {what}{more}."


def examine(times: ArrayLike, daq_frames: ArrayLike | None = None) -> Timing:
    """Find the frame rate, and dropped, doubled and disordered frames.

    A frame that arrives late is followed by ones that arrive early, and one whose time is wrong is a frame; only time
    that is never caught up counts as dropped frames (see :mod:`workflow_miniscope.daq.clock`). Where the DAQ's counter
    jumps by more, the counter is believed.

    Parameters
    ----------
    times : array_like of float [n]
        Frame times (s); nan where a frame has none.
    daq_frames : array_like of int [n], optional
        The DAQ's frame counter.

    Raises
    ------
    RecordingError
        There are fewer than two frames, or time does not advance.
    """
    times = np.asarray(times, np.float64)
    steps = np.diff(times)
    # a frame with a wrong time is there all the same: what is missing shows between those whose times are in order
    placed = np.flatnonzero(in_order(times))
    if len(placed) < 2 or not np.any(steps > _MIN_INTERVAL):
        what = {0: "no frame", 1: "only one frame"}.get(len(times), "no time that advances")
        raise RecordingError(f"The time stamps have {what}, so that there is no frame rate.")
    clock = fit(times[placed], placed)
    missing = np.zeros(len(steps), np.int64)
    missing[placed[:-1]] = clock.missing
    paused = np.zeros(len(steps), bool)
    paused[placed[:-1]] = clock.paused
    after = np.append(placed, len(times) - 1)[np.searchsorted(placed, np.arange(len(steps)), "right")]
    resets = _no_frames()
    if daq_frames is not None:
        counter = np.asarray(daq_frames, np.int64)
        jumps = counter[1:] - counter[:-1]
        resets = np.flatnonzero(jumps < 1) + 1
        missing = _counted(missing, jumps - 1, paused)
    gaps: list[Gap] = []
    pauses: list[Gap] = []
    for i in np.flatnonzero(missing > 0).tolist():
        gap = Gap(i, float(times[i]), float(times[after[i]] - times[i]), int(missing[i]))
        (pauses if paused[i] else gaps).append(gap)
    most = max(clock.stretches, key=lambda one: one.stop - one.start)
    return Timing(
        most.interval,
        _jitter(steps, missing, clock.stretches),
        tuple(gaps),
        np.flatnonzero(steps == 0) + 1,
        np.flatnonzero(steps < 0) + 1,
        resets,
        clock.stretches,
        tuple(pauses),
    )


def _counted(missing: Integers, counted: Integers, paused: NDArray[np.bool_]) -> Integers:
    """Bring frames missing by the times and by the DAQ's counter together, without counting any twice."""
    missing = missing.copy()
    for i in np.flatnonzero(counted > 0).tolist():
        near = np.arange(max(0, i - _SAME_LOSS), min(len(missing), i + _SAME_LOSS + 1))
        near = near[~paused[near] & ((near == i) | (counted[near] <= 0))]
        by_time = int(missing[near].sum())
        missing[near] = 0
        missing[i] = max(int(missing[i]), by_time, int(counted[i]))
    return missing


def _jitter(steps: Floats, missing: Integers, stretches: tuple[Stretch, ...]) -> float:
    off = [
        np.abs(steps[one.start : one.stop - 1] - one.interval)[(missing[one.start : one.stop - 1] == 0)]
        for one in stretches
    ]
    off = [values[~np.isnan(values)] for values in off]
    regular = np.concatenate(off)
    return MAD_TO_SD * float(np.median(regular)) if len(regular) else 0.0


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
