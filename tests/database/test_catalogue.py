"""Headings that are read for all tables together are those that DataJoint reads for each; a start asks little."""

import subprocess
import sys

import pytest

from workflow_miniscope.database import catalogue
from workflow_miniscope.database.declaring import declared_tables


@pytest.fixture
def remembered(pipeline):
    yield lambda prefix: catalogue.remember(pipeline.connection, prefix)
    catalogue.forget(pipeline.connection)


def read(table, connection):
    """What a heading says, read now."""
    from datajoint.heading import Heading

    place = {"conn": connection, "database": table.database, "table_name": table.table_name, "context": None}
    heading = Heading(table_info=place)
    heading._init_from_database()
    attributes = {name: attribute.todict() for name, attribute in heading._attributes.items()}  # hidden ones too
    for attribute in attributes.values():
        attribute["codec"] = type(attribute["codec"])
    return attributes, heading.indexes, heading.table_status["comment"], heading.lineage_available


def test_headings_are_the_same(pipeline, remembered):
    pipeline.miniscope.Processing.jobs.refresh()
    tables = [table for schema in pipeline.schemas for table in declared_tables(schema)]
    tables.append(pipeline.miniscope.Processing.jobs)
    catalogue.forget(pipeline.connection)
    one_by_one = [read(table, pipeline.connection) for table in tables]
    found = remembered(pipeline.prefix)
    assert {table.full_table_name for table in tables} <= found.tables
    asked = []
    original = found.connection.query
    found.connection.query = lambda query, *arguments, **options: (
        asked.append(query) or original(query, *arguments, **options)
    )
    try:
        together = [read(table, pipeline.connection) for table in tables]
    finally:
        del found.connection.query
    for table, one, other in zip(tables, one_by_one, together, strict=True):
        assert list(one[0]) == list(other[0]), table
        assert one == other, table
    assert len(tables) > 100
    columns = len(tables) if pipeline.connection.adapter.backend == "mysql" else 0
    assert len(asked) < 10 + columns


def test_what_this_process_changes_is_read_again(pipeline, remembered):
    dj = pipeline.dj
    schema = dj.Schema("test_catalogue")

    @schema
    class Changed(dj.Manual):
        definition = """
        changed_id : int32
        ---
        first : int32
        """

    remembered("test_catalogue")
    assert read(Changed, pipeline.connection)[0].keys() == {"changed_id", "first"}
    Changed.definition += "second = null : varchar(8)\n"
    Changed().alter(prompt=False)
    assert Changed().heading.names == ["changed_id", "first", "second"]
    assert Changed().heading["second"].type == "varchar(8)"

    remembered("test_catalogue")
    Changed().drop_quick()
    assert not Changed().is_declared
    with pytest.raises(Exception, match="not defined|exist"):
        read(Changed, pipeline.connection)
    schema.drop(prompt=False)


COUNTED = """
from datajoint.connection import Connection
original, asked = Connection.query, []
def query(self, text, *arguments, **options):
    asked.append(text)
    return original(self, text, *arguments, **options)
Connection.query = query
from workflow_miniscope import pipeline
from workflow_miniscope.work.status import status
started = len(asked)
status()
first = len(asked) - started
status()
print(started, first, len(asked) - started - first)
"""


def test_a_start_asks_little(pipeline):
    """There were 1,065 questions before the first of a command, on a ready database, and 355 more for status."""
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    started, first, again = map(int, done.stdout.split())
    assert started < 60 and first < 200
    assert again < 150, "it reads no heading twice"


FRAMES = """
import sys
from workflow_miniscope import pipeline
Lab = pipeline.lab.Lab
row = {"lab": "frames", "lab_name": "of frames", "address": "-", "time_zone": "UTC+0"}
Lab.insert([row], skip_duplicates=True)
assert (Lab & {"lab": "frames"} & ["lab_name = 'of frames'"]).to_dicts() == [row]
assert not {"pandas", "scipy.sparse", "scipy.ndimage"} & set(sys.modules), "a second of every command"
frame = (Lab & {"lab": "frames"}).to_pandas()
import pandas
assert isinstance(frame, pandas.DataFrame) and list(frame.index) == ["frames"]
assert len(Lab & pandas.DataFrame([{"lab": "frames"}, {"lab": "others"}])) == 1
assert len(Lab & pandas.DataFrame([{"lab": "others"}])) == 0
Lab.insert(pandas.DataFrame([{**row, "lab": "framed"}]), skip_duplicates=True)
assert (Lab & {"lab": "framed"}).fetch1("lab_name") == "of frames"
(Lab & [{"lab": "frames"}, {"lab": "framed"}]).delete_quick()
"""


def test_data_frames_are_taken_and_given_though_pandas_is_imported_late(pipeline):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FRAMES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
