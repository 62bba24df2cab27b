"""A run leaves a whole result or nothing, however it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import planted
import pytest
from stub_engine import StubEngine as Stub
from stub_engine import StubParameters

from workflow_miniscope import engines
from workflow_miniscope.engines import run_notes
from workflow_miniscope.engines.base import Engine, forget_killed_run, run_engine
from workflow_miniscope.errors import EngineError, ParameterError, RecordingError

PARAMS = StubParameters()


@pytest.fixture
def movie():
    return planted.ArrayMovie(np.zeros((7, 4, 5), np.uint8))


def everything(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_stub_is_an_engine():
    assert isinstance(Stub(), Engine)


def test_result_lies_in_the_output_folder(tmp_path, movie):
    path = run_engine(Stub(), movie, StubParameters(gSig=6), tmp_path / "a" / "b" / "out", 20.0)
    assert path == tmp_path / "a" / "b" / "out" / "result.txt"
    assert path.read_text() == "7 20.0 6"
    assert everything(tmp_path) == ["a", "a/b", "a/b/out", "a/b/out/result.txt"]


def test_relative_output_folder(tmp_path, movie, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_engine(Stub(), movie, PARAMS, "out", 20.0) == tmp_path / "out" / "result.txt"


def test_empty_output_folder_is_used(tmp_path, movie):
    (tmp_path / "out").mkdir()
    assert run_engine(Stub(), movie, PARAMS, tmp_path / "out", 20.0).is_file()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_output_in_use_is_left_alone(tmp_path, movie, kind):
    out = tmp_path / "out"
    if kind == "folder":
        out.mkdir()
        (out / "mine.txt").write_text("keep")
    else:
        out.write_text("keep")
    before = everything(tmp_path)
    with pytest.raises(EngineError, match="already in use"):
        run_engine(Stub(), movie, PARAMS, out, 20.0)
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("failure", "raised", "says"),
    [
        (ValueError("no cells"), EngineError, "stub failed: ValueError: no cells"),
        (RecordingError("3.avi is damaged."), RecordingError, "3.avi is damaged"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (SystemExit(3), SystemExit, "3"),
    ],
)
def test_failure_leaves_nothing(tmp_path, movie, failure, raised, says):
    with pytest.raises(raised, match=says):
        run_engine(Stub(failure), movie, PARAMS, tmp_path / "made" / "for" / "out", 20.0)
    assert everything(tmp_path) == []


def test_failure_leaves_the_folders_that_were_there(tmp_path, movie):
    (tmp_path / "animal").mkdir()
    with pytest.raises(EngineError):
        run_engine(Stub(ValueError("x")), movie, PARAMS, tmp_path / "animal" / "out", 20.0)
    assert everything(tmp_path) == ["animal"]


def test_no_result_file(tmp_path, movie):
    class Forgetful(Stub):
        def run(self, movie, params, output_dir, times, progress=True):
            return output_dir / "result.txt"

    with pytest.raises(EngineError, match="ended without the result file result.txt"):
        run_engine(Forgetful(), movie, PARAMS, tmp_path / "out", 20.0)
    assert everything(tmp_path) == []


def test_nothing_is_made_for_what_is_wrong_beforehand(tmp_path, movie):
    with pytest.raises(EngineError, match="not installed"):
        run_engine(Stub(reason="It is not installed."), movie, PARAMS, tmp_path / "x" / "out", 20.0)
    for fps in (0.0, -1.0, float("nan"), None):
        with pytest.raises(ParameterError, match="frame rate"):
            run_engine(Stub(), movie, PARAMS, tmp_path / "x" / "out", fps)
    assert everything(tmp_path) == []


def elsewhere(folder: Path, what: str) -> subprocess.Popen:
    """Run the stub engine in another process; ``what`` is what its run does after it began."""
    code = f"""
import os, signal, sys, time
sys.path[:0] = {sys.path!r}
import numpy as np
from planted import ArrayMovie
from stub_engine import StubEngine, StubParameters
from workflow_miniscope.engines.base import run_engine

class Other(StubEngine):
    def run(self, movie, params, output_dir, times, progress=True):
        (output_dir / "part.txt").write_text("begun")
        {what}

run_engine(Other(), ArrayMovie(np.zeros((7, 4, 5), np.uint8)), StubParameters(), {str(folder / "out")!r}, 20.0)
"""
    return subprocess.Popen([sys.executable, "-c", code])


def test_killed_run_is_cleared_by_the_next(tmp_path, movie):
    killed = elsewhere(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.wait(60) == -9
    left = everything(tmp_path)
    assert ".out.running/part.txt" in left and "out" not in left
    path = run_engine(Stub(), movie, PARAMS, tmp_path / "out", 20.0)
    assert everything(tmp_path) == ["out", "out/result.txt"] and path.read_text().startswith("7")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_of_a_killed_run_do_not_block_the_next(tmp_path, movie):
    """A worker that the engine forked may be at work still when the run itself is gone."""
    what = "os.fork() or (time.sleep(5), os._exit(0)); os.kill(os.getpid(), signal.SIGKILL)"
    assert elsewhere(tmp_path, what).wait(60) == -9
    assert run_engine(Stub(), movie, PARAMS, tmp_path / "out", 20.0).is_file()


def test_leftovers_of_other_tasks_stay(tmp_path, movie):
    (tmp_path / ".other.running").mkdir()
    run_engine(Stub(), movie, PARAMS, tmp_path / "out", 20.0)
    assert (tmp_path / ".other.running").is_dir()


def test_two_processes_at_one_task(tmp_path, movie):
    busy = elsewhere(tmp_path, "time.sleep(60)")
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / ".out.running" / "part.txt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(EngineError, match="Another process is at work"):
            run_engine(Stub(), movie, PARAMS, tmp_path / "out", 20.0)
        assert (tmp_path / ".out.running" / "part.txt").exists()
    finally:
        busy.kill()
        busy.wait()
    assert run_engine(Stub(), movie, PARAMS, tmp_path / "out", 20.0).is_file()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written(tmp_path, movie):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(EngineError, match="cannot be"):
        run_engine(Stub(), movie, PARAMS, tmp_path / "locked" / "out", 20.0)


def test_output_below_a_file(tmp_path, movie):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EngineError, match="cannot be made"):
        run_engine(Stub(), movie, PARAMS, tmp_path / "file" / "below" / "out", 20.0)


def test_engines_by_name():
    assert engines.names("cells") == ("caiman", "cnmfe") and engines.names("face") == ("facemap",)
    for name in engines.names():
        engine = engines.get(name)
        assert isinstance(engine, Engine) and engine.name == name and isinstance(engine.parse(None), engine.model())
    with pytest.raises(EngineError, match=r"no engine 'caimann' \(did you mean 'caiman'\?\)"):
        engines.get("caimann")
    with pytest.raises(EngineError, match="no engine 'facemap' for cells; there are caiman, cnmfe"):
        engines.get("facemap", "cells")


def test_looking_up_names_imports_no_engine():
    code = (
        "import sys; from workflow_miniscope import engines; engines.names();"
        "print([name for name in sys.modules if 'caiman' in name])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_note_is_there_before_the_result_has_its_name(monkeypatch, movie, tmp_path):
    """Or a run that is killed in between would leave a result that nobody knows the making of."""
    there = []
    rename = Path.rename
    monkeypatch.setattr(
        Path, "rename", lambda self, target: [there.append(run_notes.read_note(self)), rename(self, target)][1]
    )
    path = run_engine(Stub(), movie, PARAMS, tmp_path / "out", 20.0, note=True)
    assert run_notes.read_note(path.parent) == there[-1]
    assert there[-1]["duration_s"] >= 0 and there[-1]["packages"]["numpy"] == np.__version__


def test_the_lock_of_a_run_that_was_killed_after_its_result_had_its_name_goes(movie, tmp_path):
    out = run_engine(Stub(), movie, PARAMS, tmp_path / "out", 20.0).parent
    lock = tmp_path / ".out.lock"
    lock.touch()
    forget_killed_run(out)
    assert everything(tmp_path) == ["out", "out/result.txt"]
    program = (
        "import sys; from pathlib import Path; from workflow_miniscope.engines import base\n"
        "with base._only_process(Path(sys.argv[1])): print('held', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        forget_killed_run(out)
        assert lock.exists(), "another process is at work there"
        other.communicate("go on\n")
    assert not lock.exists()
