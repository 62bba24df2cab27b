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
#: likeness of neighbouring pixels where a component lights up: a sharp disk 5 pixels wide has 0.75, cells 0.85 and more
LEAST_SMOOTHNESS = 0.6
#: part of its light that is there only while something passes by, at most
MOST_PASSING = 0.8
#: gSig: width of a footprint, from few pixels to that of a cell far out of focus
WIDTH_LIMITS = (1.2, 9.0)
#: gSig: a quarter of the cells at least are narrower than this, unless the whole field is out of focus
FOCUSED_WIDTH = 4.7
#: why cells are refused of a field that is out of focus
OUT_OF_FOCUS = "no footprint of the field is as narrow as a soma: it is out of focus"


def evaluate(properties: dict[str, Floats], params: Parameters, size_given: bool = True) -> tuple[Bools, Evaluation]:
    """Decide on each component.

    What the others are counts in two ways: how many of them look like cells, and whether any of them is in focus.

    CaImAn's rule comes first: one of signal to noise ratio and consistency is good, and none is bad. It takes what the
    background leaves behind for cells where that is bright or its noise is not white; the probability does not.

    Parameters
    ----------
    properties : dict of float64 [components]
        Of :func:`.quality.measure`.
    params : Parameters
        ``min_SNR``, ``rval_thr``, ``SNR_lowest``, ``rval_lowest``, ``use_ecc``, ``max_ecc``, ``min_probability``; with
        a ``min_probability`` of 0 the rule is CaImAn's alone.
    size_given : bool
        ``gSig`` was given, and not suggested: then cells may be wider, because it may be too small.

    Returns
    -------
    accepted : bool [components]
    Evaluation
        With a reason for each one that is not.
    """
    chance = probability.in_recording(probability.probability(properties))
    unlikely = chance < params.min_probability
    snr, r, ecc = (properties[name] for name in ("snr", "consistency", "eccentricity"))
    reasons = np.array(probability.reasons(properties, unlikely), dtype=object)
    long = (ecc > params.max_ecc) & params.use_ecc
    # what comes later in this list is said first
    refusals: tuple[tuple[Bools, str], ...] = (
        ((snr < params.min_SNR) & (r < params.rval_thr), "neither min_SNR nor rval_thr is reached"),
        *(_impossible(properties) if params.min_probability > 0 else ()),
        (long, "it is longer than max_ecc allows"),
        (r < params.rval_lowest, "its consistency is below rval_lowest"),
        (snr < params.SNR_lowest, "its signal to noise ratio is below SNR_lowest"),
    )
    accepted = ~unlikely
    for refused, reason in refusals:
        accepted &= ~refused
        reasons[refused] = reason
    if not size_given and params.min_probability > 0 and out_of_focus(properties["width"][accepted]):
        reasons[accepted] = OUT_OF_FOCUS
        accepted[:] = False
    return accepted, Evaluation(chance, properties, list(reasons), probability.model().name)


def _impossible(properties: dict[str, Floats]) -> tuple[tuple[Bools, str], ...]:
    """Give what no cell is like, however clear the rest of it is."""
    width = properties["width"]
    return (
        (properties["persistence"] < LEAST_PERSISTENCE, "its events are shorter than a calcium transient"),
        (properties["consistency"] < LEAST_CONSISTENCY, "its footprint is not what lights up with its trace"),
        (properties["smoothness"] < LEAST_SMOOTHNESS, "its pixels flash alone, not with their neighbours"),
        (properties.get("passing", np.zeros(len(width))) > MOST_PASSING, "it lights up while something passes by"),
        (width < WIDTH_LIMITS[0], "its footprint is smaller than any soma"),
        (width > WIDTH_LIMITS[1], "its footprint is wider than any soma"),
    )


def out_of_focus(widths: Floats) -> bool:
    """Whether cells of these widths (gSig) are of a field in which nothing is in focus."""
    return len(widths) > 0 and float(np.quantile(widths, 0.25)) > FOCUSED_WIDTH
