"""Deconvolution of traces with missing frames.

The problems are those of :mod:`deconvolution` on the regular grid of frame intervals, with the sums of squares taken
over the frames that were recorded alone:

    min_s  1/2 sum_{t recorded} (y_t - (h * s)_t)^2 + penalty sum_t s_t,     s >= 0.

Missing frames are neither zeros, which would end every transient in a gap and begin another after it, nor filled with
a straight line, which is no decay and would count as if it had been measured. Activity in a gap is possible, but when
it was is not known: it is given to the first frame after it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ...movies.types import Bools, Floats, Ints, Real
from .deconvolution import EVENT_STANDARD_ERRORS, FINAL_PRECISION, FINAL_SWEEPS, descend, overlaps


def factors(steps: Ints, g: float, longest: int) -> Floats:
    """Give what is left in each frame of the calcium of the frame before, ``g ** steps``, float64 [frames].

    Parameters
    ----------
    steps : int64 [frames]
        Frame intervals since the frame before.
    g : float
        Decay over one frame interval.
    longest : int
        From so many on nothing is left: 0.
    """
    return np.where(steps < longest, float(g) ** steps, 0.0)


@njit(nogil=True, cache=True)
def oasis(y: Floats, factors: Floats, penalty: Real) -> Floats:
    """OASIS (Friedrich et al. 2017) for p = 1 with a decay of its own from each frame to the next.

    As ``c_t = factor_t c_{t-1} + s_t`` says all of the past, missing frames need not be in the problem, and the
    solution is exact: an event in a gap costs more than one in the frame after it, so there is none.

    Parameters
    ----------
    y : float64 [frames]
        Trace minus baseline, recorded frames.
    factors : float64 [frames]
        See :func:`factors`; that of the first frame does not count.
    penalty : float
        Weight of the sum of the activity.

    Returns
    -------
    float64 [frames]
        Calcium.
    """
    frames = len(y)
    # of each pool: calcium at its beginning, weight, decay from its first frame to its last, first frame, length
    value, weight, across = np.empty(frames), np.empty(frames), np.empty(frames)
    start, length = np.empty(frames, np.int64), np.empty(frames, np.int64)
    n = 0
    for t in range(frames):
        kept = factors[t + 1] if t < frames - 1 else 0.0
        value[n] = y[t] - penalty * (1 - kept)
        weight[n], across[n], start[n], length[n] = 1.0, 1.0, t, 1
        n += 1
        while n > 1:
            f = across[n - 2] * factors[start[n - 1]]
            if value[n - 1] >= value[n - 2] * f:
                break
            total = weight[n - 2] + weight[n - 1] * f * f
            value[n - 2] = (weight[n - 2] * value[n - 2] + weight[n - 1] * value[n - 1] * f) / total
            weight[n - 2] = total
            across[n - 2] = f * across[n - 1]
            length[n - 2] += length[n - 1]
            n -= 1
    c = np.empty(frames)
    for i in range(n):
        level = max(value[i], 0.0)
        for t in range(start[i], start[i] + length[i]):
            if t > start[i]:
                level *= factors[t]
            c[t] = level
    return c


def sparse_deconvolution(
    y: Floats,
    steps: Ints,
    kernel: Floats,
    sn: float,
    precision: float = FINAL_PRECISION,
    sweeps: int = FINAL_SWEEPS,
) -> tuple[Floats, Floats]:
    """:func:`deconvolution.sparse_deconvolution` of a trace with missing frames.

    Events may begin in missing frames, for what follows them shows whether they had risen already.

    Parameters
    ----------
    y : float64 [frames]
        Trace minus baseline, recorded frames.
    steps : int64 [frames]
        Frame intervals since the frame before; the length of the kernel is as good as any that is longer.
    kernel : float64 [n]
        Response to a spike, on the regular grid.
    sn : float
        Noise.
    precision : float
        Ends when no value changes by more than this times the noise.
    sweeps : int
        And after so many passes over the trace.

    Returns
    -------
    tuple of float64 [frames]
        Calcium, and activity: that of the frame and of those missing before it.
    """
    places = np.cumsum(steps)
    places = places - places[0]
    calcium, s = _on_grid(y, places, kernel, sn, precision, sweeps)
    since = np.r_[0, places[:-1] + 1]
    return calcium[places], np.add.reduceat(s, since)


def deconvolution_with_unseen(
    y: Floats,
    places: Ints,
    rows: Ints,
    kernel: Floats,
    sn: float,
    precision: float = FINAL_PRECISION,
    sweeps: int = FINAL_SWEEPS,
) -> tuple[Floats, Floats]:
    """:func:`sparse_deconvolution` where some of the missing frames exist and were left out.

    These get what the frames around say of them: what happened while they were recorded is no activity of the first
    frame after them.

    Parameters
    ----------
    y, kernel, sn, precision, sweeps
        See :func:`sparse_deconvolution`.
    places : int64 [frames]
        Of the frames of the trace on the regular grid; the first is 0.
    rows : int64 [rows]
        Of these and the frames that were left out, from the first to the last of the trace.

    Returns
    -------
    tuple of float64 [rows]
        Calcium, and activity: that of the frame and of those missing before it.
    """
    calcium, s = _on_grid(y, places, kernel, sn, precision, sweeps)
    return calcium[rows], np.add.reduceat(s, np.r_[0, rows[:-1] + 1])


def _on_grid(
    y: Floats, places: Ints, kernel: Floats, sn: float, precision: float, sweeps: int
) -> tuple[Floats, Floats]:
    """Calcium and activity in all places of the regular grid."""
    seen = np.zeros(places[-1] + 1, bool)
    seen[places] = True
    filled = np.zeros(len(seen))
    filled[places] = y
    s = np.zeros(len(seen))
    penalty = EVENT_STANDARD_ERRORS * sn * float(np.sqrt(kernel @ kernel))
    residual = descend(filled, seen, kernel, overlaps(kernel), penalty, s, sweeps, precision * sn, False)
    return np.maximum(filled - residual, 0), s


def between(traces: Floats, used: Bools, decay: float, longest: int) -> Floats:
    """Traces in all frames from those of the frames that were used.

    A straight line leads over a short gap. In a long one nothing is known: calcium falls from what it was before, and
    is 0 before the first frame.

    Parameters
    ----------
    traces : float32 [n, used frames]
        Calcium.
    used : bool [frames]
        The frames that they belong to.
    decay : float
        Part that is left after a frame.
    longest : int
        Frames after which nothing is left of a transient: a gap so long is a long one.

    Returns
    -------
    float32 [n, frames]
    """
    out: Floats = np.zeros((len(traces), len(used)), np.float32)
    at = np.flatnonzero(used)
    out[:, at] = traces
    for before, after in zip(at, np.append(at[1:], len(used)), strict=True):
        gap = after - before - 1
        if not gap:
            continue
        since = np.arange(1, gap + 1)
        if after < len(used) and gap < longest:
            part = (since / (gap + 1)).astype(np.float32)
            out[:, before + 1 : after] = out[:, [before]] * (1 - part) + out[:, [after]] * part
        else:
            out[:, before + 1 : after] = out[:, [before]] * (decay**since).astype(np.float32)
    return out


def spread(values: Floats, used: Bools) -> Floats:
    """Values [n, used frames] put into all frames, [n, frames], with 0 in the others."""
    out: Floats = np.zeros((len(values), len(used)), values.dtype)
    out[:, used] = values
    return out
