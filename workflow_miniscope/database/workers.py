"""Who computes: a row for each process at work, with a beat by the server's clock, and a lock on a second connection.

A process counts as alive while its lock is held or its beat is recent. The lock outlasts a computation that keeps
Python from running for minutes; the beat outlasts a connection that was cut and is renewed. Numbers of connections and
processes and names of hosts say nothing: they change, return, and are the same on two machines.
"""

from __future__ import annotations

import logging
import os
import platform
import secrets
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from . import locks, silence
from .connection import DATABASE_ERRORS, dj, open_another

logger = logging.getLogger(__name__)

#: Seconds between two beats
BEAT = 10.0

#: Seconds without a beat after which a process whose lock is free counts as dead: a server's restart takes less
SILENCE = 90.0

#: Days after which the row of a dead process is removed
KEPT = 7

#: The least number of a worker: a server's own numbers of connections are smaller
FIRST = 1 << 61

schema = dj.Schema()


@schema
class Worker(dj.Manual):
    """The processes at work."""

    definition = """
    # Processes that compute: each row goes when its process ends
    worker_id : int64        # drawn by the process; its jobs bear it as connection_id
    ---
    host      : varchar(255)
    pid       : int32
    started   : datetime     # UTC
    beat      : datetime(3)  # UTC by the server's clock, when it was last heard of
    """


_NOW = {"postgresql": "timezone('utc', clock_timestamp())", "mysql": "UTC_TIMESTAMP(3)"}
_AGE = {
    "postgresql": "EXTRACT(EPOCH FROM timezone('utc', clock_timestamp()) - beat)",
    "mysql": "TIMESTAMPDIFF(MICROSECOND, beat, UTC_TIMESTAMP(3)) / 1000000",
}


class Heart:
    """A process as a worker: it begins to beat when it first reserves a job, and ends with the ``with`` block.

    Parameters
    ----------
    connection : datajoint.Connection
        The connection whose server and user the worker's own takes too.
    """

    def __init__(self, connection: Any) -> None:
        self.id = FIRST | secrets.randbits(61)
        self._main = connection
        self._own: Any = None
        self._locked = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Heart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to beat, unless it does already."""
        if self._thread is not None:
            return
        self._open()
        self._execute(
            f"DELETE FROM {Worker.full_table_name} WHERE beat < {_NOW[self._backend]} - "
            f"{self._main.adapter.interval_expr(KEPT, 'day')}"
        )
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cease to beat, and remove the worker's row."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._own is None:
            return
        try:
            self._execute(f"DELETE FROM {Worker.full_table_name} WHERE worker_id = %s", self.id)
            self._own.close()
        except DATABASE_ERRORS:
            logger.debug("The row of worker %d stays", self.id, exc_info=True)
        self._own = None

    @property
    def _backend(self) -> str:
        return str(self._main.adapter.backend)

    def _open(self) -> None:
        """Connect, take the lock, and be heard of: nothing may be reserved before."""
        self._own = open_another(self._main)
        silence.notice_the_dead(self._own, self._backend)
        self._locked = False
        now = _NOW[self._backend]
        # the row is there already where the connection was renewed
        if not self._beat():
            self._execute(
                f"INSERT INTO {Worker.full_table_name} (worker_id, host, pid, started, beat) "
                f"VALUES (%s, %s, %s, {now}, {now})",
                self.id,
                platform.node()[:255],
                os.getpid(),
            )

    def _run(self) -> None:
        while not self._stopping.wait(BEAT):
            try:
                if not self._beat():
                    self._open()
            except DATABASE_ERRORS:
                logger.debug("The heartbeat's connection is renewed", exc_info=True)
                self._renew()

    def _renew(self) -> None:
        try:
            self._own.close()
        except DATABASE_ERRORS:
            pass  # it was closed from the other side
        if not silence.answers(self._main):
            return
        try:
            self._open()
        except DATABASE_ERRORS:
            logger.debug("The server does not answer the heartbeat", exc_info=True)

    def _beat(self) -> bool:
        # after a cut the server may keep the old connection, and with it the lock, for a while
        self._locked = self._locked or locks.take(self._ask, self._backend, _lock_name(self.id))
        statement = f"UPDATE {Worker.full_table_name} SET beat = {_NOW[self._backend]} WHERE worker_id = %s"
        return self._execute(statement, self.id) == 1

    def _execute(self, statement: str, *arguments: Any) -> int:
        with silence.watched(self._main, self._own), self._own.cursor() as cursor:
            cursor.execute(statement, arguments)
            return int(cursor.rowcount)

    def _ask(self, statement: str, arguments: tuple[Any, ...]) -> Any:
        with silence.watched(self._main, self._own), self._own.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchone()[0]


def alive(connection: Any, ids: Iterable[int]) -> set[int]:
    """Return which of some workers live.

    Parameters
    ----------
    connection : datajoint.Connection
        Over which to ask.
    ids : iterable of int
        Numbers of workers.
    """
    backend = connection.adapter.backend
    ages = dict(connection.query(f"SELECT worker_id, {_AGE[backend]} FROM {Worker.full_table_name}").fetchall())
    ask = locks.asker(connection)
    return {
        number
        for number in set(ids)
        if (number in ages and ages[number] < SILENCE) or locks.is_held(ask, backend, _lock_name(number))
    }


def beating(connection: Any) -> int:
    """Return how many workers were heard of lately; they need not be computing."""
    age = _AGE[connection.adapter.backend]
    found = connection.query(f"SELECT COUNT(*) FROM {Worker.full_table_name} WHERE {age} < {SILENCE}")
    return int(found.fetchone()[0])


def _lock_name(number: int) -> str:
    return f"{Worker.database}.worker.{number}"
