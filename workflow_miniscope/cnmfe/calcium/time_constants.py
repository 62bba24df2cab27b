"""Rise and decay time of the calcium, from the traces themselves.

The constants minimise the objective of :func:`deconvolution.sparse_deconvolution`, summed over the traces with the
highest signal to noise ratio, in units of their noise,

    sum_k [ sum_t (y - h * s)^2 / (2 sn^2)  +  EVENT_STANDARD_ERRORS |h| sum_t s / sn ]
        + RISE_WEIGHT n log2(rise / usual rise)^2,      n: values of all traces.

The penalty of the activity is what identifies the decay: with a kernel that is too short many more events are
needed, with one that is too long they do not fit. The rise is hardly seen where it is about as long as a frame or the
noise of a frame is large; there the last term keeps it at what indicators have (``RISE_OF_DECAY``), because a rise that
is wrong by more moves every event by a frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from ...movies.types import Floats
from ..arrays.workers import Workers
from .deconvolution import EVENT_STANDARD_ERRORS, TimeConstants, baseline, noise, sparse_deconvolution, spike_response
from .temporal import average
from .transients import skewness

#: s: rise times that are looked at, of calcium indicators in neurons (GCaMP8f to GCaMP6s in vivo, and slower ones)
RISE_LIMITS = (0.002, 0.6)
#: s: decay times that are looked at
DECAY_LIMITS = (0.03, 6.0)
#: rise at most, in units of the decay: longer ones are the same kernel with the two exchanged
LONGEST_RISE = 0.6
#: usual rise in units of the decay: GCaMP6f 0.05 and 0.5 s, GCaMP6s 0.2 and 1.5 s, GCaMP8f 0.01 and 0.1 s
RISE_OF_DECAY = 0.1
#: per frame: what a rise of twice or half the usual costs. The objective is about 0.5 a frame where only noise is left
RISE_WEIGHT = 0.02
#: frames in a decay time, from which on two and two are taken together: the time that a search takes grows with them
TOO_FINE = 16.0
#: traces with the highest signal to noise ratio that are looked at
BEST_TRACES = 15
#: skewness of a trace at least: what goes down as it goes up says nothing about transients
LEAST_SKEWNESS = 0.5
#: of its highest value: less noise than this is not believed, nothing fits a trace that well
LEAST_NOISE = 0.01
#: frames of each of these traces, around its highest value: a long recording gives what a short one does
TRACE_FRAMES = 2000
#: factors by which the constants are changed, until no change is better
FACTORS = (1.5, 1.2, 1.1)
#: frames/s: a faster camera's frames are taken together while the constants are looked for
SEARCH_RATE = 15.0
#: frames taken together in a decay time, from which nothing is gained by looking at single ones
RESOLVED = 12.0
#: s: decay time where the search starts
DECAY_START = 0.5


def usual(rise: float | None = None, decay: float | None = None) -> TimeConstants:
    """Give the time constants (s) that hold until those of the recording are known; what is given is kept."""
    if decay is None:
        decay = DECAY_START if rise is None else max(DECAY_START, rise / LONGEST_RISE)
    return TimeConstants(RISE_OF_DECAY * decay if rise is None else rise, decay)


def estimate(
    raw: Floats, fps: float, workers: Workers, rise: float | None = None, decay: float | None = None
) -> TimeConstants:
    """Find the rise and decay time that traces have in common.

    Parameters
    ----------
    raw : float [n, frames]
        Traces with their noise and any baseline.
    fps : float
        Frames per second.
    workers : Workers
        Traces are shared out over them.
    rise, decay : float, optional
        Seconds; what is given is kept, and only the other is looked for.

    Returns
    -------
    TimeConstants
        Rise and decay, s; the usual ones where no trace looks like calcium.
    """
    if rise is not None and decay is not None:
        return TimeConstants(rise, decay)
    clearest = _clearest(raw, fps * usual(rise, decay).decay)
    if not len(clearest):
        return usual(rise, decay)
    # frames of a fast camera are first taken together, which is enough for slow indicators
    together = max(1, int(fps / SEARCH_RATE))
    best = _search(average(clearest, together), fps / together, workers, rise, decay, usual(rise, decay))
    while best.decay * fps / together > TOO_FINE:
        together *= 2
        best = _search(average(clearest, together), fps / together, workers, rise, decay, best)
    if together > 1 and best[1] < RESOLVED / fps * together:
        best = _search(clearest, fps, workers, rise, decay, best)
    return best


def _search(
    traces: Floats,
    fps: float,
    workers: Workers,
    rise: float | None,
    decay: float | None,
    best: TimeConstants,
) -> TimeConstants:
    """Look for the constants from a start, by changes that become smaller, as long as they need so many frames."""
    sn = np.maximum(noise(traces), LEAST_NOISE * traces.max(axis=1) + 1e-12)
    known: dict[tuple[float, float], float] = {}

    def cost(pair: TimeConstants) -> float:
        key = (round(pair[0], 6), round(pair[1], 6))
        if key not in known:
            known[key] = _cost(traces, sn, spike_response(fps, *pair), workers)
            known[key] += RISE_WEIGHT * traces.size * float(np.log2(pair[0] / (RISE_OF_DECAY * pair[1]))) ** 2
        return known[key]

    for factor in FACTORS:
        while best.decay * fps <= TOO_FINE:
            candidate = min(_around(best, factor, rise is None, decay is None), key=cost, default=best)
            if not cost(candidate) < cost(best):
                break
            best = candidate
    return best


def _around(best: TimeConstants, factor: float, move_rise: bool, move_decay: bool) -> Iterator[TimeConstants]:
    """Give the pairs to try around one: each constant longer, as it is, and shorter by a factor."""
    steps = (1.0, factor, 1 / factor)
    for a, b in itertools.product(steps if move_rise else (1.0,), steps if move_decay else (1.0,)):
        rise, decay = best[0] * a, best[1] * b
        if move_rise and not (RISE_LIMITS[0] <= rise <= RISE_LIMITS[1] and rise <= LONGEST_RISE * decay):
            continue
        if move_decay and not (DECAY_LIMITS[0] <= decay <= DECAY_LIMITS[1] and rise <= LONGEST_RISE * decay):
            continue
        yield TimeConstants(rise, decay)


def _cost(traces: Floats, sn: Floats, kernel: Floats, workers: Workers) -> float:
    """Objective of the deconvolution with a kernel, summed over traces in units of their noise."""
    size = float(np.sqrt(kernel @ kernel))
    costs: Floats = np.zeros(len(traces))

    def some(first: int, last: int) -> None:
        for k in range(first, last):
            calcium, activity = sparse_deconvolution(traces[k], kernel, float(sn[k]))
            costs[k] = 0.5 * float(np.sum((traces[k] - calcium) ** 2)) / sn[k] ** 2
            costs[k] += EVENT_STANDARD_ERRORS * size * float(activity.sum()) / sn[k]

    workers.split(len(traces), some)
    return float(costs.sum())


def _clearest(raw: Floats, decay: float) -> Floats:
    """Give the upward traces with the highest signal to noise ratio around their highest value, baseline 0.

    ``decay``: of transients, about, in frames.
    """
    level = np.array([baseline(trace) for trace in raw])
    sn = np.maximum(noise(raw), 1e-12)
    order = np.argsort(-(raw.max(axis=1) - level) / sn, kind="stable")
    best = order[skewness(raw[order], decay) >= LEAST_SKEWNESS][:BEST_TRACES]
    length = min(raw.shape[1], TRACE_FRAMES)
    first = np.clip(raw[best].argmax(axis=1) - length // 2, 0, raw.shape[1] - length)
    clearest: Floats = np.zeros((len(best), length))
    for row, k, i in zip(clearest, best, first, strict=True):
        row[:] = raw[k, i : i + length] - level[k]
    return clearest
