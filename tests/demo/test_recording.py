"""The demo recording is what Miniscope-DAQ would have written, with its truth beside it."""

import csv
import json
import sys

import cv2
import numpy as np
import pytest

from workflow_miniscope.demo import recording
from workflow_miniscope.demo.recording import write_demo_session
from workflow_miniscope.errors import EngineError, RecordingError

SMALL = {
    "height": 56,
    "width": 72,
    "seconds": 12.0,
    "camera_height": 48,
    "camera_width": 64,
    "progress": False,
}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    root = tmp_path_factory.mktemp("raw")
    return write_demo_session(root, root.parent / "truth.npz", **SMALL), np.load(root.parent / "truth.npz")


def frames(folder):
    for path in sorted(folder.glob("*.avi"), key=lambda path: int(path.stem)):
        video = cv2.VideoCapture(str(path))
        while (read := video.read())[0]:
            yield read[1][..., 0]
        video.release()


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_session_has_the_layout_of_the_acquisition_software(session):
    folder, _ = session
    assert folder.parts[-3:] == ("demo01", "2026_01_15", "10_20_30")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "metaData.json",
        "notes.csv",
        "My_V4_Miniscope/0.avi",
        "My_V4_Miniscope/timeStamps.csv",
        "My_V4_Miniscope/headOrientation.csv",
        "My_V4_Miniscope/metaData.json",
        "FaceCam/0.avi",
        "FaceCam/timeStamps.csv",
        "FaceCam/metaData.json",
    }
    meta = json.loads((folder / "metaData.json").read_text())
    assert meta["recordingStartTime"]["msecSinceEpoch"] == 1768468830125  # 2026-01-15 09:20:30.125 UTC
    assert meta["recordingStartTime"]["hour"] == 10  # the rig's own clock
    for name in meta["miniscopes"] + meta["cameras"]:
        device = json.loads((folder / name.replace(" ", "_") / "metaData.json").read_text())
        assert device["deviceName"] == name


def test_a_long_recording_is_split_into_files_of_1000_frames(tmp_path):
    movie = np.random.default_rng(0).integers(0, 255, (2003, 16, 24), dtype=np.uint8)
    recording._write_videos(tmp_path / "device", movie, "FFV1")
    assert sorted(path.name for path in (tmp_path / "device").iterdir()) == ["0.avi", "1.avi", "2.avi"]
    np.testing.assert_array_equal(np.stack(list(frames(tmp_path / "device"))), movie)
    header = cv2.VideoCapture(str(tmp_path / "device" / "0.avi"))
    assert header.get(cv2.CAP_PROP_FPS) == 60


def test_times_tell_the_true_rate_and_the_lost_frames(session):
    folder, truth = session
    rows = table(folder / "My_V4_Miniscope" / "timeStamps.csv")
    assert len(rows) == sum(1 for _ in frames(folder / "My_V4_Miniscope")) == 240 - 4
    times = np.array([int(row["Time Stamp (ms)"]) for row in rows])
    assert times[0] < 0
    assert np.median(np.diff(times)) == pytest.approx(50, abs=1)
    counted = np.array([int(row["DAQ Frame Number"]) for row in rows])
    assert sorted(np.diff(counted)[np.diff(counted) > 1]) == [2, 4]
    np.testing.assert_allclose(truth["times"], times / 1000)
    camera = table(folder / "FaceCam" / "timeStamps.csv")
    assert len(camera) == sum(1 for _ in frames(folder / "FaceCam")) == 360
    orientation = table(folder / "My_V4_Miniscope" / "headOrientation.csv")
    turns = np.array([[float(row[q]) for q in ("qw", "qx", "qy", "qz")] for row in orientation])
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1, atol=1e-4)


def test_the_truth_belongs_to_the_movie_that_was_written(session):
    folder, truth = session
    movie = np.stack(list(frames(folder / "My_V4_Miniscope"))).astype(float)
    assert truth["A"].shape[1:] == movie.shape[1:] == (56, 72)
    assert truth["C"].shape == truth["S"].shape == (len(truth["A"]), len(movie))
    assert truth["shifts"].shape == (len(movie), 2)
    sharp = np.stack([cv2.GaussianBlur(frame, (0, 0), 2.5) - cv2.GaussianBlur(frame, (0, 0), 10) for frame in movie])

    # the brain moves as the truth says: down and to the right where the shifts are positive
    found = np.array([best_match(frame, np.median(sharp, axis=0)) for frame in sharp])
    for axis in (0, 1):
        assert np.corrcoef(found[:, axis], truth["shifts"][:, axis])[0, 1] > 0.5

    # and the place of a cell that is active brightens with that cell and not with another
    seen = np.tensordot(truth["A"], sharp, axes=((1, 2), (1, 2)))
    alike = np.corrcoef(seen, truth["C"])[: len(seen), len(seen) :]
    active = np.argsort(truth["C"].std(axis=1) * truth["A"].max(axis=(1, 2)))[-4:]
    np.testing.assert_array_equal(alike[active].argmax(axis=1), active)


def best_match(frame, template, reach=8):
    """Where a template's middle is found in a frame, as (dy, dx)."""
    scores = cv2.matchTemplate(
        frame.astype(np.float32),
        template[reach:-reach, reach:-reach].astype(np.float32),
        cv2.TM_CCOEFF_NORMED,
    )
    return np.array(np.unravel_index(scores.argmax(), scores.shape)) - reach


def test_the_same_seed_writes_the_same_recording(session, tmp_path):
    folder, _ = session
    again = write_demo_session(tmp_path, **SMALL)
    for path in folder.rglob("*.csv"):
        assert (again / path.relative_to(folder)).read_text() == path.read_text()
    for device in ("My_V4_Miniscope", "FaceCam"):
        np.testing.assert_array_equal(list(frames(folder / device)), list(frames(again / device)))


def test_a_session_that_is_there_is_not_written_over(session):
    folder, _ = session
    before = (folder / "metaData.json").stat().st_mtime_ns
    with pytest.raises(RecordingError, match="exists already"):
        write_demo_session(folder.parents[2], **SMALL)
    assert (folder / "metaData.json").stat().st_mtime_ns == before


def test_a_failure_leaves_no_session_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "_write_session_files", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_demo_session(tmp_path, tmp_path / "truth.npz", **SMALL)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_missing_simulator_is_said_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "minisim", None)
    with pytest.raises(EngineError, match=r"minisim.*not installed.*pip install"):
        write_demo_session(tmp_path, **SMALL)
