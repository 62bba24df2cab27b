"""Dump a database to a file and restore it, with PostgreSQL's own programs."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import DatabaseError
from ..settings import Settings
from . import embedded


def dump(settings: Settings, path: Path) -> Path:
    """Write every schema of the database to a file, in PostgreSQL's custom format.

    Raises
    ------
    DatabaseError
        The database is a MySQL server, which has programs of its own for this, or ``pg_dump`` fails.
    """
    arguments, environment = _connection(settings, "mysqldump")
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        embedded.run_program(
            "pg_dump",
            *arguments,
            "--format=custom",
            "--no-owner",
            f"--file={partial}",
            environment=environment,
        )
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def restore(settings: Settings, path: Path) -> None:
    """Read a dump into the database, in one transaction: all of it or, on any error, nothing.

    Raises
    ------
    DatabaseError
        The file is not a dump, or holds schemas that the database has already.
    """
    path = Path(path)
    if not path.is_file():
        raise DatabaseError(f"{path} does not exist; name the file that `workflow-miniscope db dump` wrote.")
    arguments, environment = _connection(settings, "mysql")
    embedded.run_program(
        "pg_restore",
        *arguments,
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        str(path),
        environment=environment,
    )


def _connection(settings: Settings, mysql_program: str) -> tuple[list[str], dict[str, str]]:
    if settings.embedded:
        address = embedded.start(settings.home)
        return [
            f"--host={address.host}",
            f"--port={address.port}",
            f"--username={embedded.USER}",
            "--dbname=postgres",
        ], {}
    if settings.backend == "mysql":
        raise DatabaseError(
            f"{settings.host} is a MySQL server; dump and restore it with MySQL's own `{mysql_program}`."
        )
    arguments = [
        f"--host={settings.host}",
        f"--port={settings.port}",
        f"--username={settings.user}",
        f"--dbname={settings.database_name or 'postgres'}",
    ]
    # a password on the command line could be read by everybody on the machine
    return arguments, {"PGPASSWORD": settings.password.get_secret_value() if settings.password else ""}
