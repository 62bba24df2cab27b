"""A connection that was lost is renewed: after a server's restart, a cut network, or a connection left idle too long.

DataJoint 2.3 does so on the MySQL protocol, if the server answers at once, and never on PostgreSQL. That a network is
lost, which closes no connection, is noticed by :mod:`.silence`.
"""

from __future__ import annotations

import functools
import logging
import re
import time
from typing import Any

import psycopg2
import pymysql

from ..errors import DatabaseError
from . import packets, silence
from .connection import DATABASE_ERRORS, dj, settle

logger = logging.getLogger(__name__)

#: Seconds for which a server that does not answer is asked again: a restart takes less
PATIENCE = 60.0

#: Seconds between two attempts
PAUSE = 1.0

#: The MySQL protocol's errors that say a connection is gone: broken, timed out, killed, the server shuts down, or a
#: statement was too large for it
_GONE = {0, 1053, 1153, 1927, 2006, 2013, 2055, 4031}

# What a connection is marked with whose server did not come back in time
_GIVEN_UP = "_workflow_miniscope_given_up"


def renew_lost_connections() -> None:
    """Make DataJoint's connections renew themselves.

    A statement outside of a transaction is sent again. Within one, everything since its start is undone, and
    ``datajoint.errors.LostConnectionError`` says so. DatabaseError is raised when the server does not come back, or
    when the statement is too large for it, which is what a MySQL server cuts connections for.
    """
    from datajoint.connection import Connection

    original = Connection.query
    if getattr(original, "_renews", False):
        return

    @functools.wraps(original)
    def query(
        self: Any,
        query: str,
        args: Any = (),
        *,
        as_dict: bool = False,
        suppress_warnings: bool = True,
        reconnect: Any = None,
    ) -> Any:
        options = {"as_dict": as_dict, "suppress_warnings": suppress_warnings, "reconnect": False}
        wanted = self._config["database.reconnect"] if reconnect is None else reconnect

        def send() -> Any:
            with silence.watched(self, self._conn):
                return original(self, query, args, **options)

        try:
            return send()
        except Exception as error:
            if not wanted or not is_lost(error, self._conn):
                raise
            in_transaction, self._in_transaction = self._in_transaction, False
            _renew(self, error)
            refusal = _too_large(self, query, args)
            if refusal is not None:
                raise DatabaseError(refusal) from error
            if in_transaction:
                raise dj.errors.LostConnectionError("The connection was lost during a transaction.") from error
        return send()

    query._renews = True  # type: ignore[attr-defined]  # a mark on the function
    Connection.query = query


def is_lost(error: BaseException, driver: Any = None) -> bool:
    """Return whether an error says that the connection is gone.

    Parameters
    ----------
    error : exception
        What a statement ended with.
    driver : connection of a driver, optional
        The connection itself, which knows best where it is at hand.
    """
    if isinstance(error, dj.errors.LostConnectionError):
        return True
    if isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)):
        return driver is None or bool(driver.closed)
    return isinstance(error, pymysql.MySQLError) and bool(error.args) and error.args[0] in _GONE


def _too_large(connection: Any, statement: str, arguments: Any) -> str | None:
    if connection.adapter.backend != "mysql":
        return None
    found = re.match(r"\s*INSERT INTO\s+([^\s(]+)", statement)
    what = f"A row of {found[1].replace('`', '')}" if found else "What was asked for"
    return packets.too_large(connection._conn, statement, arguments, what)


def _renew(connection: Any, lost: Exception) -> None:
    logger.warning("The connection to the database was lost; it is renewed.")
    # what is undone after a server was given up is not worth as long a wait again
    deadline = time.monotonic() + (0 if getattr(connection, _GIVEN_UP, False) else PATIENCE)
    while True:
        try:
            if not silence.answers(connection):  # a driver would wait for its greeting without end
                raise dj.errors.LostConnectionError("it gives no sign of life")
            connection.connect()
            connection.connection_id = connection.adapter.get_connection_id(connection._conn)
            settle(connection)
        except DATABASE_ERRORS as error:
            if time.monotonic() > deadline:
                setattr(connection, _GIVEN_UP, True)
                raise DatabaseError(
                    f"The database server {connection.conn_info['host']} does not answer any more "
                    f"({_first_line(error)}); what was finished is stored. Run the command again when it is back."
                ) from lost
            time.sleep(PAUSE)
        else:
            setattr(connection, _GIVEN_UP, False)
            return


def _first_line(error: Exception) -> str:
    # the MySQL driver's errors are pairs of a number and a sentence
    text = error.args[1] if len(error.args) > 1 else error
    return next((line.strip() for line in str(text).splitlines() if line.strip()), type(error).__name__)
