"""Who may do what in the configured database: accounts with a role, made by the administrator of its server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from ..database import jobs
from ..database.connection import connect, open_another
from ..database.declaring import Declared, declared_tables, is_declared
from ..database.people import AccountServer, Lab, MySQLAccounts, PostgreSQLAccounts
from ..database.workers import Worker
from ..errors import DatabaseError
from ..settings import get_settings

#: Tables whose rows change after they were made, besides those of queues: what ingesting adds to the description of an
#: animal, and the folder of a Facemap task
CHANGED = ("description.SubjectDescription", "facemap.FacemapTask")

#: Tables whose rows are removed, besides those of queues: verdicts on recordings that could not be read then
EMPTIED = ("recording.RecordingQuality", "recording.CameraQuality")

#: Tables filled with ``skip_duplicates``, for which MySQL wants the right to change rows, though none changes
SKIPPING = ("miniscope.ProcessingMethod",)


@contextmanager
def accounts(declare: bool = True) -> Iterator[AccountServer]:
    """Open the accounts of the configured server, with the tables that their rights are about.

    Parameters
    ----------
    declare : bool
        Make the tables and queues that are not there yet. Otherwise nothing is written.

    Raises
    ------
    DatabaseError
        The database is the embedded one, does not answer, or has no tables and none shall be made.
    """
    settings = get_settings()
    if settings.embedded:
        raise DatabaseError(
            "The embedded database belongs to its user alone, and has no roles; they are for a server that several "
            "people share, which dj_local_conf.json names."
        )
    connection = connect(settings)
    if not declare and not is_declared(connection, f"{settings.prefix}workflow"):
        raise DatabaseError(
            f"The {settings.backend} server {settings.host}:{settings.port} has no tables of the workflow yet, and "
            "nobody has a role; `workflow-miniscope db roles --add NAME --role admin` makes both."
        )
    lab = _lab(declare)
    driver = open_another(connection)
    with closing(driver):
        if settings.backend == "postgresql":
            driver.autocommit = False
            yield PostgreSQLAccounts(driver, connection.adapter, lab)
        else:
            yield MySQLAccounts(driver, connection.adapter, lab)


def _lab(declare: bool) -> Lab:
    """Return the laboratory's schemas and tables; their queues, which workers fill, are made first."""
    from .. import pipeline

    tables = [table for one in pipeline.schemas for table in declared_tables(one)]
    computed = [table() for table in tables if hasattr(table, "populate")]
    queues = [found for table in computed if (found := _queue(table, declare)) is not None]
    backend = pipeline.connection.adapter.backend
    changed = [*map(_table, CHANGED), *(map(_table, SKIPPING) if backend == "mysql" else ())]
    emptied = map(_table, EMPTIED)
    return Lab(
        pipeline.prefix,
        tuple(sorted({Declared.database, *(one.database for one in pipeline.schemas)})),
        filled=frozenset(map(_name, [*tables, *queues, Worker])),
        changed=frozenset(map(_name, [*changed, *queues, Worker])),
        emptied=frozenset(map(_name, [*emptied, *queues, Worker])),
    )


def _queue(table: Any, declare: bool) -> Any | None:
    return jobs.open_jobs(table) if declare else jobs.find_jobs(table)


def _table(name: str) -> Any:
    from .. import pipeline

    schema, table = name.split(".")
    return getattr(getattr(pipeline, schema), table)


def _name(table: Any) -> tuple[str, str]:
    return table.database, table.table_name
