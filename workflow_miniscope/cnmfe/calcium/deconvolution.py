"""From a noisy trace to calcium and activity.

The calcium of a spike is modelled by an autoregressive process (Friedrich et al. 2017, PLoS Comput Biol
13:e1005423): ``c_t = g c_{t-1} + s_t``, ``s_t >= 0`` (p = 1), or with a second coefficient for a rise that
takes longer than a frame (p = 2). For p = 1 the estimate

    min_{c, s}  1/2 sum_t (y_t - c_t)^2 + penalty sum_t s_t,     s_t = c_t - g c_{t-1} >= 0

is exact and takes one pass (OASIS). For p = 2 the kernel is the difference of two exponentials as a camera
sees it, see :func:`spike_response`, and the same problem is solved by coordinate descent.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit

from ...movies.types import Bools, Floats, Ints, Real
from ..arrays import kernels
from ..arrays.robust import MAD_TO_SD

#: an event enters when its amplitude is this many standard errors: noise alone seldom is as large
EVENT_STANDARD_ERRORS = 3.0
#: a longer rise is taken to be this fraction of the decay: with both alike the response would be 0
MOST_OF_DECAY = 0.99
#: decay times after which nothing is left of a transient (0.25 % of its peak)
RESPONSE_LENGTHS = 6.0
#: the baseline is the narrowest interval that holds one in this many values: cells are active less than that
BASELINE_PART = 4
#: ends of the final deconvolution: no value changes by more than this, in units of the noise
FINAL_PRECISION = 0.02
#: and after so many passes over the trace
FINAL_SWEEPS = 60
#: part of the way to the best value of one frame that a hasty pass goes, from the second one on: neighbouring frames
#: have nearly the same response, and activity moves from one to the other in small steps (successive over-relaxation)
RELAXATION = 1.5


class TimeConstants(NamedTuple):
    """Time constants of calcium after a spike, s."""

    rise: float
    decay: float


def noise(trace: Floats) -> Floats:
    """Give the standard deviation of the white noise in traces, from their second differences (last axis).

    ``y_t - (y_{t-1} + y_{t+1}) / 2`` removes what changes slowly and has 3/2 of the noise variance. Of its
    absolute values the median counts: transients are rare and do not enter.
    """
    frames = trace.shape[-1]
    medians = np.zeros(trace.shape[:-1], trace.dtype)
    if frames > 2:
        _median_differences(np.ascontiguousarray(trace).reshape(-1, frames), medians.reshape(-1))
    sd: Floats = MAD_TO_SD * medians[()] / np.sqrt(1.5)
    return sd


@njit(nogil=True, cache=True)
def _median_differences(traces: Floats, out: Floats) -> None:
    """Median of the absolute second differences that :func:`noise` is made of; traces [n, frames], out [n]."""
    n = traces.shape[1] - 2
    values, half = np.empty(n, traces.dtype), traces.dtype.type(0.5)
    for k in range(len(traces)):
        trace = traces[k]
        for t in range(n):
            values[t] = abs(trace[t + 1] - half * (trace[t] + trace[t + 2]))
        out[k] = kernels.select(values, n // 2)
        if n % 2 == 0:
            # what is smaller was put before it
            out[k] = (out[k] + values[: n // 2].max()) / 2


def baseline(traces: Floats) -> Floats:
    """Level of traces without transients: mean of the narrowest interval that holds a quarter of their values.

    The mode of the values (half-sample mode with a quarter): a percentile would depend on how often the cell is
    active. traces [..., frames].
    """
    values = np.sort(traces, axis=-1)
    frames = values.shape[-1]
    quarter = max(1, frames // BASELINE_PART)
    width = values[..., quarter:] - values[..., : frames - quarter]
    first = width.argmin(axis=-1) if frames > quarter else np.zeros(values.shape[:-1], int)
    inside = first[..., None] + np.arange(quarter)
    level: Floats = np.take_along_axis(values, inside, axis=-1).mean(axis=-1)
    return level


@njit(nogil=True, cache=True)
def oasis(y: Floats, g: Real, penalty: Real) -> Floats:
    """OASIS for p = 1: calcium of a trace whose baseline is 0.

    Parameters
    ----------
    y : float64 [frames]
        Trace minus baseline.
    g : float
        Decay from frame to frame, ``exp(-1 / (fps tau))``.
    penalty : float
        Weight of the sum of the activity.

    Returns
    -------
    float64 [frames]
    """
    frames = len(y)
    value, weight = np.empty(frames), np.empty(frames)
    start, length = np.empty(frames, np.int64), np.empty(frames, np.int64)
    n = 0
    for t in range(frames):
        value[n] = y[t] - penalty * (1 - g if t < frames - 1 else 1.0)
        weight[n], start[n], length[n] = 1.0, t, 1
        n += 1
        while n > 1 and value[n - 1] < value[n - 2] * g ** length[n - 2]:
            f = g ** length[n - 2]
            total = weight[n - 2] + weight[n - 1] * f * f
            value[n - 2] = (weight[n - 2] * value[n - 2] + weight[n - 1] * value[n - 1] * f) / total
            weight[n - 2] = total
            length[n - 2] += length[n - 1]
            n -= 1
    c = np.empty(frames)
    for i in range(n):
        level = max(value[i], 0.0)
        for j in range(length[i]):
            c[start[i] + j] = level
            level *= g
    return c


def spike_response(fps: float, rise: float, decay: float, lengths: float = RESPONSE_LENGTHS) -> Floats:
    """Calcium that a camera sees after a spike: ``exp(-t / decay) - exp(-t / rise)``, averaged over frames.

    A frame is the mean over its exposure, and the spike falls anywhere in the first frame; both are averages
    over one frame interval. Without them the activity comes out up to one frame late.

    Parameters
    ----------
    fps : float
        Frames per second.
    rise, decay : float
        Time constants, s.
    lengths : float
        Length of the kernel in decay times.

    Returns
    -------
    float64 [n]
        Largest value 1.
    """
    n = max(2, int(np.ceil(lengths * decay * fps)))

    def twice_integrated(t: Floats, tau: float) -> Floats:
        # integral over both averages of exp(-t / tau) from t = 0, at the ends of the frames
        t = np.maximum(t, 0)
        integral: Floats = tau * t - tau**2 * (1 - np.exp(-t / tau))
        return integral

    t = np.arange(-1, n + 1) / fps
    falling, rising = (np.diff(twice_integrated(t, tau), 2) for tau in (decay, min(rise, MOST_OF_DECAY * decay)))
    kernel = falling - rising
    response: Floats = kernel / kernel.max()
    return response


def overlaps(kernel: Floats) -> Floats:
    """``sum_{j < m} h_j h_{j + d}`` for each lag d and number of terms m, float64 [n, n + 1].

    Two responses overlap in all their frames unless the recording ends before. All traces share a kernel: it is
    computed once.
    """
    return _known_overlaps(kernel.astype(np.float64).tobytes())


@lru_cache(maxsize=4)
def _known_overlaps(kernel: bytes) -> Floats:
    return _sum_overlaps(np.frombuffer(kernel).copy())


@njit(nogil=True, cache=True)
def _sum_overlaps(h: Floats) -> Floats:
    length = len(h)
    out = np.zeros((length, length + 1))
    for d in range(length):
        for m in range(length - d):
            out[d, m + 1] = out[d, m] + h[m] * h[m + d]
        out[d, length - d + 1 :] = out[d, length - d]
    return out


@njit(nogil=True, cache=True)
def descend(
    y: Floats,
    seen: Bools,
    h: Floats,
    overlaps: Floats,
    penalty: Real,
    s: Floats,
    sweeps: int,
    tolerance: Real,
    hasty: bool,
) -> Floats:
    """Coordinate descent from ``s`` = 0, which is changed. Returns ``y`` minus the calcium of ``s``.

    The slope of the error at every frame is kept up to date: a frame without activity costs one comparison. ``y`` is
    0 where ``seen`` is false: these frames are missing. Two responses overlap as :func:`overlaps` has it unless frames
    are missing in what they have in common.

    In haste a frame becomes active only where its slope is no smaller than those beside it: else the frames around an
    event take it up between them, and give it back in many passes. The calcium comes out as well in fewer passes; but
    an event is in one frame then, and where that is wrong by one, nothing of the activity is in the right one.
    """
    frames, length = len(y), len(h)
    missing = _missing_before(seen)
    slope = _slopes(y, h)
    whole = _whole_overlaps(overlaps)
    for sweep in range(sweeps):
        largest = 0.0
        part = RELAXATION if hasty and sweep else 1.0
        for t in range(frames):
            if s[t] == 0 and (
                slope[t] <= penalty
                or (hasty and t > 0 and slope[t - 1] > slope[t])
                or (hasty and t + 1 < frames and slope[t + 1] > slope[t])
            ):
                continue
            all_seen = t + length <= frames and missing[t + length] == missing[t]
            # some frame sees what has a slope: the overlap of a response with itself is not 0
            own = overlaps[0, length] if all_seen else _overlap(t, 0, seen, missing, h, overlaps)
            value = max(0.0, s[t] + part * (slope[t] - penalty) / own)
            change = value - s[t]
            if change == 0:
                continue
            s[t] = value
            if all_seen:
                first = max(0, t - length + 1)
                near, shared = slope[first : t + length], whole[first - t + length - 1 : 2 * length - 1]
                for u in range(len(near)):
                    near[u] -= change * shared[u]
            else:
                for u in range(max(0, t - length + 1), min(frames, t + length)):
                    slope[u] -= change * _overlap(max(t, u), abs(t - u), seen, missing, h, overlaps)
            largest = max(largest, abs(change))
        if largest < tolerance:
            break
    return _without_calcium(y, s, h)


@njit(nogil=True, inline="always")
def _missing_before(seen: Bools) -> Ints:
    """How many frames are missing before each frame, and in all, int64 [frames + 1]."""
    missing = np.zeros(len(seen) + 1, np.int64)
    for t in range(len(seen)):
        missing[t + 1] = missing[t] + (not seen[t])
    return missing


@njit(nogil=True, inline="always")
def _slopes(y: Floats, h: Floats) -> Floats:
    """Products of a trace with the response to a spike in each frame, float64 [frames]."""
    frames = len(y)
    slope = np.zeros(frames)
    for j in range(min(len(h), frames)):
        weight, later = h[j], y[j:]
        for t in range(frames - j):
            slope[t] += weight * later[t]
    return slope


@njit(nogil=True, inline="always")
def _whole_overlaps(overlaps: Floats) -> Floats:
    """Overlap of one whole response with those that begin up to a length before it and after it."""
    length = len(overlaps)
    whole = np.empty(2 * length - 1)
    for lag in range(length):
        whole[length - 1 - lag] = whole[length - 1 + lag] = overlaps[lag, length - lag]
    return whole


# a function of its own: inlined, it would count the uses of all arrays each time, which takes longer than what it does
@njit(nogil=True, cache=True)
def _overlap(later: int, lag: int, seen: Bools, missing: Ints, h: Floats, overlaps: Floats) -> float:
    """Overlap of the response to a spike in frame ``later`` with that to one ``lag`` frames before, where seen."""
    n = min(len(h) - lag, len(seen) - later)
    total = 0.0
    if missing[later + n] == missing[later]:
        total = overlaps[lag, n]
    else:
        for j in range(n):
            if seen[later + j]:
                total += h[j] * h[j + lag]
    return total


@njit(nogil=True, inline="always")
def _without_calcium(y: Floats, s: Floats, h: Floats) -> Floats:
    """Give a trace minus the calcium of an activity, float64 [frames]."""
    frames, length = len(y), len(h)
    residual = y.copy()
    for t in range(frames):
        if s[t] != 0:
            for j in range(min(length, frames - t)):
                residual[t + j] -= s[t] * h[j]
    return residual


def deconvolve(
    y: Floats, kernel: Floats, penalty: float, tolerance: float, sweeps: int = FINAL_SWEEPS, hasty: bool = False
) -> tuple[Floats, Floats]:
    """Non-negative deconvolution with any kernel, by coordinate descent.

    Parameters
    ----------
    y : float64 [frames]
        Trace minus baseline.
    kernel : float64 [n]
        Response to a spike.
    penalty : float
        Weight of the sum of the activity.
    tolerance : float
        Ends when no value changes by more.
    sweeps : int
        And after so many passes over the trace.
    hasty : bool
        For the calcium alone, see :func:`descend`.

    Returns
    -------
    tuple of float64 [frames]
        Calcium and activity.
    """
    s = np.zeros(len(y))
    seen = np.ones(len(y), bool)
    residual = descend(y, seen, kernel, overlaps(kernel), penalty, s, sweeps, tolerance, hasty)
    # a sum of responses is not negative; the difference of two large numbers may be, by rounding
    return np.maximum(y - residual, 0), s


def sparse_deconvolution(
    y: Floats,
    kernel: Floats,
    sn: float,
    precision: float = FINAL_PRECISION,
    sweeps: int = FINAL_SWEEPS,
    hasty: bool = False,
) -> tuple[Floats, Floats]:
    """:func:`deconvolve` with the penalty that lets in events of at least ``EVENT_STANDARD_ERRORS``.

    The amplitude of a single event has the standard error ``sn / |kernel|``, so the slope of the error at 0
    exceeds the penalty ``EVENT_STANDARD_ERRORS sn |kernel|`` exactly if the event is that much larger than its error.
    It ends when no value changes by more than ``precision`` times the noise.
    """
    size = float(np.sqrt(kernel @ kernel))
    return deconvolve(y, kernel, EVENT_STANDARD_ERRORS * sn * size, precision * sn, sweeps, hasty)
