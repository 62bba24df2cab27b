"""What a program's parameters are: one model for each, parsed once, and described from itself.

A program's module has a subclass of :class:`Model` with a :func:`parameter` for each of its names. :meth:`Model.parse`
makes one of what a user gave, or says in one sentence what is wrong; :func:`describe` lists the names for people.
"""

from .describe import Description, describe
from .kinds import (
    Correlation,
    Flag,
    Fraction,
    FromOne,
    FromZero,
    NotNegative,
    Number,
    Pair,
    PairFromZero,
    Positive,
    Said,
    zero_or_one,
)
from .model import Model, parameter, unknown

__all__ = [
    "Correlation",
    "Description",
    "Flag",
    "Fraction",
    "FromOne",
    "FromZero",
    "Model",
    "NotNegative",
    "Number",
    "Pair",
    "PairFromZero",
    "Positive",
    "Said",
    "describe",
    "parameter",
    "unknown",
    "zero_or_one",
]
