"""Where the recorded frames lie in time: which are missing between them.

Calcium decays whether or not a frame shows it. What depends on that, the final deconvolution, counts in places on the
regular grid of frame intervals: a frame's place is its index and the number of frames that are missing before it.
:func:`workflow_miniscope.daq.examine` says which are missing. It follows the camera's clock rather than rounding
``(t - t0) fps``, so that a small error of the rate does not add up over an hour to frames that never were, and so that
frames that the computer stamped late are no gap. Where the rate falls, places between the frames are free; where it
rises above that of most frames, frames follow one another, since there are no places between places.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ParameterError, RecordingError
from ...movies.types import Bools, Ints

logger = logging.getLogger(__name__)

#: a rate that is given may differ from that of the times by this fraction: they are of the same recording
RATE_TOLERANCE = 0.05
#: Hz: a camera is faster, and milliseconds taken for seconds are slower
SLOWEST_RATE = 0.5
#: places from one frame to the next: of fewer, the frames still follow each other
SHORT_GAP = 10
#: fraction of the steps between frames that are multiples of one where frames were left out in turn
IN_TURN = 0.9


@dataclass(frozen=True, eq=False)
class TimeBase:
    """Places of the frames on the regular grid of frame intervals.

    Attributes
    ----------
    fps : float
        Places per second.
    places : int64 [frames]
        Place of each frame; the first is 0, each is greater than the one before.
    untrusted : int
        Frames whose time is not known; they follow the frame before them, and a gap beside one is put before it.
    """

    fps: float
    places: Ints
    untrusted: int = 0

    @property
    def missing(self) -> Ints:
        """Frames missing before each frame, int64 [frames]."""
        return np.diff(self.places, prepend=-1) - 1

    @property
    def regular(self) -> bool:
        """Whether no frame is missing."""
        return not self.missing.any()

    def steps(self, longest: int) -> Ints:
        """Places from each frame's predecessor to it, int64 [frames], at most ``longest``; 1 for the first."""
        return np.minimum(self.missing + 1, longest)

    @property
    def rate(self) -> float:
        """Frames per second where frames follow each other: with short gaps, less than there are places."""
        steps = self.missing[1:] + 1
        near = steps[steps <= SHORT_GAP]
        return float(self.fps / near.mean()) if len(near) else self.fps

    def of(self, used: Bools) -> TimeBase:
        """Places of some of the frames alone, bool [frames]; the others are missing.

        If frames were left out in turn, as where each came twice, there is one place for each that is left.
        """
        if used.all():
            return self
        places = self.places[used]
        places = places - places[0]
        steps = np.diff(places)
        each = int(np.bincount(np.minimum(steps, SHORT_GAP)).argmax()) if len(steps) else 1
        if each > 1 and np.mean(steps % each == 0) >= IN_TURN:
            # two frames share no place
            order = np.arange(len(places))
            places = order + np.maximum.accumulate(places // each - order)
        else:
            each = 1
        return TimeBase(self.fps / each, places, self.untrusted)

    def describe(self, longest: int) -> dict[str, float | int]:
        """Give what is stored with a result, and why S may not be read as if no frame were missing.

        Parameters
        ----------
        longest : int
            Places after which nothing is left of a transient: gaps so long separate segments.

        Returns
        -------
        dict
            ``fps``; ``gaps`` and the ``missing_frames`` in them; ``longest_gap_s`` from the frame before it to the
            frame after it; ``segments``; ``frames_without_time``.
        """
        missing = self.missing
        worst = int(missing.max())
        return {
            "fps": float(self.fps),
            "gaps": int(np.count_nonzero(missing)),
            "missing_frames": int(missing.sum()),
            "longest_gap_s": round((worst + 1) / self.fps, 6) if worst else 0.0,
            "segments": 1 + int(np.count_nonzero(missing + 1 >= longest)),
            "frames_without_time": self.untrusted,
        }


def consecutive(frames: int, fps: float) -> TimeBase:
    """Frames of which only the rate is known: none is missing."""
    return TimeBase(float(fps), np.arange(frames))


def from_times(times: ArrayLike, frames: int, fps: float | None = None) -> TimeBase:
    """Find the places of frames from their times.

    Jitter changes nothing, nor does a frame that is late if later ones make up for it.

    Parameters
    ----------
    times : array_like of float [frames]
        Seconds from the start of the recording; nan where the time of a frame is not trusted.
    frames : int
        Frames of the movie.
    fps : float, optional
        Frames per second; by default that of the times, which most frames have.

    Raises
    ------
    RecordingError
        The times are not one for each frame, do not increase, or are too few to give a rate.
    ParameterError
        The rate is not that of the times.
    """
    from ...daq import examine  # which brings readers of video

    try:
        seconds = np.array(times, np.float64)
    except (TypeError, ValueError):
        raise RecordingError("The frame times must be numbers, seconds from the start of the recording.") from None
    if seconds.shape != (frames,):
        raise RecordingError(
            f"The frame times must be one for each of the {frames} frames, not an array of shape {seconds.shape}."
        )
    seconds[~np.isfinite(seconds)] = np.nan
    trusted = np.flatnonzero(~np.isnan(seconds))
    if len(trusted) < 2:
        raise RecordingError(f"Of the {frames} frame times {len(trusted)} can be used: a rate needs two at least.")
    back = np.flatnonzero(np.diff(seconds[trusted]) <= 0)
    if len(back):
        before, at = trusted[back[0]], trusted[back[0] + 1]
        raise RecordingError(
            f"The frame times do not increase: frame {at} has {seconds[at]:.6g} s after {seconds[before]:.6g} s of "
            f"frame {before}; give nan where a time is not trusted."
        )
    timing = examine(seconds)
    if timing.fps < SLOWEST_RATE:
        raise RecordingError(
            f"The frame times give {timing.fps:.3g} frames per second: they must be in seconds; are they in "
            "milliseconds?"
        )
    if fps is not None and abs(fps / timing.fps - 1) > RATE_TOLERANCE:
        raise ParameterError(
            f"The frame rate is given as {fps:g} Hz, but the frame times have {timing.fps:g} Hz; leave one of them out."
        )
    if len(timing.stretches) > 1:
        logger.warning("%s Activity is deconvolved on a grid of %.2f Hz.", timing.rate_changes, timing.fps)
    return TimeBase(float(timing.fps if fps is None else fps), timing.places(frames), frames - len(trusted))


def report(description: dict[str, float | int]) -> None:
    """Log what :meth:`TimeBase.describe` says, where anything is unusual."""
    if description["gaps"]:
        logger.warning(
            "Frames missing: %d (gaps: %d, the longest of %.3f s). They count as not seen, and activity in a gap is "
            "given to the first frame after it.",
            *(description[name] for name in ("missing_frames", "gaps", "longest_gap_s")),
        )
    if description["segments"] > 1:
        logger.warning(
            "Gaps so long that nothing of a transient is left divide the recording into %d parts.",
            description["segments"],
        )
    unknown = description["frames_without_time"]
    if unknown:
        logger.warning("Frames without a trusted time: %d. They are placed between their neighbours.", unknown)
