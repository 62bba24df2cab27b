"""A start that is killed at any moment is made good by the next one."""

import pytest
from processes import begin

from workflow_miniscope.database import declaring

# Ends without a word after some of the statements that change the database
KILLED = """
import os, sys
from datajoint.connection import Connection
original, left = Connection.query, [{statements}]
def query(self, text, *args, **options):
    answer = original(self, text, *args, **options)
    if text.lstrip().startswith(("CREATE", "COMMENT", "INSERT", "DELETE", "COMMIT", "DO")):
        left[0] -= 1
        if not left[0]:
            os._exit(9)
    return answer
Connection.query = query
from workflow_miniscope import pipeline
"""

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


def run(program, prefix):
    process = begin(program, DATABASE_PREFIX=prefix)
    _, error = process.communicate(timeout=300)
    return process.returncode, error


def columns(connection, prefix):
    """The comments of all columns of arrays, None where one is missing."""
    if connection.adapter.backend == "postgresql":
        text = (
            "SELECT c.relname, a.attname, col_description(c.oid, a.attnum) FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname LIKE %s AND c.relkind = 'r' AND a.atttypid = 'bytea'::regtype"
        )
    else:
        text = (
            "SELECT table_name, column_name, column_comment FROM information_schema.columns "
            "WHERE table_schema LIKE %s AND data_type = 'longblob'"
        )
    return {(table, name): comment for table, name, comment in connection.query(text, args=(f"{prefix}%",)).fetchall()}


def test_killed_starts(pipeline):
    for statements in (4, 33, 120, 300):
        code, _ = run(KILLED.format(statements=statements), "killed_")
        assert code == 9
    code, error = run(WHOLE, "killed_")
    assert code == 0, error[-3000:]
    complete = columns(pipeline.connection, "test_")
    found = columns(pipeline.connection, "killed_")
    assert {key: complete[key] for key in found} == found
    assert len(found) > 10


def test_what_earlier_versions_left_is_mended(pipeline):
    """Comments and lineage that a kill, or a race of two starts, left out."""
    assert run(WHOLE, "mended_")[0] == 0
    connection = pipeline.connection
    table = connection.adapter.make_full_table_name
    if connection.adapter.backend == "postgresql":
        connection.query(f"COMMENT ON COLUMN {table('mended_miniscope', '_recording_info')}.time_stamps IS NULL")
    connection.query(
        f"UPDATE {table('mended_session', '~lineage')} SET lineage = 'other' WHERE attribute_name = 'subject'"
    )
    code, error = run(WHOLE, "mended_")
    assert code and ("lineage" in error or "adapt" in error), "it is broken"
    connection.query(f"DELETE FROM {table('mended_workflow', declaring.Declared.table_name)}")
    code, error = run(WHOLE, "mended_")
    assert code == 0, error[-3000:]


def test_a_table_that_cannot_be_declared_says_why(pipeline):
    import datajoint as dj

    class Wrong(dj.Manual):
        definition = """
        wrong_id : int32
        ---
        text='much too long' : varchar(4)
        """

    schema = dj.Schema("test_wrong")
    with pytest.raises(Exception, match="(?i)long|invalid default"):
        schema(Wrong)
        Wrong.insert1({"wrong_id": 1})
    assert pipeline.connection.query("SELECT 1").fetchone() == (1,), "no transaction is left open"
