"""DataJoint's job queues: one hidden table for each computed table, where workers reserve keys and errors are kept.

The rows are DataJoint's own: its ``table.jobs`` shows them; priorities, schedules and what is to be ignored are set
there. Reserving and giving back is done here: DataJoint keeps what a worker was stopped at as an error, and what a
killed one reserved for ever. A row bears the number of its worker (``workers``) as ``connection_id``.
"""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from . import locks, workers
from .connection import DATABASE_ERRORS, dj  # before any other part of DataJoint, for its warning
from .owner import as_owner
from .workers import Heart

#: Hours after which a job that DataJoint's own populate reserved, which has no beat, is taken for left behind
FOREIGN = 24

# The queues that were found, by connection and table: a queue reads its own heading, and nobody removes one
_found: dict[tuple[int, str], Any] = {}

#: Errors that are none: what DataJoint notes of a worker that was stopped
STOPPED = ("SystemExit", "KeyboardInterrupt")


def allow_datetime_keys() -> None:
    """Make DataJoint 2.3 able to declare the job queue of a table with a datetime in its primary key.

    It writes the type as PostgreSQL reports it, "timestamp without time zone", into a definition that must have its
    own word for it. Every table below Session has such a key.
    """
    from datajoint.jobs import Job

    original = Job._get_fk_derived_pk_attrs
    if getattr(original, "_allows_datetime", False):
        return

    @functools.wraps(original)
    def in_datajoint_words(self: Any) -> list[tuple[str, str]]:
        with _once(self.connection):
            return [(name, self.adapter.sql_type_to_core(kind) or kind) for name, kind in original(self)]

    in_datajoint_words._allows_datetime = True  # type: ignore[attr-defined]  # a mark on the function
    Job._get_fk_derived_pk_attrs = in_datajoint_words


@contextmanager
def _once(connection: Any) -> Iterator[None]:
    """Let the graph of the tables be read once for all queues: DataJoint reads it anew for each."""
    graph = connection.dependencies
    if graph._loaded and set(connection.schemas) <= graph._loaded_schemas:
        graph.load = lambda *arguments, **options: None
    try:
        yield
    finally:
        vars(graph).pop("load", None)


def find_jobs(table: Any) -> Any | None:
    """Return the job queue of a table, or None if nobody has used it yet (``table.jobs`` would create it)."""
    from datajoint.jobs import Job

    name = (id(table.connection), table.full_table_name)
    if name not in _found:
        hidden = f"~~{table.table_name.lstrip('_')}"
        if not table.connection.query(table.connection.adapter.get_table_info_sql(table.database, hidden)).rowcount:
            return None
        _found[name] = Job(table)
    return _found[name]


def open_jobs(table: Any) -> Any:
    """Return the job queue of a table, made if nobody has used it yet."""
    from datajoint.jobs import Job

    queue = Job(table)
    if not queue.is_declared:
        with locks.filling(queue), as_owner(queue.connection, queue.database):
            if not queue.is_declared:
                queue.declare()
    return queue


def errors(table: Any, chosen: Any = None) -> list[dict[str, Any]]:
    """Return the jobs of a table that failed when they were last tried, oldest first.

    Parameters
    ----------
    table : DataJoint table
        A computed table.
    chosen : DataJoint restriction, optional
        Of which keys; by default all.

    Returns
    -------
    list of dict
        Key, ``error_message``, ``error_stack`` and ``completed_time`` of each.
    """
    queue = find_jobs(table)
    if queue is None:
        return []
    found = queue.errors
    if chosen is not None:
        found = found.restrict(chosen, semantic_check=False)  # the queue's keys have no origin
    rows: list[dict[str, Any]] = found.to_dicts(order_by="completed_time")
    return rows


def count(table: Any, status: str, chosen: Any = None) -> int:
    """Return how many jobs of a table's queue have a status: ``reserved``, ``error`` or ``ignore``."""
    queue = find_jobs(table)
    if queue is None:
        return 0
    found = queue & {"status": status}
    return len(found if chosen is None else found.restrict(chosen, semantic_check=False))


def reserved(table: Any, chosen: Any = None) -> list[dict[str, Any]]:
    """Return the jobs of a table that somebody is at work on: key, ``host``, ``pid``, ``connection_id`` and
    ``seconds``, how long by the clock of the database.
    """
    queue = find_jobs(table)
    if queue is None:
        return []
    found = queue.reserved
    if chosen is not None:
        found = found.restrict(chosen, semantic_check=False)
    rows: list[dict[str, Any]] = found.proj(
        *queue.primary_key, "host", "pid", "connection_id", "reserved_time"
    ).to_dicts()
    if rows:
        now = queue.connection.query("SELECT CURRENT_TIMESTAMP(3)").fetchone()[0].replace(tzinfo=None)
        for row in rows:
            row["seconds"] = max((now - row.pop("reserved_time")).total_seconds(), 0.0)
    return rows


def retry(table: Any, chosen: Any = None) -> int:
    """Let what failed or is ignored be computed again. Returns how many jobs there were."""
    return _remove(table, "status IN ('error', 'ignore')", chosen)


def ignore(table: Any, chosen: Any = None) -> int:
    """Leave alone what failed, from now on. Returns how many jobs there were."""
    queue = find_jobs(table)
    if queue is None:
        return 0
    failed = queue.errors if chosen is None else queue.errors.restrict(chosen, semantic_check=False)
    keys = failed.keys()
    for key in keys:
        _update(queue, key, "status = 'error'", status="ignore")
    return len(keys)


def clear(table: Any, chosen: Any = None) -> int:
    """Empty a table's queue, but for what a living worker computes. Returns how many jobs there were."""
    queue = find_jobs(table)
    if queue is None:
        return 0
    return release_dead(queue) + _remove(table, "status <> 'reserved'", chosen)


def prioritize(table: Any, keys: Iterable[dict[str, Any]], priority: int) -> int:
    """Let keys that wait be computed in the order of their priorities, the smallest first. Returns how many.

    Parameters
    ----------
    table : DataJoint table
        A computed table.
    keys : iterable of dict
        What has no row in it.
    priority : int
        From 0, the most urgent, to 255; 5 is the usual one.
    """
    todo = list(keys)
    if not todo:
        return 0
    queue = open_jobs(table)
    queue.insert(
        [{**_primary(queue, key), "status": "pending", "priority": priority} for key in todo], skip_duplicates=True
    )
    for key in todo:
        queue.update1({**_primary(queue, key), "priority": priority})
    return len(todo)


def _remove(table: Any, condition: str, chosen: Any) -> int:
    queue = find_jobs(table)
    if queue is None:
        return 0
    found = queue & condition
    if chosen is not None:
        found = found.restrict(chosen, semantic_check=False)
    return int(found.delete_quick(get_count=True))


def open_keys(queue: Any, keys: Iterable[dict[str, Any]], retry: bool) -> list[dict[str, Any]]:
    """Return the keys that may be computed now, the most urgent first.

    Parameters
    ----------
    queue : datajoint.jobs.Job
        The queue of the table.
    keys : iterable of dict
        What has no row in the table.
    retry : bool
        Whether keys that failed before are among them.

    Returns
    -------
    list of dict
        Without those that somebody has reserved, that are to be ignored, or that are scheduled for later.
    """
    # by the server's clock, which wrote the schedule
    later = f"scheduled_time > CURRENT_TIMESTAMP(3) + {queue.adapter.interval_expr(1, 'second')}"
    names = [*queue.primary_key, "status", "priority"]
    known = {_identify(queue, row): row for row in queue.proj(*names).to_dicts()}
    scheduled = {_identify(queue, key) for key in (queue & later).keys()}
    free = ("pending", "success", "error") if retry else ("pending", "success")
    default = int(dj.config["jobs.default_priority"])
    chosen = []
    for key in keys:
        name = _identify(queue, key)
        if name in scheduled or (name in known and known[name]["status"] not in free):
            continue
        chosen.append((known[name]["priority"] if name in known else default, key))
    return [key for _, key in sorted(chosen, key=lambda pair: pair[0])]


def reserve(queue: Any, key: dict[str, Any], heart: Heart, retry: bool) -> bool:
    """Reserve a key for this process. Returns False where another one was faster, or it may not be computed now."""
    heart.start()
    row = {**_primary(queue, key), "status": "pending", "priority": dj.config["jobs.default_priority"]}
    queue.insert1(row, skip_duplicates=True)
    free = "('pending', 'success', 'error')" if retry else "('pending', 'success')"
    return _update(
        queue,
        key,
        f"status IN {free} AND scheduled_time <= CURRENT_TIMESTAMP(3) + {queue.adapter.interval_expr(1, 'second')}",
        status="reserved",
        host=platform.node()[:255],
        pid=os.getpid(),
        connection_id=heart.id,
        user=queue.connection.get_user()[:255],
        error_message="",
        error_stack=None,
    )


def finish(queue: Any, key: dict[str, Any], heart: Heart) -> None:
    """Take a key that this process computed out of the queue, or, with ``jobs.keep_completed``, note its end."""
    if queue.connection._config.jobs.keep_completed:
        _update(queue, key, _mine(heart), status="success")
    else:
        give_back(queue, key, heart)


def fail(queue: Any, key: dict[str, Any], heart: Heart, message: str, traceback: str) -> None:
    """Keep the error of a key that this process reserved."""
    from datajoint.jobs import ERROR_MESSAGE_LENGTH

    if _update(queue, key, _mine(heart), status="error", error_message=message[:ERROR_MESSAGE_LENGTH]):
        queue.update1({**_primary(queue, key), "error_stack": traceback})


def give_back(queue: Any, key: dict[str, Any], heart: Heart) -> None:
    """Give up a key that this process reserved, or may have; others can reserve it at once."""
    (queue & _primary(queue, key) & _mine(heart)).delete_quick()


def release_dead(queue: Any) -> int:
    """Give back the keys of workers that did not live to finish them, and forget what is no error. Returns how many."""
    stopped = " OR ".join(f"error_message LIKE '{name}%'" for name in STOPPED)
    (queue.errors & f"({stopped})").delete_quick()
    # left by somebody who was killed before it was reserved, and after another one had computed it
    queue.pending.restrict(queue.target.proj(), semantic_check=False).delete_quick()
    reserved = queue.reserved.to_dicts()
    if not reserved:
        return 0
    living = workers.alive(queue.connection, {job["connection_id"] for job in reserved})
    released = 0
    for job in reserved:
        if job["connection_id"] in living:
            continue
        mine = {name: job[name] for name in queue.primary_key}
        gone = f"connection_id = {int(job['connection_id'])}"
        if job["connection_id"] < workers.FIRST:  # reserved by DataJoint's own populate
            gone += f" AND reserved_time < CURRENT_TIMESTAMP(3) - {queue.adapter.interval_expr(FOREIGN, 'hour')}"
        released += (queue.reserved & mine & gone).delete_quick(get_count=True)
    return released


def reservations(queue: Any, keys: Iterable[dict[str, Any]], heart: Heart) -> list[dict[str, Any]]:
    """Return which of some keys others are at work on, with ``host``, ``pid`` and ``reserved_time``."""
    asked = {_identify(queue, key) for key in keys}
    others = queue.reserved & f"connection_id <> {heart.id}"
    return [job for job in others.to_dicts() if _identify(queue, job) in asked]


def _mine(heart: Heart) -> str:
    return f"status = 'reserved' AND connection_id = {heart.id}"


def _update(queue: Any, key: dict[str, Any], condition: str, **values: Any) -> bool:
    """Change a row where a condition holds, in one statement. Returns whether it did."""
    from datajoint.condition import make_condition

    quote = queue.adapter.quote_identifier
    where = make_condition(queue, _primary(queue, key), set())
    time = "reserved_time" if values["status"] == "reserved" else "completed_time"
    changes = ", ".join(f"{quote(name)} = %s" for name in values)
    done = queue.connection.query(
        f"UPDATE {queue.full_table_name} SET {changes}, {quote(time)} = CURRENT_TIMESTAMP(3) "
        f"WHERE {where} AND {condition}",
        args=tuple(values.values()),
    )
    return int(done.rowcount) == 1


def _primary(queue: Any, key: dict[str, Any]) -> dict[str, Any]:
    return {name: key[name] for name in queue.primary_key}


def _identify(queue: Any, key: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(key[name] for name in queue.primary_key)


def try_give_back(queue: Any, key: dict[str, Any], heart: Heart) -> None:
    """Give a key up while this process ends, when the server may not answer any more: then others find it dead."""
    try:
        give_back(queue, key, heart)
    except DATABASE_ERRORS:
        pass
