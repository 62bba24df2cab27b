"""The inner loops of registration: compiled, each in one pass over the pixels of a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ...movies.types import Floats, Ints, Real
from ..arrays import kernels


@njit(nogil=True, cache=True, fastmath=True)
def correlate_around(
    frame: Floats, weighted: Floats, mask: Floats, height: int, width: int, match: Floats, energy: Floats
) -> None:
    """Take the sums that the weighted correlation over whole-pixel shifts is made of, for all shifts nearby.

    ``match[i, j] = sum_x weighted(x) F(x + lag)`` and ``energy[i, j] = sum_x mask(x) F(x + lag)^2`` with the lags
    ``(i - reach, j - reach)``; the frame goes on periodically after ``height`` and ``width`` pixels, as for a Fourier
    transform of this size, and is 0 between its end and that.

    frame, weighted, mask: float32 [rows, columns]; match, energy: float64 [2 reach + 1, 2 reach + 1].
    """
    rows, columns = frame.shape
    down, across = len(match) // 2, match.shape[1] // 2
    values = np.zeros((rows + 2 * down, columns + 2 * across), np.float32)
    for y in range(len(values)):
        source = (y - down) % height
        if source < rows:
            for x in range(values.shape[1]):
                column = (x - across) % width
                if column < columns:
                    values[y, x] = frame[source, column]
    squares = values * values
    match[:] = 0
    energy[:] = 0
    for y in range(rows):
        a, b = weighted[y], mask[y]
        for i in range(2 * down + 1):
            for j in range(2 * across + 1):
                value, square = values[y + i, j : j + columns], squares[y + i, j : j + columns]
                p = q = np.float32(0)
                for x in range(columns):
                    p += a[x] * value[x]
                    q += b[x] * square[x]
                match[i, j] += p
                energy[i, j] += q


@njit(nogil=True, cache=True)
def leave(moved: Floats, top: int, left: int, target: Floats, root: Floats, out: Floats) -> None:
    """``out = (moved - target) root`` for the pixels of a moved frame from row ``top`` and column ``left`` on.

    moved: float32 [height, width]; target, root, out: float32 [rows, columns].
    """
    for y in range(len(target)):
        frame, expected, weight, into = moved[top + y, left : left + target.shape[1]], target[y], root[y], out[y]
        for x in range(len(into)):
            into[x] = (frame[x] - expected[x]) * weight[x]


@njit(nogil=True, cache=True)
def typical(values: Floats) -> Any:
    """Median of the absolute values of every second row and column, float32 [rows, columns]."""
    height, width = values.shape
    some = np.empty((height + 1) // 2 * ((width + 1) // 2), np.float32)
    n = 0
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            some[n] = abs(values[y, x])
            n += 1
    return kernels.select(some, n // 2)


@njit(nogil=True, cache=True, fastmath=True)
def pull(rest: Floats, slopes: Floats, bound: Real) -> tuple[float, float, float]:
    """Products of two slopes with what a frame leaves of the template, clipped, and the part that is not clipped.

    rest: float32 [rows, columns]; slopes: float32 [2, rows, columns].
    """
    height, width = rest.shape
    bound = np.float32(bound)
    down = right = used = 0.0
    for y in range(height):
        values, dy, dx = rest[y], slopes[0, y], slopes[1, y]
        # summed in float32 along a row, which the processor does side by side
        a = b = n = np.float32(0)
        for x in range(width):
            value = min(max(values[x], -bound), bound)
            a += value * dy[x]
            b += value * dx[x]
            n += np.float32(1) if abs(values[x]) <= bound else np.float32(0)
        down += float(a)
        right += float(b)
        used += float(n)
    return down, right, used / (height * width)


@njit(nogil=True, cache=True, fastmath=True)
def sum_parts(
    moved: Floats,
    top: int,
    left: int,
    weight: Floats,
    weighted: Floats,
    down: Ints,
    across: Ints,
    product: Floats,
    square: Floats,
) -> None:
    """Sum over the parts of a field: ``product = sum weighted F`` and ``square = sum weight F^2``.

    moved: float32 [height, width], the frame F from row ``top`` and column ``left`` on; weight, weighted: float32
    [rows, columns]; down, across: int, first row and column of each part; product, square: float64 [down, across].
    """
    rows, columns = weight.shape
    product[:] = 0
    square[:] = 0
    i = 0
    for y in range(rows):
        if i + 1 < len(down) and y >= down[i + 1]:
            i += 1
        for j in range(len(across)):
            first = across[j]
            last = across[j + 1] if j + 1 < len(across) else columns
            frame, a, b = moved[top + y, left + first : left + last], weighted[y, first:last], weight[y, first:last]
            p = q = np.float32(0)
            for x in range(len(a)):
                p += a[x] * frame[x]
                q += b[x] * frame[x] * frame[x]
            product[i, j] += p
            square[i, j] += q


@njit(nogil=True, cache=True)
def add(frame: Floats, total: Floats) -> None:
    """``total += frame``; float32 and float64 [height, width]."""
    for y in range(len(frame)):
        values, into = frame[y], total[y]
        for x in range(len(into)):
            into[x] += values[x]


@njit(nogil=True, cache=True)
def add_squares(frame: Floats, mean: Floats, total: Floats) -> None:
    """``total += (frame - mean)^2``; float32, float32 and float64 [height, width]."""
    for y in range(len(frame)):
        values, middle, into = frame[y], mean[y], total[y]
        for x in range(len(into)):
            apart = values[x] - middle[x]
            into[x] += apart * apart
