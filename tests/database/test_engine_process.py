"""Engines in a process of their own, as ``process`` and ``worker`` run them: a crash is one failed recording."""

import json
import os
import signal
import stat
import sys
from pathlib import Path

import pytest
from processes import begin, eventually

from workflow_miniscope import process, settings
from workflow_miniscope.database import jobs, workers

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script stands for a Python that is killed")


@pytest.fixture
def configure(monkeypatch):
    """Give cnmfe another Python."""

    def _configure(**engines):
        monkeypatch.setenv("WORKFLOW_MINISCOPE_ENGINE_PROCESS", "true")
        monkeypatch.setenv("WORKFLOW_MINISCOPE_ENGINES", json.dumps(engines))
        settings.get_settings.cache_clear()

    yield _configure
    monkeypatch.undo()
    settings.get_settings.cache_clear()


def test_a_killed_engine_is_one_failed_recording(pipeline, add_recording, configure, tmp_path):
    keys = [add_recording(subject, 200, 48, 48) for subject in ("e_one", "e_two")]
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        # the first that computes is killed, as the system kills when memory runs out
        f"""if ! grep -q '"ask"' "$2" && [ ! -e {tmp_path}/killed ]; then touch {tmp_path}/killed; kill -9 $$; fi\n"""
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    configure(cnmfe=str(python))

    (failed,) = process.process(restrict="subject like 'e_%'", progress=False).errors
    assert failed[0] == "miniscope.Processing" and "cnmfe was killed from outside (SIGKILL)" in failed[2]
    processing = pipeline.miniscope.Processing
    assert len(processing & keys) == 1
    (job,) = jobs.errors(processing(), keys)
    log = Path(job["error_message"].rpartition("its log is ")[2].removesuffix("."))
    assert log.is_file() and log.parent == settings.get_settings().home / "logs"

    assert process.process(restrict="subject like 'e_%'", progress=False).errors == []
    assert len(processing & keys) == 2
    assert not list(settings.get_settings().processed_root_data_dir.rglob(".*.running"))


WORKER = """
import sys
from workflow_miniscope.cli import app
from workflow_miniscope.database import workers
workers.BEAT = 0.2
sys.argv = ["workflow-miniscope", "worker", "--once", "--restrict", "subject=e_long"]
app.main()
"""


def test_the_heart_beats_while_an_engine_computes(pipeline, add_recording, tmp_path):
    """Which may take hours: the worker is heard of all the while, and its job is nobody else's."""
    key = add_recording("e_long", 200, 48, 48)
    python, begun, go = tmp_path / "python", tmp_path / "begun", tmp_path / "go"
    python.write_text(
        "#!/bin/sh\n"
        f"""if ! grep -q '"ask"' "$2"; then touch {begun}; while [ ! -e {go} ]; do sleep 0.1; done; fi\n"""
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    engines = json.dumps({"cnmfe": str(python)})
    worker = begin(WORKER, WORKFLOW_MINISCOPE_ENGINE_PROCESS="true", WORKFLOW_MINISCOPE_ENGINES=engines)
    try:
        assert eventually(begun.exists, 120)
        (job,) = jobs.reserved(pipeline.miniscope.Processing(), key)
        row = workers.Worker & {"worker_id": job["connection_id"]}
        beats = {row.fetch1("beat")}
        assert eventually(lambda: [beats.add(row.fetch1("beat")), len(beats) > 4][1])
        (elsewhere,) = process.process(restrict={"subject": "e_long"}, reserve_jobs=True, progress=False).elsewhere
        assert elsewhere[2].endswith(str(worker.pid))
        go.touch()
        _, error = worker.communicate(timeout=300)
        assert worker.returncode == 0, error[-2000:]
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
    assert len(pipeline.miniscope.Processing & key) == 1
    assert not row
