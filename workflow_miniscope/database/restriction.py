"""Which rows a user means, and what there is where nothing fits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..errors import NothingMatched, ParameterError, ResultError, WorkflowError, did_you_mean, nearest
from .conditions import Comparison, Condition, Language, Named, name_of, parse, parse_moment
from .connection import DATABASE_ERRORS, dj

logger = logging.getLogger(__name__)

#: How many values or names a sentence lists at most.
MOST_LISTED = 12
#: A condition that holds for no row, on either kind of server.
NOTHING = "1 = 0"


def restricted(table: Any, restrict: Any) -> Any:
    """Return the rows of a table that a user's restriction chooses; perhaps none.

    Parameters
    ----------
    table : DataJoint table or query
        What to choose from.
    restrict : str, mapping, list of them, or None
        ``subject=m1 and recording_id=0``, the name of a recording, a DataJoint condition, or JSON
        (:mod:`.conditions`); several must all hold. None chooses everything.

    Raises
    ------
    ParameterError
        It names an attribute that the table does not have, or is no restriction.
    """
    query = _query(table)
    for condition in parse(restrict):
        query = _apply(query, condition, query.heading.names)
    return query


def choose(tables: Sequence[Any], restrict: Any, what: str) -> list[Any]:
    """Return the rows of several tables that a user's restriction chooses, and refuse one that chooses none at all.

    An attribute that only some of the tables have chooses nothing of the others.

    Parameters
    ----------
    tables : sequence of DataJoint tables or queries
        What to choose from.
    restrict : str, mapping, list of them, or None
        As :func:`restricted` takes it.
    what : str
        What a row is, such as "recording".

    Raises
    ------
    ParameterError
        It names an attribute that no table has, or is no restriction.
    NothingMatched
        Nothing fits; the sentence says what there is.
    """
    queries = [_query(table) for table in tables]
    known = list(dict.fromkeys(name for query in queries for name in query.heading.names))
    for condition in parse(restrict):
        before, queries = queries, [_apply(query, condition, known) for query in queries]
        if not any(len(query) for query in queries):
            raise NothingMatched(_nothing_fits(before, condition, what))
    return queries


def only_key(table: Any, restriction: Any, what: str, error: type[WorkflowError] = ResultError) -> dict[str, Any]:
    """Return the primary key of the one row that a restriction chooses.

    Parameters
    ----------
    table : DataJoint table
        What to choose from.
    restriction : str, list of str, dict, or list of dict
        Text as :func:`restricted` takes it, or a restriction of DataJoint.
    what : str
        What a row is, for the sentence that asks for one, such as "curation".
    error : type of WorkflowError
        What to raise where there are several.

    Raises
    ------
    NothingMatched
        The restriction chooses no row.
    WorkflowError
        It chooses several.
    """
    # the key of another table may hold names that this one does not have
    texts = [restriction] if isinstance(restriction, str) else restriction
    of_text = isinstance(texts, (list, tuple)) and bool(texts) and all(isinstance(text, str) for text in texts)
    query = choose([table], texts, what)[0] if of_text else table & restriction
    said = " and ".join(texts) if of_text else restriction
    keys = query.keys()
    if not keys:
        raise NothingMatched(
            f"0 rows of {table.__name__} fit {said}; name one {what} that is there: {_names([_query(table)])}."
        )
    if len(keys) > 1:
        names = _listed([name_of(key) for key in keys])
        raise error(f"{len(keys)} rows of {table.__name__} fit {said}; name one {what}: {names}.")
    return dict(keys[0])


# One condition ---------------------------------------------------------------


def _query(table: Any) -> Any:
    return table() if isinstance(table, type) else table


def _apply(query: Any, condition: Condition, known: Sequence[str]) -> Any:
    """Restrict a query by a condition; by one whose names only others of the ``known`` are, to nothing."""
    needed: Sequence[str] = ()
    if isinstance(condition, Comparison):
        needed = [condition.name]
    elif isinstance(condition, Mapping):
        needed = list(condition)
    elif isinstance(condition, Language):
        needed = condition.names()
    for name in needed:
        if name not in known:
            raise ParameterError(_unknown(name, condition, known))
    if any(name not in query.heading.names for name in needed):
        return query & NOTHING
    if isinstance(condition, Comparison):
        found = query & _comparison(query, condition)
    elif isinstance(condition, Named):
        found = _named(query, condition)
    else:
        found = _restrict(query, condition.text if isinstance(condition, Language) else condition, condition)
    return _tried(found, condition)


def _restrict(query: Any, restriction: Any, condition: Condition) -> Any:
    try:
        return query & restriction
    except DATABASE_ERRORS as error:
        raise _refused(condition, error) from None


def _tried(query: Any, condition: Condition) -> Any:
    try:
        len(query)
    except DATABASE_ERRORS as error:
        raise _refused(condition, error) from None
    return query


def _refused(condition: Condition, error: Exception) -> ParameterError:
    logger.debug("The database refuses the restriction %s", condition, exc_info=error)
    return ParameterError(
        f"The restriction '{condition}' cannot be used: the database does not understand it. Write name=value, several "
        "joined by 'and', or DataJoint's language, in which text stands in single quotes: subject like 'm%'."
    )


def _unknown(name: str, condition: Condition, known: Sequence[str]) -> str:
    if isinstance(condition, Language):
        near = nearest(name, known)
        hint = f"; did you mean '{near}'?" if near else f"; known are {', '.join(known)}."
        return (
            f"In the restriction '{condition}', '{name}' is no attribute. Text stands in quotes: subject = 'm1'; "
            f"or leave DataJoint's language and write name=value{hint}"
        )
    return f"There is no attribute '{name}'; {did_you_mean(name, known, 'known are ' + ', '.join(known) + '.')}"


def _comparison(query: Any, condition: Comparison) -> Any:
    """Return the restriction of DataJoint for a comparison, its value as the attribute's type wants it."""
    name, sign, value = condition.name, condition.sign, condition.value
    attribute = query.heading[name]
    kind = str(attribute.original_type or attribute.type).lower()
    if value.lower() in ("null", "none") and sign in ("=", "!=", "<>"):
        return f"{name} is {'' if sign == '=' else 'not '}null"
    if attribute.numeric:
        return f"{name} {sign} {_number(name, value)}"
    if kind.startswith(("datetime", "timestamp", "date")):
        return _moment(name, sign, value)
    if attribute.is_blob or kind.startswith(("json", "<")):
        raise ParameterError(f"The attribute '{name}' holds arrays or lists, which cannot be compared with a value.")
    if sign == "=":
        return {name: value}
    return f"{name} {sign} {_quoted(value)}"


def _number(name: str, value: str) -> str:
    try:
        return repr(float(value)) if not value.lstrip("-").isdigit() else value
    except ValueError:
        raise ParameterError(f"'{name}' is a number, which '{value}' is not.") from None


def _moment(name: str, sign: str, value: str) -> str:
    found = parse_moment(value)
    if found is None:
        raise ParameterError(
            f"'{name}' is a time in UTC, which '{value}' is not; write 2026-01-15 for a day, or 2026-01-15 10:20:30."
        )
    moment, whole_day = found
    if whole_day and sign in ("=", "!=", "<>"):
        day = f"({name} >= '{moment}' and {name} < '{moment + timedelta(days=1)}')"
        return day if sign == "=" else f"not {day}"
    if whole_day and sign in (">", "<="):  # after that day, until its end
        return f"{name} {'>=' if sign == '>' else '<'} '{moment + timedelta(days=1)}'"
    return f"{name} {sign} '{moment}'"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _named(query: Any, condition: Named) -> Any:
    """Restrict a query to what a name means: ``_0`` is a scope, ``_v0`` a camera."""
    names = query.heading.names
    if "subject" not in names:
        return query & NOTHING
    query = query & {"subject": condition.subject}
    if "session_datetime" in names:
        query = query & {"session_datetime": condition.start}
    numbers = dict(condition.numbers)
    if "recording_id" in names and _counts_cameras(query):
        if "recording_id" in numbers:  # a scope's
            return query & NOTHING
        if "video_recording_id" in numbers:
            numbers["recording_id"] = numbers.pop("video_recording_id")
    elif "video_recording_id" in numbers and "video_recording_id" not in names:
        return query & NOTHING
    if any(name not in names for name in numbers if name != "recording_id"):
        return query & NOTHING
    return query & {name: number for name, number in numbers.items() if name in names}


def _counts_cameras(query: Any) -> bool:
    """Whether ``recording_id`` counts cameras: the attribute comes from the cameras' table."""
    return "video_recording" in str(query.heading["recording_id"].lineage)


# Nothing fits ----------------------------------------------------------------


def _nothing_fits(before: Sequence[Any], condition: Condition, what: str) -> str:
    """Say that a condition chooses nothing of some queries, and what there is instead."""
    there = [query for query in before if len(query)]
    if not there:
        return f"There is no {what} yet, and so none that fits '{condition}'."
    if isinstance(condition, Named) and (recording := condition.recording) is not None:
        of_it = [query for query in (_named(query, recording) for query in there) if len(query)]
        if of_it and any(set(condition.numbers) <= set(query.heading.names) for query in of_it):
            return f"There is no {what} '{condition}'; there is {_names(of_it)}."
        if of_it:
            return f"'{condition}' names an analysis; name the {what} itself: {recording}."
    if isinstance(condition, Comparison) and condition.sign == "=":
        values = _values([query for query in there if condition.name in query.heading.names], condition.name)
        if values:
            near = nearest(condition.value, values, likeness=0.7)
            hint = f" Did you mean '{near}'?" if near and len(values) > 1 else ""
            return f"No {what} has {condition.name} '{condition.value}'; there is {_listed(values)}.{hint}"
    return f"No {what} fits '{condition}'; there is {_names(there)}."


def _values(queries: Sequence[Any], name: str) -> list[str]:
    found = {value for query in queries for value in (dj.U(name) & query).to_arrays(name).tolist()}
    return [str(value) for value in sorted(found, key=lambda value: (value is None, value))]


def _names(queries: Sequence[Any]) -> str:
    """List the names of what there is."""
    names = [
        name_of(key, "recording_id" in query.heading.names and _counts_cameras(query))
        for query in queries
        for key in query.keys()
        if "session_datetime" in key
    ]
    return _listed(list(dict.fromkeys(names))) if names else "none is there yet"


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(values[:MOST_LISTED])
    return shown if len(values) <= MOST_LISTED else f"{shown} and {len(values) - MOST_LISTED} more"
