"""Where the blocks of piecewise-rigid motion correction lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ResultError
from ...movies.types import Ints


def shift_blocks(n: int, dims: tuple[int, int], motion: dict[str, Any]) -> Ints:
    """Where the blocks of piecewise-rigid shifts lie.

    Parameters
    ----------
    n : int
        Number of blocks. With FFT interpolation (``shifts_opencv = False``) CaImAn shifts finer blocks than
        those of ``strides`` and ``overlaps``, which are all that the Elements write down.
    dims : tuple of int
        (height, width).
    motion : dict
        CaImAn's parameters of motion correction.

    Returns
    -------
    int64 [n, 4]
        See :class:`PiecewiseShifts`.

    Raises
    ------
    ResultError
        If no layout has that many blocks.
    """
    strides, overlaps = motion.get("strides"), motion.get("overlaps")
    if strides is not None and overlaps is not None:
        finer = np.rint(np.divide(strides, motion.get("upsample_factor_grid") or 1))
        for distance in (strides, finer):
            blocks = grid(dims, distance, overlaps)
            if len(blocks) == n:
                return blocks
    raise ResultError(f"it has shifts of {n} blocks, but does not say where these lie.")


def grid(dims: tuple[int, int], strides: ArrayLike, overlaps: ArrayLike) -> Ints:
    """Blocks of piecewise-rigid correction: as CaImAn lays them, the last ones pushed back inside the field.

    Parameters
    ----------
    dims, strides, overlaps : pairs of int
        (rows, columns) of the field, of the distance between blocks and of the overlap.

    Returns
    -------
    int64 [blocks, 4]
        (first row, end row, first column, end column), ends excluded, row by row.
    """
    edges = []
    pairs = (np.asarray(values, dtype=np.int64).tolist() for values in (strides, overlaps))
    for size, stride, overlap in zip(dims, *pairs, strict=True):
        window = stride + overlap
        starts = [*range(0, size - window, stride), max(size - window, 0)]
        edges.append([(start, min(start + window, size)) for start in starts])
    return np.array([[*row, *column] for row in edges[0] for column in edges[1]], dtype=np.int64)
