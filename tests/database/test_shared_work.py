"""Several processes at one database: each key is computed once, by one that lives, and none is lost."""

import signal
import time
from pathlib import Path

import pytest
from processes import HOLD_THE_ENGINE, begin, eventually, go_on, run_together, wait_for

from workflow_miniscope import process
from workflow_miniscope.database import embedded, jobs, workers
from workflow_miniscope.settings import get_settings

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"

AT_ONCE = """
import sys
from workflow_miniscope import pipeline, process
print("ready", flush=True)
sys.stdin.readline()
print(process.process(restrict="subject like '{subjects}%'", reserve_jobs=True, progress=False))
"""

# A worker in the middle of a long computation
BUSY = """
import sys, time
from workflow_miniscope import pipeline, process
def compute(self, key, *fetched):
    print("computing", flush=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        time.sleep(0.05)
pipeline.miniscope.Processing.make_compute = compute
process.process(restrict={{"subject": "{subject}"}}, reserve_jobs=True, progress=False)
"""

# The same, until somebody lets it go on with the work itself
HELD = f"""
from workflow_miniscope.database import workers
workers.BEAT = 0.3
{HOLD_THE_ENGINE}
from workflow_miniscope import process
print(process.process(restrict={{{{"subject": "{{subject}}"}}}}, reserve_jobs=True, progress=False).errors, flush=True)
"""


@pytest.fixture
def busy(pipeline, load):
    """Start a worker that computes for minutes; return it and its key."""
    begun = []

    def start(subject, program=BUSY):
        key = load(subject, RESULT)
        worker = begin(program.format(subject=subject))
        begun.append(worker)
        wait_for(worker, "computing")
        return worker, key

    yield start
    for worker in begun:
        worker.kill()
        worker.communicate()


@pytest.fixture
def queue(pipeline):
    return jobs.open_jobs(pipeline.miniscope.Processing())


def test_workers_that_start_together_make_each_row_once(pipeline, load):
    miniscope = pipeline.miniscope
    keys = [load(f"s_tog{i}", RESULT) for i in range(5)]
    for key in keys:
        miniscope.Processing.populate(key)
    run_together([AT_ONCE.format(subjects="s_tog")] * 4)
    assert len(miniscope.Processing & keys) == 5
    assert len(miniscope.Curation & keys) == 5
    assert len(miniscope.Activity & keys) == 10
    for table in (miniscope.Processing, miniscope.Segmentation, miniscope.Activity):
        assert not jobs.open_jobs(table()) & keys, "nothing is left in the queues"


FIRST_USE = """
import sys
from workflow_miniscope import pipeline
from workflow_miniscope.database import jobs
from workflow_miniscope.work import steps, tasks
print("ready", flush=True)
sys.stdin.readline()
for step in steps.steps(steps.SESSION + steps.MINISCOPE + steps.FACEMAP):
    if step.computed:
        jobs.open_jobs(step.table())
print(tasks.choose_paramset(None, None))
"""


def test_workers_that_start_together_make_the_queues_and_parameters(pipeline):
    numbers = run_together([FIRST_USE] * 4, DATABASE_PREFIX="first_use_")
    assert numbers == ["0\n"] * 4


ACTIVATE = """
import sys
import workflow_miniscope.elements.miniscope, workflow_miniscope.elements.facemap
from workflow_miniscope.work import status
print("ready", flush=True)
sys.stdin.readline()
assert set(row["rows"] for row in status.status().values()) == {0}
"""


def test_processes_that_start_together_at_a_new_database(pipeline):
    run_together([ACTIVATE] * 4, DATABASE_PREFIX="activate_")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_gives_its_recording_back(pipeline, busy, queue, number):
    worker, key = busy(f"s_st{int(number)}")
    assert len(queue.reserved & key) == 1
    worker.send_signal(number)
    worker.communicate(timeout=300)
    assert worker.returncode
    assert not queue & key, "neither reserved nor an error"
    report = process.process(restrict={"subject": key["subject"]}, reserve_jobs=True, progress=False)
    assert report.errors == []
    assert pipeline.miniscope.Fluorescence & key


def test_what_an_older_version_left_of_a_stopped_worker_is_no_error(pipeline, load, queue):
    key = load("s_older", RESULT)
    task = (pipeline.miniscope.ProcessingTask & key).fetch1("KEY")
    queue.insert1({**task, "status": "error", "priority": 5, "error_message": "SystemExit: SIGTERM received"})
    process.process(restrict={"subject": "s_older"}, reserve_jobs=True, progress=False)
    assert pipeline.miniscope.Processing & key


@pytest.mark.parametrize("reserve_jobs", [True, False])
def test_what_a_living_worker_computes_is_left_to_it(pipeline, busy, queue, reserve_jobs):
    worker, key = busy(f"s_liv{int(reserve_jobs)}")
    before = (queue & key).fetch1()
    report = process.process(restrict={"subject": key["subject"]}, reserve_jobs=reserve_jobs, progress=False)
    assert [(name, where.split()[-1]) for name, _, where in report.elsewhere] == [
        ("miniscope.Processing", str(worker.pid))
    ]
    assert "computed by others now" in str(report)
    assert (queue & key).fetch1() == before
    assert not pipeline.miniscope.Processing & key


def test_a_cut_connection_is_not_the_end_of_a_worker(pipeline, busy, queue):
    worker, key = busy("s_cut")
    beats = workers.Worker & {"worker_id": (queue & key).fetch1("connection_id")}
    assert len(beats) == 1
    for number in _connections(pipeline.connection, beats.fetch1("worker_id")):
        _cut(pipeline.connection, number)
    jobs.release_dead(queue)
    assert queue.reserved & key
    assert worker.poll() is None


def test_a_worker_whose_connections_are_cut_keeps_its_job(pipeline, busy, queue, monkeypatch):
    """All that it has are cut while it computes: nobody else computes it, and what it computed is stored."""
    worker, key = busy("s_all", HELD)
    before = (queue & key).fetch1()
    connection = pipeline.connection
    for _ in range(2):
        for number in _all_connections(connection):
            _cut(connection, number)
        report = process.process(restrict={"subject": "s_all"}, reserve_jobs=True, progress=False)
        assert [name for name, _, _ in report.elsewhere] == ["miniscope.Processing"]
    assert (queue & key).fetch1() == before
    # its lock is back, so that it counts as alive whatever becomes of its beats
    monkeypatch.setattr(workers, "SILENCE", 0.0)
    assert eventually(lambda: workers.alive(connection, {before["connection_id"]}) != set())
    go_on(worker)
    printed, error = worker.communicate(timeout=300)
    assert printed.splitlines()[-1] == "[]", error[-2000:]
    assert len(pipeline.miniscope.Processing & key) == 1
    assert len(pipeline.miniscope.Activity & key) == 2
    assert not queue & key


def test_a_server_that_is_restarted_while_a_worker_computes(pipeline, busy, queue):
    """The job stays the worker's, and what it computed meanwhile is stored."""
    settings = get_settings()
    if not settings.embedded:
        pytest.skip("this server is not the tests' own to restart; that all connections are cut is tested above")
    worker, key = busy("s_restart", HELD)
    before = (queue & key).fetch1()
    embedded.stop(settings.home)
    time.sleep(2)  # beats fail meanwhile
    embedded.start(settings.home)
    report = process.process(restrict={"subject": "s_restart"}, reserve_jobs=True, progress=False)
    assert [name for name, _, _ in report.elsewhere] == ["miniscope.Processing"]
    assert (queue & key).fetch1() == before
    go_on(worker)
    printed, error = worker.communicate(timeout=300)
    assert printed.splitlines()[-1] == "[]", error[-2000:]
    assert len(pipeline.miniscope.Activity & key) == 2
    assert not queue & key


def test_a_killed_worker_is_found_dead(pipeline, busy, queue, monkeypatch):
    worker, key = busy("s_kill")
    worker.kill()
    worker.communicate()
    jobs.release_dead(queue)
    assert queue.reserved & key, "it was heard of a moment ago"
    monkeypatch.setattr(workers, "SILENCE", 0.0)
    assert eventually(lambda: [jobs.release_dead(queue), not queue & key][1]), "its lock is free"
    process.process(restrict={"subject": "s_kill"}, reserve_jobs=True, progress=False)
    assert pipeline.miniscope.Processing & key


def test_a_worker_killed_after_its_last_row_leaves_no_job(pipeline, load, queue, monkeypatch):
    """Although nothing is left to be computed, for which others would look at the queue."""
    key = load("s_last", RESULT)
    program = "import killed\nkilled.die_at('the row is committed')\n"
    worker = begin(program + AT_ONCE.format(subjects="s_last"))
    worker.communicate("go\n", timeout=300)
    assert worker.returncode == -signal.SIGKILL
    assert pipeline.miniscope.Processing & key and queue.reserved & key
    monkeypatch.setattr(workers, "SILENCE", 0.0)
    process.process(restrict={"subject": "s_last"}, reserve_jobs=True, progress=False)
    assert not queue & key


def test_a_worker_killed_before_it_reserves_what_another_has_computed_leaves_no_job(pipeline, load, queue, monkeypatch):
    key, other = load("s_late1", RESULT), load("s_late2", RESULT)
    process.process(restrict={"subject": "s_late1"}, progress=False)
    assert pipeline.miniscope.Processing & key and not queue & key
    for one in (key, other):
        task = (pipeline.miniscope.ProcessingTask & one).fetch1("KEY")

        def killed(*arguments, **options):
            raise SystemExit(137)

        with monkeypatch.context() as patched, workers.Heart(pipeline.connection) as heart:
            patched.setattr(jobs, "_update", killed)
            with pytest.raises(SystemExit):
                jobs.reserve(queue, task, heart, retry=False)
    assert queue.pending & key and queue.pending & other
    jobs.release_dead(queue)
    assert not queue & key, "nobody would look for it again"
    assert queue.pending & other


def test_a_worker_lives_while_its_lock_is_held(pipeline, busy, queue, monkeypatch):
    _, key = busy("s_lock")
    monkeypatch.setattr(workers, "SILENCE", 0.0)
    jobs.release_dead(queue)
    assert queue.reserved & key


def test_a_reservation_of_datajoint_itself_is_left_for_a_day(pipeline, load, queue):
    key = load("s_dj", RESULT)
    task = (pipeline.miniscope.ProcessingTask & key).fetch1("KEY")
    queue.refresh({"subject": "s_dj"}, delay=-1)
    assert queue.reserve(task)
    jobs.release_dead(queue)
    assert queue.reserved & key
    pipeline.connection.query(f"UPDATE {queue.full_table_name} SET reserved_time = '2026-01-01 00:00:00'")
    jobs.release_dead(queue)
    assert not queue & key


def test_a_job_for_later_is_left_for_later(pipeline, load, queue):
    key = load("s_later", RESULT)
    queue.refresh({"subject": "s_later"}, delay=3600)
    for reserve_jobs in (True, False):
        report = process.process(restrict={"subject": "s_later"}, reserve_jobs=reserve_jobs, progress=False)
        assert report.done.get("miniscope.Processing", 0) == 0
    assert not pipeline.miniscope.Processing & key


def test_the_most_urgent_first_and_what_is_ignored_never(pipeline, load, queue):
    keys = [load(f"s_urg{i}", RESULT) for i in range(3)]
    tasks = [(pipeline.miniscope.ProcessingTask & key).fetch1("KEY") for key in keys]
    queue.insert1({**tasks[2], "status": "pending", "priority": 1})
    queue.insert1({**tasks[1], "status": "ignore", "priority": 5})
    assert jobs.open_keys(queue, tasks, retry=True) == [tasks[2], tasks[0]]


def _connections(connection, worker):
    """The numbers of the connections that hold a worker's lock."""
    if connection.adapter.backend == "postgresql":
        found = connection.query(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        ).fetchall()
    else:
        name = workers.locks._identify("mysql", workers._lock_name(worker))
        found = connection.query("SELECT IS_USED_LOCK(%s)", args=(name,)).fetchall()
    return [row[0] for row in found]


def _all_connections(connection):
    """The numbers of all connections to the server but one."""
    if connection.adapter.backend == "postgresql":
        text = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    else:
        text = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'mouse'"
    return [row[0] for row in connection.query(text).fetchall()]


def _cut(connection, number):
    if connection.adapter.backend == "postgresql":
        connection.query(f"SELECT pg_terminate_backend({number})")
    else:
        connection.query(f"KILL CONNECTION {number}")
