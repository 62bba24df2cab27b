"""A connection that the server closed is renewed; what was in a transaction is undone, and said to be."""

from datetime import date

import datajoint as dj
import pytest

from workflow_miniscope.database import connection as database
from workflow_miniscope.work.compute import compute
from workflow_miniscope.work.steps import steps


@pytest.fixture
def cut(pipeline):
    """Let the server close the pipeline's connection, as an administrator or a restart does."""

    def close():
        connection = pipeline.connection
        other = database.open_another(connection)
        command = "SELECT pg_terminate_backend(%s)" if connection.adapter.backend == "postgresql" else "KILL %s"
        with other.cursor() as cursor:
            cursor.execute(command, (connection.adapter.get_connection_id(connection._conn),))
        other.close()

    return close


def subject(name):
    return {"subject": name, "sex": "U", "subject_birth_date": date(2025, 9, 1)}


def test_the_next_statement_renews_it(pipeline, cut):
    pipeline.Subject.insert1(subject("l_one"))
    cut()
    assert len(pipeline.Subject & {"subject": "l_one"}) == 1
    cut()
    pipeline.Subject.insert1(subject("l_two"))
    assert len(pipeline.Subject & {"subject": "l_two"}) == 1


def test_what_holds_for_a_connection_holds_for_the_next_one(pipeline, cut):
    connection = pipeline.connection
    if connection.adapter.backend != "postgresql":
        pytest.skip("nothing is set on this server")
    for _ in range(2):
        # queries are not compiled, and the server notices a machine that died
        assert connection.query("SHOW jit").fetchone() == ("off",)
        assert connection.query("SHOW tcp_keepalives_count").fetchone() != ("0",) or "/" in connection.conn_info["host"]
        cut()


def test_a_transaction_is_undone_and_said_to_be(pipeline, cut):
    with pytest.raises(dj.errors.LostConnectionError, match="during a transaction"):
        with pipeline.connection.transaction:
            pipeline.Subject.insert1(subject("l_three"))
            cut()
            pipeline.Subject.insert1(subject("l_four"))
    assert not pipeline.Subject & "subject in ('l_three', 'l_four')"
    with pipeline.connection.transaction:
        pipeline.Subject.insert1(subject("l_three"))
    assert pipeline.Subject & {"subject": "l_three"}


def test_a_computation_goes_on(pipeline, cut, add_recording, monkeypatch):
    """Cut while it computes, and while it inserts: the first is not noticed, the second tried again at the next run."""
    from workflow_miniscope.database.workers import Heart

    key = add_recording("l_go")
    (step,) = steps(("recording.RecordingQuality",))
    original, cuts = step.table.make_compute, []

    def make_compute(self, *args):
        cut()
        return original(self, *args)

    monkeypatch.setattr(step.table, "make_compute", make_compute)
    insert = step.table.make_insert

    def make_insert(self, *args):
        insert(self, *args)
        if not cuts:
            cuts.append(cut())

    monkeypatch.setattr(step.table, "make_insert", make_insert)
    with Heart(pipeline.connection) as heart:
        (failed,) = compute(step, key, heart, retry=False)
        assert isinstance(failed.error, Exception)
        assert not step.table & key
        (made,) = compute(step, key, heart, retry=False)
    assert made.error is None
    assert step.table & key
