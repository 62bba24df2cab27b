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

#: Seconds for which answers are good, where another process may have changed the tables
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
        "JOIN pg_class k ON k.relnamespace = n.oid AND k.relname = t.table_name WHERE t.table_schema LIKE %s "
        "AND t.table_schema NOT IN ('pg_catalog', 'information_schema')"
    ),
    "mysql": (
        "SELECT t.* FROM information_schema.tables t WHERE t.table_schema LIKE %s "
        "AND t.table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')"
    ),
}

_LINEAGE = "~lineage"


#: A query without line breaks, and its arguments
Question = tuple[str, tuple[Any, ...]]


def _question(query: str, args: Sequence[Any] = ()) -> Question:
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

    What it was told longer ago than ``FRESH`` it asks again, for all tables; of tables that this process has changed
    itself it says nothing until then.

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
        self._pattern = prefix.replace("\\", r"\\").replace("_", r"\_").replace("%", r"\%") + "%"
        self._answers: dict[Question, list[dict[str, Any]]] = {}
        self._until = 0.0
        self.tables = {self.adapter.make_full_table_name(*where) for where in self._list()}

    def query(self, query: str, args: Any = (), *, as_dict: bool = False, **options: Any) -> Any:
        """Answer a query, as a connection does."""
        if time.monotonic() > self._until:
            self._fill()
        rows = self._answers.get(_question(query, args))
        if rows is None:
            return self.connection.query(query, args, as_dict=as_dict, **options)
        return Answers(rows, as_dict)

    def forget(self, database: str, table: str) -> None:
        """Answer no question about a table, until all are asked again."""
        for question in (*self._about(database, table), self._lineage_of(database, table)):
            self._answers.pop(question, None)

    def _list(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what there is, by schema and table."""
        found = {}
        for row in self.connection.query(_TABLES[self.adapter.backend], args=(self._pattern,), as_dict=True):
            where = {name.lower(): value for name, value in row.items()}
            found[where["table_schema"], where["table_name"]] = row
        return found

    def _about(self, database: str, table: str) -> list[Question]:
        """Return the questions about one table that have no arguments."""
        names = ("get_table_info_sql", *_OF_TABLES[self.adapter.backend])
        return [_question(getattr(self.adapter, name)(database, table)) for name in names]

    def _lineage_of(self, database: str, table: str) -> Question:
        quote = self.adapter.quote_identifier
        return _question(
            f"SELECT attribute_name, lineage FROM {quote(database)}.{quote(_LINEAGE)} WHERE table_name = %s", (table,)
        )

    def _fill(self) -> None:
        tables = self._list()
        schemas = sorted({schema for schema, _ in tables})
        named = ", ".join(map(self.adapter.quote_string, schemas))
        known = [{where: [row] for where, row in tables.items()}]
        if schemas:
            queries = _OF_TABLES[self.adapter.backend].values()
            known += [self._by_table(query.format(schemas=named)) for query in queries]
        lineage = self._lineages([schema for schema, table in tables if table == _LINEAGE])
        answers = {}
        for where in tables:
            for question, rows in zip(self._about(*where), known, strict=True):
                answers[question] = rows.get(where, [])
            if (where[0], _LINEAGE) in tables:
                answers[self._lineage_of(*where)] = lineage.get(where, [])
        self._answers, self._until = answers, time.monotonic() + FRESH

    def _by_table(self, query: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """Return the rows of a query whose first two columns say of which table they are."""
        found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in self.connection.query(query, as_dict=True):
            (_, schema), (_, table), *rest = row.items()
            found[schema, table].append(dict(rest))
        return found

    def _lineages(self, schemas: Sequence[str]) -> dict[tuple[str, str], list[dict[str, Any]]]:
        quote = self.adapter.quote_identifier
        if not schemas:
            return {}
        return self._by_table(
            " UNION ALL ".join(
                f"SELECT {self.adapter.quote_string(schema)}, table_name, attribute_name, lineage "
                f"FROM {quote(schema)}.{quote(_LINEAGE)}"
                for schema in schemas
            )
        )


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
        try:
            return method(self, *arguments, **options)
        finally:
            catalogue = getattr(self.connection, _KEPT, None)
            if catalogue is not None:
                catalogue.forget(self.database, self.table_name)

    return changed


def remember(connection: Any, prefix: str) -> Catalogue:
    """Read what there is in the schemas whose names begin with a prefix, for the headings to come."""
    catalogue = Catalogue(connection, prefix)
    setattr(connection, _KEPT, catalogue)
    return catalogue


def forget(connection: Any) -> None:
    """Let each heading be read from the database, as DataJoint does."""
    vars(connection).pop(_KEPT, None)
