"""What a database knows of its tables, to compare one whose first starts were killed with one that was left alone."""

from __future__ import annotations

from typing import Any

#: A start that works: it declares what is missing, inserts an array and reads it through joined tables
WHOLE = """
import numpy as np
from workflow_miniscope import pipeline as p
from workflow_miniscope.work import status
status.status()
p.Subject.insert1(dict(subject="d1", sex="U", subject_birth_date="2025-09-01"), skip_duplicates=True)
key = dict(subject="d1", session_datetime="2026-01-15 10:20:30")
p.Session.insert1(key, skip_duplicates=True)
p.Device.insert1(dict(device="scope", modality="Miniscope"), skip_duplicates=True)
key["recording_id"] = 0
recorded = dict(key, device="scope", acq_software="Miniscope-DAQ-V4")
p.miniscope.Recording.insert1(recorded, skip_duplicates=True)
(p.miniscope.RecordingInfo & key).delete_quick()
info = dict(nchannels=1, nframes=3, px_height=2, px_width=2, fps=20, led_power=1, time_stamps=np.arange(3.0))
p.miniscope.RecordingInfo.insert1(dict(key, **info), allow_direct_insert=True)
assert (p.miniscope.RecordingInfo * p.Session * p.Subject & key).fetch1("time_stamps").tolist() == [0, 1, 2]
"""

_COLUMNS = {
    "postgresql": (
        "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
        "col_description(c.oid, a.attnum) FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname LIKE %s AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
    ),
    "mysql": (
        "SELECT table_schema, table_name, column_name, column_type, is_nullable, column_comment "
        "FROM information_schema.columns WHERE table_schema LIKE %s"
    ),
}
_TABLES = {
    "postgresql": (
        "SELECT n.nspname, c.relname, obj_description(c.oid) FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE %s AND c.relkind = 'r'"
    ),
    "mysql": "SELECT table_schema, table_name, table_comment FROM information_schema.tables WHERE table_schema LIKE %s",
}
_INDEXES = {
    "postgresql": "SELECT schemaname, tablename, indexdef FROM pg_indexes WHERE schemaname LIKE %s",
    "mysql": (
        "SELECT table_schema, table_name, non_unique, seq_in_index, column_name FROM information_schema.statistics "
        "WHERE table_schema LIKE %s"
    ),
}
_REFERENCES = {
    "postgresql": (
        "SELECT n.nspname, c.relname, pg_get_constraintdef(k.oid) FROM pg_constraint k "
        "JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE %s"
    ),
    "mysql": (
        "SELECT table_schema, table_name, column_name, referenced_table_schema, referenced_table_name, "
        "referenced_column_name FROM information_schema.key_column_usage WHERE table_schema LIKE %s"
    ),
}


def catalogue(connection: Any, prefix: str) -> dict[str, list[str]]:
    """Tables, columns, indexes, references and lineage of the schemas with a prefix, which is left out of them."""
    backend = connection.adapter.backend

    def ask(statement: str, *arguments: str) -> list[str]:
        rows = connection.query(statement, args=arguments).fetchall()
        return sorted(repr(tuple(row)).replace(prefix, "") for row in rows)

    like = prefix.replace("_", r"\_") + "%"
    kinds = {"table": _TABLES, "column": _COLUMNS, "index": _INDEXES, "reference": _REFERENCES}
    found = {kind: ask(statements[backend], like) for kind, statements in kinds.items()}
    found["lineage"] = []
    for (schema,) in connection.query(
        "SELECT table_schema FROM information_schema.tables WHERE table_schema LIKE %s AND table_name = '~lineage' "
        "ORDER BY table_schema",
        args=(like,),
    ).fetchall():
        table = connection.adapter.make_full_table_name(schema, "~lineage")
        found["lineage"] += ask(f"SELECT * FROM {table}")
    return found


def differences(whole: dict[str, list[str]], found: dict[str, list[str]]) -> list[str]:
    """Say what is in one catalogue only; what is there twice is one more."""
    told = []
    for kind in whole:
        missing, more = list(whole[kind]), []
        for line in found[kind]:
            if line in missing:
                missing.remove(line)
            else:
                more.append(line)
        told += [f"no {kind} {line}" for line in missing] + [f"another {kind} {line}" for line in more]
    return told
