"""Which rows a user means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .database import DATABASE_ERRORS
from .errors import ParameterError
from .hints import did_you_mean


def restricted(table: Any, restrict: Any):
    """Return the rows of a table that a user's restriction chooses.

    Parameters
    ----------
    table : DataJoint table or query
        What to choose from.
    restrict : str, dict, list of them, or None
        Text such as ``subject=m1``, a DataJoint condition, or JSON; several must all hold. None chooses everything.

    Raises
    ------
    ParameterError
        It names an attribute that the table does not have, or is no restriction.
    """
    query = table() if isinstance(table, type) else table
    for condition in _conditions(restrict):
        if isinstance(condition, dict):
            _check_names(condition, query.heading.names)
        try:
            query = query & condition
            len(query)
        except DATABASE_ERRORS as error:
            cause = str(error).splitlines()[0]
            raise ParameterError(f"The restriction {condition!r} cannot be used ({cause}).") from None
    return query


def _check_names(condition: dict, known: list[str]) -> None:
    # DataJoint ignores names it does not know, and would choose everything
    for name in condition:
        if name not in known:
            hint = did_you_mean(name, known, f"known are {', '.join(known)}.")
            raise ParameterError(f"There is no attribute '{name}'; {hint}")


def _conditions(restrict: Any) -> Iterator[Any]:
    if restrict is None:
        return
    for item in restrict if isinstance(restrict, (list, tuple)) else [restrict]:
        if not isinstance(item, str):
            yield item
        elif match := re.fullmatch(r"\s*(\w+)\s*=\s*([^\s'\"<>=]+)\s*", item):
            yield {match[1]: match[2]}
        elif item.lstrip().startswith("{"):
            try:
                yield json.loads(item)
            except ValueError as error:
                raise ParameterError(f"The restriction {item} is not valid JSON ({error}).") from None
        else:
            yield item.replace('"', "'")  # double quotes are names on PostgreSQL
