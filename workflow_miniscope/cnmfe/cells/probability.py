"""The probability that a component is a cell, from what was measured of it.

A logistic regression over a few properties that mean the same in every recording, see :data:`PROPERTIES`. Its weights
are in ``probability.json``, which ``benchmarks/train_probability.py`` makes from simulated recordings of several kinds;
each property can only speak in one direction, so that the model says nothing that a person looking at the component
would not. It does not know how frequent cells are in a recording, and a probability is only as good as the simulated
recordings are like the real one.
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
#: footprint (r_values), its width in gSig
PROPERTIES = {
    "rise_skewness": Property(-0.5, 3, _third_moment, 1, "its trace falls as fast as it rises"),
    "skewness": Property(-1, 4, np.asarray, 1, "its trace goes down as it goes up"),
    "snr": Property(0.3, 20, np.log, 1, "its trace hardly stands out of the noise"),
    "consistency": Property(0, 1, _near_one, 1, "its footprint is not what lights up with its trace"),
    "width": Property(1, 20, np.log, -1, "its footprint is wide"),
}


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
    """What each property says for a component's being a cell, logarithm of odds, float64 [components, properties]."""
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


def reasons(properties: dict[str, Floats], refused: Bools) -> list[str]:
    """Say which property spoke most against each component that was refused; empty for the others."""
    worst = evidence(properties).argmin(axis=1)
    said = [one.against for one in PROPERTIES.values()]
    return [said[k] if no else "" for k, no in zip(worst, refused, strict=True)]
