"""Summary images of a movie that is seen once, block by block."""

from __future__ import annotations

import numpy as np

from .neighbours import NeighbourSums, Run
from .types import Floats


class SummaryImages:
    """Mean, maximum and local correlation (:mod:`neighbours`) of every pixel, with sums instead of the movie.

    Parameters
    ----------
    height, width : int
        Size of a frame, pixels.

    Attributes
    ----------
    frames : int
        Frames counted so far.

    Examples
    --------
    >>> images = SummaryImages(height=2, width=2)
    >>> images.add(np.arange(12, dtype=np.float32).reshape(3, 2, 2))
    >>> images.correlation()
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """

    def __init__(self, height: int, width: int):
        self._maximum: Floats = np.full((height, width), -np.inf, dtype=np.float32)
        self._origin: Floats = np.zeros((height, width), np.float32)
        self._sums = NeighbourSums(np.zeros((0, height, width), np.float32))

    @property
    def frames(self) -> int:
        """Frames counted so far."""
        return self._sums.n

    def add(self, block: Floats, run: Run = map) -> None:
        """Count a block of frames, [n, height, width]; ``run``: see :class:`.NeighbourSums`."""
        if not self.frames:
            # sums of squares of values around 0 lose no digits; the mean of the first block is near enough
            self._origin = block.mean(axis=0, dtype=np.float64).astype(np.float32)
        np.maximum(self._maximum, block.max(axis=0), out=self._maximum)
        self._sums.add(NeighbourSums(block - self._origin, run))

    def average(self) -> Floats:
        """Mean over all frames, float32 [height, width]."""
        mean: Floats = (self._origin + self._sums.total / self.frames).astype(np.float32)
        return mean

    def maximum(self) -> Floats:
        """Maximum over all frames, float32 [height, width]."""
        return self._maximum

    def correlation(self) -> Floats:
        """Mean correlation with the neighbours, float32 [height, width]; 0 where a pixel never changes."""
        return self._sums.correlation()
