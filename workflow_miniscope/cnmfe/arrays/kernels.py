"""The inner loops over the movie: compiled, without Python's lock, each output element computed by one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ...movies.types import Bools, Floats, Ints, Numbers, Real

#: pixels that are turned over at a time: as many float32 as a line of the processor's cache holds
TILE = 16


@njit(nogil=True, cache=True, fastmath=True)
def add_weighted_rows(
    chunk: Numbers, indptr: Ints, indices: Ints, weights: Floats, first: int, last: int, out: Floats
) -> None:
    """``out[k] += sum_p weights[k, p] * chunk[p]`` for the rows ``first`` to ``last`` of a CSR matrix.

    chunk: int16 or float32 [pixels, frames or more]; out: float32 [rows, frames].
    """
    frames = out.shape[1]
    for k in range(first, last):
        row = out[k]
        j, end = indptr[k], indptr[k + 1]
        # four at a time: the sum is read and written once for them
        while j + 4 <= end:
            a, b, c, d = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
            p, q, r, s = chunk[indices[j]], chunk[indices[j + 1]], chunk[indices[j + 2]], chunk[indices[j + 3]]
            for t in range(frames):
                row[t] += a * p[t] + b * q[t] + c * r[t] + d * s[t]
            j += 4
        while j < end:
            a, p = weights[j], chunk[indices[j]]
            for t in range(frames):
                row[t] += a * p[t]
            j += 1


@njit(nogil=True, cache=True, fastmath=True)
def add_products(
    chunk: Numbers, indptr: Ints, indices: Ints, traces: Floats, first: int, last: int, out: Floats
) -> None:
    """``out[k, p] += sum_t chunk[p, t] * traces[k, t]`` at the entries of a CSR matrix, rows ``first`` to ``last``.

    chunk: int16 [pixels, frames or more]; traces: float32 [k, frames]; out: float64 [entries].
    """
    frames = traces.shape[1]
    for k in range(first, last):
        trace = traces[k]
        j, end = indptr[k], indptr[k + 1]
        # four at a time: the trace is read once for them
        while j + 4 <= end:
            p, q, r, s = chunk[indices[j]], chunk[indices[j + 1]], chunk[indices[j + 2]], chunk[indices[j + 3]]
            a = b = c = d = np.float32(0)
            for t in range(frames):
                value = trace[t]
                a += value * p[t]
                b += value * q[t]
                c += value * r[t]
                d += value * s[t]
            out[j] += a
            out[j + 1] += b
            out[j + 2] += c
            out[j + 3] += d
            j += 4
        while j < end:
            p, a = chunk[indices[j]], np.float32(0)
            for t in range(frames):
                a += trace[t] * p[t]
            out[j] += a
            j += 1


@njit(nogil=True, cache=True, fastmath=True)
def subtract_model(
    frames: Floats, indptr: Ints, indices: Ints, weights: Floats, traces: Floats, first: int, last: int
) -> None:
    """``frames[p] -= sum_k weights[p, k] * traces[k]`` for the pixels ``first`` to ``last`` of a CSR matrix.

    frames: float32 [pixels, n]; traces: float32 [components, n].
    """
    n = frames.shape[1]
    for p in range(first, last):
        row = frames[p]
        for j in range(indptr[p], indptr[p + 1]):
            weight = np.float32(weights[j])
            trace = traces[indices[j]]
            for t in range(n):
                row[t] -= weight * trace[t]


@njit(nogil=True, cache=True, fastmath=True)
def average_frames(  # noqa: C901 - one loop after the other
    chunk: Ints, frames: int, width: int, scale: Real, first: int, last: int, out: Floats
) -> None:
    """``out[p, i] = scale * mean of chunk[p, i * width : (i + 1) * width]`` for the pixels ``first`` to ``last``.

    chunk: int16 [pixels, frames or more]; out: float32 [pixels, bins]. The last bin holds the frames that are left.
    """
    bins, whole = out.shape[1], frames // width
    one, two = np.empty(frames, np.int32), np.empty(frames, np.int32)
    for p in range(first, last):
        pixel, row = chunk[p], out[p]
        if width == 1:
            for t in range(frames):
                row[t] = np.float32(pixel[t]) * scale
            continue
        n, left = whole * width, width
        for t in range(n):
            one[t] = pixel[t]
        # two and two as long as it can be: the processor adds many pairs at a time
        while left % 2 == 0:
            n //= 2
            left //= 2
            for i in range(n):
                two[i] = one[2 * i] + one[2 * i + 1]
            one, two = two, one
        if left > 1:
            for i in range(whole):
                total = np.int32(0)
                for t in range(i * left, (i + 1) * left):
                    total += one[t]
                one[i] = total
        for i in range(whole):
            row[i] = np.float32(one[i]) * scale / np.float32(width)
        if whole < bins:
            total = np.int32(0)
            for t in range(whole * width, frames):
                total += pixel[t]
            row[whole] = np.float32(total) * scale / np.float32(frames - whole * width)


@njit(nogil=True, cache=True, fastmath=True)
def subtract_background(
    up_ptr: Ints,
    up_at: Ints,
    up: Floats,
    W_ptr: Ints,
    W_at: Ints,
    W: Floats,
    indptr: Ints,
    indices: Ints,
    rest_ptr: Ints,
    rest_at: Ints,
    rest: Floats,
    first: int,
    last: int,
    out: Floats,
) -> None:
    """``out[k, p] -= (U W r_k)(p)`` at the entries of a CSR matrix [k, p], rows ``first`` to ``last``.

    U [pixels, small pixels] and W [small pixels, small pixels] are CSR matrices, and so is r [k, small pixels], which
    must have all that is needed. out: float64 [entries].
    """
    field = np.zeros(len(W_ptr) - 1)
    coarse = np.zeros(len(W_ptr) - 1)
    known = np.full(len(W_ptr) - 1, -1)
    for k in range(first, last):
        for j in range(rest_ptr[k], rest_ptr[k + 1]):
            field[rest_at[j]] = rest[j]
        for j in range(indptr[k], indptr[k + 1]):
            p = indices[j]
            for i in range(up_ptr[p], up_ptr[p + 1]):
                q = up_at[i]
                if known[q] != k:
                    known[q] = k
                    total = 0.0
                    for m in range(W_ptr[q], W_ptr[q + 1]):
                        total += W[m] * field[W_at[m]]
                    coarse[q] = total
                out[j] -= up[i] * coarse[q]


@njit(nogil=True, cache=True)
def subtract_product(
    indptr: Ints, indices: Ints, A_ptr: Ints, A_at: Ints, A: Floats, gram: Floats, first: int, last: int, out: Floats
) -> None:
    """``out[k, q] -= sum_j A[q, j] * gram[j, k]`` at the entries of a CSR matrix [k, q], rows ``first`` to ``last``.

    A is a CSR matrix [q, j]; gram: [j, k]; out: float64 [entries].
    """
    for k in range(first, last):
        for i in range(indptr[k], indptr[k + 1]):
            q = indices[i]
            for m in range(A_ptr[q], A_ptr[q + 1]):
                out[i] -= A[m] * gram[A_at[m], k]


@njit(nogil=True, cache=True, fastmath=True)
def expect_frames(
    constant: Floats,
    up_ptr: Ints,
    up_at: Ints,
    up: Floats,
    coarse: Floats,
    A_ptr: Ints,
    A_at: Ints,
    A: Floats,
    traces: Floats,
    out: Floats,
) -> None:
    """``out[i, p] = constant[p] + (U B)(p, i) + (A C)(p, i)``: frames as a model expects them.

    constant: float32 [pixels]; U [pixels, small pixels], A [pixels, components]: CSR matrices; coarse (B): float32
    [small pixels, n]; traces (C): float32 [components, n]; out: float32 [n, pixels].
    """
    n, pixels = out.shape
    few = np.empty((TILE, n), np.float32)
    for first in range(0, pixels, TILE):
        last = min(first + TILE, pixels)
        for p in range(first, last):
            row = few[p - first]
            for t in range(n):
                row[t] = constant[p]
            for j in range(up_ptr[p], up_ptr[p + 1]):
                weight, values = up[j], coarse[up_at[j]]
                for t in range(n):
                    row[t] += weight * values[t]
            for j in range(A_ptr[p], A_ptr[p + 1]):
                weight, values = A[j], traces[A_at[j]]
                for t in range(n):
                    row[t] += weight * values[t]
        for i in range(n):
            for p in range(first, last):
                out[i, p] = few[p - first, i]


@njit(nogil=True, cache=True)
def take_frames(chunk: Numbers, start: int, scale: Real, out: Floats) -> None:
    """``out[i, p] = chunk[p, start + i] / scale``: int16 [pixels, frames] into frames, float32 [n, pixels]."""
    n, last = out.shape
    unit = np.float32(1) / scale
    # a few pixels at a time, so that what is read and written stays in the cache
    for first in range(0, last, TILE):
        for i in range(n):
            for p in range(first, min(first + TILE, last)):
                out[i, p] = chunk[p, start + i] * unit


@njit(nogil=True, cache=True)
def put_frames(frames: Floats, start: int, scale: Real, chunk: Numbers) -> None:
    """``chunk[p, start + i] = scale * frames[i, p]``, rounded, within int16: the reverse of :func:`take_frames`."""
    n, last = frames.shape
    few = np.empty((n, TILE), np.int16)
    for first in range(0, last, TILE):
        end = min(first + TILE, last)
        for i in range(n):
            frame, integers = frames[i, first:end], few[i]
            for p in range(len(frame)):
                value = np.rint(frame[p] * scale)
                integers[p] = np.int16(min(max(value, np.float32(-32768)), np.float32(32767)))
        for p in range(first, end):
            pixel = chunk[p, start : start + n]
            for i in range(n):
                pixel[i] = few[i, p - first]


@njit(nogil=True, cache=True)
def add_frames(frames: Floats, start: int, step: int, out: Floats) -> None:
    """``out[p, (start + i) // step] += frames[i, p]``. frames: float32 [n, pixels]; out: float32 [pixels, bins]."""
    n, last = frames.shape
    for first in range(0, last, TILE):
        for i in range(n):
            bin = (start + i) // step
            for p in range(first, min(first + TILE, last)):
                out[p, bin] += frames[i, p]


@njit(nogil=True, cache=True)
def correct_frame(
    frame: Floats,
    expected: Floats,
    dy: Floats,
    dx: Floats,
    down_rows: Floats,
    down_columns: Floats,
    right_rows: Floats,
    right_columns: Floats,
    rows: Bools,
    columns: Bools,
    ceiling: Real,
) -> None:
    """Take ``down * dy + right * dx`` from a frame; put what is expected where it was not covered or saturated.

    frame, expected, dy, dx: float32 [height, width]; down and right: float32, each the sum of a number of its row and
    one of its column; rows, columns: bool, not covered. A pixel that reaches the ceiling was at least as bright.
    """
    height, width = frame.shape
    for y in range(height):
        for x in range(width):
            if rows[y] or columns[x]:
                value = expected[y, x]
            else:
                down, right = down_rows[y] + down_columns[x], right_rows[y] + right_columns[x]
                value = frame[y, x] - (down * dy[y, x] + right * dx[y, x])
            frame[y, x] = max(expected[y, x], ceiling) if value >= ceiling else value


@njit(nogil=True, cache=True)
def add_covered(
    frames: Floats, rows: Bools, columns: Bools, first: int, last: int, total: Floats, count: Floats
) -> None:
    """Sum of what frames cover and how many they are, for the rows ``first`` to ``last``.

    frames: float32 [n, height, width]; rows, columns: bool [n, height], [n, width], not covered; total, count:
    float64, float32 [height, width].
    """
    for y in range(first, last):
        for i in range(len(frames)):
            if rows[i, y]:
                continue
            frame, gone, into, n = frames[i, y], columns[i], total[y], count[y]
            for x in range(len(frame)):
                seen = not gone[x]
                into[x] += frame[x] if seen else np.float32(0)
                n[x] += seen


@njit(nogil=True, cache=True)
def fill_uncovered(frames: Floats, rows: Bools, columns: Bools, mean: Floats, first: int, last: int) -> None:
    """Put the mean where frames do not cover the rows ``first`` to ``last``; see :func:`add_covered`."""
    for i in range(len(frames)):
        for y in range(first, last):
            if rows[i, y]:
                frames[i, y] = mean[y]
                continue
            frame, gone = frames[i, y], columns[i]
            for x in range(len(frame)):
                if gone[x]:
                    frame[x] = mean[y, x]


@njit(nogil=True, cache=True, fastmath=True)
def translate(frame: Floats, dy: float, dx: float, out: Floats) -> None:
    """``out[y, x] = frame[y - dy, x - dx]``, interpolated, the border being repeated beyond it.

    Cubic convolution (Keys 1981, IEEE Trans Acoust Speech Signal Process 29:1153, equation 4 with a = -0.75, as in
    OpenCV), which for a translation is four rows and four columns with the same weights everywhere.
    frame, out: float32 [height, width].
    """
    height, width = frame.shape
    top, left = int(np.floor(-dy)), int(np.floor(-dx))
    a, b, c, d = _cubic(-dy - top)
    e, f, g, h = _cubic(-dx - left)
    # column i is column i + left - 1 of the frame, which has those from ``first`` to ``last``
    line = np.empty(width + 3, np.float32)
    first = min(max(1 - left, 0), width + 3)
    last = max(min(width + 1 - left, width + 3), first)
    start, n = first + left - 1, last - first
    for y in range(height):
        r0 = frame[min(max(y + top - 1, 0), height - 1)]
        r1 = frame[min(max(y + top, 0), height - 1)]
        r2 = frame[min(max(y + top + 1, 0), height - 1)]
        r3 = frame[min(max(y + top + 2, 0), height - 1)]
        line[:first] = a * r0[0] + b * r1[0] + c * r2[0] + d * r3[0]
        line[last:] = a * r0[-1] + b * r1[-1] + c * r2[-1] + d * r3[-1]
        if n:
            # slices, because the compiler vectorises loops over whole arrays only
            q0, q1, q2, q3 = r0[start : start + n], r1[start : start + n], r2[start : start + n], r3[start : start + n]
            inner = line[first:last]
            for x in range(n):
                inner[x] = a * q0[x] + b * q1[x] + c * q2[x] + d * q3[x]
        l0, l1, l2, l3 = line[:width], line[1 : width + 1], line[2 : width + 2], line[3 : width + 3]
        row = out[y]
        for x in range(width):
            row[x] = e * l0[x] + f * l1[x] + g * l2[x] + h * l3[x]


@njit(nogil=True, cache=True)
def _cubic(f: float) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Weights of the pixels at -1, 0, 1 and 2 for a place ``f`` between 0 and 1."""
    a = -0.75
    w0 = ((a * (f + 1) - 5 * a) * (f + 1) + 8 * a) * (f + 1) - 4 * a
    w1 = ((a + 2) * f - (a + 3)) * f * f + 1
    w2 = ((a + 2) * (1 - f) - (a + 3)) * (1 - f) * (1 - f) + 1
    return np.float32(w0), np.float32(w1), np.float32(w2), np.float32(1 - w0 - w1 - w2)


@njit(nogil=True, cache=True)
def select(values: Floats, k: int) -> Any:
    """Give the ``k``-th smallest value (quickselect); the ``k`` smaller ones are brought before it."""
    low, high = 0, len(values)
    while high - low > 1:
        a, b, c = values[low], values[(low + high) // 2], values[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        # without a branch that depends on the values, which processors guess wrong half of the time
        middle = low
        for j in range(low, high):
            value = values[j]
            values[j] = values[middle]
            values[middle] = value
            middle += value < pivot
        if k < middle:
            high = middle
            continue
        low = middle
        for j in range(low, high):
            value = values[j]
            values[j] = values[middle]
            values[middle] = value
            middle += value <= pivot
        # nan, of which nothing is known, is not even as large as itself
        if k < middle or middle == low:
            return pivot
        low = middle
    return values[low]
