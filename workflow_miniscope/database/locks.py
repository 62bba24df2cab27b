"""One process at a time: locks that the server keeps by name, and frees when the connection of their holder ends.

They guard what is looked up first and inserted then, which two processes would otherwise do at the same moment.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .connection import DATABASE_ERRORS

logger = logging.getLogger(__name__)

#: Seconds between two attempts to get a lock: a server's own wait could not be ended with Ctrl-C
POLL = 0.05

#: Seconds of waiting after which it is said
PATIENCE = 20.0

#: A function of a statement and its arguments that returns the first value of the answer
Ask = Callable[[str, tuple[Any, ...]], Any]

_TAKE = {"postgresql": "SELECT pg_try_advisory_lock(%s)", "mysql": "SELECT GET_LOCK(%s, 0)"}
_RELEASE = {"postgresql": "SELECT pg_advisory_unlock(%s)", "mysql": "SELECT RELEASE_LOCK(%s)"}
_HELD = {
    # the two halves of a number, as the server lists them
    "postgresql": (
        "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND ((classid::bigint << 32) | objid::bigint) = %s"
    ),
    "mysql": "SELECT IS_USED_LOCK(%s) IS NOT NULL",
}


def take(ask: Ask, backend: str, name: str) -> bool:
    """Take a lock for the connection that is asked, unless another one holds it. Returns whether it was taken."""
    return bool(ask(_TAKE[backend], (_identify(backend, name),)))


def release(ask: Ask, backend: str, name: str) -> None:
    """Give a lock back."""
    ask(_RELEASE[backend], (_identify(backend, name),))


def is_held(ask: Ask, backend: str, name: str) -> bool:
    """Return whether any connection to the server holds a lock, whoever its user is."""
    return bool(ask(_HELD[backend], (_identify(backend, name),)))


def asker(connection: Any) -> Ask:
    """Return the function that asks over a connection of DataJoint."""
    return lambda statement, arguments: connection.query(statement, args=arguments).fetchone()[0]


@contextmanager
def exclusive(connection: Any, name: str) -> Iterator[None]:
    """Let one process at a time into a block; the others wait, however long it takes.

    Parameters
    ----------
    connection : datajoint.Connection
        It holds the lock. No transaction may be open: on the MySQL protocol it would not see what others inserted.
    name : str
        What is guarded. On the MySQL protocol a whole server shares the names, so it has the schema's name in it.
    """
    ask, backend = asker(connection), connection.adapter.backend
    began, told = time.monotonic(), False
    while not take(ask, backend, name):
        if not told and time.monotonic() - began > PATIENCE:
            logger.warning("Waiting for another process that is at work on %s.", name)
            told = True
        time.sleep(POLL)
    try:
        yield
    finally:
        try:
            release(ask, backend, name)
        except DATABASE_ERRORS:
            # with the connection the lock is gone
            logger.debug("The lock %s could not be given back", name, exc_info=True)


@contextmanager
def filling(table: Any) -> Iterator[None]:
    """Let one process at a time decide which rows of a table are missing, and insert them."""
    with exclusive(table.connection, f"{table.database}.{table.table_name}"):
        yield


def _identify(backend: str, name: str) -> int | str:
    digest = hashlib.blake2b(name.encode(), digest_size=8)
    if backend == "postgresql":
        return int.from_bytes(digest.digest(), "big", signed=True)
    return f"workflow_miniscope.{digest.hexdigest()}"  # MySQL takes 64 characters
