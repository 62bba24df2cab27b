"""Which components are accepted: CaImAn's rule, and a probability of being a cell. Every refusal has a reason."""

from __future__ import annotations

import numpy as np

from ...movies.types import Bools, Floats
from ...results.caiman import Evaluation
from ..parameters import Parameters
from . import probability

#: of what calcium leaves after half a decay time, at least: events that are over at once are faults of single frames
LEAST_PERSISTENCE = 0.4
#: consistency of a footprint with what lights up, whatever the signal to noise ratio is
LEAST_CONSISTENCY = 0.6
#: gSig: width of a footprint, from few pixels to that of a cell far out of focus
WIDTH_LIMITS = (1.5, 12.0)


def evaluate(properties: dict[str, Floats], params: Parameters) -> tuple[Bools, Evaluation]:
    """Decide on each component, whatever the others are.

    CaImAn's rule comes first: one of signal to noise ratio and consistency is good, and none is bad. It takes what the
    background leaves behind for cells where that is bright or its noise is not white; the probability does not.

    Parameters
    ----------
    properties : dict of float64 [components]
        Of :func:`.quality.measure`.
    params : Parameters
        ``min_SNR``, ``rval_thr``, ``SNR_lowest``, ``rval_lowest``, ``use_ecc``, ``max_ecc``, ``min_probability``.

    Returns
    -------
    accepted : bool [components]
    Evaluation
        With a reason for each one that is not.
    """
    chance = probability.probability(properties)
    unlikely = chance < params.min_probability
    snr, r, ecc = (properties[name] for name in ("snr", "consistency", "eccentricity"))
    reasons = np.array(probability.reasons(properties, unlikely), dtype=object)
    long = (ecc > params.max_ecc) & params.use_ecc
    # what comes later in this list is said first
    refusals = (
        ((snr < params.min_SNR) & (r < params.rval_thr), "neither min_SNR nor rval_thr is reached"),
        (properties["persistence"] < LEAST_PERSISTENCE, "its events are shorter than a calcium transient"),
        (r < LEAST_CONSISTENCY, "its footprint is not what lights up with its trace"),
        (properties["width"] < WIDTH_LIMITS[0], "its footprint is smaller than any soma"),
        (properties["width"] > WIDTH_LIMITS[1], "its footprint is wider than any soma"),
        (long, "it is longer than max_ecc allows"),
        (r < params.rval_lowest, "its consistency is below rval_lowest"),
        (snr < params.SNR_lowest, "its signal to noise ratio is below SNR_lowest"),
    )
    accepted = ~unlikely
    for refused, reason in refusals:
        accepted &= ~refused
        reasons[refused] = reason
    return accepted, Evaluation(chance, properties, list(reasons), probability.model().name)
