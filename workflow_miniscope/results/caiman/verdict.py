"""Whether the result of an extraction can be trusted, and why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from ...errors import ResultError

Level: TypeAlias = Literal["trusted", "usable with warnings", "not to be trusted"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Verdict:
    """A judgement of a whole result.

    Attributes
    ----------
    level : str
        "trusted", "usable with warnings" or "not to be trusted".
    reasons : list of str
        A sentence for each thing that is wrong, the worst first.
    figures : dict of float
        What was looked at, by name.
    """

    level: Level
    reasons: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ResultError(f"{self.level!r} is no verdict: there are {', '.join(LEVELS)}.")

    def __str__(self) -> str:
        return " ".join([f"{self.level}.".capitalize(), *self.reasons])
