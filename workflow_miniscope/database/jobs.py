"""DataJoint's job queues: one hidden table for each computed table, where workers reserve keys and errors are kept."""

from __future__ import annotations

import functools
import os
import platform
from typing import Any

import psutil

from .connection import dj  # before any other part of DataJoint, for its warning

CONNECTIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity",
    "mysql": "SELECT id FROM information_schema.processlist",
}


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
        return [(name, self.adapter.sql_type_to_core(kind) or kind) for name, kind in original(self)]

    in_datajoint_words._allows_datetime = True  # type: ignore[attr-defined]  # a mark on the function
    Job._get_fk_derived_pk_attrs = in_datajoint_words


def find_jobs(table: Any) -> Any | None:
    """Return the job queue of a table, or None if nobody has used it yet (``table.jobs`` would create it)."""
    from datajoint.jobs import Job

    queue = Job(table)
    return queue if queue.is_declared else None


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


def record_error(table: Any, key: dict[str, Any], message: str, traceback: str | None = None) -> None:
    """Keep the error of a key, as a worker that had reserved it would."""
    queue = table.jobs
    (queue & key).delete_quick()
    queue.insert1({**key, "status": "pending", "priority": dj.config["jobs.default_priority"]})
    queue.error(key, message, traceback)


def clear_error(table: Any, key: dict[str, Any]) -> None:
    """Forget the error of a key."""
    queue = find_jobs(table)
    if queue is not None:
        (queue.errors & key).delete_quick()


def release_dead_reservations(table: Any) -> int:
    """Give back the keys that a worker reserved and did not live to finish. Returns how many.

    DataJoint leaves them reserved for ever. A worker on this machine is alive if its process is; one elsewhere, if its
    connection is still open on the server.
    """
    queue = find_jobs(table)
    if queue is None:
        return 0
    connected = {int(row[0]) for row in table.connection.query(CONNECTIONS[table.connection.adapter.backend])}
    released = 0
    for job in queue.reserved.to_dicts():
        if job["host"] == platform.node():
            # a job of this very process can only be left from an earlier one with the same number
            alive = job["pid"] != os.getpid() and psutil.pid_exists(job["pid"])
        else:
            alive = job["connection_id"] in connected
        if not alive:
            (queue & {name: job[name] for name in queue.primary_key}).delete_quick()
            released += 1
    return released
