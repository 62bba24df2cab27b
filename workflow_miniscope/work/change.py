"""Changes of what is in the database: told before they are made, made whole or not at all, after a dump."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..database import backup, jobs, refusals
from ..database.conditions import Comparison, Named, parse
from ..database.connection import DATABASE_ERRORS, dj
from ..database.restriction import choose
from ..errors import DatabaseError
from ..settings import Settings, get_settings
from .steps import all_steps, kind_of

logger = logging.getLogger(__name__)

#: How many automatic dumps are kept.
KEPT_DUMPS = 10
# What an analysis has in its key, and a recording does not
_OF_ANALYSES = {"paramset_id", "curation_id", "facemap_task_id"}


@dataclass(frozen=True)
class Change:
    """What would be done.

    Attributes
    ----------
    sentences : tuple of str
        What it does, for the person who is asked.
    rows : dict
        Rows that are deleted, for each table.
    make : callable
        Makes it; called within a transaction.
    after : callable
        Called when it is in the database, for what cannot be taken back, such as deleting files.
    """

    sentences: tuple[str, ...]
    make: Callable[[], None]
    rows: Mapping[str, int] = field(default_factory=dict)
    after: Callable[[], None] = lambda: None

    def __str__(self) -> str:
        deleted = [f"  {name}: {number}" for name, number in self.rows.items() if number]
        return "\n".join([*self.sentences, *(["Rows that are deleted:", *deleted] if deleted else [])])


def carry_out(change: Change, what: str, dump: bool = True) -> Path | None:
    """Make a change, all of it or nothing.

    Parameters
    ----------
    change : Change
        What to do.
    what : str
        Its command, for the name of the dump.
    dump : bool
        Save the embedded database first.

    Returns
    -------
    Path or None
        The dump; None where the database is a server of its own.

    Raises
    ------
    DatabaseError
        The database cannot be saved, or refuses; nothing is changed then.
    """
    from ..pipeline import connection

    path = save(get_settings(), what) if dump else None
    try:
        with connection.transaction:
            change.make()
    except DATABASE_ERRORS as error:
        logger.debug("The database refuses %s.", what, exc_info=error)
        if refusals.is_refusal(error):
            raise DatabaseError(f"{refusals.sentence(error)} Nothing is changed.") from error
        raise DatabaseError(f"The database refuses to {what}; nothing is changed. The log file says why.") from error
    logger.info("%s: %s", what, " ".join(change.sentences))
    change.after()
    return path


def save(settings: Settings, what: str) -> Path | None:
    """Dump the embedded database into the folder ``backups`` of its home, and remove the oldest of many dumps."""
    if not settings.embedded:
        return None
    folder = settings.home / "backups"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"{folder} cannot be made ({error.strerror or error}), and nothing is changed.") from None
    path = backup.dump(settings, folder / f"{datetime.now():%Y%m%d-%H%M%S-%f}-{what}.dump")
    for old in sorted(folder.glob("????????-??????-*.dump"))[:-KEPT_DUMPS]:
        old.unlink(missing_ok=True)
    return path


# What is chosen --------------------------------------------------------------


def recordings_of(restrict: Any) -> tuple[Any, Any]:
    """Return the rows of ``miniscope.Recording`` and ``facemap.VideoRecording`` that a restriction chooses.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong or chooses no recording.
    """
    from ..pipeline import facemap, miniscope

    recordings, videos = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    return recordings, videos


def analyses_of(restrict: Any) -> tuple[Any, Any]:
    """Return the rows of ``miniscope.ProcessingTask`` and ``facemap.FacemapTask`` that a restriction chooses.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong or chooses no analysis.
    """
    from ..pipeline import facemap, miniscope

    tasks, face_tasks = choose((miniscope.ProcessingTask, facemap.FacemapTask), restrict, "analysis")
    return tasks, face_tasks


def names_analyses(restrict: Any) -> bool:
    """Whether a restriction speaks of analyses rather than of whole recordings."""
    named: set[str] = set()
    for condition in parse(restrict):
        if isinstance(condition, Named):
            named |= set(condition.numbers)
        elif isinstance(condition, Comparison):
            named.add(condition.name)
        elif isinstance(condition, Mapping):
            named |= set(condition)
    return bool(named & _OF_ANALYSES)


# Deleting --------------------------------------------------------------------


def count_below(queries: Sequence[Any]) -> dict[str, int]:
    """Count the rows that deleting some rows deletes, with everything that was made from them, by table."""
    found: dict[str, int] = {}
    for query in queries:
        chosen = _by_keys(query)
        if chosen is not None:
            for name, number in dj.Diagram.cascade(chosen).counts().items():
                short = _short(name)
                found[short] = found.get(short, 0) + number
    return found


def _short(full_name: str) -> str:
    schema, table = (part.strip('`"') for part in full_name.split("."))
    from ..pipeline import prefix

    return f"{schema.removeprefix(prefix)}.{table.lstrip('_#')}"


def delete(query: Any) -> None:
    """Delete rows and everything that was made from them, within the transaction that is open."""
    chosen = _by_keys(query)
    if chosen is not None:
        chosen.delete(transaction=False, prompt=False)


def _by_keys(query: Any) -> Any | None:
    """Return the same rows of a table, chosen by their keys alone; None where there are none.

    DataJoint 2.3 takes the names of tables within a restriction for attributes when it hands it down, on MySQL.
    """
    keys = query.keys()
    return type(query)() & keys if keys else None


def forget_errors(scopes: Any = None, cameras: Any = None, sessions: Any = None) -> None:
    """Forget the errors and reservations of everything that was to be made of some rows.

    Parameters
    ----------
    scopes, cameras, sessions : DataJoint query, optional
        Rows of scopes' recordings or analyses, of cameras', and of whole sessions.
    """
    chosen = {"scope": scopes, "camera": cameras, "session": sessions}
    keys = {kind: [] if query is None else query.keys() for kind, query in chosen.items()}
    for step in all_steps():
        queue: Any = jobs.find_jobs(step.table()) if step.computed else None
        for key in keys[kind_of(step.name)] if queue is not None else []:
            (queue & {name: value for name, value in key.items() if name in queue.heading.names}).delete_quick()
