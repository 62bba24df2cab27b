"""The check of a folder, from the command line: verdict, JSON, picture, exit status; and nothing else changes."""

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from recordings import START_MS, regular_times, write_session
from typer.testing import CliRunner

from workflow_miniscope import figures
from workflow_miniscope.cli import app as cli
from workflow_miniscope.work import check

N = 60
FIGURES = {"frames", "height", "width", "rate_hz", "duration_s", "dropped_frames"}


@pytest.fixture
def session(tmp_path):
    """Write a session, with frames lost if asked."""

    def write(missing=0, **written):
        times = regular_times(N)
        times[N // 2 :] += 50 * missing
        movie = np.random.default_rng(0).integers(60, 120, (N, 24, 40)).astype(np.uint8)
        return write_session(tmp_path / "raw", movie=movie, times_ms=times, **written)

    return write


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in a folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def invoke(*arguments):
        return CliRunner().invoke(cli.app, ["check", *map(str, arguments)])

    return invoke


def listed(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_good_session(session, run, tmp_path):
    written = session(cameras=["Face Cam"])
    before = listed(tmp_path / "raw")
    done = run(written.folder)
    assert done.exit_code == 0, done.output
    assert f"{written.folder}: good" in done.stdout
    assert "60 frames of 40 x 24 in 3.0 s, 20.00 frames/s, 0 dropped" in done.stdout
    (picture,) = (tmp_path / "here").iterdir()
    assert imread(picture).shape[0] > 500
    assert listed(tmp_path / "raw") == before, "nothing is written into the recording's folder"


def test_a_folder_beside_the_current_one(session, run, tmp_path):
    folder = session().folder
    assert run(folder).exit_code == 0
    (picture,) = (tmp_path / "here").iterdir()
    done = run(Path("..") / folder.relative_to(tmp_path))
    assert f"{folder.resolve()}: good" in done.stdout
    assert list((tmp_path / "here").iterdir()) == [picture], "one place has one picture, however it is named"


def test_json(session, run):
    written = session(cameras=["Face Cam"], missing=4)
    done = run(written.folder, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert set(told) == {"start_utc", "layout", "verdict", "warnings", "devices"}
    assert told["start_utc"].startswith("2026-01-15T10:20:30.125")
    assert (told["layout"], told["verdict"]) == ("Miniscope-DAQ-V4", "usable with warnings")
    scope, camera = told["devices"]
    assert set(scope) == {"name", "kind", "verdict", "warnings"} | FIGURES
    assert (scope["name"], scope["kind"]) == ("My_V4_Miniscope", "scope")
    assert (camera["name"], camera["kind"]) == ("Face_Cam", "camera")
    assert [scope[name] for name in ("frames", "height", "width", "dropped_frames")] == [N, 24, 40, 4]
    assert scope["rate_hz"] == pytest.approx(20)
    assert scope["duration_s"] == pytest.approx((N + 4) * 0.05)
    assert "4 frames dropped" in scope["warnings"][0]


@pytest.mark.parametrize(
    ("missing", "options", "status"),
    [(0, [], 0), (0, ["--require-good"], 0), (3, [], 0), (3, ["--require-good"], 1), (40, [], 1)],
)
def test_exit_status(session, run, missing, options, status):
    assert run(session(missing).folder, "--no-picture", *options).exit_code == status


def test_one_device_and_a_legacy_session(session, run):
    written = session(cameras=["Face Cam"])
    told = json.loads(run(written.cameras[0].folder, "--json").stdout)
    assert [device["name"] for device in told["devices"]] == ["Face_Cam"]
    told = json.loads(run(session(layout="legacy", cameras=["behavCam"]).folder, "--json").stdout)
    assert (told["layout"], told["start_utc"]) == ("Miniscope-DAQ-V3", None)
    assert [device["kind"] for device in told["devices"]] == ["scope", "camera"]


def test_broken_devices_are_told_beside_sound_ones(session, run):
    written = session(scopes=["One", "Two", "Three"])
    (written.scopes[0].folder / "metaData.json").write_text("{")
    (written.scopes[1].folder / "timeStamps.csv").write_bytes(b"\xff\xfe")
    done = run(written.folder, "--json")
    assert done.exit_code == 1
    told = {device["name"]: device for device in json.loads(done.stdout)["devices"]}
    assert [told[name]["verdict"] for name in ("One", "Two", "Three")] == ["unusable", "unusable", "good"]
    assert told["One"]["frames"] is None
    assert "metaData.json" in told["One"]["warnings"][0]
    assert "timeStamps.csv" in told["Two"]["warnings"][0]


def test_a_missing_device_is_not_good(session):
    written = session(cameras=["Face Cam"])
    for path in sorted(written.cameras[0].folder.iterdir()):
        path.unlink()
    written.cameras[0].folder.rmdir()
    checked = check.check_folder(written.folder, progress=False)
    assert checked.verdict == "usable with warnings"
    assert "Face Cam" in str(checked)


def test_what_is_wrong_between_devices_is_told(session, run):
    written = session(cameras=["Face Cam"])
    path = written.cameras[0].folder / "timeStamps.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *(f"{i},{50 * i + 10_000_000},0" for i in range(len(rows)))]) + "\n")
    told = json.loads(run(written.folder, "--json").stdout)
    assert told["verdict"] == "usable with warnings"
    assert [device["verdict"] for device in told["devices"]] == ["good", "good"]
    (warning,) = told["warnings"]
    assert "Face_Cam recorded nothing of the time of My_V4_Miniscope" in warning
    assert warning in run(written.folder, "--no-picture").stdout
    (written.folder / "metaData.json").unlink()
    assert "metaData.json is missing" in json.loads(run(written.folder, "--json").stdout)["warnings"][1]


def test_a_session_split_over_folders(session, run, tmp_path):
    first = session(cameras=["Face Cam"])
    second = session(start_ms=START_MS + 60_000, settings={"gain": 3.5}, cameras=["Face Cam"], missing=2)
    day = first.folder.parent
    told = json.loads(run(day, "--json", "--output", tmp_path / "day.png").stdout)
    assert told["start_utc"].startswith("2026-01-15T10:20:30.125")
    assert told["verdict"] == "usable with warnings"
    names = [device["name"] for device in told["devices"]]
    one, two = first.folder.name, second.folder.name
    assert names == [f"{folder}/{name}" for folder in (one, two) for name in ("My_V4_Miniscope", "Face_Cam")]
    assert told["warnings"] == [f"From {one} to {two}: My_V4_Miniscope: gain was 'Low', is 3.5."]
    assert imread(tmp_path / "day.png").shape[0] > 1000
    session(start_ms=START_MS + 61_000)
    told = check.check_folder(day, progress=False)
    assert any("starts 2.1 s before" in warning for warning in told.warnings)
    (first.folder / "metaData.json").write_text("{")
    done = run(day, "--no-picture")
    assert done.exit_code == 1
    assert f"{first.folder / 'metaData.json'} line 1 is not valid JSON" in done.stdout
    assert f"{two}/My_V4_Miniscope (scope)" in done.stdout


def test_the_folder_of_an_animal(session, run, tmp_path):
    """Recordings are found at any depth, as ingest --walk finds them; another animal's are not compared with them."""
    day = 86_400_000
    first = session(cameras=["Face Cam"])
    session(animal="mouse 2", start_ms=START_MS + 1000)  # on another rig at the same time
    for number in range(1, 4):
        session(start_ms=START_MS + number * day, settings={"gain": 3.5} if number % 2 else None, cameras=["Face Cam"])
    animal = first.folder.parents[1]
    told = json.loads(run(animal, "--json").stdout)
    names = [f"{first.folder.relative_to(animal)}/{name}" for name in ("My_V4_Miniscope", "Face_Cam")]
    assert [device["name"] for device in told["devices"]][:2] == names
    assert len(told["devices"]) == 8
    changed, changed_back = told["warnings"]
    assert changed.endswith("My_V4_Miniscope: gain was 'Low', is 3.5. The same later from 1 recording to the next.")
    assert changed_back.endswith("My_V4_Miniscope: gain was 3.5, is 'Low'.")
    both = check.check_folder(animal.parent, frames=False, progress=False)
    assert len(both.devices) == 9
    assert len(both.warnings) == 2, "another animal's recording is not compared with these"


def test_a_folder_that_is_not_there(session, run, tmp_path, monkeypatch):
    """Whether it is named in full, from here or from a root directory."""
    folder = session().folder
    monkeypatch.chdir(tmp_path)
    for missing in (folder.parent / "02_20_31", tmp_path / "nowhere"):
        said = str(run(missing).exception)
        assert said.startswith(f"{missing} does not exist; ")
        assert "lies outside" not in said
    assert str(run(folder.parent / "02_20_31").exception).endswith(f"did you mean {folder}?")
    said = str(run("raw/mouse_2").exception)
    assert said.startswith("raw/mouse_2 is not in the current folder, nor below the root directories (")
    assert said.endswith(f"did you mean {tmp_path / 'raw' / 'mouse_1'}?")
    said = str(run("elsewhere/mouse_2").exception)
    assert said.endswith("check its spelling and whether the drive is connected.")


def test_where_the_picture_goes(session, run, tmp_path, monkeypatch):
    written = session()
    assert run(written.folder, "--output", tmp_path / "mine.png").exit_code == 0
    assert (tmp_path / "mine.png").is_file()
    assert run(written.folder, "--output", tmp_path / "pictures").exit_code == 0
    assert len(list((tmp_path / "pictures").glob("check_*.png"))) == 1
    for place in (written.folder, written.scopes[0].folder / "a.png"):
        done = run(written.folder, "--output", place)
        assert "nothing is ever written" in str(done.exception)
    monkeypatch.chdir(written.scopes[0].folder)
    assert "--output" in str(run(written.folder).exception)
    assert not list(written.folder.rglob("*.png"))


def test_a_folder_without_a_recording_is_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "workflow_miniscope", "check", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


def test_the_check_needs_no_database(session, tmp_path):
    script = (
        "from workflow_miniscope.database import connection as database\n"
        "from workflow_miniscope.work import check\n"
        "def refuse(*arguments): raise SystemExit('connected')\n"
        "database.connect = refuse\n"
        f"print(check.check_folder({str(session().folder)!r}, progress=False).verdict)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "good", done.stderr


def test_the_picture_of_a_long_recording_keeps_what_is_rare():
    n = 50_000
    times = np.arange(n) / 20
    times[n // 2 :] += 10
    brightness = np.full(n, 100.0)
    brightness[123] = 10
    device = figures.DevicePicture("long", "good", times, {n // 2 - 1: 200}, brightness)
    figure = figures.recording_check([device], "a long one", ["The clock was set."])
    told, drawn = figure.subfigs
    assert [text.get_text() for text in told.axes[0].texts] == ["The clock was set."]
    intervals, course = drawn.axes
    assert [text.get_text() for text in intervals.texts] == ["200 lost"]
    band = course.collections[0].get_paths()[0].vertices
    assert len(band) < 10_000, "no more than can be seen"
    assert band[:, 1].min() == 10


def test_a_picture_of_nothing():
    with pytest.raises(ValueError, match="no device"):
        figures.recording_check([])


@pytest.mark.parametrize(("on_disk", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_letters_with_accents_in_either_form(tmp_path, run, on_disk, typed):
    raw = tmp_path / unicodedata.normalize(on_disk, "Mäuse")
    written = write_session(raw, n_frames=60, scopes=[unicodedata.normalize(on_disk, "Über")], cameras=["Cam"])
    path = written.folder / "metaData.json"
    path.write_text(unicodedata.normalize(typed, path.read_text(encoding="utf-8")), encoding="utf-8")
    done = run(unicodedata.normalize(typed, str(written.folder)), "--json", "--no-picture")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["warnings"] == []
    assert [(device["name"], device["kind"]) for device in told["devices"]] == [("Über", "scope"), ("Cam", "camera")]
