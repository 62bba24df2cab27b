"""The inner loops over the movie: compiled, without Python's lock, each output element computed by one thread."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, fastmath=True)
def add_weighted_rows(chunk, indptr, indices, weights, first, last, out):
    """``out[k] += sum_p weights[k, p] * chunk[p]`` for the rows ``first`` to ``last`` of a CSR matrix.

    chunk: int16 or float32 [pixels, frames]; out: float32 [rows, frames].
    """
    frames = out.shape[1]
    for k in range(first, last):
        row = out[k]
        for j in range(indptr[k], indptr[k + 1]):
            weight = np.float32(weights[j])
            pixel = chunk[indices[j]]
            for t in range(frames):
                row[t] += weight * pixel[t]


@njit(nogil=True, cache=True, fastmath=True)
def add_window_products(chunk, width, height, tops, lefts, side, traces, first, last, out):
    """``out[k, i, j] += sum_t chunk[pixel(k, i, j), t] * traces[k, t]`` over a square window of each trace.

    The window of trace k is the ``side`` x ``side`` pixels from row ``tops[k]`` and column ``lefts[k]``; those
    outside the field are left as they are. chunk: int16 [height * width, frames]; traces: float32 [k, frames];
    out: float64 [k, side, side].
    """
    frames = traces.shape[1]
    for k in range(first, last):
        trace = traces[k]
        for i in range(side):
            y = tops[k] + i
            if y < 0 or y >= height:
                continue
            for j in range(side):
                x = lefts[k] + j
                if x < 0 or x >= width:
                    continue
                pixel = chunk[y * width + x]
                total = np.float32(0)
                for t in range(frames):
                    total += trace[t] * pixel[t]
                out[k, i, j] += total


@njit(nogil=True, cache=True, fastmath=True)
def subtract_model(frames, indptr, indices, weights, traces, first, last):
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
def average_frames(chunk, width, scale, first, last, out):
    """``out[p, i] = scale * mean of chunk[p, i * width : (i + 1) * width]`` for the pixels ``first`` to ``last``.

    chunk: int16 [pixels, frames]; out: float32 [pixels, bins]. The last bin holds the frames that are left.
    """
    frames, bins = chunk.shape[1], out.shape[1]
    for p in range(first, last):
        pixel = chunk[p]
        for i in range(bins):
            end = min((i + 1) * width, frames)
            total = np.int32(0)
            for t in range(i * width, end):
                total += pixel[t]
            out[p, i] = np.float32(total) * scale / np.float32(end - i * width)
