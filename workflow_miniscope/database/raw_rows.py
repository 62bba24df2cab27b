"""Rows as a server holds them, arrays unread: to be moved from one server to another, whichever of the two it is.

Every value comes and goes exactly: the single-precision numbers of the MySQL protocol, which it prints with 6 digits,
are read as the doubles that they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pymysql.cursors

from ..errors import DatabaseError
from ..settings import Settings
from . import packets
from .connection import DATABASE_ERRORS, connect_beside

#: Rows that are read or inserted at once
MOST_ROWS = 500

#: Bytes of a row from which on it is asked whether the server takes it
LARGE = 512 * 1024


@dataclass(frozen=True)
class Column:
    """A column: its name, and what kind of values it takes (in the server's words, in small letters)."""

    name: str
    kind: str


class Server:
    """A connection of its own to one of the two servers.

    Parameters
    ----------
    driver : connection of psycopg2 or pymysql
        It is closed by :meth:`close`.
    adapter : DataJoint adapter
        The server's.
    """

    def __init__(self, driver: Any, adapter: Any) -> None:
        self.driver, self.adapter = driver, adapter
        self.backend = str(adapter.backend)

    def close(self) -> None:
        """End the connection."""
        try:
            self.driver.close()
        except DATABASE_ERRORS:
            pass  # it was closed from the other side

    def hold_still(self) -> None:
        """Read everything as it is at the first look, whatever others write meanwhile; nothing can be written."""
        if self.backend == "postgresql":
            self.driver.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
        else:
            self._run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def columns(self, schema: str, table: str) -> tuple[Column, ...]:
        """Return the columns of a table in their order; none where it does not exist."""
        found = self._run(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            (schema, table),
        )
        return tuple(Column(str(name), str(kind).lower()) for name, kind in found)

    def schemas_with(self, table: str) -> set[str]:
        """Return the schemas that have a table of some name."""
        found = self._run("SELECT table_schema FROM information_schema.tables WHERE table_name = %s", (table,))
        return {str(row[0]) for row in found}

    def count(self, schema: str, table: str, where: str = "") -> int:
        """Return how many rows a table has."""
        return int(self._run(f"SELECT count(*) FROM {self._name(schema, table)} {where}")[0][0])

    def rows(self, schema: str, table: str, columns: Sequence[Column], where: str = "") -> Iterator[tuple[Any, ...]]:
        """Give the rows of a table, a few at a time; the values in the order of the columns."""
        wanted = ", ".join(self._reading(column) for column in columns)
        padded = [column.kind in ("character", "char") for column in columns]
        with self._stream() as cursor:
            cursor.execute(f"SELECT {wanted} FROM {self._name(schema, table)} {where}")
            while part := cursor.fetchmany(MOST_ROWS):
                for row in part:
                    yield tuple(_plain(value, strip) for value, strip in zip(row, padded, strict=True))

    def insert(self, schema: str, table: str, columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows in one statement: all or none.

        Raises
        ------
        DatabaseError
            The server takes no statement of this size.
        """
        marks = ", ".join(["(" + ", ".join(["%s"] * len(columns)) + ")"] * len(rows))
        names = ", ".join(self.adapter.quote_identifier(column.name) for column in columns)
        boolean = [self.backend == "postgresql" and column.kind == "boolean" for column in columns]
        values = [
            bool(value) if flag and value is not None else value
            for row in rows
            for flag, value in zip(boolean, row, strict=True)
        ]
        statement = f"INSERT INTO {self._name(schema, table)} ({names}) VALUES {marks}"
        with self.driver.cursor() as cursor:
            if self.backend == "mysql" and sum(map(size, rows)) > LARGE:
                refusal = packets.too_large(self.driver, statement, values, f"A row of {schema}.{table}")
                if refusal is not None:
                    raise DatabaseError(refusal)
            cursor.execute(statement, values)

    def _name(self, schema: str, table: str) -> str:
        return f"{self.adapter.quote_identifier(schema)}.{self.adapter.quote_identifier(table)}"

    def _reading(self, column: Column) -> str:
        name = str(self.adapter.quote_identifier(column.name))
        if self.backend == "postgresql":
            casts = {"real": "float8", "json": "text", "jsonb": "text"}
            return f"{name}::{casts[column.kind]}" if column.kind in casts else name
        return f"({name} + 0e0)" if column.kind == "float" else name

    def _stream(self) -> Any:
        if self.backend == "postgresql":
            cursor = self.driver.cursor(name="rows", withhold=self.driver.autocommit)
            cursor.itersize = MOST_ROWS
            return cursor
        return self.driver.cursor(pymysql.cursors.SSCursor)

    def _run(self, statement: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self.driver.cursor() as cursor:
            cursor.execute(statement, arguments)
            return list(cursor.fetchall()) if cursor.description else []


def open_server(settings: Settings) -> Server:
    """Open a connection to the database of some settings, beside that of DataJoint.

    Raises
    ------
    DatabaseError
        It does not answer.
    """
    connection = connect_beside(settings)
    return Server(connection._conn, connection.adapter)


def size(row: Sequence[Any]) -> int:
    """Return the bytes of a row's arrays and texts, about."""
    return sum(len(value) if isinstance(value, (bytes, str)) else 8 for value in row)


def digester(columns: Sequence[Column], json_names: Collection[str]) -> Callable[[Sequence[Any]], bytes]:
    """Return the function that gives a row's checksum, which is the same on every server.

    Parameters
    ----------
    columns : sequence of Column
        Of the row's values.
    json_names : collection of str
        The columns that hold JSON, whose spaces and order mean nothing. MariaDB itself takes JSON for text.
    """
    parsed = [column.name in json_names for column in columns]

    def digest(row: Sequence[Any]) -> bytes:
        hashed = hashlib.blake2b(digest_size=16)
        for value, is_json in zip(row, parsed, strict=True):
            text = _canonical(value, is_json)
            hashed.update(len(text).to_bytes(8, "big"))
            hashed.update(text)
        return hashed.digest()

    return digest


def _canonical(value: Any, is_json: bool) -> bytes:
    if value is None:
        return b"n"
    if is_json:
        return b"j" + json.dumps(json.loads(value), sort_keys=True).encode()
    if isinstance(value, bytes):
        return b"b" + value
    if isinstance(value, (bool, int)):
        return b"i" + str(int(value)).encode()
    if isinstance(value, float):
        return b"f" + repr(value + 0.0).encode()  # one zero, not two
    if isinstance(value, Decimal):
        return b"d" + str(value.normalize()).encode()
    if isinstance(value, (datetime, date)):
        return b"t" + value.isoformat().encode()
    return b"s" + str(value).encode()


def _plain(value: Any, strip: bool) -> Any:
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    return value.rstrip(" ") if strip and isinstance(value, str) else value  # PostgreSQL fills char(n) up
