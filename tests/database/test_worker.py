"""``workflow-miniscope worker``: computes what is there and what comes, and stops cleanly."""

import signal
import subprocess
from pathlib import Path

import pytest
from processes import begin, eventually, wait_for

from workflow_miniscope.database import jobs
from workflow_miniscope.errors import DatabaseError
from workflow_miniscope.process import ProcessReport
from workflow_miniscope.work import worker

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"

WORKER = """
import sys, time
from workflow_miniscope import pipeline
from workflow_miniscope.cli import app
from workflow_miniscope.work import worker
worker.PAUSE = 0.2
table, seconds = pipeline.miniscope.Processing, {seconds}
original = table.make_compute
def slow(self, *args):
    print("computing", flush=True)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
    return original(self, *args)
table.make_compute = slow
sys.argv = ["workflow-miniscope", "worker", "--restrict", "subject like '{subjects}%'", *{options}]
app.main()
"""


@pytest.fixture
def start():
    begun = []

    def begin_worker(subjects, *options, seconds=0):
        begun.append(begin(WORKER.format(subjects=subjects, options=list(options), seconds=seconds)))
        return begun[-1]

    yield begin_worker
    for process in begun:
        process.kill()
        process.communicate()


def test_once(pipeline, load, start):
    keys = [load(f"w_one{i}", RESULT) for i in range(2)]
    running = start("w_one", "--once")
    printed, error = running.communicate(timeout=300)
    assert running.returncode == 0, error[-2000:]
    assert "miniscope.Processing" in printed
    assert len(pipeline.miniscope.Activity & keys) == 4


def test_an_error_is_told_by_the_exit_status(pipeline, load, start, tmp_path):
    broken = tmp_path / "broken.hdf5"
    broken.write_bytes(b"nothing")
    load("w_bad", broken)
    running = start("w_bad", "--once")
    printed, _ = running.communicate(timeout=300)
    assert running.returncode == 1
    assert "w_bad_20260115-102030_0" in printed


def test_forever_until_ctrl_c(pipeline, load, start):
    running = start("w_for")
    key = load("w_for", RESULT)  # maybe before, maybe after it began to look
    wait_for(running, "computing")
    assert eventually(lambda: len(pipeline.miniscope.Activity & key) == 2, 120)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=300)
    assert running.returncode == 0


def test_ctrl_c_lets_it_finish_and_begin_nothing(pipeline, load, start):
    keys = [load(f"w_fin{i}", RESULT) for i in range(2)]
    running = start("w_fin", seconds=3)
    wait_for(running, "computing")
    running.send_signal(signal.SIGINT)
    printed, _ = running.communicate(timeout=300)
    assert "Stopping after what is being computed now" in printed
    assert running.returncode == 0
    assert len(pipeline.miniscope.Processing & keys) == 1


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM]])
def test_stopped_at_once(pipeline, load, start, signals):
    name = f"w_at{len(signals)}"
    key = load(name, RESULT)
    running = start(name, seconds=100)
    wait_for(running, "computing")
    for number in signals[:-1]:
        running.send_signal(number)
        wait_for_text(running, "Stopping")
    insist(running, signals[-1])
    assert running.returncode
    assert not jobs.open_jobs(pipeline.miniscope.Processing()) & key
    assert not pipeline.miniscope.Processing & key


def insist(process, number):
    """Send a signal until the process ends: Python loses one that arrives while an object is being deleted."""
    for _ in range(20):
        process.send_signal(number)
        try:
            process.communicate(timeout=15)
            return
        except subprocess.TimeoutExpired:
            continue


def wait_for_text(process, text):
    assert any(text in line for line in process.stdout)


def test_a_database_that_does_not_answer_is_waited_for(monkeypatch):
    monkeypatch.setattr(worker, "PAUSE", 0.01)
    said, rounds = [], []

    def one_round(stop):
        rounds.append(1)
        if len(rounds) == 1:
            raise DatabaseError("It does not answer.")
        if len(rounds) == 2:
            signal.raise_signal(signal.SIGINT)
        return ProcessReport()

    assert worker.work(one_round, True, said.append)
    assert said[0] == "It does not answer."
    assert len(rounds) == 2
    rounds.clear()
    with pytest.raises(DatabaseError):
        worker.work(one_round, False, said.append)
