"""A network that is lost closes no connection: it is noticed all the same, said, and work goes on when it is back."""

import threading
import time
from pathlib import Path

import datajoint as dj
import network
import pytest
from processes import HOLD_THE_ENGINE, begin, eventually, go_on, wait_for

from workflow_miniscope import process
from workflow_miniscope.database import jobs, renewal, silence, workers
from workflow_miniscope.errors import DatabaseError

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"

# As it is, but in less time
QUICK = {"LONG": 0.4, "ANSWER": 0.3}

# A worker on the other side of the network that computes until somebody lets it go on
WORKER = f"""
import sys
from workflow_miniscope.database import renewal, silence, workers
workers.BEAT, silence.LONG, silence.ANSWER, renewal.PATIENCE = 0.3, 0.4, 0.3, {{patience}}
{HOLD_THE_ENGINE}
from workflow_miniscope.cli import app
sys.argv = ["workflow-miniscope", "worker", "--once", "--restrict", "subject={{subject}}"]
app.main()
"""


@pytest.fixture
def lost(pipeline):
    with network.between(pipeline.connection) as between:
        yield between


@pytest.fixture
def far(pipeline, lost, monkeypatch):
    """A connection over the network, whose loss is noticed within a second or two."""
    for name, seconds in QUICK.items():
        monkeypatch.setattr(silence, name, seconds)
    monkeypatch.setattr(silence, "_watch", silence._Watch())  # one that does not sleep for seconds
    info = pipeline.connection.conn_info
    connection = dj.Connection(
        "127.0.0.1", info["user"], info["passwd"], lost.port, use_tls=False, backend=pipeline.connection.adapter.backend
    )
    yield connection
    lost.find()
    connection.close()


def test_it_is_said_and_the_next_statement_works(far, lost, monkeypatch, caplog):
    monkeypatch.setattr(renewal, "PATIENCE", 0.5)
    lost.lose()
    with pytest.raises(DatabaseError, match="does not answer any more .*it gives no sign of life"):
        far.query("SELECT 1")
    assert "has not answered for" in caplog.text
    lost.find()
    assert far.query("SELECT 7").fetchone() == (7,)


def test_it_is_waited_for(far, lost):
    lost.lose()
    started = time.monotonic()
    threading.Timer(4, lost.find).start()
    assert far.query("SELECT 7").fetchone() == (7,)
    assert time.monotonic() - started < 60


def test_a_long_statement_is_left_alone(far):
    """Longer than what a lost network takes to be noticed; that the connection is the same says that nobody cut it."""
    postgresql = far.adapter.backend == "postgresql"
    number = far.connection_id
    assert far.query("SELECT pg_sleep(4), 7" if postgresql else "SELECT SLEEP(4), 7").fetchone()[1] == 7
    assert far.connection_id == number


def test_a_transaction_is_undone(pipeline, far, lost):
    columns = "subject, sex, subject_birth_date, subject_description"
    row = f"INSERT INTO {pipeline.Subject.full_table_name} ({columns}) VALUES ('n_half', 'U', '2025-09-01', '')"
    with pytest.raises(dj.errors.LostConnectionError, match="during a transaction"):
        with far.transaction:
            far.query(row)
            lost.lose()
            threading.Timer(4, lost.find).start()
            far.query("SELECT 1")
    assert not pipeline.Subject & "subject = 'n_half'"
    far.query(row)
    assert pipeline.Subject & "subject = 'n_half'"


@pytest.mark.parametrize("patience", [60.0, 0.5])
def test_a_worker_waits_or_ends_in_a_sentence(pipeline, load, lost, patience, monkeypatch):
    subject = f"n_wait{int(patience)}"
    key = load(subject, RESULT)
    info = pipeline.connection.conn_info
    worker = begin(
        WORKER.format(subject=subject, patience=patience),
        DJ_HOST="127.0.0.1",
        DJ_PORT=str(lost.port),
        DJ_USER=info["user"],
        DJ_PASS=info["passwd"] or "none",
        DJ_BACKEND=pipeline.connection.adapter.backend,
        DJ_DATABASE_NAME=info.get("database_name") or "postgres",
        DJ_USE_TLS="false",
    )
    try:
        wait_for(worker, "computing")
        lost.lose()
        go_on(worker)
        time.sleep(6)
        if patience > 6:
            assert worker.poll() is None
            lost.find()
        printed, error = worker.communicate(timeout=120)
    finally:
        worker.kill()
        lost.find()
    assert "Traceback" not in error
    if patience > 6:
        assert worker.returncode == 0, error
    else:
        assert worker.returncode == 1, printed
        assert "does not answer any more" in error and error.count("Error:") == 1
        assert not pipeline.miniscope.Processing & key
        monkeypatch.setattr(workers, "SILENCE", 0.0)  # else it counts as alive for a while: nobody has seen its end
        queue = jobs.open_jobs(pipeline.miniscope.Processing())
        assert eventually(lambda: [jobs.release_dead(queue), not queue & key][1])
        assert process.process(restrict={"subject": subject}, progress=False).errors == []
    assert len(pipeline.miniscope.Processing & key) == 1
    assert len(pipeline.miniscope.Activity & key) == 2
