"""What can be given as a movie: an array, video files, or an object that reads frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import RecordingError


class ArrayMovie:
    """A movie in memory, [frames, height, width], read like one on disk."""

    def __init__(self, frames: np.ndarray):
        frames = np.asarray(frames)
        if frames.ndim != 3 or frames.dtype.kind not in "biuf":
            raise RecordingError(
                f"A movie is numbers of shape (frames, height, width), not {frames.dtype} of {frames.shape}."
            )
        self.array = frames
        self.n_frames, self.height, self.width = frames.shape

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """Frames one after the other."""
        yield from self.array[start:stop]

    def blocks(self, size: int = 256) -> Iterator[tuple[int, np.ndarray]]:
        """Pairs of (index of the first frame, frames)."""
        for first in range(0, self.n_frames, size):
            yield first, self.array[first : first + size]


def open_movie(source):
    """Give a movie with ``n_frames``, ``height``, ``width``, ``frames()`` and ``blocks()``.

    Parameters
    ----------
    source : ndarray, path, list of paths, or such a movie
        Video files are taken in the order given.

    Raises
    ------
    RecordingError
        If it is none of these, or has no frames.
    """
    if isinstance(source, np.ndarray):
        source = ArrayMovie(source)
    elif isinstance(source, str | Path):
        source = _video([source])
    elif isinstance(source, list | tuple) and source and all(isinstance(item, str | Path) for item in source):
        source = _video(source)
    if not all(hasattr(source, name) for name in ("n_frames", "height", "width", "frames", "blocks")):
        raise RecordingError(
            f"{type(source).__name__} is not a movie: give an array [frames, height, width], AVI files or daq.Movie."
        )
    if source.n_frames < 1 or min(source.height, source.width) < 1:
        raise RecordingError("The movie has no frames.")
    return source


def _video(files):
    # only here: arrays need no video reader
    from ..daq import Movie

    return Movie([Path(file) for file in files])
