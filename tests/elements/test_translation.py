"""Table definitions of DataJoint 0.14 in DataJoint 2's words."""

import pytest

from workflow_miniscope.elements.translation import datajoint_names, import_element, translate_definition


@pytest.mark.parametrize(
    ("line", "translated"),
    [
        ("n : int", "n : int32"),
        ("n : int unsigned  # longblob int", "n : int64  # longblob int"),
        ("file_id : smallint unsigned", "file_id : int32"),
        (
            "time_stamps          : longblob  # of each frame",
            "time_stamps          : <blob>  # of each frame",
        ),
        ("is_active : boolean", "is_active : bool"),
        ("x=null : float", "x=null : float32"),
        ("note='a: b' : varchar(12)", "note='a: b' : varchar(12)"),
        ("-> Channel.proj(int='float')", "-> Channel.proj(int='float')"),
        ("# a comment : int", "# a comment : int"),
        ('zygosity : enum("Present", "Absent")', "zygosity : enum('Present', 'Absent')"),
        ("task_mode='load' : enum('load', 'trigger') # x", "task_mode='load' : enum('load', 'trigger') # x"),
        ("param_set_hash: uuid", "param_set_hash: char(36)"),
        ("subject     : varchar(8)  # name", "subject     : varchar(32)  # name"),
        ("subject_nickname='' : varchar(8)", "subject_nickname='' : varchar(8)"),
        ("unique index (param_set_hash)", "unique index (param_set_hash)"),
    ],
)
def test_types(line, translated):
    assert translate_definition(line) == translated
    assert translate_definition(translated) == translated, "an Element for DataJoint 2 is left alone"


def test_the_lent_names_are_given_back():
    import datajoint as dj

    with datajoint_names():
        assert dj.schema is dj.Schema
    assert not hasattr(dj, "schema")
    assert not hasattr(dj, "create_virtual_module")


def test_parts_are_translated_too():
    session = import_element("element_session.session_with_datetime")
    assert "<blob>" in session.Session.Attribute.definition
    assert "longblob" not in session.Session.Attribute.definition
