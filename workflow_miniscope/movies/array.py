"""A movie in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RecordingError


class ArrayMovie:
    """A movie in memory, read like one on disk.

    Parameters
    ----------
    frames : numbers [frames, height, width]
        Of any real type.

    Raises
    ------
    RecordingError
        The array has another shape, or holds no numbers.
    """

    def __init__(self, frames: ArrayLike):
        frames = np.asarray(frames)
        if frames.ndim != 3 or frames.dtype.kind not in "biuf":
            raise RecordingError(
                f"A movie is numbers of shape (frames, height, width), not {frames.dtype} of {frames.shape}."
            )
        self.array: NDArray[Any] = frames
        self.n_frames, self.height, self.width = frames.shape

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[Any]]:
        """Give the frames from ``start`` up to, not including, ``stop``, one after the other."""
        yield from self.array[start:stop]

    def blocks(self, size: int = 256) -> Iterator[tuple[int, NDArray[Any]]]:
        """Give pairs of (index of the first frame, frames)."""
        for first in range(0, self.n_frames, size):
            yield first, self.array[first : first + size]
