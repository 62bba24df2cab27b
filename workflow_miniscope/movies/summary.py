"""Summary images of a movie that is seen once, block by block."""

from __future__ import annotations

import numpy as np

# the four directions to a neighbour; the other four are the same pairs seen from the other side
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


class SummaryImages:
    """Mean, maximum and local correlation of every pixel, with sums instead of the movie.

    The correlation image is the mean correlation of a pixel with its eight neighbours over time (Smith and
    Hausser 2010, Nat Neurosci 13:1144), as CaImAn's ``local_correlations_fft`` computes it from the movie.

    Examples
    --------
    >>> images = SummaryImages(height=2, width=2)
    >>> images.add(np.arange(12, dtype=np.float32).reshape(3, 2, 2))
    >>> images.correlation()
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """

    def __init__(self, height: int, width: int):
        self.frames = 0
        self._maximum = np.full((height, width), -np.inf, dtype=np.float32)
        self._origin = None
        self._sum = np.zeros((height, width))
        self._squares = np.zeros((height, width))
        self._products = [np.zeros((height - abs(dy), width - abs(dx))) for dy, dx in _DIRECTIONS]

    def add(self, block: np.ndarray) -> None:
        """Count a block of frames, [n, height, width]."""
        if self._origin is None:
            # sums of squares of values around 0 lose no digits; the mean of the first block is near enough
            self._origin = block.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.frames += len(block)
        np.maximum(self._maximum, block.max(axis=0), out=self._maximum)
        centred = block - self._origin
        self._sum += centred.sum(axis=0, dtype=np.float64)
        self._squares += np.einsum("tij,tij->ij", centred, centred)
        for total, (one, other) in zip(self._products, _pairs(), strict=True):
            total += np.einsum("tij,tij->ij", centred[(..., *one)], centred[(..., *other)])

    def average(self) -> np.ndarray:
        """Mean over all frames, float32 [height, width]."""
        return (self._origin + self._sum / self.frames).astype(np.float32)

    def maximum(self) -> np.ndarray:
        """Maximum over all frames, float32 [height, width]."""
        return self._maximum

    def correlation(self) -> np.ndarray:
        """Mean correlation with the neighbours, float32 [height, width]; 0 where a pixel never changes."""
        mean = self._sum / self.frames
        deviation = np.sqrt(np.maximum(self._squares / self.frames - mean**2, 0))
        total, neighbours = np.zeros_like(mean), np.zeros_like(mean)
        for products, (one, other) in zip(self._products, _pairs(), strict=True):
            covariance = products / self.frames - mean[one] * mean[other]
            scale = deviation[one] * deviation[other]
            r = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 1e-9)
            for side in (one, other):
                total[side] += r
                neighbours[side] += 1
        return (total / np.maximum(neighbours, 1)).astype(np.float32)


def _pairs():
    for dy, dx in _DIRECTIONS:
        rows, next_rows = slice(None, -dy or None), slice(dy, None)
        columns, next_columns = (
            (slice(None, -dx or None), slice(dx, None)) if dx >= 0 else (slice(-dx, None), slice(None, dx))
        )
        yield (rows, columns), (next_rows, next_columns)
