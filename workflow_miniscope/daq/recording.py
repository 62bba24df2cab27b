"""One device's video and time stamps, brought together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import RecordingError
from .model import Device
from .timestamps import Timing, timing
from .video import Movie

# Video and time stamps may differ by what was in the acquisition program's buffer at Stop
MAX_LENGTH_DIFFERENCE = 20


@dataclass(frozen=True)
class Recording:
    """What a device recorded: frames that have both a picture and a time.

    Attributes
    ----------
    device : Device
        The scope or camera.
    movie : Movie
        Its frames.
    times : ndarray of float64 [n_frames]
        Time of each frame, seconds from the start of the recording; the first ones may be negative.
    timing : Timing
        The median interval, and what is irregular.
    warnings : tuple of str
        What a person should know, a sentence each.
    """

    device: Device
    movie: Movie
    times: np.ndarray
    timing: Timing
    warnings: tuple[str, ...]

    @property
    def n_frames(self) -> int:
        """Frames."""
        return self.movie.n_frames

    @property
    def fps(self) -> float:
        """Frames per second: 1 / median interval of the time stamps."""
        return 1 / self.timing.interval

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last, and one interval for the last."""
        return float(self.times[-1] - self.times[0]) + self.timing.interval


def read_recording(device: Device) -> Recording:
    """Count the frames of a device's video and read their times.

    Raises
    ------
    RecordingError
        A video or the time stamps cannot be used, or their lengths do not fit.
    """
    movie = Movie(device.files, progress=True)
    stamps = device.read_times(movie.n_frames)
    n_video, n_times = movie.n_frames, len(stamps.times)
    warnings = list(stamps.warnings)
    if n_video != n_times:
        counts = f"{n_video} frames of video and {n_times} time stamps"
        if abs(n_video - n_times) > MAX_LENGTH_DIFFERENCE:
            hint = (
                "is a video missing?" if n_video < n_times else "is the time stamp file of another recording?"
            )
            raise RecordingError(
                f"{device.folder} has {counts}, more apart than the {MAX_LENGTH_DIFFERENCE} frames that stopping can "
                f"lose; {hint}"
            )
        n_frames = min(n_video, n_times)
        warnings.append(f"{counts}: the first {n_frames} of both are used.")
        movie = movie.first(n_frames)
        stamps = replace(
            stamps,
            times=stamps.times[:n_frames],
            daq_frames=None if stamps.daq_frames is None else stamps.daq_frames[:n_frames],
        )
    if len(stamps.times) < 2:
        raise RecordingError(f"{device.folder} holds a single frame, which has no frame rate.")
    found = timing(stamps.times, stamps.daq_frames)
    if not found.interval > 0:
        raise RecordingError(f"{device.folder} has time stamps that do not advance; is the file damaged?")
    return Recording(device, movie, stamps.times, found, (*warnings, *found.warnings(stamps.times)))
