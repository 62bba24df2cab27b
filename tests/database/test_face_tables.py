"""Pupil, blinks, and activity predicted from motion: a real face video, real Facemap, cells of which one follows it."""

from dataclasses import replace

import numpy as np
import planted
import pytest
from faces import box, write_camera

from workflow_miniscope.demo.face_video import face_video
from workflow_miniscope.errors import ParameterError, ResultError
from workflow_miniscope.process import process
from workflow_miniscope.reports import report
from workflow_miniscope.results.caiman import RigidShifts, write_result
from workflow_miniscope.work import change, reassign
from workflow_miniscope.work.status import status

FPS, FRAMES = 20.0, 600
CAMERA_FPS, CAMERA_FRAMES = 30.0, 960
FIRST_MS = -47
METHODS = {"extraction_method": "caiman_dff"}


@pytest.fixture(scope="module")
def face():
    return face_video(CAMERA_FRAMES, 60, 80, seed=3)


def scope_result(truth):
    """Cells of which the first follows the whiskers, the third is silent, the last, which is rejected, follows too."""
    rng = np.random.default_rng(0)
    camera_times = np.arange(CAMERA_FRAMES) / CAMERA_FPS + FIRST_MS / 1000
    speed = np.interp(np.arange(FRAMES) / FPS, camera_times, truth["whisker_speed"])
    C = rng.normal(size=(4, FRAMES))
    C[0] = speed / speed.std() + 0.2 * C[0]
    C[2], C[3] = 0, C[0]
    verdict = {"accepted": np.arange(3), "rejected": np.array([3])}
    nothing = dict.fromkeys(("W", "g", "YrA"))
    return replace(
        planted.result(), C=C, F_dff=C, S=np.abs(C), motion=RigidShifts(np.zeros((FRAMES, 2))), **nothing, **verdict
    )


@pytest.fixture
def both(pipeline, face, load, raw_root, tmp_path):
    """A session with a scope and a camera, as ingest would have left it; returns the scope's key."""

    def make(subject: str, rois: bool = True) -> dict:
        frames, truth = face
        path = write_result(tmp_path / "r.hdf5", scope_result(truth))
        key = load(subject, path, n_frames=FRAMES, height=40, width=64)
        times = np.round(np.arange(CAMERA_FRAMES) * 1000 / CAMERA_FPS).astype(int) + FIRST_MS
        files = write_camera(raw_root / subject / "2026_01_15" / "10_20_30", [frames[:400], frames[400:]], times, 0)
        pipeline.Device.insert1({"device": "FaceCam", "modality": "Camera"}, skip_duplicates=True)
        # a number of its own, so that scope and camera are told apart
        video = {**key, "recording_id": 5}
        facemap = pipeline.facemap
        facemap.VideoRecording.insert1({**video, "device": "FaceCam"})
        facemap.VideoRecording.File.insert(
            {**video, "file_id": i, "file_path": path.relative_to(raw_root).as_posix()} for i, path in enumerate(files)
        )
        if rois:
            eye = box(truth["eye_box"])
            params = {
                "rois": [
                    {"name": "pupil", "kind": "pupil", "saturation": 60, **eye},
                    {"name": "lid", "kind": "blink", "saturation": 110, **eye},
                ]
            }
            facemap.RecordingInfo.populate(video)
            facemap.FacemapTask.insert1(
                {
                    **video,
                    "facemap_task_id": 0,
                    "task_mode": "trigger",
                    "facemap_params": params,
                    "do_mot_svd": True,
                    "do_mov_svd": False,
                }
            )
        return key

    return make


@pytest.fixture(scope="module")
def done():
    """Keys of what was processed already: each test looks at the same recording."""
    return {}


@pytest.fixture
def processed(pipeline, both, done):
    if "key" not in done:
        done["key"] = both("f_eye")
        done["report"] = process(restrict={"subject": "f_eye"}, progress=False)
    assert done["report"].errors == []
    return done["key"]


def test_process_fills_the_tables(pipeline, processed, done):
    made = (("face.Pupil", 1), ("face.Blink", 1), ("face.AlignedSignal", 1), ("face.NeuralPrediction", 1))
    for name, n in made:
        assert done["report"].done[name] == n, name
        assert status()[name]["errors"] == 0
    again = process(restrict={"subject": "f_eye"}, progress=False)
    assert sum(again.done.values()) == 0 and again.errors == []


def test_the_pupil_is_measured_and_nan_while_the_eye_is_closed(pipeline, processed, face):
    truth = face[1]
    row = (pipeline.face.Pupil.Region & {"subject": "f_eye"}).fetch1()
    assert (row["region_name"], row["region_no"]) == ("pupil", 0)
    shut, opened = truth["eye_open"] == 0, truth["eye_open"] == 1
    assert row["closed"].shape == row["area"].shape == (CAMERA_FRAMES,)
    assert shut.any() and row["closed"][shut].all()
    assert not row["closed"][opened].any()
    assert row["n_closures"] == 2
    for name in ("area", "x", "y", "half_axes"):
        assert row[name].dtype == np.float32
        assert np.isnan(row[name][shut]).all()
        assert np.isfinite(row[name][opened]).all()
    assert np.corrcoef(row["area"][opened], truth["pupil_area"][opened])[0, 1] > 0.99
    x0, x1, y0, y1 = truth["eye_box"]
    np.testing.assert_allclose(np.nanmedian(row["x"]), (x0 + x1) / 2, atol=1)
    np.testing.assert_allclose(np.nanmedian(row["y"]), (y0 + y1) / 2, atol=1)
    # an ellipse of these half axes has this area
    np.testing.assert_allclose(np.pi * row["half_axes"][opened].prod(axis=1), row["area"][opened], rtol=0.01)


def test_the_lid(pipeline, processed, face):
    row = (pipeline.face.Blink.Region & {"subject": "f_eye"}).fetch1()
    opened = face[1]["eye_open"]
    assert row["region_name"] == "lid"
    assert row["closed"][opened == 0].all() and not row["closed"][opened == 1].any()
    assert row["n_closures"] == 2
    assert row["darkness"][opened == 0].max() < 0.1 * np.median(row["darkness"])


def test_signals_are_read_at_the_scope_s_frames(pipeline, processed):
    region = (pipeline.face.Pupil.Region & {"subject": "f_eye"}).fetch1()
    camera = {"subject": "f_eye", "recording_id": 5}
    found = pipeline.recording.synchronized(processed, camera, region["area"])
    assert found.values.shape == (FRAMES,)
    assert np.abs(found.error_ms).max() <= 1000 / CAMERA_FPS / 2 + 1


def test_signals_are_stored_at_the_scope_s_frames(pipeline, processed):
    """Each value is that of the camera's frame that was taken nearest in time."""
    face, subject = pipeline.face, {"subject": "f_eye"}
    row = (face.AlignedSignal & subject).fetch1()
    assert (row["recording_id"], row["video_recording_id"]) == (0, 5)
    assert row["n_frames"] == FRAMES and row["error_ms"].shape == (FRAMES,)
    camera_times = np.round(np.arange(CAMERA_FRAMES) * 1000 / CAMERA_FPS) + FIRST_MS
    nearest = np.abs(camera_times[None, :] - np.arange(FRAMES)[:, None] * 1000 / FPS).argmin(axis=1)
    stored = (face.AlignedSignal.Trace & subject).to_dicts()
    assert row["n_signals"] == len(stored) == 5
    expected = {
        "motion": (pipeline.facemap.FacialSignal.Region & subject).fetch1("motion"),
        "darkness": (face.Blink.Region & subject).fetch1("darkness"),
    }
    pupil = (face.Pupil.Region & subject).fetch1()
    expected |= {"pupil_area": pupil["area"], "pupil_x": pupil["x"], "pupil_y": pupil["y"]}
    names = {"motion": "full frame", "darkness": "lid"}
    for signal in stored:
        assert signal["region_name"] == names.get(signal["signal"], "pupil")
        assert signal["trace"].dtype == np.float32
        same = signal["trace"] == expected[signal["signal"]][nearest]
        both_nan = np.isnan(signal["trace"]) & np.isnan(expected[signal["signal"]][nearest])
        # two frames of the camera may be equally near
        assert np.mean(same | both_nan) > 0.99


def test_the_cell_that_follows_the_face_is_predicted(pipeline, processed):
    prediction = pipeline.face.NeuralPrediction
    row = (prediction & {"subject": "f_eye"} & METHODS).fetch1()
    assert (row["recording_id"], row["video_recording_id"], row["roi_no"]) == (0, 5, 0)
    assert row["n_frames"] == FRAMES
    assert row["block_s"] == pytest.approx(6, abs=0.02)
    cells = (prediction.Cell & {"subject": "f_eye"} & METHODS).to_dicts(order_by="mask")
    assert [cell["mask"] for cell in cells] == [0, 1, 2], "not the one that was rejected"
    explained = [cell["variance_explained"] for cell in cells]
    assert explained[0] > 0.8
    assert explained[1] < 0.05
    assert explained[2] is None
    assert row["median_explained"] == pytest.approx(np.median(explained[:2]))
    # and no better at any other time
    assert row["n_shifts"] == 20 and row["n_above_chance"] == sum((e or 0) > 0 for e in explained)
    assert cells[0]["chance_explained"] < 0.2 and cells[0]["p_value"] == pytest.approx(1 / 21)
    assert cells[2]["chance_explained"] is None and cells[2]["p_value"] is None


def test_the_figures(pipeline, processed, tmp_path):
    (key,) = (pipeline.face.NeuralPrediction & {"subject": "f_eye"} & METHODS).keys()
    figure = report.neural_prediction(key, count=1)
    explained, traces = figure.axes
    camera = (pipeline.facemap.VideoRecording & {"subject": "f_eye", "recording_id": 5}).fetch1("device")
    assert f" and {camera}\n" in figure.get_suptitle(), "another camera's face explains something else"
    assert explained.get_title(loc="left").startswith("2 cells")
    assert [text.get_text() for text in traces.texts][0] == "0", "the cell that follows the face comes first"
    assert [axes.get_ylabel() for axes in report.eye({"subject": "f_eye"}).axes] == [
        "pupil\narea (px²)",
        "pupil\nmoved (px)",
        "lid\ndarkness",
    ]
    named = report.face_regions({"subject": "f_eye"}).axes[0].get_legend().get_texts()
    assert [text.get_text() for text in named] == ["pupil", "lid"]
    paths = report.write(tmp_path, restrict={"subject": "f_eye"}, progress=False)
    assert sum(path.stem.endswith("neural_prediction") for path in paths) == 1
    assert sum(path.stem.endswith("_eye") for path in paths) == 1


def test_a_session_with_a_face_goes_to_another_animal_and_back(pipeline, processed, add_subject):
    """What is of a scope and of a camera together goes with them, and all of it stays as it is."""
    add_subject("f_other")
    tables = (
        pipeline.face.AlignedSignal.Trace,
        pipeline.face.NeuralPrediction.Cell,
        pipeline.miniscope.Activity.Trace,
        pipeline.facemap.FacialSignal.MotionSVD,
    )

    def rows(animal):
        found = [(table & {"subject": animal}).to_dicts(order_by="KEY") for table in tables]
        return [[{**row, "subject": ""} for row in each] for each in found]

    before = rows("f_eye")
    assert all(before)
    try:
        change.carry_out(reassign.plan("subject=f_eye", "f_other"), "reassign", dump=False)
        assert rows("f_eye") == [[]] * len(tables)
        np.testing.assert_equal(rows("f_other"), before)
    finally:
        if pipeline.session.Session & {"subject": "f_other"}:
            change.carry_out(reassign.plan("subject=f_other", "f_eye"), "reassign", dump=False)
    np.testing.assert_equal(rows("f_eye"), before)


def test_other_parameters_stand_beside(pipeline, processed):
    face = pipeline.face
    chosen = {"prediction_params_id": 1}
    face.PredictionParams.insert1(
        {**chosen, "description": "strongest alone", "params": {"components": 1, "folds": 4, "shifts": 0}}
    )
    wrong = {"prediction_params_id": 2}
    face.PredictionParams.insert1({**wrong, "description": "a typo", "params": {"component": 1}})
    subject = {"subject": "f_eye"}
    try:
        face.NeuralPrediction.populate({**subject, **METHODS, **chosen}, reserve_jobs=True)
        row = (face.NeuralPrediction & subject & METHODS & chosen).fetch1()
        assert (row["n_components"], len(row["ranks"])) == (1, 4)
        assert (row["n_shifts"], row["n_above_chance"]) == (0, 0)
        cell = (face.NeuralPrediction.Cell & subject & METHODS & chosen & {"mask": 0}).fetch1()
        assert cell["chance_explained"] is None and cell["p_value"] is None
        with pytest.raises(ParameterError, match=r"no parameter 'component' .did you mean 'components'"):
            face.NeuralPrediction.populate({**subject, **METHODS, **wrong})
    finally:
        (face.NeuralPrediction & chosen).delete(prompt=False)
        (face.PredictionParams & [chosen, wrong]).delete(prompt=False)


@pytest.mark.parametrize("params", [{"gap_s": 60}, {"components": 7}], ids=["too short", "a black camera"])
def test_what_cannot_be_predicted_has_its_verdict_and_is_done(pipeline, processed, params, run):
    face, subject, chosen = pipeline.face, {"subject": "f_eye"}, {"prediction_params_id": 3}
    svd = pipeline.facemap.FacialSignal.MotionSVD
    kept = (svd & subject).to_dicts() if "components" in params else []
    face.PredictionParams.insert1({**chosen, "description": "of the test", "params": params})
    try:
        for row in kept:  # Facemap finds no component in a movie that never changes
            (svd & {name: row[name] for name in svd.primary_key}).delete_quick()
        done = run("process", "--restrict", "subject=f_eye")
        assert done.status == 0, done.err
        why = "the camera saw no motion" if kept else "60 s apart"
        assert done.err.count("Nothing is predicted of f_eye_") == 1, "once for dF/F and deconvolved activity"
        assert len(face.NeuralPrediction & subject & chosen) == 2
        assert why in done.err
        again = run("process", "--restrict", "subject=f_eye")
        assert (again.status, again.out) == (0, "Everything is done already.\n")
        told = run("status", "--restrict", "subject=f_eye").out
        assert told.count("nothing is predicted from the face") == 1
        drawn = next(one.rows for one in report.drawings() if one.name == "neural_prediction")
        assert drawn & subject and not drawn & subject & chosen
    finally:
        (face.NeuralPrediction & chosen).delete(prompt=False)
        (face.PredictionParams & chosen).delete(prompt=False)
        svd.insert(kept, allow_direct_insert=True)


def test_without_regions_there_are_none(pipeline, both, tmp_path):
    """As the default task is."""
    both("f_plain", rois=False)
    assert process(restrict={"subject": "f_plain"}, progress=False).errors == []
    for table in (pipeline.face.Pupil, pipeline.face.Blink):
        assert (table & {"subject": "f_plain"}).fetch1("n_regions") == 0
        assert not table.Region & {"subject": "f_plain"}
    with pytest.raises(ResultError, match="No pupil or lid"):
        report.eye({"subject": "f_plain"})
    assert not [path for path in report.write(tmp_path, {"subject": "f_plain"}, False) if path.stem.endswith("_eye")]
