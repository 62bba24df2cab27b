"""What the value of a parameter may be. Each kind gives the value in its proper type or raises ValueError."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

Kind = Callable[[Any], Any]


def flag(value):
    """True or False; 0 and 1 are taken too."""
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    raise ValueError("true or false")


def number(least: float = -math.inf, most: float = math.inf) -> Kind:
    """A finite or infinite number in a range, ends included."""

    def check(value):
        if isinstance(value, bool) or not isinstance(value, Real) or not least <= value <= most:
            limits = [f"at least {least:g}"] * (least > -math.inf) + [f"at most {most:g}"] * (most < math.inf)
            raise ValueError(" ".join(["a number", " and ".join(limits)]).strip())
        return value.item() if hasattr(value, "item") else value

    return check


def positive(value):
    """A number above 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not value > 0:
        raise ValueError("a number above 0")
    return value.item() if hasattr(value, "item") else value


def whole(least: int = 0) -> Kind:
    """An integer from ``least`` on; 3.0, as JSON and spreadsheets write it, is one too."""

    def check(value):
        integral = isinstance(value, Integral) or isinstance(value, Real) and float(value).is_integer()
        if isinstance(value, bool) or not integral or value < least:
            raise ValueError(f"a whole number, at least {least}")
        return int(value)

    return check


def pair(least: int = 0) -> Kind:
    """Two integers, for rows and columns; one integer stands for both."""

    def check(value):
        values = [value, value] if isinstance(value, Real) else value
        try:
            values = [whole(least)(item) for item in values]
        except (TypeError, ValueError):
            values = []
        if len(values) != 2:
            raise ValueError(f"one or two whole numbers, at least {least}")
        return values

    return check


def choice(*choices) -> Kind:
    """One of a few values."""

    def check(value):
        if isinstance(value, list | dict) or value not in choices:
            raise ValueError("one of " + ", ".join(repr(item) for item in choices))
        return value

    return check


def optional(kind: Kind) -> Kind:
    """None, or a value of another kind."""

    def check(value):
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError as error:
            raise ValueError(f"{error}, or none") from None

    return check


def anything(value):
    """Whatever the program itself accepts."""
    return value
