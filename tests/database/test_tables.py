"""Every Element activated on one database, with its types intact."""

import subprocess
import sys

import numpy as np
import pytest

from workflow_miniscope.database.connection import DATABASE_ERRORS

ELEMENTS = ("lab", "subject", "session", "event", "trial", "miniscope", "miniscope_report", "facemap", "recording")


def tables_of(pipeline, element):
    return [table for table, _ in getattr(pipeline, element).schema.declare_list]


@pytest.mark.parametrize("element", ELEMENTS)
def test_every_table_is_declared(pipeline, element):
    tables = tables_of(pipeline, element)
    assert tables
    for table in tables:
        assert table().is_declared, table.__name__
        assert table.full_table_name.replace("`", "").replace('"', "").startswith("test_" + element)


def test_names_of_animals_have_32_characters_in_every_table(pipeline):
    tables = [table for element in (*ELEMENTS, "face") for table in tables_of(pipeline, element)]
    tables += [part for table in tables for part in vars(table).values() if isinstance(part, type)]
    named = [table for table in tables if issubclass(table, pipeline.dj.Table) and "subject" in table().heading.names]
    assert len(named) > 50
    assert {table().heading["subject"].type for table in named} == {"varchar(32)"}


def test_importing_our_modules_opens_no_connection():
    # everything but pipeline, whose import connects and activates the tables, and the modules that run when imported
    script = (
        "import importlib, pkgutil, datajoint as dj, workflow_miniscope\n"
        "for found in pkgutil.walk_packages(workflow_miniscope.__path__, 'workflow_miniscope.'):\n"
        "    if found.name != 'workflow_miniscope.pipeline' and not found.name.endswith('__main__'):\n"
        "        importlib.import_module(found.name)\n"
        "from datajoint.instance import _singleton_connection\n"
        "assert _singleton_connection is None\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_blobs_are_declared_as_blobs(pipeline):
    blobs = 0
    for element in ELEMENTS:
        for table in tables_of(pipeline, element):
            parts = [
                part for part in vars(table).values() if isinstance(part, type) and issubclass(part, pipeline.dj.Part)
            ]
            for cls in (table, *parts):
                for line in cls.definition.splitlines():
                    kind = line.split("#")[0].rpartition(":")[2].strip()
                    assert kind not in ("longblob", "blob"), f"{cls.__name__}: {line}"
                    blobs += kind == "<blob>"
    assert blobs > 30


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "float32", "float64", "bool", "complex64"])
@pytest.mark.parametrize("shape", [(0,), (5,), (2, 3), (2, 0, 4)])
def test_arrays_come_back_as_they_went(pipeline, add_subject, dtype, shape):
    from datetime import datetime

    key = {"subject": add_subject("blobs"), "session_datetime": datetime(2026, 1, 1)}
    pipeline.Session.insert1(key, skip_duplicates=True)
    array = (np.arange(np.prod(shape)) % 2).reshape(shape).astype(dtype)
    row = {**key, "attribute_name": f"{dtype} {shape}"}
    pipeline.session.Session.Attribute.insert1({**row, "attribute_blob": array})
    stored = (pipeline.session.Session.Attribute & row).fetch1("attribute_blob")
    assert stored.dtype == array.dtype
    assert stored.shape == array.shape
    np.testing.assert_array_equal(stored, array)


def test_choices_are_enforced(pipeline, add_subject):
    with pytest.raises(DATABASE_ERRORS):
        add_subject("choice", sex="X")
    allele = {"allele": "a1", "allele_standard_name": "A1"}
    pipeline.subject.Allele.insert1(allele, skip_duplicates=True)
    row = {"subject": add_subject("choice"), "allele": "a1", "zygosity": "Present"}
    pipeline.subject.Zygosity.insert1(row)
    assert (pipeline.subject.Zygosity & row).fetch1("zygosity") == "Present"
