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
    # PostgreSQL hands a new key down by itself; MySQL does not, where a table refers to two that change
    by_hand = connection.adapter.backend == "mysql"
    names = [table.full_table_name]
    if by_hand:
        connection.query("SET SESSION foreign_key_checks = 0")
        names += [name for name in table.descendants() if name != table.full_table_name and not name.isdigit()]
    try:
        for name in names:
            if {"subject", "session_datetime"} <= set(dj.FreeTable(connection, name).heading.names):
                connection.query(
                    f"UPDATE {name} SET subject = %s WHERE subject = %s AND session_datetime = %s",
                    args=(animal, key["subject"], key["session_datetime"]),
                )
    finally:
        if by_hand:
            connection.query("SET SESSION foreign_key_checks = 1")
