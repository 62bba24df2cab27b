"""Tables of what was recorded beside the frames: filled from real sessions, and read at the scope's frames."""

import json
from datetime import datetime

import numpy as np
import pytest
from recordings import regular_times, write_session

from workflow_miniscope import process
from workflow_miniscope.daq import qt
from workflow_miniscope.database.workers import Heart
from workflow_miniscope.errors import RecordingError
from workflow_miniscope.ingest import ingest
from workflow_miniscope.work import status
from workflow_miniscope.work.compute import compute

START = datetime(2026, 1, 15, 10, 20, 30)
N = 60
FILLED = (
    "Notes",
    "Settings",
    "RecordingQuality",
    "HeadOrientation",
    "CameraQuality",
    "CameraTimes",
)


@pytest.fixture
def animal(request):
    """A name for an animal of this test, short enough for the table."""
    return f"r{abs(hash(request.node.name)) % 10**6}"


@pytest.fixture
def noise():
    """Frames of a sensor: no two are equal."""
    return np.random.default_rng(0).integers(60, 120, (N, 24, 40)).astype(np.uint8)


@pytest.fixture
def write(raw_root, animal, noise):
    """Write a session of this test's animal."""

    def _write(**written):
        return write_session(raw_root, **{"animal": animal, "movie": noise, "cameras": ["Face Cam"], **written})

    return _write


@pytest.fixture
def put_in(raw_root, tmp_path, animal):
    """Ingest a session that was written."""

    def _put_in(written, **options):
        session_dir = written.folder.relative_to(raw_root).as_posix()
        subjects, sessions = tmp_path / "subjects.csv", tmp_path / "sessions.csv"
        subjects.write_text(
            f"subject,sex,subject_birth_date,subject_description\n{animal},F,2025-09-01,a test\n", encoding="utf-8"
        )
        sessions.write_text(
            f"subject,session_dir,acq_software\n{animal},{session_dir},{written.acq_software}\n", encoding="utf-8"
        )
        return ingest(subjects, sessions, progress=False, **options)

    return _put_in


@pytest.fixture
def fill(pipeline, animal):
    """Fill the tables as processing does, without the analysis that follows."""

    def _fill():
        key = {"subject": animal}
        pipeline.miniscope.RecordingInfo.populate(key, suppress_errors=True)
        pipeline.facemap.RecordingInfo.populate(key, suppress_errors=True)
        for name in FILLED:
            getattr(pipeline.recording, name).populate(key)
        return key

    return _fill


def test_quality_of_scope_and_camera(pipeline, write, put_in, fill, noise):
    times = regular_times(N)
    times[20:] += 100
    put_in(write(times_ms=times))
    key = fill()
    for table in (pipeline.recording.RecordingQuality, pipeline.recording.CameraQuality):
        row = (table & key).fetch1()
        assert row["verdict"] == "usable with warnings"
        assert "2 frames dropped in 1 gap" in row["reasons"][0]
        assert (row["dropped_frames"], row["gaps"], row["n_frames"], row["n_stamps"]) == (2, 1, N, N)
        assert row["rate_hz"] == pytest.approx(20)
        assert row["longest_gap_s"] == pytest.approx(0.15)
    row = (pipeline.recording.RecordingQuality & key).fetch1()
    np.testing.assert_allclose(row["frame_brightness"], noise.mean(axis=(1, 2)), atol=1e-3)
    assert (row["orientation_samples"], row["orientation_invalid"]) == (N, 0)
    assert len(pipeline.recording.RecordingQuality & key & {"verdict": "usable with warnings"}) == 1


def test_a_make_opens_its_session_once(pipeline, write, put_in, animal, monkeypatch):
    put_in(write())
    opened = []

    def counted(*args, **options):
        opened.append(args)
        return open_session(*args, **options)

    open_session = qt.open_session
    monkeypatch.setattr(qt, "open_session", counted)
    tables = [pipeline.miniscope.RecordingInfo, pipeline.facemap.RecordingInfo]
    tables += [getattr(pipeline.recording, name) for name in FILLED]
    for table in tables:
        opened.clear()
        table.populate({"subject": animal})
        assert len(table & {"subject": animal}) == len(opened) == 1, table.__name__


def test_what_was_resolved_is_stored(pipeline, write, put_in, fill):
    written = write()
    path = written.scopes[0].folder / "timeStamps.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-3]) + "\n")
    put_in(written)
    row = (pipeline.recording.RecordingQuality & fill()).fetch1()
    assert (row["n_frames"], row["n_video"], row["n_stamps"]) == (N - 3, N, N - 3)
    assert "the first 57 of both are used" in row["reasons"][0]


def test_a_verdict_on_what_cannot_be_read_and_its_end(pipeline, write, put_in, fill, animal):
    written = write()
    put_in(written)
    path = written.scopes[0].folder / "timeStamps.csv"
    content = path.read_text()
    path.write_text("")
    key = fill()
    assert not pipeline.miniscope.RecordingInfo & key
    row = (pipeline.recording.RecordingQuality & key).fetch1()
    assert (row["verdict"], row["n_frames"], row["frame_brightness"]) == ("unusable", None, None)
    assert "timeStamps.csv" in row["reasons"][0]
    assert (pipeline.recording.CameraQuality & key).fetch1("verdict") == "good"
    assert pipeline.recording.RecordingQuality.forget_unreadable(pipeline.miniscope.Recording & key) == 0

    path.write_text(content)
    pipeline.miniscope.RecordingInfo.populate(key)
    assert pipeline.recording.RecordingQuality.forget_unreadable(pipeline.miniscope.Recording & key) == 1
    fill()
    assert (pipeline.recording.RecordingQuality & key).fetch1("verdict") == "good"


def test_camera_times(pipeline, write, put_in, fill):
    times = regular_times(N, interval_ms=1000 / 30)
    times[7] = -3000
    put_in(write(times_ms=times))
    row = (pipeline.recording.CameraTimes & fill()).fetch1()
    np.testing.assert_array_equal(row["times"], times / 1000)
    assert row["n_frames"] == N
    assert row["fps"] == pytest.approx(30, rel=1e-3)
    np.testing.assert_array_equal(np.flatnonzero(~row["in_order"]), [7])


def test_head_orientation(pipeline, write, put_in, fill):
    written = write(scopes=["One", "Two"])
    first, second = (scope.folder / "headOrientation.csv" for scope in written.scopes)
    lines = first.read_text().splitlines()
    first.write_text("\n".join([*lines[:5], lines[5].split(",")[0] + ",9,0,0,0", *lines[6:-4]]) + "\n")
    second.unlink()
    put_in(written)
    key = fill()
    row, without = (pipeline.recording.HeadOrientation & key).to_dicts(order_by="recording_id")
    assert (row["n_samples"], row["n_invalid"]) == (N - 4, 1)
    assert row["quaternions"].shape == (N - 4, 4)
    np.testing.assert_array_equal(np.flatnonzero(~row["valid"]), [4])
    np.testing.assert_array_equal(np.isnan(row["euler"]).any(axis=1), ~row["valid"])
    turned = np.degrees(2 * 0.01 * np.arange(N - 4))
    np.testing.assert_allclose(row["euler"][row["valid"], 0], turned[row["valid"]], atol=0.02)
    np.testing.assert_array_equal(row["times"], regular_times(N)[:-4] / 1000)
    assert (without["n_samples"], without["times"], without["euler"]) == (0, None, None)


def test_notes(pipeline, write, put_in, fill):
    long = "x" * 5000
    put_in(write(notes=[(1520, "on the track, facing left"), (2000, "Mäuse"), (2500, long)]))
    rows = (pipeline.recording.Notes.Note & fill()).to_dicts(order_by="note_id")
    assert [row["note_time"] for row in rows] == [1.52, 2, 2.5]
    assert [row["note"] for row in rows[:2]] == ["on the track, facing left", "Mäuse"]
    assert len(rows[2]["note"]) == 4000
    assert rows[2]["note"].endswith("[longer in the file]")


def test_settings_and_what_changed(pipeline, write, put_in, fill, animal):
    put_in(write())
    put_in(write(settings={"gain": 3.5}, start_ms=1768558830000))
    key = fill()
    first = {**key, "session_datetime": START}
    device = {**first, "device": "My_V4_Miniscope"}
    settings = pipeline.recording.Settings
    assert (settings.Device & device & {"setting": "gain"}).fetch1("value") == '"Low"'
    assert (settings.Device & device & {"setting": "ROI.width"}).fetch1("value") == "40"
    assert (settings.Session & first & {"setting": "cameras"}).fetch1("value") == '["Face Cam"]'
    stored = json.dumps((settings.Device & key).to_arrays("setting", "value")[0].tolist())
    assert "deviceDirectory" not in stored
    assert "deviceID" not in stored
    changes = pipeline.recording.changed_settings(first, {**key, "session_datetime": datetime(2026, 1, 16, 10, 20, 30)})
    assert list(map(str, changes)) == ["My_V4_Miniscope: gain was 'Low', is 3.5"]


def test_a_cameras_signal_at_the_scopes_frames(pipeline, write, put_in, fill, animal):
    written = write()
    camera_ms = np.round(-30 + np.arange(N) * 1000 / 15).astype(int)
    lines = [f"{i},{time},0" for i, time in enumerate(camera_ms)]
    stamps = written.cameras[0].folder / "timeStamps.csv"
    stamps.write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *lines]) + "\n")
    put_in(written)
    key = {**fill(), "recording_id": 0}
    camera, scope = camera_ms / 1000, regular_times(N) / 1000
    synchronized = pipeline.recording.synchronized

    found = synchronized(key, key, signal=camera)
    inside = ~np.isnan(found.values)
    assert inside.sum() > N - 3
    np.testing.assert_allclose(found.values[inside], camera[found.frames[inside]], rtol=1e-6)
    np.testing.assert_allclose(found.error_ms[inside], 1000 * (camera[found.frames] - scope)[inside])
    assert np.abs(found.error_ms[inside]).max() <= 34
    found = synchronized(key, key, signal=camera, method="linear")
    between = (scope >= camera[0]) & (scope <= camera[-1])
    np.testing.assert_allclose(found.values[between], scope[between])

    scope_row = pipeline.miniscope.RecordingInfo & key
    disordered = scope.copy()
    disordered[5] = 1.2
    pipeline.miniscope.RecordingInfo.update1({**scope_row.fetch1("KEY"), "time_stamps": disordered})
    found = synchronized(key, key, signal=camera)
    assert np.isnan(found.values[5]) and found.frames[5] == -1, "a frame with a wrong time belongs to no moment"
    assert not np.isnan(found.values[6])

    with pytest.raises(RecordingError, match="belongs to another recording"):
        synchronized(key, key, signal=camera[:-1])
    with pytest.raises(RecordingError, match="0 rows of Region"):
        synchronized(key, key)
    with pytest.raises(RecordingError, match="name one scope"):
        synchronized({"subject": "nobody"}, key, signal=camera)


def test_the_motion_of_the_face_at_the_scopes_frames(pipeline, write, put_in, fill, animal):
    put_in(write())
    key = {**fill(), "session_datetime": START, "recording_id": 0}
    facemap = pipeline.facemap
    task = {**key, "facemap_task_id": 0}
    row = {"facemap_output_dir": "x", "task_mode": "load", "facemap_params": {}}
    row |= {"do_mot_svd": True, "do_mov_svd": False}
    facemap.FacemapTask.insert1({**task, **row})
    facemap.FacemapProcessing.insert1({**task, "processing_time": START}, allow_direct_insert=True)
    facemap.FacialSignal.insert1(task, allow_direct_insert=True)
    motion = np.arange(N, dtype=np.float32)
    where = dict.fromkeys(("xrange", "yrange", "xrange_bin", "yrange_bin"), np.arange(2))
    region = {**task, **where, "roi_no": 1, "motion": motion}
    facemap.FacialSignal.Region.insert1(region, allow_direct_insert=True)
    found = pipeline.recording.synchronized(key, key, roi_no=1)
    np.testing.assert_array_equal(found.values, motion)
    np.testing.assert_array_equal(found.error_ms, 0)
    with pytest.raises(RecordingError, match="0 rows of Region"):
        pipeline.recording.synchronized(key, key, roi_no=0)


def test_processing_fills_them_and_status_shows_them(pipeline, write, put_in, animal):
    put_in(write())
    counts = dict(process.preview(restrict={"subject": animal}))
    assert all(counts[f"recording.{name}"] == 1 for name in ("Notes", "Settings", "RecordingQuality", "CameraQuality"))
    chosen = [pipeline.miniscope.Recording & {"subject": animal}, pipeline.facemap.VideoRecording & {"subject": animal}]
    wanted = ("RecordingInfo", *FILLED)
    with Heart(pipeline.connection) as heart:
        done = [
            (step.name, outcome.error)
            for step, restriction in process.chosen_steps(*chosen)
            if step.name.split(".")[1] in wanted
            for outcome in compute(step, restriction, heart)
        ]
    assert [error for _, error in done] == [None] * len(done)
    assert all(done.count((f"recording.{name}", None)) == 1 for name in FILLED)
    assert set(status.status()) >= {f"recording.{name}" for name in FILLED}


def test_strict_ingest_refuses_what_is_unusable(pipeline, write, put_in, animal):
    times = regular_times(N)
    times[20:] += 50 * N
    written = write(times_ms=times)
    report = put_in(written, strict=True)
    (problem,) = report.problems
    assert "is unusable (My_V4_Miniscope: 50% of the frames were dropped" in problem
    assert not pipeline.session.Session & {"subject": animal}
    assert put_in(written).problems == []
    assert put_in(written, strict=True).present["session"] == 1, "what is there already is not read again"


def test_strict_ingest_takes_what_is_usable(write, put_in):
    times = regular_times(N)
    times[20:] += 50
    report = put_in(write(times_ms=times), strict=True)
    assert report.problems == []
    assert report.inserted["session"] == 1
