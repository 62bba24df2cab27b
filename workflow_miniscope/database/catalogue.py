"""What a database knows of its tables, read for all of them together.

DataJoint 2.3 reads the heading of each table with seven queries, when the table is first used. Over a slow network
that is most of a command's time. Here a few queries ask for all tables of a workflow, and the headings are made of
the answers by DataJoint itself.
"""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

#: Seconds for which the answers are good: a command has read all headings by then
FRESH = 30.0

# The attribute of a connection that has its catalogue
_KEPT = "_workflow_catalogue"

# Columns named as in the queries that DataJoint asks for one table. Those of MySQL's columns are missing: it asks by
# SHOW FULL COLUMNS, whose defaults MariaDB's information_schema writes in another way.
_OF_TABLES = {
    "postgresql": {
        "get_columns_sql": (
            "SELECT c.table_schema, c.table_name, c.column_name, c.data_type, c.udt_name, c.is_nullable, "
            "c.column_default, c.character_maximum_length, c.numeric_precision, c.numeric_scale, "
            "col_description(k.oid, c.ordinal_position) AS column_comment "
            "FROM information_schema.columns c JOIN pg_namespace n ON n.nspname = c.table_schema "
            "JOIN pg_class k ON k.relnamespace = n.oid AND k.relname = c.table_name "
            "WHERE c.table_schema IN ({schemas}) ORDER BY c.table_schema, c.table_name, c.ordinal_position"
        ),
        "get_primary_key_sql": (
            "SELECT u.table_schema, u.table_name, u.column_name FROM information_schema.key_column_usage u "
            "JOIN information_schema.table_constraints t ON t.constraint_schema = u.constraint_schema "
            "AND t.constraint_name = u.constraint_name AND t.table_name = u.table_name "
            "WHERE u.table_schema IN ({schemas}) AND t.constraint_type = 'PRIMARY KEY' "
            "ORDER BY u.table_schema, u.table_name, u.ordinal_position"
        ),
        "get_indexes_sql": (
            "SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes WHERE schemaname IN ({schemas})"
        ),
    },
    "mysql": {
        "get_primary_key_sql": (
            "SELECT table_schema, table_name, COLUMN_NAME AS column_name FROM information_schema.key_column_usage "
            "WHERE table_schema IN ({schemas}) AND constraint_name = 'PRIMARY' "
            "ORDER BY table_schema, table_name, ordinal_position"
        ),
        "get_indexes_sql": (
            "SELECT table_schema, table_name, INDEX_NAME AS index_name, COLUMN_NAME AS column_name, "
            "NON_UNIQUE AS non_unique, SEQ_IN_INDEX AS seq_in_index FROM information_schema.statistics "
            "WHERE table_schema IN ({schemas}) AND index_name != 'PRIMARY' "
            "ORDER BY table_schema, table_name, index_name, seq_in_index"
        ),
    },
}
_TABLES = {
    "postgresql": (
        "SELECT t.*, obj_description(k.oid, 'pg_class') AS table_comment FROM information_schema.tables t "
        "JOIN pg_namespace n ON n.nspname = t.table_schema "
        "JOIN pg_class k ON k.relnamespace = n.oid AND k.relname = t.table_name WHERE t.table_schema LIKE %s"
    ),
    "mysql": "SELECT t.* FROM information_schema.tables t WHERE t.table_schema LIKE %s",
}

_LINEAGE = "~lineage"


def _question(query: str, args: Sequence[Any] = ()) -> tuple[str, tuple[Any, ...]]:
    return " ".join(query.split()), tuple(args)


class Answers(list[dict[str, Any]]):
    """Rows as a cursor gives them: dictionaries where they were asked for, else tuples."""

    def __init__(self, rows: Sequence[dict[str, Any]], as_dict: bool) -> None:
        super().__init__(rows if as_dict else [tuple(row.values()) for row in rows])  # type: ignore[misc]
        self.rowcount = len(self)

    def fetchone(self) -> Any:
        """Return the first row, or None."""
        return self[0] if self else None

    def fetchall(self) -> Any:
        """Return all rows."""
        return self


class Catalogue:
    """In the place of a connection where DataJoint reads a heading: has the answers, or asks the connection.

    For ``FRESH`` seconds; afterwards, and once this process has changed a table, the connection is asked.

    Parameters
    ----------
    connection : datajoint.Connection
        The database.
    prefix : str
        What the names of the schemas begin with.

    Attributes
    ----------
    tables : set of str
        Full names of the tables that there were.
    """

    def __init__(self, connection: Any, prefix: str) -> None:
        self.connection, self.adapter = connection, connection.adapter
        self._answers: dict[tuple[str, tuple[Any, ...]], list[dict[str, Any]]] = {}
        self._is_full, self._until = False, time.monotonic() + FRESH
        pattern = prefix.replace("\\", r"\\").replace("_", r"\_").replace("%", r"\%") + "%"
        self._tables: dict[tuple[str, str], dict[str, Any]] = {}
        for row in connection.query(_TABLES[self.adapter.backend], args=(pattern,), as_dict=True):
            where = {name.lower(): value for name, value in row.items()}
            self._tables[where["table_schema"], where["table_name"]] = row
        self.tables = {self.adapter.make_full_table_name(*where) for where in self._tables}

    def query(self, query: str, args: Any = (), *, as_dict: bool = False, **options: Any) -> Any:
        """Answer a query, as a connection does."""
        if time.monotonic() > self._until:
            forget(self.connection)
            return self.connection.query(query, args, as_dict=as_dict, **options)
        if not self._is_full:
            self._is_full = True
            self._fill()
        rows = self._answers.get(_question(query, args))
        if rows is None:
            return self.connection.query(query, args, as_dict=as_dict, **options)
        return Answers(rows, as_dict)

    def _fill(self) -> None:
        adapter = self.adapter
        for where, row in self._tables.items():
            self._answers[_question(adapter.get_table_info_sql(*where))] = [row]
        if not self._tables:
            return
        schemas = ", ".join(adapter.quote_string(name) for name in sorted({schema for schema, _ in self._tables}))
        for question, query in _OF_TABLES[adapter.backend].items():
            found = self._by_table(query.format(schemas=schemas))
            for where in self._tables:
                self._answers[_question(getattr(adapter, question)(*where))] = found[where]
        self._fill_lineage()

    def _by_table(self, query: str) -> defaultdict[tuple[str, str], list[dict[str, Any]]]:
        """Return the rows of a query whose first two columns say of which table they are."""
        found = defaultdict(list)
        for row in self.connection.query(query, as_dict=True):
            (_, schema), (_, table), *rest = row.items()
            found[schema, table].append(dict(rest))
        return found

    def _fill_lineage(self) -> None:
        quote = self.adapter.quote_identifier
        schemas = [schema for schema, table in self._tables if table == _LINEAGE]
        if not schemas:
            return
        found = self._by_table(
            " UNION ALL ".join(
                f"SELECT {self.adapter.quote_string(schema)}, table_name, attribute_name, lineage "
                f"FROM {quote(schema)}.{quote(_LINEAGE)}"
                for schema in schemas
            )
        )
        for schema, table in self._tables:
            if schema in schemas:
                query = f"SELECT attribute_name, lineage FROM {quote(schema)}.{quote(_LINEAGE)} WHERE table_name = %s"
                self._answers[_question(query, (table,))] = found[schema, table]


def read_together() -> None:
    """Make DataJoint 2.3 look into the catalogue of a connection, if there is one, before it asks for a heading."""
    from datajoint.heading import Heading
    from datajoint.table import Table

    original = Heading._init_from_database
    if getattr(original, "_together", False):
        return

    @functools.wraps(original)
    def init_from_database(self: Any) -> None:
        asked = self.table_info
        catalogue = getattr(asked["conn"], _KEPT, None)
        if catalogue is None:
            original(self)
            return
        self.table_info = {**asked, "conn": catalogue}
        try:
            original(self)
        finally:
            self.table_info = asked

    for name in ("declare", "alter", "drop_quick"):
        setattr(Table, name, _forgets(getattr(Table, name)))
    init_from_database._together = True  # type: ignore[attr-defined]  # a mark on the function
    Heading._init_from_database = init_from_database


def _forgets(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def changed(self: Any, *arguments: Any, **options: Any) -> Any:
        forget(self.connection)
        return method(self, *arguments, **options)

    return changed


def remember(connection: Any, prefix: str) -> Catalogue:
    """Read what there is in the schemas whose names begin with a prefix, for the headings to come."""
    catalogue = Catalogue(connection, prefix)
    setattr(connection, _KEPT, catalogue)
    return catalogue


def forget(connection: Any) -> None:
    """Let headings be read from the database again: a table has changed."""
    vars(connection).pop(_KEPT, None)
