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
from ..arrays.workers import Workers
from .sample import DECODED_FOR_SAMPLE

#: times its frames take on disk that must be free for a movie to be kept: what is registered is stored beside it
ROOM = 5


def keep_frames(movie: Movie, folder: Path, workers: Workers) -> Movie:
    """Give a short movie in video files as one that decodes each frame once; any other as it is.

    Parameters
    ----------
    movie : Movie
        The recording.
    folder : Path
        A temporary folder for the frames.
    workers : Workers
        They share out the decoding.

    Raises
    ------
    RecordingError
        A frame cannot be decoded.
    """
    if not isinstance(movie, daq.Movie) or movie.n_frames > DECODED_FOR_SAMPLE:
        return movie
    size = movie.n_frames * movie.height * movie.width * movie.dtype.itemsize
    if shutil.disk_usage(folder).free <= ROOM * size:
        return movie
    return KeptFrames(movie, folder / "frames", workers)


class KeptFrames:
    """A movie whose frames are in a file.

    Parameters
    ----------
    movie : daq.Movie
        The recording.
    path : Path
        The file, which must not exist; :meth:`close` removes it.
    workers : Workers
        They share out the decoding, where frames can be reached without those before them.
    """

    def __init__(self, movie: daq.Movie, path: Path, workers: Workers):
        self.n_frames, self.height, self.width = movie.n_frames, movie.height, movie.width
        self.counts = movie.counts
        self.path = path
        self._dtype = movie.dtype
        self._frame_bytes = movie.height * movie.width * movie.dtype.itemsize
        path.touch(exist_ok=False)
        whole = slice(0, self.n_frames)
        # one for each thread, because a part begins with frames that are decoded only to reach it
        spans = workers.spans(self.n_frames, each=1) if movie.reaches_frames else [whole]
        following = workers.map(lambda span: self._decode(movie, span), spans)
        for span, frame in zip(spans, following, strict=True):
            if frame is not None and not np.array_equal(frame, self._read(span.stop, span.stop + 1)[0]):
                self._decode(movie, whole)  # a file whose index leads elsewhere: one after the other
                break

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

    def _decode(self, movie: daq.Movie, span: slice) -> Numbers | None:
        """Write frames to their places in the file, and give the one that follows them."""
        with open(self.path, "r+b") as file:
            file.seek(span.start * self._frame_bytes)
            for at, frame in enumerate(movie.frames(span.start, min(span.stop + 1, self.n_frames)), span.start):
                if at == span.stop:
                    return frame
                np.ascontiguousarray(frame, self._dtype).tofile(file)
        return None

    def _read(self, start: int, stop: int) -> Numbers:
        count = (stop - start) * self.height * self.width
        values = np.fromfile(self.path, self._dtype, count, offset=start * self._frame_bytes)
        return values.reshape(stop - start, self.height, self.width)
