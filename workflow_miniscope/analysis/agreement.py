"""How far two curators of one result agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..movies.types import Ints
from ..results.curation import UNDECIDED, State


@dataclass(frozen=True)
class Agreement:
    """What two curators decided about the components that both have decided.

    Attributes
    ----------
    counts : int64 [2, 2]
        Components by the first curator's decision (rows) and the second's (columns): accepted, rejected.
    kappa : float
        Cohen's kappa (1960, Educ Psychol Meas 20:37): 1 for full agreement, 0 for that of chance; NaN where it is not
        defined, because both gave all components one and the same decision, or none.
    differ : tuple of int
        Components on which they differ.
    only_first, only_second : int
        Components that only one of them has decided.
    """

    counts: Ints
    kappa: float
    differ: tuple[int, ...]
    only_first: int
    only_second: int

    @property
    def both(self) -> int:
        """Components that both have decided."""
        return int(self.counts.sum())

    @property
    def agreed(self) -> float:
        """Part of them on which they agree; NaN where there is none."""
        return float(np.trace(self.counts) / self.both) if self.both else float("nan")

    def __str__(self) -> str:
        if not self.both:
            return "No component was decided by both."
        kappa = "not defined" if np.isnan(self.kappa) else f"{self.kappa:.2f}"
        said = f"{self.both} components decided by both, {100 * self.agreed:.0f} % alike, Cohen's kappa {kappa}."
        if self.differ:
            said += f" They differ on {', '.join(map(str, self.differ))}."
        return said


def agreement(first: Sequence[State], second: Sequence[State]) -> Agreement:
    """Compare what two curators decided about the components of one result.

    Raises
    ------
    ValueError
        They are not of one result.
    """
    if len(first) != len(second):
        raise ValueError(f"The first has {len(first)} components, the second {len(second)}: they are of two results.")
    pair = (first, second)
    decided = np.array([[state.decision != UNDECIDED for state in states] for states in pair], bool).reshape(2, -1)
    rejected = np.array([[state.decision == "rejected" for state in states] for states in pair], bool).reshape(2, -1)
    both = decided.all(axis=0)
    counts = np.zeros((2, 2), np.int64)
    np.add.at(counts, (rejected[0, both].astype(int), rejected[1, both].astype(int)), 1)
    differ = np.flatnonzero(both & (rejected[0] != rejected[1]))
    return Agreement(
        counts=counts,
        kappa=_kappa(counts),
        differ=tuple(differ.tolist()),
        only_first=int((decided[0] & ~decided[1]).sum()),
        only_second=int((decided[1] & ~decided[0]).sum()),
    )


def _kappa(counts: Ints) -> float:
    total = counts.sum()
    if not total:
        return float("nan")
    observed = np.trace(counts) / total
    chance = float(counts.sum(axis=0) @ counts.sum(axis=1)) / total**2
    return float((observed - chance) / (1 - chance)) if chance < 1 else float("nan")
