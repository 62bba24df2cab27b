"""Why each component was accepted or refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...errors import ResultError
from ...movies.types import Floats


@dataclass(eq=False)
class Evaluation:
    """What the native engine's decision about each component rests on.

    Attributes
    ----------
    probability : float64 [components]
        Of being a cell, from the properties.
    properties : dict of float64 [components]
        What was measured of each component, by name; see ``cnmfe.cells.probability``.
    reasons : list of str
        Of each component why it was refused; empty for those that were accepted.
    model : str
        Which model the probability comes from.
    """

    probability: Floats
    properties: dict[str, Floats] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    model: str = ""

    def __post_init__(self) -> None:
        self.probability = np.asarray(self.probability, np.float64)
        n = len(self.probability)
        self.properties = {name: np.asarray(values, np.float64) for name, values in self.properties.items()}
        lengths = {name: len(values) for name, values in self.properties.items()} | {"reasons": len(self.reasons)}
        wrong = [name for name, length in lengths.items() if length != n]
        if wrong:
            raise ResultError(f"The evaluation has {n} probabilities, and {lengths[wrong[0]]} values of {wrong[0]}.")
