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

from ...movies.types import Floats, Ints, Real
from .deconvolution import EVENT_STANDARD_ERRORS, FINAL_PRECISION, FINAL_SWEEPS, descend, overlaps


def factors(steps: Ints, g: float, longest: int) -> Floats:
    """What is left in each frame of the calcium of the frame before, ``g ** steps``, float64 [frames].

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
    seen = np.zeros(places[-1] + 1, bool)
    seen[places] = True
    filled = np.zeros(len(seen))
    filled[places] = y
    s = np.zeros(len(seen))
    penalty = EVENT_STANDARD_ERRORS * sn * float(np.sqrt(kernel @ kernel))
    residual = descend(filled, seen, kernel, overlaps(kernel), penalty, s, sweeps, precision * sn)
    since = np.r_[0, places[:-1] + 1]
    return np.maximum(y - residual[places], 0), np.add.reduceat(s, since)
