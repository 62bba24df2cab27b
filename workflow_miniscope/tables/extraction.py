"""How far the result of an extraction can be trusted, and what speaks for and against each of its components."""

from __future__ import annotations

from typing import Any

from ..database.connection import dj
from ..database.large_inserts import insert_large
from ..elements.miniscope import get_loader_result, miniscope

schema = dj.Schema()


@schema
class Verdict(dj.Computed):
    """Whether a result can be trusted (see ``cnmfe.verdict``)."""

    definition = """
    -> miniscope.Processing
    ---
    verdict=null     : enum('trusted', 'usable with warnings', 'not to be trusted')  # null: the engine does not say
    reasons          : json      # sentences, the worst first
    figures          : json      # what was looked at, by name
    """

    def make(self, key: dict[str, Any]) -> None:
        """Take it from the result file."""
        _, result = get_loader_result(key, miniscope.ProcessingTask)
        told = result.verdict
        row: dict[str, Any] = {"verdict": None, "reasons": [], "figures": {}}
        if told is not None:
            row = {"verdict": told.level, "reasons": told.reasons, "figures": told.figures}
        self.insert1({**key, **row})


@schema
class Evaluation(dj.Computed):
    """What the engine's decision about each component rests on (see ``cnmfe.cells.probability``)."""

    definition = """
    -> miniscope.Segmentation
    ---
    model=''         : varchar(255)   # which model the probabilities come from; empty: the engine has none
    """

    class Component(dj.Part):
        """A component: the probability of being a cell, what it comes from, and why it was refused."""

        definition = """
        -> master
        -> miniscope.Segmentation.Mask
        ---
        probability  : float64        # of being a cell
        reason=''    : varchar(255)   # why it was refused; empty: it was accepted
        properties   : json           # what was measured, by name
        """

    def make(self, key: dict[str, Any]) -> None:
        """Take it from the result file."""
        _, result = get_loader_result(key, miniscope.Curation)
        told = result.evaluation
        self.insert1({**key, "model": "" if told is None else told.model})
        if told is None:
            return
        insert_large(
            self.Component,
            (
                {
                    **key,
                    "mask": mask,
                    "probability": float(told.probability[mask]),
                    "reason": told.reasons[mask],
                    "properties": {name: round(float(values[mask]), 5) for name, values in told.properties.items()},
                }
                for mask in range(result.n_components)
            ),
        )
