"""One device's video and time stamps, brought together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import RecordingError
from .alignment import in_order
from .model import Device
from .timestamps import TimeStamps
from .timing import Timing, examine
from .video import Movie

#: Frames by which video and time stamps may differ: those that were in the program's buffer at Stop.
MAX_LENGTH_DIFFERENCE = 20


@dataclass(frozen=True)
class Recording:
    """What a device recorded.

    Attributes
    ----------
    device : Device
        The scope or camera.
    movie : Movie
        Its frames.
    stamps : TimeStamps
        Their time stamps, as many as frames.
    n_video, n_stamps : int
        Frames in the video files and rows of the time stamp file, before they were brought to the same length.
    """

    device: Device
    movie: Movie
    stamps: TimeStamps
    n_video: int
    n_stamps: int

    @property
    def n_frames(self) -> int:
        """Frames that have both a picture and a time."""
        return self.movie.n_frames

    @property
    def times(self) -> np.ndarray:
        """Time of each frame, float64 [n_frames], seconds from the start of the recording."""
        return self.stamps.times

    @cached_property
    def in_order(self) -> np.ndarray:
        """Which times can be trusted, bool [n_frames]: cleaned times are ``times[in_order]``."""
        return in_order(self.times)

    @cached_property
    def timing(self) -> Timing:
        """Frame rate, dropped frames and other irregularities."""
        return examine(self.stamps.times, self.stamps.daq_frames)

    @property
    def fps(self) -> float:
        """Frames per second, from the time stamps."""
        return self.timing.fps

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last, and one interval for the last; wrong times do not count."""
        trusted = self.times[self.in_order]
        return float(trusted[-1] - trusted[0]) + self.timing.interval

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unusual, a sentence each."""
        found = [*self.movie.warnings, *self.stamps.warnings]
        if self.n_video != self.n_stamps:
            found.append(
                f"{self.n_video} frames of video and {self.n_stamps} time stamps; the first {self.n_frames} of both "
                "are used."
            )
        return (*found, *self.timing.warnings)


def read_recording(device: Device, decode_first: bool = True) -> Recording:
    """Read a device's video and time stamps; see ``Device.read``."""
    movie = Movie(device.files, decode_first=decode_first)
    stamps = device.time_stamps(movie.n_frames)
    n_video, n_stamps = movie.n_frames, len(stamps)
    if n_video != n_stamps:
        _check_lengths(device, movie, stamps)
        n_frames = min(n_video, n_stamps)
        movie, stamps = movie.first(n_frames), stamps.first(n_frames)
    recording = Recording(device, movie, stamps, n_video, n_stamps)
    try:
        recording.timing  # noqa: B018  a recording without a frame rate is none
    except RecordingError as error:
        raise RecordingError(f"{stamps.path}: {error}") from None
    return recording


def _check_lengths(device: Device, movie: Movie, stamps: TimeStamps) -> None:
    """Raise where video and time stamps differ and the first frames of both may not belong together."""
    counts = f"{movie.n_frames} frames of video but {len(stamps)} time stamps in {stamps.path.name}"
    if abs(movie.n_frames - len(stamps)) > MAX_LENGTH_DIFFERENCE:
        hint = "is a video missing?" if movie.n_frames < len(stamps) else "is the file of another recording?"
        starts = np.flatnonzero(stamps.frame_numbers[1:] == 0) + 1
        if len(starts):
            hint = f"its frame numbers start again at row {starts[0]}: does it hold two recordings?"
        raise RecordingError(
            f"{device.folder} has {counts}, which is more than the {MAX_LENGTH_DIFFERENCE} frames that stopping can "
            f"lose; {' '.join(movie.warnings) or hint}"
        )
    if not stamps.consecutive:
        row = int(np.argmax(stamps.frame_numbers != np.arange(len(stamps))))
        raise RecordingError(
            f"{device.folder} has {counts}, whose row {row} is for frame {stamps.frame_numbers[row]}: rows are "
            f"{'missing' if stamps.frame_numbers[row] > row else 'doubled or in disorder'}, so it is unknown which "
            "frame has which time."
        )
    size = device.frames_per_file
    last = max(i for i, count in enumerate(movie.counts) if count)
    for file, count in zip(movie.files[:last], movie.counts[:last], strict=True):
        if size is not None and count != size:
            raise RecordingError(
                f"{device.folder} has {counts}, and {file.name} holds {count} frames instead of {size}: it is unknown "
                "which frame has which time."
            )
