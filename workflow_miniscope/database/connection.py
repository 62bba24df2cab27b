"""The connection: the configured server, or the embedded PostgreSQL."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

import psycopg2
import pymysql

from ..errors import DatabaseError
from ..settings import Settings, get_settings
from . import embedded, frames, silence

frames.load_datajoint()
import datajoint as dj  # noqa: E402

__all__ = ["DATABASE_ERRORS", "configure", "connect", "connect_beside", "dj", "open_another", "settle"]

# What a server's refusal arrives as: DataJoint translates only some of the drivers' errors
DATABASE_ERRORS = (dj.DataJointError, psycopg2.Error, pymysql.MySQLError)


def configure(settings: Settings) -> None:
    """Hand the settings to DataJoint, starting the embedded server where it is the one to use."""
    config = dj.config
    if "DJ_LOG_LEVEL" not in os.environ:
        # it announces each connection, and the Elements each table they mean to drop one day
        dj.logger.setLevel(logging.ERROR)
    if settings.embedded:
        address = embedded.start(settings.home)
        config["database.backend"] = "postgresql"
        config["database.host"] = address.host
        config["database.port"] = address.port
        config["database.user"] = embedded.USER
        config["database.password"] = ""
        config["database.name"] = None
        config["database.use_tls"] = False
    else:
        missing = [name for name in ("user", "password") if getattr(settings, name) is None]
        if missing:
            raise DatabaseError(
                f"The server {settings.host} is configured without database.{missing[0]}; add it to "
                f"{settings.source or 'dj_local_conf.json'} or set DJ_{'USER' if missing[0] == 'user' else 'PASS'}."
            )
        config["database.backend"] = settings.backend
        config["database.host"] = settings.host
        config["database.port"] = settings.port
        config["database.user"] = settings.user
        config["database.password"] = settings.password.get_secret_value() if settings.password else ""
        config["database.name"] = settings.database_name
        config["database.use_tls"] = settings.use_tls
    for key, value in settings.datajoint.items():
        config[key] = value


def connect(settings: Settings | None = None) -> dj.Connection:
    """Connect DataJoint to the database of the settings and return the connection.

    Raises
    ------
    DatabaseError
        The server cannot be reached, refuses the user, or the embedded one does not start.
    """
    settings = settings or get_settings()
    # DataJoint forgets what it is told of encryption where it is not told of the user, too
    return _connect(settings, lambda: dj.conn(user=dj.config["database.user"], use_tls=_encryption(settings)))


def connect_beside(settings: Settings) -> dj.Connection:
    """Connect to the database of some settings with a connection that is not DataJoint's own one.

    DataJoint's configuration is that of these settings afterwards.

    Raises
    ------
    DatabaseError
        As :func:`connect` does.
    """
    config = dj.config
    return _connect(
        settings,
        lambda: dj.Connection(
            config["database.host"],
            config["database.user"],
            config["database.password"],
            use_tls=_encryption(settings),
        ),
    )


def _encryption(settings: Settings) -> bool | dict[str, Any] | None:
    """Return what DataJoint is to do about encryption: None to try it, False not to, else to insist on it."""
    if settings.embedded:
        return False
    if settings.use_tls and settings.backend == "mysql":
        # its driver takes an empty dictionary, which DataJoint makes of True, for a wish, and goes on without
        return {"check_hostname": False}
    return settings.use_tls


def _connect(settings: Settings, make: Callable[[], dj.Connection]) -> dj.Connection:
    configure(settings)
    try:
        with warnings.catch_warnings():
            # MariaDB speaks the MySQL protocol and runs this workflow's tests
            warnings.filterwarnings("ignore", message="MariaDB is not officially")
            connection = make()
        settle(connection)
        return connection
    except Exception as error:  # each driver raises its own kinds
        raise DatabaseError(_why_not(error, settings)) from error


def settle(connection: dj.Connection) -> None:
    """Tell a server what holds for a connection as long as it lasts: anew for each that was renewed."""
    if connection.adapter.backend != "postgresql":
        return
    silence.notice_the_dead(connection._conn, "postgresql")
    with connection._conn.cursor() as cursor:
        # of 100,000 rows the few joins of `status` took 6 s to compile, and less than 1 s to run
        cursor.execute("SET jit = off")


def open_another(connection: dj.Connection) -> Any:
    """Open a second connection like one of DataJoint's, as the bare driver's, which another thread may use."""
    wanted = connection._build_connect_kwargs()
    try:
        return connection.adapter.connect(**wanted)
    except DATABASE_ERRORS:
        if connection.conn_info.get("ssl_input") is not None:
            raise
        # encryption is tried where nothing is said of it, as DataJoint does
        return connection.adapter.connect(**{**wanted, "use_tls": False})


def _why_not(error: Exception, settings: Settings) -> str:
    if settings.embedded:
        why = _first_line(error)
        return f"The embedded PostgreSQL does not answer ({why}); try `workflow-miniscope db stop` and again."
    where = f"{settings.backend} server {settings.host}:{settings.port}"
    text = str(error).lower()
    if "password" in text or "access denied" in text or "authentication" in text or "role" in text:
        return (
            f"The {where} refuses user '{settings.user}' with this password; check database.user and "
            "database.password (DJ_USER, DJ_PASS)."
        )
    if "ssl" in text and "support" in text and settings.use_tls:
        return f"The {where} offers no encryption, which database.use_tls (DJ_USE_TLS) asks for."
    if "does not exist" in text and settings.database_name:
        return f"The {where} has no database '{settings.database_name}'; check database.name."
    return (
        f"The {where} cannot be reached ({_first_line(error)}); check database.host, database.port and "
        "database.backend, and that the server is running."
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
