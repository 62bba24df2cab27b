"""Whether it is worth looking for more cells.

A movie of compression blocks, or of noise of another kind, has seeds everywhere, and each round of seeds finds more of
them. What a round found tells it from a recording with cells, in which some of the candidates look like cells
from the beginning.
"""

from __future__ import annotations

from ..calcium.deconvolution import TimeConstants, spike_response
from ..model.fit import Fit
from ..parameters import Parameters
from . import acceptance, quality, shape

#: candidates from which on their properties say something about the movie
MANY = 200
#: part of them that would be accepted as they are, at least
SOME = 0.01


def poor(fit: Fit, params: Parameters, times: TimeConstants, fps: float, gSig: float) -> bool:
    """Whether there are many candidates, and hardly any of them looks like a cell.

    Parameters
    ----------
    fit : Fit
        The model, its traces fitted.
    params : Parameters
        Those of :func:`.acceptance.evaluate`.
    times : TimeConstants
        Of the calcium.
    fps : float
        Frames per second.
    gSig : float
        Size of a soma (sigma), working pixels.
    """
    cells = ~fit.components.surround
    if cells.sum() < MANY:
        return False
    measured = quality.measure(fit, fit.raw_traces(), spike_response(fps, *times), times.decay * fps)
    measured |= shape.of_footprints(fit.components, gSig)
    accepted, _ = acceptance.evaluate({name: values[cells] for name, values in measured.items()}, params)
    return bool(accepted.mean() < SOME)
