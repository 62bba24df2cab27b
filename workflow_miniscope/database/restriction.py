"""Which rows a user means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..errors import ParameterError, ResultError, WorkflowError, did_you_mean
from .connection import DATABASE_ERRORS


def restricted(table: Any, restrict: Any) -> Any:
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


def only_key(table: Any, restriction: Any, what: str, error: type[WorkflowError] = ResultError) -> dict[str, Any]:
    """Return the primary key of the one row that a restriction chooses.

    Parameters
    ----------
    table : DataJoint table
        What to choose from.
    restriction : str, dict, or list of them
        Text as :func:`restricted` takes it, or a restriction of DataJoint.
    what : str
        What a row is, for the sentence that asks for one, such as "curation".
    error : type of WorkflowError
        What to raise.

    Raises
    ------
    WorkflowError
        The restriction chooses no row, or several.
    """
    # the key of another table may hold names that this one does not have
    query = restricted(table, restriction) if isinstance(restriction, str) else table & restriction
    keys = query.keys()
    if len(keys) != 1:
        ask = f"name one {what}." if keys else f"name one {what} that is there: has it been processed?"
        raise error(f"{len(keys)} rows of {table.__name__} fit {restriction}; {ask}")
    return dict(keys[0])


def _check_names(condition: dict[str, Any], known: list[str]) -> None:
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
