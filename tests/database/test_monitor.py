"""What goes on, as a command and as numbers; and what people do with what failed."""

import json
import signal
import statistics
from pathlib import Path

import pytest

from workflow_miniscope import process
from workflow_miniscope.database import jobs, workers
from workflow_miniscope.work import monitor, needs, queues
from workflow_miniscope.work.steps import steps

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"


@pytest.fixture
def failed(pipeline, load, tmp_path):
    """A recording whose result is broken, and one that is done: the same for all tests here."""
    recordings = pipeline.miniscope.Recording
    if not recordings & {"subject": "mon_bad"}:
        broken = tmp_path / "broken.hdf5"
        broken.write_bytes(b"nothing")
        load("mon_bad", broken), load("mon_good", RESULT)
        process.process(restrict="subject like 'mon_%'", progress=False)
    return [(recordings & {"subject": subject}).fetch1("KEY") for subject in ("mon_bad", "mon_good")]


def state(name, restrict):
    found = monitor.snapshot(restrict)
    return found, next(table for table in found.tables if table.name == name)


def test_what_is_done_and_what_failed(pipeline, failed):
    found, table = state("miniscope.Processing", "subject like 'mon_%'")
    assert (table.done, table.running, table.failed, table.waiting) == (1, 0, 1, 0)
    assert [failure.name for failure in found.failures] == ["mon_bad_20260115-102030_0_p90"]
    assert "mon_bad_20260115-102030_0_p90" in str(found)
    assert json.dumps(found.as_json())


def _pace(pipeline, run):
    frames, height, width = (pipeline.miniscope.RecordingInfo & run).fetch1("nframes", "px_height", "px_width")
    return run["duration_s"] / (frames * height * width)


def test_what_a_worker_computes_and_how_long_it_takes(pipeline, failed):
    key = (pipeline.miniscope.ProcessingTask & failed[0]).fetch1("KEY")
    done = (pipeline.miniscope.Processing & failed[1]).fetch1("KEY")
    runs, table = pipeline.provenance.ScopeRun, pipeline.miniscope.Processing()
    before = (runs & done).fetch1("duration_s")
    runs.update1({**done, "duration_s": 50.0})
    queue = jobs.open_jobs(table)
    try:
        with workers.Heart(pipeline.connection) as heart:
            assert jobs.reserve(queue, key, heart, retry=True)
            found, state_ = state("miniscope.Processing", "subject=mon_bad")
            assert (state_.running, state_.failed, state_.waiting) == (1, 0, 0)
            (task,) = found.tasks
            assert task.name == "mon_bad_20260115-102030_0_p90" and task.alive and task.seconds >= 0
            # of those that other tests left here, too
            paces = [_pace(pipeline, run) for run in runs.to_dicts(order_by="computed DESC") if run["duration_s"]]
            assert min(abs(pace * 600 * 80 * 80 - 50.0) for pace in paces) < 1e-6
            assert needs.pace("miniscope.Processing") == pytest.approx(statistics.median(paces[: needs.RUNS]))
            assert task.expected_s == pytest.approx(statistics.median(paces[: needs.RUNS]) * 600 * 80 * 80)
            assert found.workers >= 1
    finally:
        (queue & key).delete_quick()
        runs.update1({**done, "duration_s": before})


def test_ignored_tried_again_and_forgotten(pipeline, failed, run):
    table = pipeline.miniscope.Processing()
    process.process(restrict="subject=mon_bad", progress=False)
    ran = run("jobs", "ignore", "mon_bad_20260115-102030_0")
    assert ran.status == 0 and "Left alone from now on: 1." in ran.out
    report = process.process(restrict="subject=mon_bad", progress=False)
    assert report.errors == []
    assert state("miniscope.Processing", "subject=mon_bad")[1].ignored == 1
    ran = run("jobs", "retry", "subject=mon_bad")
    assert "Tried again from now on: 1." in ran.out
    report = process.process(restrict="subject=mon_bad", reserve_jobs=True, progress=False)
    assert len(report.errors) == 1
    assert "Forgotten: 1." in run("jobs", "clear", "subject=mon_bad").out
    assert not jobs.find_jobs(table) & failed[0]
    ran = run("jobs", "retry", "--table", "miniscope.Procesing")
    assert ran.status == 2 and "did you mean 'miniscope.Processing'?" in ran.err


def test_what_waits_is_given_a_priority(pipeline, failed, run):
    table = pipeline.miniscope.Processing()
    key = (pipeline.miniscope.ProcessingTask & failed[0]).fetch1("KEY")
    assert "Given the priority 1: 1." in run("jobs", "priority", "1", "subject=mon_bad").out
    assert (jobs.open_jobs(table) & key).fetch1("priority", "status") == (1, "pending")
    run("jobs", "priority", "7", "subject=mon_bad")
    assert (jobs.open_jobs(table) & key).fetch1("priority") == 7
    queues.change_jobs("clear", "subject=mon_bad")


def test_what_a_living_worker_computes_is_not_forgotten(pipeline, failed):
    table = pipeline.miniscope.Processing()
    key = (pipeline.miniscope.ProcessingTask & failed[0]).fetch1("KEY")
    queue = jobs.open_jobs(table)
    with workers.Heart(pipeline.connection) as heart:
        jobs.reserve(queue, key, heart, retry=True)
        queues.change_jobs("clear", "subject=mon_bad")
        assert queue.reserved & key
        jobs.give_back(queue, key, heart)


def test_watching(failed, run, monkeypatch):
    looks = []
    original = monitor.snapshot

    def look(restrict):
        looks.append(original(restrict))
        if len(looks) == 2:
            signal.raise_signal(signal.SIGINT)
        return looks[-1]

    monkeypatch.setattr(monitor, "snapshot", look)
    ran = run("status", "--watch", "--interval", "0.5", "--restrict", "subject like 'mon_%'")
    assert ran.status == 0
    assert ran.out.count("Ctrl-C ends.") == 2 and ran.out.count("miniscope.Processing ") == 2


def test_memory_grows_with_the_movie():
    minute, hour = needs.memory(1200, 608, 608), needs.memory(72000, 608, 608)
    assert 1.2e9 < minute < 2.5e9, "1.2 GB were measured"
    assert 1.9e9 < hour < 4e9, "1.9 GB were measured"
    assert needs.memory(1200, 608, 608, "caiman") > minute
    (quick,) = steps(("miniscope.Segmentation",))
    assert needs.memory_of(quick.name, {}) is None
