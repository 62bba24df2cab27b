"""Has a trace calcium transients? They go up only, rise faster than they fall, and last.

Light of the background, of vessels, of compression or of a part of the field that moves goes up as it goes down. The
third moments of a trace and of its changes tell these apart, whatever the size of the signal.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from ...movies.types import Floats

#: decay times: the trace is averaged over so long before its changes are taken, against noise
AVERAGED_DECAY = 0.6
#: decay times between the two values whose difference is a change
CHANGE_DECAY = 0.3
#: decay times after which something of an event must be left
PERSISTENCE_DECAY = 0.5


def skewness(traces: Floats, decay: float) -> Floats:
    """Skewness of averaged traces, float64 [components]: 0 for what goes up as it goes down.

    Parameters
    ----------
    traces : float32 [components, frames]
        Traces with their noise.
    decay : float
        Decay time of a transient in frames.
    """
    return np.array([_third_moment(_averaged(trace, decay)) for trace in traces])


def rise_skewness(traces: Floats, decay: float) -> Floats:
    """Skewness of the changes of averaged traces, float64 [components]: 0 for what rises as fast as it falls.

    Parameters
    ----------
    traces, decay
        See :func:`skewness`.
    """
    lag = max(1, round(CHANGE_DECAY * decay))
    averaged = (_averaged(trace, decay) for trace in traces)
    # a change has no mean of its own
    return np.array([_third_moment(trace[lag:] - trace[:-lag], central=False) for trace in averaged])


def persistence(traces: Floats, kernel: Floats, decay: float) -> Floats:
    """How much is left of events after a while, as a fraction of what calcium leaves, float64 [components].

    About 1 for transients, 0 for events of a single frame; the noise does not enter a third moment.

    Parameters
    ----------
    traces : float32 [components, frames]
        Traces with their noise.
    kernel : float64 [n]
        Calcium after a spike.
    decay : float
        Decay time of a transient in frames.
    """
    lag = max(1, round(PERSISTENCE_DECAY * decay))
    expected = _left(np.concatenate([kernel, np.zeros(lag)]), lag)
    left = (_left(trace - np.median(trace), lag) for trace in traces.astype(np.float64))
    return np.array([value / expected if expected > 0 else 1.0 for value in left])


def _left(values: Floats, lag: int) -> float:
    cubes = float(np.sum(values**3))
    return float(np.sum(values[:-lag] ** 2 * values[lag:])) / cubes if cubes > 0 else 0.0


def _averaged(trace: Floats, decay: float) -> Floats:
    averaged: Floats = uniform_filter1d(trace.astype(np.float64), max(1, round(AVERAGED_DECAY * decay)))
    return averaged


def _third_moment(values: Floats, central: bool = True) -> float:
    values = values - values.mean() if central else values
    power = float(np.mean(values**2))
    return float(np.mean(values**3)) / power**1.5 if power > 0 else 0.0
