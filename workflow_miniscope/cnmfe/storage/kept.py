"""Frames of a short movie that are needed twice, decoded once.

The sample of a short recording goes through all of it, and so does the registration. Frames that were decoded are kept
in a file meanwhile: reading them takes a fraction of the time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ... import daq
from ...movies import Movie
from ...movies.types import Numbers
from .sample import DECODED_FOR_SAMPLE

#: times its frames take on disk that must be free for a movie to be kept: what is registered is stored beside it
ROOM = 5


def keep_frames(movie: Movie, folder: Path) -> Movie:
    """Give a short movie in video files as one that decodes each frame once; any other as it is.

    Parameters
    ----------
    movie : Movie
        The recording.
    folder : Path
        A temporary folder for the frames.
    """
    if not isinstance(movie, daq.Movie) or movie.n_frames > DECODED_FOR_SAMPLE:
        return movie
    size = movie.n_frames * movie.height * movie.width * movie.dtype.itemsize
    return KeptFrames(movie, folder / "frames") if shutil.disk_usage(folder).free > ROOM * size else movie


class KeptFrames:
    """A movie whose frames are in a file once they were asked for.

    Parameters
    ----------
    movie : daq.Movie
        The recording.
    path : Path
        The file, which must not exist; :meth:`close` removes it.
    """

    def __init__(self, movie: daq.Movie, path: Path):
        self.n_frames, self.height, self.width = movie.n_frames, movie.height, movie.width
        self.counts = movie.counts
        self.path = path
        self._dtype = movie.dtype
        self._pixels = movie.height * movie.width
        self._decoded = movie.frames()
        self._known = 0
        path.touch(exist_ok=False)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Numbers]:
        """Give the frames [height, width] from ``start`` up to, not including, ``stop``."""
        start, stop, _ = slice(start, stop).indices(self.n_frames)
        for at in range(start, stop):
            yield self._read(at, at + 1)[0]

    def blocks(self, size: int = 256) -> Iterator[tuple[int, Numbers]]:
        """Give pairs of (index of the first frame, frames [n, height, width])."""
        for first in range(0, self.n_frames, size):
            yield first, self._read(first, min(first + size, self.n_frames))

    def close(self) -> None:
        """Remove the file; nothing can be read any more."""
        self.path.unlink(missing_ok=True)

    def _read(self, start: int, stop: int) -> Numbers:
        if self._known < stop:
            with open(self.path, "ab") as file:
                while self._known < stop:
                    np.ascontiguousarray(next(self._decoded), self._dtype).tofile(file)
                    self._known += 1
        begin = start * self._pixels * self._dtype.itemsize
        values = np.fromfile(self.path, self._dtype, (stop - start) * self._pixels, offset=begin)
        return values.reshape(stop - start, self.height, self.width)
