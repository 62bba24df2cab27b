"""Tables declared so that a kill at any moment leaves nothing half-made, and that what earlier ones left is mended.

DataJoint 2.3 sends a table, the comments that carry its columns' types, and its lineage one after the other. On
PostgreSQL a table without the comments refuses arrays ever after; a table without lineage, or with another process's,
is refused in joins.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2

from ..errors import DatabaseError
from . import catalogue, jobs, locks
from .connection import DATABASE_ERRORS, dj
from .owner import as_owner
from .refusals import is_refusal
from .workers import schema

logger = logging.getLogger(__name__)


@schema
class Declared(dj.Manual):
    """Sets of tables that are complete in this database."""

    definition = """
    # Sets of tables that are complete: a start that finds its own here has nothing to declare or mend
    digest   : char(32)     # of the definitions and of DataJoint's version
    ---
    declared : datetime     # UTC
    """


# Tables that this process declared: they need no mending
_new: set[str] = set()

_NOW = {"postgresql": "timezone('utc', now())", "mysql": "UTC_TIMESTAMP()"}


def declare_as_a_whole() -> None:
    """Make DataJoint 2.3 declare a table on PostgreSQL in one transaction; MySQL's have their comments at once."""
    from datajoint.adapters.postgres import PostgreSQLAdapter
    from datajoint.table import Table

    original = Table.declare
    if getattr(original, "_as_a_whole", False):
        return

    @functools.wraps(original)
    def declare(self: Any, context: Any = None) -> None:
        if self.connection.adapter.backend != "postgresql" or self.connection.in_transaction:
            original(self, context)
            _new.add(self.full_table_name)
            return
        self.connection.query("BEGIN")
        try:
            original(self, context)
        except BaseException as error:
            self.connection.query("ROLLBACK")
            if isinstance(error, psycopg2.errors.InFailedSqlTransaction) and error.__context__ is not None:
                raise error.__context__ from None  # what the transaction failed at
            raise
        self.connection.query("COMMIT")
        _new.add(self.full_table_name)

    types = PostgreSQLAdapter.get_pending_enum_ddl

    @functools.wraps(types)
    def unless_there(self: Any, schema_name: str) -> list[str]:
        # an error that is ignored, as DataJoint does, would end the transaction
        return [
            f"DO $$ BEGIN {statement}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            for statement in types(self, schema_name)
        ]

    declare._as_a_whole = True  # type: ignore[attr-defined]  # a mark on the function
    Table.declare = declare
    PostgreSQLAdapter.get_pending_enum_ddl = unless_there


@contextmanager
def activation(connection: Any, name: str, schemas: Sequence[Any]) -> Iterator[None]:
    """Activate schemas in the block: one process at a time where their tables are not complete yet.

    Parameters
    ----------
    connection : datajoint.Connection
        The database.
    name : str
        Name of the schema for what this room keeps of its own.
    schemas : sequence of datajoint.Schema
        What is activated in the block.

    Raises
    ------
    DatabaseError
        Tables are missing, and this user may not make them.
    """
    digest, prefix = _digest(schemas), name.removesuffix("workflow")
    if _is_complete(connection, name, digest):
        with _known(connection, prefix):
            schema.activate(name)
            yield
        return
    with locks.exclusive(connection, f"{name}.schemas"), as_owner(connection, name):
        try:
            schema.activate(name)
            yield
        except dj.DataJointError as error:
            if is_refusal(error):
                raise DatabaseError(
                    f"Tables of this version of the workflow are not in the database yet, and user "
                    f"'{connection.conn_info['user']}' may not make them; ask its administrator to run "
                    "`workflow-miniscope db roles --update`."
                ) from error
            raise
        if not _is_complete(connection, name, digest):  # else another process was faster
            try:
                _complete(connection, schemas, digest)
            except DATABASE_ERRORS as error:
                if not is_refusal(error):
                    raise
                # the tables are there: who may change them mends them at the next start, if there is something to mend
                logger.debug("User %s may not mend the tables", connection.conn_info["user"], exc_info=True)
        catalogue.remember(connection, prefix)


@contextmanager
def _known(connection: Any, prefix: str) -> Iterator[None]:
    """Let DataJoint ask once for all tables whether they are there, and read no heading before somebody needs it.

    DataJoint 2.3 asks for each, and reads its heading with seven more queries to look for lineage that is missing: in
    complete tables none is. A table that is not there is declared all the same.
    """
    from datajoint.schemas import _Schema
    from datajoint.table import Table

    there = catalogue.remember(connection, prefix).tables
    decorate, is_there = _Schema._decorate_table, Table.is_declared

    def without_look(self: Any, table_class: Any, *arguments: Any, **options: Any) -> None:
        make = self.create_tables
        if connection.adapter.make_full_table_name(self.database, table_class.table_name) in there:
            self.create_tables = False
        try:
            decorate(self, table_class, *arguments, **options)
        finally:
            self.create_tables = make

    _Schema._decorate_table = without_look
    Table.is_declared = property(lambda self: self.full_table_name in there or is_there.fget(self))
    try:
        yield
    finally:
        _Schema._decorate_table, Table.is_declared = decorate, is_there


def is_declared(connection: Any, name: str) -> bool:
    """Return whether a database has any tables of the workflow.

    Parameters
    ----------
    connection : datajoint.Connection
        The database.
    name : str
        Name of the schema for what this room keeps of its own.
    """
    found = connection.query(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        args=(name, Declared.table_name),
    )
    return found.fetchone() is not None


def _complete(connection: Any, schemas: Sequence[Any], digest: str) -> None:
    """Mend all tables, and note that they are complete."""
    # not connection.schemas: the Elements register others under the same names
    for table in (table for one in (schema, *schemas) for table in declared_tables(one)):
        _mend(table, table.declaration_context)
        queue = jobs.find_jobs(table()) if hasattr(table, "populate") else None
        if queue is not None:
            _mend(queue, None)
    connection.query(
        f"INSERT INTO {Declared.full_table_name} (digest, declared) VALUES (%s, {_NOW[connection.adapter.backend]})",
        args=(digest,),
    )


def _digest(schemas: Sequence[Any]) -> str:
    definitions = [
        f"{cls.__module__}.{cls.__qualname__}\n{cls.definition}" for one in schemas for cls in declared_tables(one)
    ]
    text = "\n".join([dj.__version__, *definitions])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _is_complete(connection: Any, name: str, digest: str) -> bool:
    table = connection.adapter.make_full_table_name(name, Declared.table_name)
    try:
        return connection.query(f"SELECT 1 FROM {table} WHERE digest = %s", args=(digest,)).fetchone() is not None
    except DATABASE_ERRORS:
        return False  # a new database, which the activation will find to be out of reach if it is


def declared_tables(one: Any) -> Iterator[Any]:
    """Give the tables of a schema in the order of their declaration, each followed by its parts."""
    for cls, _ in one.declare_list:
        yield cls
        for part_name in sorted(vars(cls)):
            part = vars(cls)[part_name]
            if inspect.isclass(part) and issubclass(part, dj.Part):
                yield part


def _mend(table: Any, context: Any) -> None:
    """Write the comments, indexes and lineage of a table anew, as its definition has them."""
    from datajoint.declare import declare

    if table.full_table_name in _new:
        return
    connection = table.connection
    _, _, primary_key, parents, _, statements = declare(
        table.full_table_name, table.definition, context, connection.adapter, config=connection._config
    )
    for statement in statements:
        try:
            connection.query(re.sub(r"^CREATE (UNIQUE )?INDEX ", r"CREATE \1INDEX IF NOT EXISTS ", statement))
        except dj.errors.UnknownAttributeError:
            continue  # a column of a newer definition, which the table of an older version does not have
    instance: Any = table() if inspect.isclass(table) else table
    instance._populate_lineage(primary_key, parents)
    instance.heading._attributes = None  # it may have been read before
