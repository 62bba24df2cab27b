"""A start that is killed at any moment is made good by the next one."""

import declared
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


def run(program, prefix):
    process = begin(program, DATABASE_PREFIX=prefix)
    _, error = process.communicate(timeout=300)
    return process.returncode, error


@pytest.fixture(scope="module")
def whole(pipeline):
    """The catalogue of a database whose first start was left alone."""
    code, error = run(declared.WHOLE, "mended_")
    assert code == 0, error[-3000:]
    return declared.catalogue(pipeline.connection, "mended_")


def test_killed_starts(pipeline, whole):
    for statements in (4, 33, 120, 300):
        code, _ = run(KILLED.format(statements=statements), "killed_")
        assert code == 9
    code, error = run(declared.WHOLE, "killed_")
    assert code == 0, error[-3000:]
    assert declared.differences(whole, declared.catalogue(pipeline.connection, "killed_")) == []
    assert len(whole["column"]) > 300 and len(whole["lineage"]) > 100


def test_what_earlier_versions_left_is_mended(pipeline, whole):
    """Comments and lineage that a kill, or a race of two starts, left out."""
    connection = pipeline.connection
    table = connection.adapter.make_full_table_name
    if connection.adapter.backend == "postgresql":
        connection.query(f"COMMENT ON COLUMN {table('mended_miniscope', '_recording_info')}.time_stamps IS NULL")
    connection.query(
        f"UPDATE {table('mended_session', '~lineage')} SET lineage = 'other' WHERE attribute_name = 'subject'"
    )
    code, error = run(declared.WHOLE, "mended_")
    assert code and ("lineage" in error or "adapt" in error), "it is broken"
    connection.query(f"DELETE FROM {table('mended_workflow', declaring.Declared.table_name)}")
    code, error = run(declared.WHOLE, "mended_")
    assert code == 0, error[-3000:]
    assert declared.differences(whole, declared.catalogue(connection, "mended_")) == []


def test_a_table_that_was_dropped_is_declared_again(pipeline, whole):
    """Though the database is marked as complete."""
    connection = pipeline.connection
    connection.query(
        f"DROP TABLE {connection.adapter.make_full_table_name('mended_face', '__neural_prediction__cell')}"
    )
    assert declared.differences(whole, declared.catalogue(connection, "mended_")) != []
    code, error = run(declared.WHOLE, "mended_")
    assert code == 0, error[-3000:]
    assert declared.differences(whole, declared.catalogue(connection, "mended_")) == []


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
