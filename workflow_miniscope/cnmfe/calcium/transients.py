"""Has a trace calcium transients? They go up only, and rise faster than they fall.

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


def _averaged(trace: Floats, decay: float) -> Floats:
    averaged: Floats = uniform_filter1d(trace.astype(np.float64), max(1, round(AVERAGED_DECAY * decay)))
    return averaged


def _third_moment(values: Floats, central: bool = True) -> float:
    values = values - values.mean() if central else values
    power = float(np.mean(values**2))
    return float(np.mean(values**3)) / power**1.5 if power > 0 else 0.0
