"""Give sessions to another animal: the wrong name was written, or the wrong animal was under the scope."""

from __future__ import annotations

from typing import Any

from ..database.connection import dj
from ..errors import ParameterError, did_you_mean
from .change import Change, forget_errors, recordings_of


def plan(restrict: Any, animal: str) -> Change:
    """Say what giving sessions to another animal would do.

    Parameters
    ----------
    restrict : str, dict or list of them
        Which sessions: the name of a session, or a restriction on recordings. All recordings of a session change.
    animal : str
        The animal, which must be in the database.

    Raises
    ------
    ParameterError
        The animal is not in the database, or has a session that started at the same time.
    NothingMatched
        The restriction chooses nothing.
    """
    from ..pipeline import session, subject

    recordings, videos = recordings_of(restrict)
    known = subject.Subject.to_arrays("subject").tolist()
    if animal not in known:
        hint = did_you_mean(animal, known, "ingest it first.")
        raise ParameterError(f"The animal '{animal}' is not in the database; {hint}")
    sessions = (session.Session & [recordings.proj(), videos.proj()]) - {"subject": animal}
    keys = sessions.keys()
    if not keys:
        raise ParameterError(f"These sessions are those of '{animal}' already.")
    for key in keys:
        if session.Session & {**key, "subject": animal}:
            raise ParameterError(f"'{animal}' has a session that started at {key['session_datetime']} UTC already.")
    starts = [key["session_datetime"] for key in keys]
    if len(set(starts)) < len(starts):
        raise ParameterError("Two of these sessions started at the same moment: one animal cannot have both.")
    sentences = [
        f"The session of {key['session_datetime']} UTC goes from '{key['subject']}' to '{animal}'." for key in keys
    ]

    def make() -> None:
        forget_errors(recordings, videos, sessions)
        for key in keys:
            _rename(session.Session(), key, animal)

    return Change((*sentences, "Everything that was computed of them goes with them; files stay where they are."), make)


def _rename(table: Any, key: dict[str, Any], animal: str) -> None:
    """Change a session's animal, in its row and in all rows below."""
    connection = table.connection
    below = [name for name in table.descendants() if name != table.full_table_name and not name.isdigit()]
    named = [name for name in below if {"subject", "session_datetime"} <= set(_free(table, name).heading.names)]
    if connection.adapter.backend == "mysql":
        # it hands no new key down where a table refers to two that change
        connection.query("SET SESSION foreign_key_checks = 0")
        try:
            for name in (table.full_table_name, *named):
                _update(connection, name, key, animal)
        finally:
            connection.query("SET SESSION foreign_key_checks = 1")
        return
    # PostgreSQL hands a new key down by itself, from table to table; rows that it would check before all that they
    # refer to have it are set aside
    too_soon = _reached_too_soon(table, named)
    aside = [name for name in below if name in too_soon]
    rows, which = "WHERE subject = %s AND session_datetime = %s", (key["subject"], key["session_datetime"])
    for number, name in reversed(list(enumerate(aside))):
        connection.query(f"CREATE TEMPORARY TABLE aside_{number} AS SELECT * FROM {name} {rows}", args=which)
        connection.query(f"DELETE FROM {name} {rows}", args=which)
    _update(connection, table.full_table_name, key, animal)
    for number, name in enumerate(aside):
        _update(connection, f"aside_{number}", key, animal)
        connection.query(f"INSERT INTO {name} SELECT * FROM aside_{number}")
        connection.query(f"DROP TABLE aside_{number}")


def _free(table: Any, name: str) -> Any:
    return dj.FreeTable(table.connection, name)


def _update(connection: Any, name: str, key: dict[str, Any], animal: str) -> None:
    connection.query(
        f"UPDATE {name} SET subject = %s WHERE subject = %s AND session_datetime = %s",
        args=(animal, key["subject"], key["session_datetime"]),
    )


def _reached_too_soon(table: Any, names: list[str]) -> set[str]:
    """Return the tables that a new key of one reaches on one way before it has reached all that they refer to.

    Parameters
    ----------
    table : DataJoint table
        Where the key changes.
    names : list of str
        The tables below with that key, each behind those it refers to.
    """
    steps, found = {table.full_table_name: 0}, set()
    for name in names:
        above = [parent for parent in _free(table, name).parents() if parent in steps]
        if not above:
            continue
        steps[name] = 1 + min(steps[parent] for parent in above)
        if any(steps[parent] > steps[name] or parent in found for parent in above):
            found.add(name)
    return found
