"""An engine in a process of its own: the same result, and whatever becomes of it is one sentence."""

import os
import pickle
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import planted
import psutil
import pytest
import unruly_engines as unruly
from processes import TESTS, begin, eventually
from recordings import regular_times, write_session
from stub_engine import StubEngine, StubParameters

from workflow_miniscope import daq, engines, settings
from workflow_miniscope.engines import facemap, run_notes
from workflow_miniscope.engines.child.options import Options, chosen
from workflow_miniscope.engines.child.run import ask
from workflow_miniscope.errors import EngineError, RecordingError, SettingsError
from workflow_miniscope.results.facemap import load_pickled_npy

PARAMS = StubParameters(gSig=6)
posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture
def movie():
    return planted.ArrayMovie(np.zeros((7, 4, 5), np.uint8))


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Run children with this Python, which finds the tests' engines."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return lambda **limits: Options(Path(sys.executable), tmp_path / "logs", **limits)


def left(tmp_path):
    """What there is but for logs."""
    return sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if "logs" not in p.parts)


def run(engine, movie, tmp_path, options, **more):
    return engines.run_engine(engine, movie, PARAMS, tmp_path / "out", 20.0, child=options, **more)


def test_what_is_given_arrives(movie, tmp_path, options):
    path = run(StubEngine(), movie, tmp_path, options())
    assert path == tmp_path / "out" / "result.txt" and path.read_text() == "7 20.0 6"
    assert run_notes.read_note(path.parent)["packages"]["numpy"] == np.__version__
    assert left(tmp_path) == ["out", "out/result.txt", "out/run_note.json", "temporary"]
    assert list((tmp_path / "logs").iterdir()) == []


@posix
@pytest.mark.parametrize(
    ("engine", "limits", "says"),
    [
        (unruly.Killed, {}, "stub was killed from outside .SIGKILL., as the system does when memory runs out"),
        (unruly.Crashing, {}, "stub crashed .segmentation fault.; its log, which shows where, is"),
        (unruly.Leaving, {}, "stub ended with exit status 7 and without a result"),
        (unruly.Hungry, {"memory_gb": 0.4}, "used more than the 0.4 GB of memory that custom.engine_memory_gb allows"),
        (unruly.Slow, {"hours": 4 / 3600}, "stopped after 0.00111111 h, which is what custom.engine_hours allows"),
        (unruly.Wrong, {}, "stub failed: ValueError: no cells .its log is"),
        (unruly.Missing, {}, "It is not installed"),
    ],
)
def test_an_end_is_told_and_leaves_nothing(engine, limits, says, movie, tmp_path, options):
    with pytest.raises(EngineError, match=says) as raised:
        run(engine(), movie, tmp_path, options(**limits))
    assert left(tmp_path) == ["temporary"]
    logs = list((tmp_path / "logs").iterdir())
    of_use = engine not in (unruly.Missing, unruly.Hungry, unruly.Slow)
    assert [str(log) in str(raised.value) for log in logs] == [True] * of_use
    if engine is unruly.Crashing:
        assert "unruly_engines.py" in logs[0].read_text(), "the traceback of a crash"


def test_an_error_keeps_its_kind(movie, tmp_path, options):
    with pytest.raises(RecordingError, match=r"^3.avi is damaged\.$"):
        run(unruly.Damaged(), movie, tmp_path, options())
    assert left(tmp_path) == ["temporary"] and list((tmp_path / "logs").iterdir()) == []


def test_progress_and_messages_arrive(movie, tmp_path, options, caplog, capfd, monkeypatch):
    shown = []
    monkeypatch.setattr("workflow_miniscope.bars.Mirror.show", lambda self, state: shown.append(state))
    run(unruly.Talkative(), movie, tmp_path, options())
    assert [(r.name, r.getMessage()) for r in caplog.records if r.levelname == "WARNING"] == [
        ("workflow_miniscope.engines.talkative", "The light flickers.")
    ]
    assert [state["n"] for state in shown if not state["closed"]] == [0, 1, 2, 3]
    assert {(state["desc"], state["total"]) for state in shown} == {("frames", 3)}
    assert shown[-1]["closed"]
    out, err = capfd.readouterr()
    # of the console, where another test began it; the child itself writes into its log
    assert out == "" and err.replace("Warning: The light flickers.\n", "") == ""


RUNS = """
import sys
from pathlib import Path
import numpy as np, planted, unruly_engines
from stub_engine import StubParameters
from workflow_miniscope import engines
from workflow_miniscope.engines.child.options import Options
from workflow_miniscope.work.stopping import ends_on_sigterm

folder = Path({folder!r})
print("ready", flush=True)
with ends_on_sigterm():
    engines.run_engine(unruly_engines.Slow(), planted.ArrayMovie(np.zeros((7, 4, 5), np.uint8)), StubParameters(),
                       folder / "out", 20.0, child=Options(Path(sys.executable), folder / "logs"))
"""


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_child_ends_with_its_parent(number, tmp_path):
    (tmp_path / "temporary").mkdir()
    parent = begin(RUNS.format(folder=str(tmp_path)), TMPDIR=str(tmp_path / "temporary"))
    try:
        pids = tmp_path / ".out.running" / "pids.txt"
        assert eventually(lambda: pids.exists() or parent.poll() is not None, 60)
        below = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
        parent.send_signal(number)
        parent.communicate(timeout=60)
    finally:
        parent.kill()
        parent.communicate()
    _, alive = psutil.wait_procs(below, 20)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    assert eventually(lambda: not list((tmp_path / "temporary").iterdir()))
    if number != signal.SIGKILL:  # after that the next run of the task removes it
        assert left(tmp_path) == ["temporary"]


# The engines ---------------------------------------------------------------------


def contents(path):
    """Everything in an HDF5 file but for when it was made."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: np.asarray(value) for name, value in found.items() if not name.endswith("created")}


def test_cnmfe_gives_the_same_bits(tmp_path, options):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40]
    light = rng.normal(80, 4, (120, 40, 40))
    for row, column, first in ((12, 14, 10), (27, 28, 30)):
        trace = sum(
            40 * np.exp(-np.maximum(np.arange(120) - t, 0) / 10) * (np.arange(120) >= t) for t in (first, first + 60)
        )
        light += trace[:, None, None] * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 18)
    written = write_session(
        tmp_path / "raw", movie=light.clip(0, 255).astype(np.uint8), times_ms=regular_times(120), frames_per_file=50
    )
    recording = daq.open_device(written.scopes[0].folder).read()
    engine = engines.get("cnmfe")
    params = engine.parse({"gSig": 3, "K": 20})
    here, there = (
        engines.run_engine(
            engine,
            recording.movie,
            params,
            tmp_path / name,
            recording.fps,
            daq.cleaned(recording.times),
            progress=False,
            child=child,
        )
        for name, child in (("here", None), ("there", options()))
    )
    a, b = contents(here), contents(there)
    assert a.keys() == b.keys() and len(a) > 30
    for name, value in a.items():
        assert value.dtype == b[name].dtype and value.shape == b[name].shape, name
        same = value.tolist() == b[name].tolist() if value.dtype == object else value.tobytes() == b[name].tobytes()
        assert same, name


def test_facemap_gives_the_same_bits(tmp_path, options):
    frames = np.random.default_rng(0).integers(0, 255, (20, 32, 48), np.uint8)
    written = write_session(tmp_path / "raw", movie=frames, frames_per_file=12)
    video = facemap.open_video(written.scopes[0].files)
    params = facemap.ENGINE.parse({"sbin": 4})
    here, there = (
        engines.run_engine(facemap.ENGINE, video, params, tmp_path / name, progress=False, child=child)
        for name, child in (("here", None), ("there", options()))
    )
    a, b = load_pickled_npy(here), load_pickled_npy(there)
    assert a.keys() == b.keys()
    for name in a.keys() - {"save_path"}:
        assert pickle.dumps(a[name]) == pickle.dumps(b[name]), name


# Other interpreters ------------------------------------------------------------------


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@posix
def test_another_interpreter(movie, tmp_path, options, monkeypatch):
    """What it needs is asked of it, and what it lacks is named."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    python = bare / "bin" / "python"
    says = rf"^The Python of stub, {python}, lacks numpy, .*: install it with `{python} -m pip install numpy`\.$"
    with pytest.raises(EngineError, match=says):
        run(StubEngine(), movie, tmp_path, Options(python, tmp_path / "logs"))
    assert "lacks numpy" in ask(engines.get("cnmfe"), Options(python, tmp_path / "logs"))

    complete = script(tmp_path / "python", f'exec {sys.executable} "$@"')
    assert ask(engines.get("cnmfe"), Options(complete, tmp_path / "logs")) is None
    monkeypatch.setenv("WORKFLOW_MINISCOPE_ENGINES", f'{{"caiman": "{complete}"}}')
    settings.get_settings.cache_clear()
    if engines.get("caiman").unavailable():
        assert engines.unavailable(engines.get("caiman")).endswith(f"(asked of {complete})")

    for path, says in (
        (script(tmp_path / "nothing", "exit 0"), "which ended without a word: is it a Python?"),
        (tmp_path / "missing", "cannot be run .No such file or directory.; correct custom.engines"),
    ):
        with pytest.raises(EngineError, match=says):
            run(StubEngine(), movie, tmp_path, Options(path, tmp_path / "logs"))
    assert not (tmp_path / "out").exists()


@pytest.fixture(autouse=True)
def settings_as_they_were():
    yield
    settings.get_settings.cache_clear()


def test_what_is_configured(monkeypatch):
    names = engines.names()
    assert chosen("cnmfe", names) is None
    monkeypatch.setenv("WORKFLOW_MINISCOPE_ENGINE_PROCESS", "true")
    settings.get_settings.cache_clear()
    assert chosen("cnmfe", names) is None
    assert chosen("cnmfe", names, by_default=True).python == Path(sys.executable)
    monkeypatch.setenv("WORKFLOW_MINISCOPE_ENGINES", '{"caiman": "/opt/caiman/bin/python"}')
    monkeypatch.setenv("WORKFLOW_MINISCOPE_ENGINE_HOURS", "12")
    settings.get_settings.cache_clear()
    found = chosen("caiman", names)
    assert found.foreign and str(found.python) == "/opt/caiman/bin/python" and found.hours == 12
    assert not chosen("cnmfe", names).foreign, "limits alone are a reason for a process"
    monkeypatch.setenv("WORKFLOW_MINISCOPE_ENGINES", '{"caimann": "python"}')
    settings.get_settings.cache_clear()
    with pytest.raises(SettingsError, match=r"names the engine 'caimann' \(did you mean 'caiman'\?\)"):
        chosen("cnmfe", names)
