"""How each pixel of a movie correlates with its eight neighbours, from sums over the frames.

The correlation image is the mean correlation of a pixel with its neighbours over time (Smith and Hausser 2010, Nat
Neurosci 13:1144), as CaImAn's ``local_correlations_fft`` computes it from the movie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from .types import Floats

#: (rows, columns) from a pixel to four neighbours; the other four are the same pairs seen from the other side
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
#: a product of two standard deviations that is no more than this is that of a pixel that never changes
SMALLEST_SCALE = 1e-9

_Slices: TypeAlias = tuple[slice, slice]
#: what shares out calls of a function, one for each item: ``map``, or that of a pool of threads
Run: TypeAlias = Callable[..., Any]


class NeighbourSums:
    """Sums over frames of each pixel, of its square, and of its products with its neighbours.

    Frames may be added in parts, and sums of parts to each other.

    Parameters
    ----------
    frames : float32 [n, height, width]
        Frames; values around 0 lose no digits.
    run : callable
        Applies a function to each of some items, as ``map``, the default; that of a pool uses its threads.

    Attributes
    ----------
    n : int
        Number of frames.
    total : float64 [height, width]
        Sum of each pixel.

    Examples
    --------
    >>> sums = NeighbourSums(np.arange(12, dtype=np.float32).reshape(3, 2, 2))
    >>> sums.correlation()
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """

    def __init__(self, frames: Floats, run: Run = map):
        self.n = len(frames)

        def products(pair: tuple[_Slices, _Slices] | None) -> Floats:
            if pair is None:
                return np.asarray(frames.sum(axis=0, dtype=np.float64))
            one, other = pair
            return np.asarray(np.einsum("tij,tij->ij", frames[(..., *one)], frames[(..., *other)]), np.float64)

        whole = (slice(None), slice(None))
        self.total: Floats
        self._squares: Floats
        self.total, self._squares, *self._products = run(products, [None, (whole, whole), *_pairs()])

    def add(self, more: NeighbourSums) -> None:
        """Add the sums of other frames of the same size."""
        self.n += more.n
        self.total += more.total
        self._squares += more._squares
        for into, products in zip(self._products, more._products, strict=True):
            into += products

    def correlation(self) -> Floats:
        """Give the mean correlation with the neighbours, float32 [height, width]; 0 where a pixel never changes."""
        mean = self.total / self.n
        deviation = np.sqrt(np.maximum(self._squares / self.n - mean**2, 0))
        total, neighbours = np.zeros_like(mean), np.zeros_like(mean)
        for products, (one, other) in zip(self._products, _pairs(), strict=True):
            covariance = products / self.n - mean[one] * mean[other]
            scale = deviation[one] * deviation[other]
            r = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > SMALLEST_SCALE)
            for side in (one, other):
                total[side] += r
                neighbours[side] += 1
        image: Floats = (total / np.maximum(neighbours, 1)).astype(np.float32)
        return image


def _pairs() -> Iterator[tuple[_Slices, _Slices]]:
    """Slices (rows, columns) of the pixels that have a neighbour in each direction, and of these neighbours."""
    for dy, dx in DIRECTIONS:
        rows, next_rows = slice(None, -dy or None), slice(dy, None)
        columns, next_columns = (
            (slice(None, -dx or None), slice(dx, None)) if dx >= 0 else (slice(-dx, None), slice(None, dx))
        )
        yield (rows, columns), (next_rows, next_columns)
