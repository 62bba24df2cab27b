"""A recording's files as one movie, and as the one video that Facemap believes it has opened.

Facemap asks OpenCV for the number of frames, which can be wrong, cannot handle a file of one frame (real where
a recording of 1000-frame files ends), repeats the previous frame where one cannot be read, and says nothing.
It works through an object like ``cv2.VideoCapture``; this one reads a checked movie instead, and stops with an
error that names the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ... import daq
from ...bars import tqdm
from ...errors import ParameterError, RecordingError
from ...movies import Movie
from ...movies.types import Numbers

_FEWEST_FRAMES = 3
# Frames that are rather decoded than skipped by opening the file again
_NEAR = 2000


def open_video(files: Sequence[Path | str], n_frames: int | None = None) -> daq.Movie:
    """Open one camera's video, whole.

    Parameters
    ----------
    files : sequence of Path or str
        The camera's AVI files in the order they were recorded. Several cameras are run one after the other: those of a
        Miniscope-DAQ recording have frames of their own, which Facemap's mode for simultaneous cameras would mix up.
    n_frames : int, optional
        How many frames the recording has, from its time stamps. With it a last file that was cut off is used as
        far as it goes; without it, nobody would know what is missing, and it is refused.

    Raises
    ------
    RecordingError
        A file is missing, damaged or cut off, frames differ in size, there are fewer than 3, or not ``n_frames``.
    ParameterError
        The files are those of several cameras.
    """
    if isinstance(files, (str, Path)) or not all(isinstance(path, (str, Path)) for path in files):
        raise ParameterError(
            "The files must be a list of the paths of one camera's videos, in order; run several cameras one by one."
        )
    movie = daq.Movie([Path(path).absolute() for path in files])
    # the legacy software leaves an empty last file when a recording ends with a full one
    filled = [file for file, count in zip(movie.files, movie.counts, strict=True) if count]
    if len(filled) < len(movie.files):
        movie = daq.Movie(filled)
    if n_frames is None and movie.warnings:
        raise RecordingError(
            f"{movie.files[0].parent}: {movie.warnings[0]} How many are missing is not known; copy the file again."
        )
    if n_frames is not None and movie.n_frames != n_frames:
        raise RecordingError(
            f"{movie.files[0].parent} holds {movie.n_frames} frames of video, {n_frames} were expected; did its files "
            "change?"
        )
    if movie.n_frames < _FEWEST_FRAMES:
        raise RecordingError(
            f"{movie.files[0]} has {movie.n_frames} frame{'s' * (movie.n_frames != 1)}; Facemap needs at least "
            f"{_FEWEST_FRAMES}."
        )
    return movie


def decode_all(movie: Movie, progress: bool) -> None:
    """Raise the movie's error where a frame cannot be decoded: Facemap says nothing of those that it cannot read."""
    bar = tqdm(
        movie.frames(),
        desc="Checking frames",
        total=movie.n_frames,
        unit="frame",
        leave=False,
        disable=None if progress else True,
    )
    for _ in bar:
        pass


class Capture:
    """The part of ``cv2.VideoCapture`` that Facemap uses, for a whole movie.

    Parameters
    ----------
    movie : Movie
        The frames.
    on_read : callable
        Called after each frame.
    """

    def __init__(self, movie: Movie, on_read: Callable[[], object] = lambda: None):
        self._movie = movie
        self._on_read = on_read
        self._position = 0
        self._frames: Iterator[Numbers] | None = None

    def get(self, which: int) -> float:
        """Give the index of the next frame."""
        if which != cv2.CAP_PROP_POS_FRAMES:
            raise NotImplementedError(f"Facemap asks for the video's property {which}, which it did not before.")
        return float(self._position)

    def set(self, which: int, value: float) -> bool:
        """Go to a frame."""
        if which != cv2.CAP_PROP_POS_FRAMES:
            raise NotImplementedError(f"Facemap sets the video's property {which}, which it did not before.")
        target = int(value)
        if self._frames is not None and 0 <= target - self._position <= _NEAR:
            for _ in range(target - self._position):
                next(self._frames)
        else:
            self._frames = None
        self._position = target
        return True

    def read(self) -> tuple[bool, Numbers | None]:
        """Read the next frame, as OpenCV gives it: three equal colors, from which Facemap gets the same gray."""
        if self._position >= self._movie.n_frames:
            return False, None
        if self._frames is None:
            self._frames = self._movie.frames(self._position)
        frame = next(self._frames)
        self._position += 1
        self._on_read()
        return True, cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)

    def release(self) -> None:
        """Close the file."""
        self._frames = None


@contextmanager
def given_to_facemap(movie: Movie, on_read: Callable[[], object]) -> Iterator[None]:
    """Have Facemap read a movie in place of the files it is told to open."""
    from facemap import utils

    def get_frame_details(filenames: Any) -> Any:
        ends = np.array([0, movie.n_frames])
        return ends, [movie.height], [movie.width], [[Capture(movie, on_read)]]

    original = utils.get_frame_details
    utils.get_frame_details = get_frame_details
    try:
        yield
    finally:
        utils.get_frame_details = original


def frames_read(n_frames: int, decomposes: bool) -> int:
    """How many frames Facemap 1.0.8 reads in one run, for a progress bar."""
    chunk = min(100, n_frames)
    total = min(1000, n_frames) // chunk * chunk  # for the mean
    if decomposes:
        chunk = min(1000, n_frames)
        total += min(15000 // chunk, n_frames // chunk) * chunk
    return total + n_frames
