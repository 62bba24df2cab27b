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
        The database is a MySQL server, which has programs of its own for this, the path is a
        folder, or ``pg_dump`` fails.
    """
    arguments, environment = _connection(settings, "mysqldump")
    path = Path(path)
    if path.is_dir():
        raise DatabaseError(f"{path} is a folder; name a file to write, such as {path / 'workflow-miniscope.dump'}.")
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


def restore(settings: Settings, path: Path, replace: bool = False) -> None:
    """Read a dump into the database, in one transaction: all of it or, on any error, nothing.

    Parameters
    ----------
    settings : Settings
        Which database.
    path : Path
        What :func:`dump` wrote.
    replace : bool
        Put it in place of what is there, as an undo. Without, the database must be empty.

    Raises
    ------
    DatabaseError
        The file is not a dump, or the database is not empty.
    """
    path = Path(path)
    if not path.is_file():
        raise DatabaseError(f"{path} does not exist; name the file that `workflow-miniscope db dump` wrote.")
    arguments, environment = _connection(settings, "mysql")
    try:
        embedded.run_program(
            "pg_restore",
            *arguments,
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            *(["--clean", "--if-exists"] if replace else []),
            str(path),
            environment=environment,
        )
    except DatabaseError as error:
        if "already exists" not in str(error):
            raise
        raise DatabaseError(
            f"The database is not empty, and nothing of {path} was read into it; add --replace to put it in place "
            "of what is there, or set WORKFLOW_MINISCOPE_HOME to a new folder."
        ) from error


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
