"""The probability that a component is a cell, from what was measured of it.

A logistic regression over a few properties that mean the same in every recording, see :data:`PROPERTIES`. Its weights
are in ``probability.json``, which ``benchmarks/train_probability.py`` makes from simulated recordings of several kinds;
each property can only speak in one direction, so that the model says nothing that a person looking at the component
would not. How frequent cells are among the candidates of a recording, the recording itself tells
(:func:`in_recording`). A probability is only as good as the simulated recordings are like the real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from ...movies.types import Bools, Floats


@dataclass(frozen=True)
class Property:
    """How a property enters the model.

    Attributes
    ----------
    low, high : float
        What is beyond counts as these.
    scale : callable
        To a scale on which equal steps mean about as much everywhere.
    good : int
        1: cells have more of it. -1: cells have less.
    against : str
        Why a component is refused that lacks it.
    """

    low: float
    high: float
    scale: Callable[[Floats], Floats]
    good: int
    against: str


def _third_moment(values: Floats) -> Floats:
    return np.asarray(np.arcsinh(3 * values))


def _near_one(values: Floats) -> Floats:
    return np.asarray(-np.log(1.01 - values))


#: by name: skewness of the changes and of the values of the trace, its signal to noise ratio, consistency of the
#: footprint (r_values), its width in gSig, the part of its light that lies within a soma around its peak
PROPERTIES = {
    "rise_skewness": Property(-0.5, 3, _third_moment, 1, "its trace falls as fast as it rises"),
    "skewness": Property(-1, 4, np.asarray, 1, "its trace goes down as it goes up"),
    "snr": Property(0.3, 20, np.log, 1, "its trace hardly stands out of the noise"),
    "consistency": Property(0, 1, _near_one, 1, "its footprint is not what lights up with its trace"),
    "width": Property(0.3, 20, np.log, -1, "its footprint is wide"),
    "compactness": Property(0.02, 1, np.log, 1, "its light is not in one place of the size of a soma"),
}


#: part of the candidates that are cells in the recordings of the model
USUAL_FREQUENCY = 0.5
#: candidates of the usual frequency that are added to those of a recording
USUAL_CANDIDATES = 5
#: turns at most in which the frequency of a recording is found
MOST_TURNS = 200


@dataclass(frozen=True)
class Model:
    """Weights of the logistic regression.

    Attributes
    ----------
    name : str
        When it was trained, and on what.
    intercept : float
        Logarithm of the odds of a component with the middle of every property.
    middle, weight : dict of float
        Of each property, on its scale.
    """

    name: str
    intercept: float
    middle: dict[str, float]
    weight: dict[str, float]


@cache
def model() -> Model:
    """Read the model that belongs to this version."""
    text = (files(__package__) / "probability.json").read_text(encoding="utf-8")
    return Model(**json.loads(text))


def scaled(properties: dict[str, Floats]) -> Floats:
    """Properties on the scales of the model, float64 [components, properties]; what is not a number is the worst."""
    columns = []
    for name, one in PROPERTIES.items():
        worst = one.low if one.good > 0 else one.high
        values = np.nan_to_num(np.asarray(properties[name], np.float64), nan=worst)
        columns.append(one.scale(values.clip(one.low, one.high)))
    return np.stack(columns, axis=1)


def evidence(properties: dict[str, Floats]) -> Floats:
    """Give what each property says for a component's being a cell: log odds, float64 [components, properties]."""
    used = model()
    middle = np.array([used.middle[name] for name in PROPERTIES])
    weight = np.array([used.weight[name] for name in PROPERTIES])
    said: Floats = (scaled(properties) - middle) * weight
    return said


def probability(properties: dict[str, Floats]) -> Floats:
    """Give the probability that each component is a cell, float64 [components].

    Parameters
    ----------
    properties : dict of float64 [components]
        Those of :data:`PROPERTIES`.
    """
    odds = evidence(properties).sum(axis=1) + model().intercept
    chance: Floats = 1 / (1 + np.exp(-odds))
    return chance


def in_recording(chance: Floats) -> Floats:
    """Probabilities where cells are as frequent as the candidates of a recording say, float64 [components].

    Where most candidates have no transients, one that looks a little like a cell is none; where most are cells, it is
    one. The frequency and the probabilities are found in turns, by expectation and maximization (Saerens, Latinne and
    Decaestecker 2002, Neural Comput 14:21), with some candidates of the usual frequency added, so that few of them
    decide nothing.

    Parameters
    ----------
    chance : float64 [components]
        Of :func:`probability`, for all candidates of a recording.
    """
    odds = chance / np.maximum(1 - chance, 1e-12) * (1 - USUAL_FREQUENCY) / USUAL_FREQUENCY
    frequency, adapted = USUAL_FREQUENCY, chance
    for _ in range(MOST_TURNS):
        weighted = odds * frequency / (1 - frequency)
        adapted = weighted / (1 + weighted)
        before = frequency
        frequency = (float(adapted.sum()) + USUAL_CANDIDATES * USUAL_FREQUENCY) / (len(chance) + USUAL_CANDIDATES)
        if abs(frequency - before) < 1e-6:
            break
    return np.asarray(adapted)


def reasons(properties: dict[str, Floats], refused: Bools) -> list[str]:
    """Say which property spoke most against each component that was refused; empty for the others."""
    worst = evidence(properties).argmin(axis=1)
    said = [one.against for one in PROPERTIES.values()]
    return [said[k] if no else "" for k, no in zip(worst, refused, strict=True)]
