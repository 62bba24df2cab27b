"""A server that answers no more is noticed: a network that is gone, or a machine that froze, closes no connection.

A statement may take minutes, so that time alone says nothing. While a long one is waited for, the server is asked for a
sign of life over another connection. If none comes for half a minute, the one that waits is cut from this side, and the
wait ends in the driver's own error of a lost connection. The server is told to do the same with a client that is gone.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger(__name__)

#: Seconds that a statement takes before the server is first asked for a sign of life; it is asked again after twice as
#: long each time, for a MySQL server counts the connections that do not log in
LONG = 20.0

#: Seconds to wait for a sign of life
ANSWER = 10.0

#: Times that the server is asked in vain before the connection is cut
TRIES = 3

#: Seconds after which a server closes the connection of a machine that died, and frees its locks: hours by default
ABANDONED = 600

_SESSION = {
    "postgresql": (
        f"SET tcp_keepalives_idle = {ABANDONED // 2}",
        f"SET tcp_keepalives_interval = {ABANDONED // 20}",
        "SET tcp_keepalives_count = 10",
    ),
    # which closes a living connection that is idle, too
    "mysql": (f"SET SESSION wait_timeout = {ABANDONED}",),
}

# PostgreSQL's question whether the server encrypts, which it answers before anybody logs in
_POSTGRESQL_ASKS = struct.pack("!ii", 8, 80877103)


def answers(connection: Any) -> bool:
    """Return whether a server gives a sign of life within some seconds.

    Parameters
    ----------
    connection : datajoint.Connection
        Of which the server's address and kind are taken.
    """
    host, port = str(connection.conn_info["host"]), int(connection.conn_info["port"])
    try:
        with _reach(host, port) as probe:
            if connection.adapter.backend == "postgresql":
                probe.sendall(_POSTGRESQL_ASKS)
            return probe.recv(1) != b""
    except OSError:
        return False


def notice_the_dead(driver: Any, backend: str) -> None:
    """Let a server close a connection when the machine at its other end is gone, or, on MySQL, when it is idle."""
    with driver.cursor() as cursor:
        for statement in _SESSION[backend]:
            cursor.execute(statement)


def _reach(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), ANSWER)
    probe = socket.socket(socket.AF_UNIX)
    probe.settimeout(ANSWER)
    try:
        probe.connect(f"{host}/.s.PGSQL.{port}")
    except BaseException:
        probe.close()
        raise
    return probe


@dataclass(eq=False)
class _Wait:
    """A statement that is waited for."""

    connection: Any
    driver: Any
    begun: float = field(default_factory=time.monotonic)
    patience: float = field(default_factory=lambda: LONG)


class _Watch:
    """A thread that looks at all statements that this process waits for."""

    def __init__(self) -> None:
        self._waits: set[_Wait] = set()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, wait: _Wait) -> None:
        with self._guard:
            self._waits.add(wait)
            if self._thread is None or not self._thread.is_alive():  # a forked process has none
                self._thread = threading.Thread(target=self._run, name="server watch", daemon=True)
                self._thread.start()

    def remove(self, wait: _Wait) -> None:
        with self._guard:
            self._waits.discard(wait)

    def _run(self) -> None:
        while True:
            time.sleep(LONG / 4)
            now = time.monotonic()
            with self._guard:
                long = [wait for wait in self._waits if now - wait.begun > wait.patience]
            for wait in long:
                self._look(wait)

    def _look(self, wait: _Wait) -> None:
        for attempt in range(TRIES):
            if answers(wait.connection):
                wait.patience *= 2
                return
            if attempt == 0:
                host, seconds = wait.connection.conn_info["host"], time.monotonic() - wait.begun
                logger.warning("The database server %s has not answered for %.0f s; waiting for it.", host, seconds)
            time.sleep(ANSWER / 10)  # a server that refuses does so at once
        with self._guard:
            if wait in self._waits:  # else it has been answered at last
                _cut(wait.driver)
                self._waits.discard(wait)


_watch = _Watch()


@contextmanager
def watched(connection: Any, driver: Any) -> Iterator[None]:
    """Let a statement within the block end in the driver's error where the server answers no more.

    Parameters
    ----------
    connection : datajoint.Connection
        Of which the server's address is taken.
    driver : connection of psycopg2 or pymysql
        The one that is waited for.
    """
    wait = _Wait(connection, driver)
    _watch.add(wait)
    try:
        yield
    finally:
        _watch.remove(wait)


def _cut(driver: Any) -> None:
    """Close the network's end of a driver's connection under the thread that waits for it."""
    with suppress(Exception):  # each driver's own, where it was closed at this moment
        number = driver.fileno() if hasattr(driver, "fileno") else driver._sock.fileno()  # pymysql has no name for it
        with socket.socket(fileno=os.dup(number)) as own:
            own.shutdown(socket.SHUT_RDWR)
