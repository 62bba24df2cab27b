"""A recording's files as the one video that Facemap believes it has opened.

Facemap asks OpenCV for the number of frames, which can be wrong, cannot handle a file of one frame (real where
a recording of 1000-frame files ends), repeats the previous frame where one cannot be read, and says nothing.
It works through an object like ``cv2.VideoCapture``; this one reads a checked movie instead, and stops with an
error that names the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from ...movies import Movie
from ...movies.types import Floats

# Frames that are rather decoded than skipped by opening the file again
_NEAR = 2000


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
        self._frames: Iterator[Floats] | None = None

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

    def read(self) -> tuple[bool, Floats | None]:
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

    def get_frame_details(filenames):
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
