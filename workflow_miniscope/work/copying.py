"""A database copied into another one, such as a laptop's into a laboratory's server, table by table.

The rows are those of one moment of the source. Each statement inserts some rows or none, so that a copy that was ended
in the middle goes on where it stopped; what is there already is compared, and never inserted again.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import bars
from ..database import jobs, locks
from ..database.connection import DATABASE_ERRORS, dj, open_another
from ..database.declaring import declared_tables
from ..database.raw_rows import MOST_ROWS, Column, Server, digester, open_server, size
from ..errors import DatabaseError
from ..settings import CONFIG_VARIABLE, get_settings, load_settings
from .text_table import format_table

#: Bytes of arrays in one statement, unless a single row has more
STATEMENT = 4 * 2**20


@dataclass(frozen=True)
class CopiedTable:
    """A table after it was copied: its rows in the source, and how many of them were inserted now."""

    name: str
    rows: int
    inserted: int


@dataclass
class CopyReport:
    """What a copy did.

    Attributes
    ----------
    tables : list of CopiedTable
        In their order.
    bytes : int
        Of what was inserted, about.
    running : int
        Jobs that workers are computing at the source; their results are not there yet.
    left : list of str
        Schemas of the source that are not the workflow's.
    notes : list of str
        What else is to be done.
    """

    tables: list[CopiedTable] = field(default_factory=list)
    bytes: int = 0
    running: int = 0
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = [(one.name, one.rows, one.inserted) for one in self.tables if one.rows]
        rows, inserted = sum(one.rows for one in self.tables), sum(one.inserted for one in self.tables)
        parts = [format_table(("table", "rows", "copied now"), shown)] if shown else []
        parts.append(
            f"{inserted} rows ({self.bytes / 1e6:.1f} MB) were copied, {rows - inserted} were there already. "
            "Counts and checksums of all tables agree."
        )
        if self.running:
            parts.append(f"{self.running} jobs are being computed at the source: copy again when they are done.")
        if self.left:
            parts.append(f"Schemas that are not the workflow's, and were not copied: {', '.join(self.left)}.")
        return "\n\n".join([*parts, *self.notes])


@dataclass
class _Table:
    """A table on both sides."""

    name: str
    source_schema: str
    target_schema: str
    table: str
    columns: tuple[Column, ...]
    target_columns: tuple[Column, ...]
    json_names: frozenset[str]
    key: tuple[int, ...]
    where: str
    fills_itself: bool
    is_queue: bool
    there: set[bytes] = field(default_factory=set)
    keys: set[bytes] = field(default_factory=set)
    rows: int = 0
    sum: int = 0

    @cached_property
    def digest(self) -> Callable[[Sequence[Any]], bytes]:
        """Checksum of a row."""
        return digester(self.columns, self.json_names)

    @cached_property
    def _digest_key(self) -> Callable[[Sequence[Any]], bytes]:
        return digester([self.columns[i] for i in self.key], self.json_names)

    def key_of(self, row: Sequence[Any]) -> bytes:
        return self._digest_key([row[i] for i in self.key])


def copy_to(config: Path, progress: bool = True) -> CopyReport:
    """Copy the configured database into that of another configuration, which this process uses from then on.

    Parameters
    ----------
    config : Path
        The other ``dj_local_conf.json``; variables such as ``DJ_PASS`` hold for it.
    progress : bool
        Show a progress bar on a terminal.

    Raises
    ------
    SettingsError
        The other configuration is wrong.
    DatabaseError
        A database does not answer; both are the same; and what :func:`copy_all` raises.
    """
    here = get_settings()
    there = load_settings(config)
    if (here.embedded, here.host, here.port, here.prefix) == (there.embedded, there.host, there.port, there.prefix):
        if not here.embedded or here.home == there.home:
            raise DatabaseError(f"{config} names the database that is configured here already; nothing was copied.")
    source = open_server(here)
    try:
        os.environ[CONFIG_VARIABLE] = str(config)
        get_settings.cache_clear()
        report = copy_all(source, here.prefix, progress)
    finally:
        source.close()
    if here.processed_root_data_dir != there.processed_root_data_dir:
        report.notes.append(
            f"Files of results stay where they are: copy {here.processed_root_data_dir} to "
            f"{there.processed_root_data_dir}, where the other configuration looks for them."
        )
    return report


def copy_all(source: Server, source_prefix: str, progress: bool = True) -> CopyReport:
    """Copy everything of a database into the one that the pipeline is activated against.

    Parameters
    ----------
    source : Server
        The database that is copied; its tables may have been made by an earlier version of the workflow.
    source_prefix : str
        What its schemas' names begin with.
    progress : bool
        Show a progress bar on a terminal.

    Returns
    -------
    CopyReport

    Raises
    ------
    DatabaseError
        The target holds something that the source does not, or something else in its place, or it lacks a column:
        then nothing is written. A row is too large for the target; or what was written is not what was read.
    """
    from ..pipeline import connection, prefix

    source.hold_still()
    target = Server(open_another(connection), connection.adapter)
    report = CopyReport()
    try:
        # the lock on the pipeline's connection, so that it outlasts what is streamed over the other one
        with locks.exclusive(connection, f"{prefix}workflow.copy"):
            tables = list(_tables(source, target, source_prefix, prefix))
            with bars.tqdm(total=len(tables), desc="compare", disable=None if progress else True) as bar:
                for table in tables:
                    bar.say(f"compare {table.name}")
                    _compare(source, target, table)
                    bar.update()
            total = sum(table.rows for table in tables)
            with bars.tqdm(total=total, unit="row", disable=None if progress else True) as bar:
                for table in tables:
                    bar.say(f"copy {table.name}")
                    inserted, written = _copy(source, target, table, bar)
                    report.bytes += written
                    report.tables.append(CopiedTable(table.name, table.rows, inserted))
                    _verify(target, table, inserted)
        report.running = sum(_running(source, table) for table in tables if table.is_queue)
        report.left = _others(source, {table.source_schema for table in tables}, source_prefix)
    except DATABASE_ERRORS as error:
        raise DatabaseError(
            f"The copy ended ({' '.join(str(error.args[-1] if error.args else error).split())[:300]}); what is copied "
            "stays. Give the same command again: it goes on from there."
        ) from error
    finally:
        target.close()
    return report


# What is copied --------------------------------------------------------------


def _tables(source: Server, target: Server, source_prefix: str, target_prefix: str) -> Iterator[_Table]:
    """Give the tables of the source, each behind those that it refers to, and the queues of jobs at the end."""
    from ..pipeline import connection, schemas

    classes = {cls.full_table_name: cls for one in schemas for cls in declared_tables(one)}
    connection.dependencies.load(schema_names={one.database for one in schemas})
    order = [name for name in connection.dependencies.topo_sort() if name in classes]
    for name in order:
        cls = classes[name]
        short = f"{cls.database.removeprefix(target_prefix)}.{_class_name(cls)}"
        table = _both(source, target, source_prefix, target_prefix, cls, short)
        if table is not None:
            yield table
    for name in order:
        if hasattr(classes[name], "populate"):
            from datajoint.jobs import Job

            queue = Job(classes[name]())
            short = f"jobs of {_class_name(classes[name])}"
            schema = source_prefix + queue.database.removeprefix(target_prefix)
            if source.columns(schema, queue.table_name):
                queue = jobs.open_jobs(classes[name]())
                table = _both(source, target, source_prefix, target_prefix, queue, short)
                if table is not None:
                    yield table


def _class_name(cls: Any) -> str:
    return str(cls.__qualname__)


def _both(
    source: Server, target: Server, source_prefix: str, target_prefix: str, table: Any, name: str
) -> _Table | None:
    """Look at a table on both sides; None where the source, of an earlier version, does not have it."""
    schema = source_prefix + table.database.removeprefix(target_prefix)
    columns = source.columns(schema, table.table_name)
    if not columns:
        return None
    there = {column.name: column for column in target.columns(table.database, table.table_name)}
    missing = [column.name for column in columns if column.name not in there]
    if missing:
        raise DatabaseError(
            f"The target's table {name} has no column {missing[0]}, which this database has: another version of the "
            "workflow made it. Choose another custom.database.prefix in the target's configuration."
        )
    targets = tuple(there[column.name] for column in columns)
    is_queue = not inspect.isclass(table)
    instance: Any = table if is_queue else table()
    return _Table(
        name=name,
        source_schema=schema,
        target_schema=table.database,
        table=table.table_name,
        columns=columns,
        target_columns=targets,
        json_names=frozenset(column.name for column in (*columns, *targets) if column.kind in ("json", "jsonb")),
        key=tuple(i for i, column in enumerate(columns) if column.name in instance.primary_key),
        # what a worker computes now is no state to be kept
        where="WHERE status <> 'reserved'" if is_queue else "",
        # rows that it is declared with, which another version may have others of
        fills_itself=not is_queue and issubclass(table, dj.Lookup) and bool(getattr(table, "contents", None)),
        is_queue=is_queue,
    )


# Each table ------------------------------------------------------------------


def _compare(source: Server, target: Server, table: _Table) -> None:
    """Count the rows of the source, and refuse a target that has others."""
    table.rows = source.count(table.source_schema, table.table, table.where)
    if not target.count(table.target_schema, table.table):
        return
    found = {
        table.key_of(row): table.digest(row)
        for row in target.rows(table.target_schema, table.table, table.target_columns)
    }
    if table.is_queue:  # workers at the target change jobs, which are no results
        table.there = set(found)
        return
    other = dict(found)
    for row in source.rows(table.source_schema, table.table, table.columns, table.where):
        key, sum_ = table.key_of(row), table.digest(row)
        if other.pop(key, sum_) != sum_:
            raise DatabaseError(_refusal(table, "differ from this database's of the same key"))
    if other and not table.fills_itself:
        raise DatabaseError(_refusal(table, "are not in this database"))
    table.there = found.keys() - other.keys()


def _refusal(table: _Table, how: str) -> str:
    return (
        f"The target has rows in {table.name} that {how}, and nothing was copied: copy into an "
        "empty database, or under another custom.database.prefix in the target's configuration."
    )


def _copy(source: Server, target: Server, table: _Table, bar: Any) -> tuple[int, int]:
    """Insert what is missing. Returns how many rows, and their bytes."""
    inserted = written = total = 0
    part: list[tuple[Any, ...]] = []
    filled = 0

    def flush() -> None:
        nonlocal part, filled, inserted, written
        if part:
            target.insert(table.target_schema, table.table, table.target_columns, part)
        inserted, written = inserted + len(part), written + filled
        part, filled = [], 0

    for row in source.rows(table.source_schema, table.table, table.columns, table.where):
        total += int.from_bytes(table.digest(row), "big")
        bar.update()
        if table.there or table.fills_itself:
            key = table.key_of(row)
            table.keys.add(key)
            if key in table.there:
                continue
        if part and (len(part) >= MOST_ROWS or filled + size(row) > STATEMENT):
            flush()
        part.append(row)
        filled += size(row)
    flush()
    table.sum = total
    return inserted, written


def _verify(target: Server, table: _Table, inserted: int) -> None:
    """Read what was written, and compare it with what was read from the source."""
    if not inserted or table.is_queue:
        return  # compared before, or no results
    rows = total = 0
    for row in target.rows(table.target_schema, table.table, table.target_columns):
        if table.fills_itself and table.key_of(row) not in table.keys:
            continue
        rows, total = rows + 1, total + int.from_bytes(table.digest(row), "big")
    if (rows, total) != (table.rows, table.sum):
        raise DatabaseError(
            f"The target's {table.name} is not what was copied: {rows} rows instead of {table.rows}, or other "
            "values. Was it written to meanwhile? Empty the target and copy again."
        )


def _running(source: Server, table: _Table) -> int:
    return source.count(table.source_schema, table.table, "WHERE status = 'reserved'")


def _others(source: Server, ours: set[str], prefix: str) -> list[str]:
    """Return the schemas with tables of DataJoint that are not the workflow's."""
    found = source.schemas_with("~lineage")
    return sorted(found - ours - {f"{prefix}workflow"})
