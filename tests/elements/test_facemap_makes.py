"""The Facemap tables from a camera's folder to its signals: real videos, real Facemap, a real database."""

import json
import os
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from datajoint.blob import pack
from faces import binned, box, write_camera

from workflow_miniscope.demo.face_video import face_video
from workflow_miniscope.elements import facemap as elements_facemap
from workflow_miniscope.elements.facemap import rounded
from workflow_miniscope.engines import facemap as engine
from workflow_miniscope.errors import ParameterError, RecordingError, ResultError
from workflow_miniscope.paths import get_processed_root_data_dir
from workflow_miniscope.results.facemap import load_pickled_npy, read_proc, reader

N_FRAMES, HEIGHT, WIDTH, SBIN, FPS = 640, 60, 80, 4, 29.6
SPLIT = 10  # files, so that their order by name is not that of their numbers
START = datetime(2026, 1, 15, 9, 20, 30, 125000, tzinfo=UTC)


@pytest.fixture(scope="module")
def face():
    return face_video(N_FRAMES, HEIGHT, WIDTH, seed=3)


@pytest.fixture(scope="module")
def changes(face):
    return np.abs(np.diff(binned(face[0], SBIN), axis=0))


@pytest.fixture(scope="module")
def params(face):
    return {"sbin": SBIN, "rois": [{"name": "whiskers", "kind": "motion", **box(face[1]["whisker_box"])}]}


@pytest.fixture(scope="module")
def add_video(pipeline, raw_root, face):
    """Write a camera's folder of 11 files and insert it as ingest would, its rows in any order; return its key."""

    def add(subject: str, n_frames: int = N_FRAMES) -> dict:
        folder = raw_root / subject / "session"
        frames = face[0][:n_frames]
        pieces = np.array_split(frames, [n_frames // (SPLIT + 1) * (i + 1) for i in range(SPLIT)])
        times = np.round(np.arange(n_frames) * 1000 / FPS).astype(int) - 47
        files = write_camera(folder, pieces, times, round(START.timestamp() * 1000))
        p = pipeline
        p.Subject.insert1({"subject": subject, "sex": "U", "subject_birth_date": date(2025, 9, 1)})
        session = {"subject": subject, "session_datetime": datetime(2026, 1, 15, 9, 20, 30)}
        p.Session.insert1(session)
        p.Device.insert1({"device": "FaceCam", "modality": "Camera"}, skip_duplicates=True)
        key = {**session, "recording_id": 0}
        p.facemap.VideoRecording.insert1({**key, "device": "FaceCam"})
        rows = [
            {**key, "file_id": i, "file_path": path.relative_to(raw_root).as_posix()} for i, path in enumerate(files)
        ]
        p.facemap.VideoRecording.File.insert(sorted(rows, key=lambda row: row["file_path"]))
        return key

    return add


@pytest.fixture(scope="module")
def add_task(pipeline):
    def add(key: dict, params: dict, **columns) -> dict:
        task = {**key, "facemap_task_id": columns.pop("facemap_task_id", 0)}
        row = {"task_mode": "trigger", "facemap_params": params, "do_mot_svd": True, "do_mov_svd": False}
        pipeline.facemap.FacemapTask.insert1({**task, **row, **columns})
        return task

    return add


@pytest.fixture(scope="module")
def processed(pipeline, add_video, add_task, params):
    """A recording with its signals, by the tables' own populate."""
    facemap = pipeline.facemap
    task = add_task(add_video("face"), params, do_mov_svd=True)
    for table in (facemap.RecordingInfo, facemap.FacemapProcessing, facemap.FacialSignal):
        table.populate({"subject": "face"})
        assert len(table & task) == 1
    return task


def test_recording_info(pipeline, processed):
    info = (pipeline.facemap.RecordingInfo & processed).fetch1()
    assert (info["nframes"], info["px_height"], info["px_width"]) == (N_FRAMES, HEIGHT, WIDTH)
    # of the time stamps; the AVI headers say 60
    assert info["fps"] == 30
    assert info["recording_duration"] == pytest.approx(N_FRAMES / FPS, abs=0.05)
    assert info["recording_time"] == datetime(2026, 1, 15, 9, 20, 30)


def test_published_recording_info_is_wrong(pipeline, processed, raw_root):
    """Frame rate and duration come from a header, which is 60 whatever the rate."""
    import cv2

    rate, count = 0, 0
    for path in (pipeline.facemap.VideoRecording.File & processed).to_arrays("file_path"):
        capture = cv2.VideoCapture(str(raw_root / path))
        rate = int(capture.get(cv2.CAP_PROP_FPS))
        count += int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
    info = (pipeline.facemap.RecordingInfo & processed).fetch1()
    assert rate == 60
    assert abs(count / rate - info["recording_duration"]) > 10


def test_several_files_are_one_camera(pipeline, processed, face):
    motion = (pipeline.facemap.FacialSignal.Region & processed & {"roi_no": 0}).fetch1("motion")
    assert motion.shape == (N_FRAMES,)
    assert motion.dtype == np.float32


def test_motion_is_that_of_the_frames_in_order(pipeline, processed, changes):
    """Also across the files, whose names sort as 0, 1, 10, 2."""
    regions = (pipeline.facemap.FacialSignal.Region & processed).to_dicts(order_by="roi_no")
    assert [(row["roi_no"], row["roi_name"]) for row in regions] == [(0, "full frame"), (1, "whiskers")]
    for row in regions:
        inside = changes[:, row["yrange_bin"][:, None], row["xrange_bin"][None, :]]
        np.testing.assert_allclose(row["motion"][1:], inside.sum((1, 2)), rtol=1e-5)
    assert len(regions[0]["xrange"]) == WIDTH and len(regions[0]["yrange"]) == HEIGHT


def test_projections_are_time_courses(pipeline, processed, changes):
    """Multiplied out with their masks they give the movie, but for each frame's mean over the bins."""
    signal = pipeline.facemap.FacialSignal
    average = (signal.Summary & processed).fetch1("avgmotion")
    rows = (signal.MotionSVD & processed & {"roi_no": 0}).to_dicts(order_by="pc_no")
    assert [row["pc_no"] for row in rows] == list(range(len(rows)))
    courses, masks = (np.stack([row[name] for row in rows]) for name in ("projection", "motmask"))
    assert courses.shape == (len(rows), N_FRAMES)
    assert masks.shape[1:] == average.shape == (HEIGHT // SBIN, WIDTH // SBIN)
    wanted = changes - average
    wanted -= wanted.mean((1, 2), keepdims=True)
    rebuilt = np.tensordot(courses.T, masks, 1)
    # to the rounding of the masks
    assert np.linalg.norm(rebuilt[1:] - wanted) < 0.015 * np.linalg.norm(wanted)


def test_singular_values_are_real(pipeline, processed):
    signal = pipeline.facemap.FacialSignal
    for table, mask in ((signal.MotionSVD, "motmask"), (signal.MovieSVD, "movmask")):
        for number in (0, 1):
            rows = (table & processed & {"roi_no": number}).to_dicts(order_by="pc_no")
            assert rows
            for row in rows[:20]:
                assert np.linalg.norm(row[mask]) == pytest.approx(1, abs=0.005)
                assert row["singular_value"] == pytest.approx(np.linalg.norm(row["projection"][1:]), rel=1e-4)
            assert rows[0]["singular_value"] > 10 * rows[-1]["singular_value"]


def test_masks_are_stored_to_two_per_cent(pipeline, processed):
    """What the database holds of them, against what Facemap's file has."""
    signal = pipeline.facemap.FacialSignal
    masks = np.stack((signal.MotionSVD & processed & {"roi_no": 0}).to_arrays("motmask", order_by="pc_no"))
    full = read_proc(output_of(pipeline, processed) / "0_proc.npy").regions[0].motion_svd.masks
    assert masks.dtype == np.float32 and masks.shape == full.shape
    assert np.sqrt(((masks - full) ** 2).sum((1, 2))).max() < 0.02
    counted = f"SELECT SUM(OCTET_LENGTH(motmask)) FROM {signal.MotionSVD.full_table_name} WHERE subject = 'face'"
    (stored,) = pipeline.facemap.schema.connection.query(counted + " AND roi_no = 0").fetchone()
    assert stored < 0.6 * full.nbytes  # beside a header of each


def test_the_masks_of_a_large_camera_do_not_bloat_the_database():
    """Of a camera of 608 x 608 pixels in bins of 4; even of noise, the last digits are not kept."""
    noise = np.random.default_rng(0).normal(size=(152 * 152, 5))
    masks = np.linalg.qr(noise)[0].T.reshape(5, 152, 152).astype(np.float32)
    before, after = (sum(len(pack(mask)) for mask in some) for some in (masks, map(rounded, masks)))
    assert before > 0.9 * masks.nbytes and after < 0.37 * masks.nbytes
    assert np.linalg.norm(rounded(masks[0]) - masks[0]) < 0.02
    # 500 of them
    assert after * 100 < 18e6


def test_summary(pipeline, processed, face):
    summary = (pipeline.facemap.FacialSignal.Summary & processed).fetch1()
    assert summary["sbin"] == SBIN
    np.testing.assert_allclose(summary["avgframe"], binned(face[0], SBIN).mean(0), atol=1)
    assert summary["avgframe"].shape == summary["avgmotion"].shape == (HEIGHT // SBIN, WIDTH // SBIN)


def output_of(pipeline, task) -> Path:
    return get_processed_root_data_dir() / (pipeline.facemap.FacemapTask & task).fetch1("facemap_output_dir")


def test_processing_notes_version_and_time(pipeline, processed):
    row = (pipeline.facemap.FacemapProcessing & processed).fetch1()
    assert row["package_version"] == engine.ENGINE.version()
    age = datetime.now(UTC).replace(tzinfo=None) - row["processing_time"]
    assert 0 <= age.total_seconds() < 600
    # inferred, because the task named none
    assert (pipeline.facemap.FacemapTask & processed).fetch1("facemap_output_dir") == "face/session/FaceCam/facemap_0"
    assert engine.read_run(output_of(pipeline, processed))["params"]["rois"][0]["name"] == "whiskers"


def test_nothing_is_written_beside_the_videos(pipeline, processed, raw_root):
    assert {path.name for path in (raw_root / "face" / "session" / "FaceCam").iterdir()} == {
        *(f"{i}.avi" for i in range(SPLIT + 1)),
        "timeStamps.csv",
        "metaData.json",
    }


def test_published_signals_are_wrong(pipeline, processed):
    """What the published make reads from the same file: motSv has one dimension, a row is a frame."""
    path = output_of(pipeline, processed) / "0_proc.npy"
    dataset = np.load(path, allow_pickle=True).item()
    with pytest.raises(IndexError):
        dataset["motSv"][0][0]
    published = dataset["motSVD"][1][0]
    signal = pipeline.facemap.FacialSignal
    stored = (signal.MotionSVD & processed & {"roi_no": 1, "pc_no": 0}).fetch1("projection")
    assert published.shape != stored.shape == (N_FRAMES,)
    scale = np.linalg.norm(dataset["motMask"][1][:, 0])
    np.testing.assert_allclose(stored, dataset["motSVD"][1][:, 0] / scale, rtol=1e-4)


def test_the_published_make_fails_on_this_result(pipeline, processed):
    """Its own source, run on the same file."""
    import ast
    import inspect
    import textwrap

    source = Path(inspect.getsourcefile(pipeline.facemap)).read_text()
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    make = next(node for node in classes["FacialSignal"].body if getattr(node, "name", "") == "make")
    path = output_of(pipeline, processed) / "0_proc.npy"

    class Part:
        def insert(self, rows):
            self.rows = list(rows)

        insert1 = insert

    class Table(Part):
        Region, MotionSVD, MovieSVD, Summary = Part(), Part(), Part(), Part()

    load = lambda key, table: (np.load(path, allow_pickle=True).item(), None)  # noqa: E731
    names = {"get_loader_result": load, "FacemapTask": None, "np": np}
    exec(compile(textwrap.dedent(ast.get_source_segment(source, make)), "published", "exec"), names)
    with pytest.raises(IndexError):
        names["make"](Table(), dict(processed))


def test_loader_result_and_roots(pipeline, processed):
    facemap = pipeline.facemap
    result, created = facemap.get_loader_result(processed, facemap.FacemapTask)
    assert result.n_frames == N_FRAMES
    assert created == (facemap.FacemapProcessing & processed).fetch1("processing_time")
    # published: the list grows at every call
    assert [len(facemap.get_facemap_root_data_dir()) for _ in range(3)] == [2, 2, 2]


def test_output_directory(pipeline, processed):
    infer = pipeline.facemap.FacemapTask().infer_output_dir
    assert infer(processed, mkdir=False) == Path("face/session/FaceCam/facemap_0")
    assert infer(processed, relative=False) == output_of(pipeline, processed)


def test_a_run_that_ended_before_the_database_knew(pipeline, processed, monkeypatch):
    facemap = pipeline.facemap
    before = (facemap.FacemapProcessing & processed).fetch1()

    def not_again(*args, **kwargs):
        raise AssertionError("Facemap was run again")

    monkeypatch.setattr(elements_facemap, "run_engine", not_again)
    (facemap.FacemapProcessing & processed).delete(prompt=False)
    facemap.FacemapProcessing.populate({"subject": "face"})
    assert (facemap.FacemapProcessing & processed).fetch1() == before
    facemap.FacialSignal.populate({"subject": "face"})
    assert len(facemap.FacialSignal.Region & processed) == 2


def test_the_result_is_read_once_for_all_tables(pipeline, processed, monkeypatch):
    loads = []

    def counted(path):
        loads.append(path)
        return load_pickled_npy(path)

    monkeypatch.setattr(reader, "load_pickled_npy", counted)
    facemap = pipeline.facemap
    path = output_of(pipeline, processed) / "0_proc.npy"
    os.utime(path)  # it is not the file that a test before has read
    (facemap.FacemapProcessing & processed).delete(prompt=False)
    tables = (facemap.FacemapProcessing, facemap.FacialSignal, pipeline.face.Pupil, pipeline.face.Blink)
    for table in tables:
        table.populate({"subject": "face"})
        assert len(table & processed) == 1
    assert loads == [path]


def test_the_result_of_a_video_that_was_replaced(pipeline, processed, raw_root):
    files = (pipeline.facemap.VideoRecording.File & processed).to_arrays("file_path", order_by="file_id")
    video = raw_root / files[1]
    before = video.read_bytes()
    (pipeline.facemap.FacemapProcessing & processed).delete(prompt=False)
    video.write_bytes(before[:-100] + bytes(byte ^ 1 for byte in before[-100:]))
    with pytest.raises(ResultError, match="was changed since it was made"):
        pipeline.facemap.FacemapProcessing.populate({"subject": "face"})
    video.write_bytes(before)
    pipeline.facemap.FacemapProcessing.populate({"subject": "face"})
    pipeline.facemap.FacialSignal.populate({"subject": "face"})
    assert pipeline.facemap.FacialSignal & processed


def test_a_task_with_parameters_in_facemap_s_own_words(pipeline, add_video, add_task, face, tmp_path):
    """As users of the published Element have them: the dictionary of a file that Facemap's window saved."""
    from facemap import process

    edges = box(face[1]["whisker_box"])
    roi = {"rind": 1, "rtype": "motion SVD", "iROI": 0, "ivid": 0, "saturation": 255, "color": (9.0, 8.0, 7.0)}
    roi |= {f"{axis}range": np.arange(*edges[axis], dtype=np.int32) for axis in "xy"}
    drawn = {"Ly": [HEIGHT], "Lx": [WIDTH], "sbin": SBIN, "fullSVD": True, "rois": [roi], "save_mat": False}
    drawn |= {"motSVD": False, "movSVD": False, "filenames": [["C:/videos/face.avi"]], "save_path": None}
    path = process.save(drawn, savepath=str(tmp_path))
    task = add_task(add_video("drawn", 60), np.load(path, allow_pickle=True).item())
    facemap = pipeline.facemap
    for table in (facemap.RecordingInfo, facemap.FacemapProcessing, facemap.FacialSignal):
        table.populate({"subject": "drawn"})
    names = (facemap.FacialSignal.Region & task).to_arrays("roi_name", order_by="roi_no")
    assert names.tolist() == ["full frame", "motion 1"]
    assert engine.read_run(output_of(pipeline, task))["params"]["rois"][0]["x"] == edges["x"]


# Results that were made elsewhere ---------------------------------------------


@pytest.fixture
def load(pipeline, processed, add_video, add_task):
    """Insert a recording whose result is already there, and populate it."""

    def run(subject: str, n_frames: int = N_FRAMES, change=None):
        key = add_video(subject, n_frames)
        folder = get_processed_root_data_dir() / subject
        folder.mkdir(parents=True)
        shutil.copy(output_of(pipeline, processed) / "0_proc.npy", folder / "face_proc.npy")
        if change:
            change(folder)
        task = add_task(key, {}, task_mode="load", facemap_output_dir=subject)
        facemap = pipeline.facemap
        facemap.RecordingInfo.populate({"subject": subject})
        facemap.FacemapProcessing.populate({"subject": subject})
        facemap.FacialSignal.populate({"subject": subject})
        return task

    return run


def test_load(pipeline, load):
    def change(folder):
        os.utime(folder / "face_proc.npy", (1.7e9, 1.7e9))

    task = load("loaded", change=change)
    row = (pipeline.facemap.FacemapProcessing & task).fetch1()
    # when it was written, in UTC, whenever it was copied here
    assert row["processing_time"] == datetime(2023, 11, 14, 22, 13, 20)
    assert row["package_version"] == ""
    assert len(pipeline.facemap.FacialSignal.Region & task) == 2


def test_load_a_file_that_would_run_code(pipeline, load, tmp_path):
    class Attack:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'created')!r}, 'w')",)

    def change(folder):
        np.save(folder / "face_proc.npy", np.array({"rois": Attack()}, dtype=object), allow_pickle=True)

    with pytest.raises(ResultError, match=r"builtins\.exec"):
        load("attack", change=change)
    assert not (tmp_path / "created").exists()
    assert not pipeline.facemap.FacemapProcessing & {"subject": "attack"}


def test_load_one_of_several(load):
    with pytest.raises(ResultError, match=r"several Facemap results \(a_proc.npy, face_proc.npy\)"):
        load("several", change=lambda folder: shutil.copy(folder / "face_proc.npy", folder / "a_proc.npy"))


def test_load_the_result_of_another_recording(pipeline, load):
    with pytest.raises(ResultError, match=f"signals of {N_FRAMES} frames, the recording has 600"):
        load("other", n_frames=600)
    assert not pipeline.facemap.FacemapProcessing & {"subject": "other"}


def test_load_a_name_that_is_too_long(pipeline, load):
    def change(folder):
        proc = np.load(folder / "face_proc.npy", allow_pickle=True).item()
        proc["rois"][0]["name"] = "a name of twenty-two ch"
        np.save(folder / "face_proc.npy", proc)

    with pytest.raises(ResultError, match="longer than the 16 characters"):
        load("longname", change=change)
    assert not pipeline.facemap.FacialSignal & {"subject": "longname"}


# What cannot be processed --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "params", "columns", "match"),
    [
        ("bad1", {"sbin": 0}, {}, "sbin must be"),
        ("bad2", {"movSVD": True}, {}, "movSVD true, but its do_mov_svd is 0"),
        ("bad3", {"motSVD": True}, {"do_mot_svd": False}, "motSVD true, but its do_mot_svd is 0"),
        ("bad4", {}, {"facemap_output_dir": "../raw/bad4/session/FaceCam"}, "outside the processed directory"),
        (
            "bad5",
            {"rois": [{"name": "the whiskers on the left", "kind": "motion", "x": [0, 40], "y": [0, 40]}]},
            {},
            "longer than the 16 characters",
        ),
    ],
)
def test_tasks_that_cannot_run(pipeline, add_video, add_task, raw_root, name, params, columns, match):
    task = add_task(add_video(name, 60), params, **columns)
    with pytest.raises(ParameterError, match=match):
        pipeline.facemap.FacemapProcessing.populate({"subject": name})
    assert not pipeline.facemap.FacemapProcessing & task
    assert not (get_processed_root_data_dir() / name).exists()
    assert not list((raw_root / name).rglob("*_proc.npy"))


def test_the_folder_of_another_result(pipeline, processed, add_task):
    key = {name: value for name, value in processed.items() if name != "facemap_task_id"}
    folder = (pipeline.facemap.FacemapTask & processed).fetch1("facemap_output_dir")
    task = add_task(key, {"sbin": 8}, facemap_task_id=1, facemap_output_dir=folder)
    with pytest.raises(ResultError, match="another result .its parameters differ"):
        pipeline.facemap.FacemapProcessing.populate(task)
    assert read_proc(output_of(pipeline, processed) / "0_proc.npy").sbin == SBIN


def test_files_that_are_not_all_of_the_camera(pipeline, add_video):
    key = add_video("subset", 60)
    (pipeline.facemap.VideoRecording.File & key & {"file_id": 10}).delete(prompt=False, part_integrity="ignore")
    with pytest.raises(RecordingError, match="no camera with exactly the files"):
        pipeline.facemap.RecordingInfo.populate({"subject": "subset"})
    assert not pipeline.facemap.RecordingInfo & key


def test_damaged_video(pipeline, add_video, add_task, raw_root):
    key = add_video("damaged", 60)
    task = add_task(key, {})
    (raw_root / "damaged" / "session" / "FaceCam" / "3.avi").write_bytes(b"RIFF")
    for table in (pipeline.facemap.RecordingInfo, pipeline.facemap.FacemapProcessing):
        with pytest.raises(RecordingError, match=r"3\.avi"):
            table.populate({"subject": "damaged"})
    assert not pipeline.facemap.FacemapProcessing & task
    assert not (get_processed_root_data_dir() / "damaged").exists()


def test_default_tasks_run(pipeline, add_video):
    """As ``process`` creates them."""
    from workflow_miniscope.work.tasks import create_facemap_tasks

    facemap = pipeline.facemap
    key = add_video("default", 60)
    facemap.RecordingInfo.populate({"subject": "default"})
    assert create_facemap_tasks(facemap.VideoRecording & key) == 1
    facemap.FacemapProcessing.populate({"subject": "default"})
    facemap.FacialSignal.populate({"subject": "default"})
    assert (facemap.FacialSignal.Region & key).fetch1("roi_name") == "full frame"
    about = json.loads((output_of(pipeline, {**key, "facemap_task_id": 0}) / engine.RUN_NAME).read_text())
    assert about["params"] == engine.Parameters().plain()
