"""One pass over a movie: what its frames look like. It keeps 4 bytes of each frame, and as many frames as cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np

from ..bars import tqdm
from .pixels import Frame
from .video import Movie

# Highest values of the depths that sensors have
_WHITES = {np.dtype(np.uint8): (255,), np.dtype(np.uint16): (1023, 4095, 16383, 65535)}
# A spinning or network drive loses more by jumping between more files than more cores gain
_MAX_FILES_AT_ONCE = 4


@dataclass(frozen=True)
class Survey:
    """What the frames of a movie look like.

    Attributes
    ----------
    brightness : ndarray of float32 [n_frames]
        Mean of each frame, 0 to 255, where 255 stands for ``white``.
    saturated : float
        Part of all pixels that have the highest value, 0 to 1.
    repeated : ndarray of int64
        Frames that equal the frame before in every pixel.
    frames : tuple of int
        Indices of the first, the middle and the last frame.
    images : ndarray of uint8 or uint16 [3, height, width]
        These frames.
    white : int
        The highest value a pixel can have: 255, or that of 10, 12, 14 or 16 bits, whichever holds all values.
    """

    brightness: np.ndarray
    saturated: float
    repeated: np.ndarray
    frames: tuple[int, int, int]
    images: np.ndarray
    white: int = 255


def survey_movie(movie: Movie, progress: bool = False, label: str = "Read frames") -> Survey:
    """Read each frame once, several files at a time.

    A file is decoded by one core, since its frames build on those before, but files do not build on each other.

    Parameters
    ----------
    movie : Movie
        At least one frame.
    progress : bool
        Show a progress bar on a terminal.
    label : str
        What the progress bar is called.

    Raises
    ------
    RecordingError
        A frame cannot be decoded; of several, the first one.
    """
    bar = tqdm(
        total=movie.n_frames, desc=label, unit="frame", disable=None if progress else True, leave=False, smoothing=0.05
    )
    work = _Work(movie, bar)
    with bar, ThreadPoolExecutor(max_workers=_n_workers()) as pool:
        try:
            surveyed = pool.map(work.survey, *zip(*_pieces(movie), strict=True))
            found = [piece for piece in surveyed if piece is not None]
        finally:
            work.stopped = True  # after an error or an interrupt, so that nobody waits for the other files
            pool.shutdown(cancel_futures=True)
    repeated: list[int] = []
    before: _Piece | None = None
    for piece in found:
        if before is not None and piece.first == before.last:
            repeated.append(piece.start)
        repeated += piece.repeated
        before = piece
    depth = next(i for i, white in enumerate(work.whites) if white >= max(piece.highest for piece in found))
    share = sum(piece.saturated[depth] for piece in found) / (movie.n_frames * movie.height * movie.width)
    white = work.whites[depth]
    brightness = work.brightness if white == 255 else work.brightness * np.float32(255 / white)
    return Survey(brightness, share, np.array(repeated, np.int64), work.shown, work.images, white)


def _n_workers() -> int:
    """As many as there are cores for this process, up to where a disk would have to jump between too many files."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return min(len(usable), _MAX_FILES_AT_ONCE)


def _pieces(movie: Movie) -> Iterator[tuple[int, int]]:
    """Give the first frame of each file, and the one after its last."""
    start = 0
    for count in movie.counts:
        stop = min(start + count, movie.n_frames)
        if start < stop:
            yield start, stop
        start += count


@dataclass(frozen=True)
class _Piece:
    """What was seen of one file's frames, with digests of the first and the last; indices are the movie's."""

    start: int
    saturated: list[int]  # pixels at each depth's highest value
    highest: int
    repeated: list[int]
    first: bytes
    last: bytes


class _Work:
    """What the threads share: each fills its own places."""

    def __init__(self, movie: Movie, bar: tqdm):
        self.movie, self.bar = movie, bar
        self.lock = Lock()
        self.stopped = False
        self.shown = (0, movie.n_frames // 2, movie.n_frames - 1)
        self.brightness = np.empty(movie.n_frames, np.float32)
        self.images = np.empty((len(self.shown), movie.height, movie.width), movie.dtype)
        self.whites = _WHITES[movie.dtype]

    def survey(self, start: int, stop: int) -> _Piece | None:
        """Read the frames of one file; None where the work was stopped before its end."""
        import cv2

        saturated, repeated, highest = [0] * len(self.whites), [], 0
        first = b""
        before: Frame | None = None
        for i, frame in enumerate(self.movie.frames(start, stop), start):
            if self.stopped:
                return None
            self.brightness[i] = cv2.mean(frame)[0]  # ten times as fast as numpy's
            brightest = int(frame.max())
            highest = max(highest, brightest)
            for depth, white in enumerate(self.whites):
                if brightest >= white:
                    saturated[depth] += int(np.count_nonzero(frame == white))
            if before is None:
                first = _digest(frame)
            elif self.brightness[i] == self.brightness[i - 1] and np.array_equal(frame, before):
                repeated.append(i)
            before = frame
            for place, index in enumerate(self.shown):
                if i == index:
                    self.images[place] = frame
            with self.lock:
                self.bar.update()
        return None if before is None else _Piece(start, saturated, highest, repeated, first, _digest(before))


def _digest(frame: Frame) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(frame).data).digest()
