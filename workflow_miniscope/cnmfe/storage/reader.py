"""The frames of a recording: each decoded once, checked, and ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...errors import RecordingError
from ...movies import Movie
from ...movies.types import Ints, Numbers, Shape

#: frames that are decoded, and later held at full resolution, at a time: more take memory, fewer take time
DECODED_FRAMES = 64
#: such parts that wait for their use at most
PARTS_AHEAD = 4


class FrameReader:
    """Frames of a movie, from the first to the last.

    Parameters
    ----------
    movie : Movie
        See :func:`daq.open_movie`.

    Attributes
    ----------
    shape : tuple of int
        (height, width) of a frame.
    n_frames : int
        Length.
    """

    def __init__(self, movie: Movie):
        self.shape: Shape = (movie.height, movie.width)
        self.n_frames = movie.n_frames
        self._parts = _ahead(_checked(movie))

    def blocks(self, length: int) -> Iterator[tuple[int, Numbers]]:
        """Pairs of (index of the first frame, ``length`` frames), once.

        Raises
        ------
        RecordingError
            If a frame has values that are not finite numbers; it names the first one.
        """
        start = 0
        waiting: list[Numbers] = []
        for part in self._parts:
            waiting.append(part)
            if sum(map(len, waiting)) >= length:
                frames = np.concatenate(waiting)
                # a copy, because a view would keep all of them; and no name may, while the next ones come
                waiting = [frames[length:].copy()]
                yield start, frames[:length]
                del frames, part
                start += length
        frames = np.concatenate(waiting)
        if len(frames):
            yield start, frames


def _checked(movie: Movie) -> Iterator[Numbers]:
    """Parts of a movie, finite numbers all of them."""
    for first, frames in movie.blocks(DECODED_FRAMES):
        frames = np.asarray(frames)
        refuse_not_finite(frames, np.arange(first, first + len(frames)))
        yield frames


def refuse_not_finite(frames: Numbers, indices: Ints) -> None:
    """Refuse frames [n, height, width] with values that are not finite numbers, by the index of the first.

    Raises
    ------
    RecordingError
        If there is one.
    """
    if frames.dtype.kind != "f":
        return
    bad = ~np.isfinite(frames).all(axis=(1, 2))
    if bad.any():
        raise RecordingError(
            f"Frame {indices[int(np.argmax(bad))]} has pixels that are not finite numbers (NaN or infinity): remove "
            "the frame or fill the pixels before processing."
        )


def _ahead(parts: Iterator[Numbers]) -> Iterator[Numbers]:
    """Give the same frames, the next ones being decoded while one is in use."""
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(next, parts, None) for _ in range(PARTS_AHEAD))
        try:
            while (part := coming.popleft().result()) is not None:
                coming.append(thread.submit(next, parts, None))
                yield part
        finally:
            # of a recording that is not read to its end
            for decoding in coming:
                decoding.cancel()
