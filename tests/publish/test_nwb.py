"""A session as an NWB file: what is read back is what the database and the raw files hold."""

import getpass
import json
import re
import socket
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import planted
import pytest
from pynwb import read_nwb
from to_publish import dropped_times, enter_events, every_text

from workflow_miniscope import daq
from workflow_miniscope.errors import ResultError
from workflow_miniscope.publish.dataset import Options, export_nwb
from workflow_miniscope.results.caiman import Evaluation, Verdict, background, find_result, read_result

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:hdmf")

FACE = {
    "rois": [
        {"name": "left", "kind": "pupil", "saturation": 120, "x": [20, 60], "y": [10, 36]},
        {"name": "lid", "kind": "blink", "saturation": 120, "x": [20, 60], "y": [10, 36]},
    ]
}
PROBABILITY, REASONS = [0.9, 0.8, 0.1, 0.7], ["", "", "It has no transients.", ""]
NOTES = ((1520, "on the track, facing left"), (9000, "saved to D:/rig/Ada L/extra.avi"))


@pytest.fixture(scope="module")
def session(make_session):
    result = replace(
        planted.result(),
        F_dff=None,  # computed as it is read, so with a baseline
        dff_method="",
        evaluation=Evaluation(probability=PROBABILITY, reasons=REASONS, model="planted"),
        verdict=Verdict("usable with warnings", ["The field moves."], {"motion": 3.0}),
    )
    return make_session(
        "nwbé_1",
        result,
        facemap_params=FACE,
        cameras=["Face Cam"],
        frames_per_file=120,
        times_ms=dropped_times(300),
        empty_last_avi=True,
        notes=NOTES,
        note="first day",
    )


@pytest.fixture(scope="module")
def key(session):
    return session[0]


@pytest.fixture(scope="module")
def path(key, tmp_path_factory):
    path = tmp_path_factory.mktemp("nwb") / "one.nwb"
    export_nwb(key, path, options=Options(progress=False))
    return path


@pytest.fixture(scope="module")
def file(path):
    return read_nwb(path)


def test_frames_are_beside_the_file_at_their_recorded_times(pipeline, key, session, file, path):
    series = file.acquisition["OnePhotonSeries"]
    times = (pipeline.miniscope.RecordingInfo & key).fetch1("time_stamps")
    np.testing.assert_array_equal(series.timestamps[:], times)
    assert series.rate is None
    assert list(series.starting_frame) == [0, 120, 240]
    assert list(series.dimension[:]) == [64, 40]
    raw = [video for video in session[1].scopes[0].files if video.stat().st_size > 10_000]
    assert len(series.external_file) == len(raw) == 3  # the empty last one holds nothing
    for name, video in zip(series.external_file, raw, strict=True):
        assert (path.parent / name).read_bytes() == video.read_bytes()
    assert np.flatnonzero(series.control[:]).tolist() == [20]


def test_a_camera_keeps_its_own_clock(pipeline, key, file, path):
    series = file.acquisition["ImageSeries_Face_Cam"]
    stored = (pipeline.recording.CameraTimes & key).fetch1()
    np.testing.assert_array_equal(series.timestamps[:], stored["times"])
    np.testing.assert_array_equal(series.control[:] == 0, stored["in_order"])
    assert sum(daq.Movie([path.parent / name]).n_frames for name in series.external_file) == 300


def test_the_animal_and_the_session(key, file):
    subject = file.subject
    assert (subject.subject_id, subject.sex, subject.species) == ("nwbé_1", "F", "Mus musculus")
    assert (subject.strain, subject.genotype, subject.age) == ("C57BL/6J", "wild type", "P136D")
    # to the millisecond, which the key in the database does not hold
    assert file.session_start_time.isoformat() == "2026-01-15T10:20:30.125000+00:00"
    assert file.session_description == "first day"
    notes = file.events["notes"]
    assert notes["timestamp"][:].tolist() == [1.52, 9.0]
    assert list(notes["annotation"][:]) == ["on the track, facing left", "saved to extra.avi"]


def test_settings_and_quality(pipeline, key, file):
    scope = file.devices["My_V4_Miniscope"]
    assert (scope.compression, scope.gain, scope.led0, scope.frameRate) == ("FFV1", "Low", 20, "20FPS")
    assert list(scope.ROI) == [40, 64]
    settings = file.acquisition["device_settings"].to_dataframe()
    of_scope = settings[settings.device == "My_V4_Miniscope"].set_index("setting").value
    stored = (pipeline.recording.Settings.Device() & key & {"device": "My_V4_Miniscope"}).to_dicts()
    assert {row["setting"]: row["value"] for row in stored} == of_scope.to_dict()
    quality = file.acquisition["recording_quality"].to_dataframe().set_index("device")
    row = (pipeline.recording.RecordingQuality & key).fetch1()
    assert quality.verdict["My_V4_Miniscope"] == row["verdict"]
    assert quality.dropped_frames["My_V4_Miniscope"] == row["dropped_frames"] == 5


def test_head_orientation_has_its_own_samples(pipeline, key, file):
    row = (pipeline.recording.HeadOrientation & key).fetch1()
    behavior = file.processing["behavior"]
    for name, column in (("head_orientation", "quaternions"), ("head_angles", "euler")):
        np.testing.assert_array_equal(behavior[name].data[:], row[column])
        np.testing.assert_array_equal(behavior[name].timestamps[:], row["times"])


def test_every_component_has_its_pixels_and_verdict(pipeline, key, file):
    miniscope = pipeline.miniscope
    table = file.processing["ophys"]["ImageSegmentation"]["PlaneSegmentation"]
    accepted = set((miniscope.MaskClassification.MaskType & key).to_arrays("mask").tolist())
    rows = (miniscope.Segmentation.Mask & key).to_dicts(order_by="mask")
    assert table.id[:].tolist() == [row["mask"] for row in rows]
    for i, row in enumerate(rows):
        pixels = np.asarray(table["pixel_mask"][i])
        for name, column in (("x", "mask_xpix"), ("y", "mask_ypix"), ("weight", "mask_weights")):
            np.testing.assert_array_equal(pixels[name], row[column])
        assert bool(table["accepted"][i]) == (row["mask"] in accepted)
        assert (table["center_x"][i], table["center_y"][i]) == (row["mask_center_x"], row["mask_center_y"])
    metrics = (pipeline.miniscope_report.QualityMetrics & key).fetch1()
    np.testing.assert_array_equal(table["snr"][:], metrics["snr"])
    np.testing.assert_array_equal(table["r_value"][:], metrics["r_values"])
    assert table["probability"][:].tolist() == PROBABILITY
    assert list(table["rejected_because"][:]) == REASONS


def test_traces_are_those_of_the_database(pipeline, key, file):
    miniscope = pipeline.miniscope
    ophys = file.processing["ophys"]
    stored = {
        "denoised": (miniscope.Fluorescence.Trace & key, "fluorescence"),
        "deconvolved": (miniscope.Activity.Trace & key & "extraction_method like '%deconvolution'", "activity_trace"),
        "dff": (miniscope.Activity.Trace & key & "extraction_method like '%dff'", "activity_trace"),
    }
    for name, (query, column) in stored.items():
        series = ophys["DfOverF" if name == "dff" else "Fluorescence"][name]
        np.testing.assert_array_equal(series.data[:].T, np.stack(query.to_arrays(column, order_by="mask")))
        np.testing.assert_array_equal(series.timestamps[:], (miniscope.RecordingInfo & key).fetch1("time_stamps"))
        assert series.rois.data[:].tolist() == [0, 1, 2, 3]


def test_raw_traces_and_baseline_give_the_stored_dff(pipeline, key, file):
    fluorescence = file.processing["ophys"]["Fluorescence"]
    raw, baseline = fluorescence["raw"].data[:], fluorescence["baseline"].data[:]
    output = (pipeline.miniscope.ProcessingTask & key).fetch1("processing_output_dir")
    result = read_result(find_result(pipeline.get_processed_root_data_dir() / output))
    np.testing.assert_array_equal(raw.T, result.C + result.YrA)
    under = background(result.A, result.C, b0=result.b0)[:, 0]
    dff = (raw - baseline) / (under + np.maximum(baseline, 0))
    np.testing.assert_allclose(dff, file.processing["ophys"]["DfOverF"]["dff"].data[:], rtol=1e-4, atol=1e-5)


def test_motion_and_images(pipeline, key, file):
    ophys = file.processing["ophys"]
    row = (pipeline.miniscope.MotionCorrection.RigidMotionCorrection & key).fetch1()
    np.testing.assert_array_equal(ophys["motion_correction"].data[:], np.stack([row["x_shifts"], row["y_shifts"]], 1))
    summary = (pipeline.miniscope.MotionCorrection.Summary & key).fetch1()
    for name, column in (("average", "average_image"), ("correlation", "correlation_image")):
        np.testing.assert_array_equal(ophys["summary_images"][name].data[:], summary[column][0].T)


def test_what_computed_it(pipeline, key, file):
    analysis = file.processing["ophys"]["analyses"].to_dataframe().iloc[0]
    params = (pipeline.miniscope.ProcessingParamSet & {"paramset_id": 300}).fetch1()
    assert (analysis.engine, analysis.parameters_hash) == ("cnmfe", params["param_set_hash"])
    assert (analysis.curation_note, analysis.n_components) == ("looked at", 4)
    assert (analysis.verdict, analysis.reasons) == ("usable with warnings", "The field moves.")
    values = file.processing["ophys"]["analysis_parameters"].to_dataframe().set_index("parameter").value
    assert {name: json.loads(value) for name, value in values.items()} == params["params"]


def test_the_face_is_on_the_camera_s_clock(pipeline, key, file):
    behavior, facemap, face = file.processing["behavior"], pipeline.facemap, pipeline.face
    times = (pipeline.recording.CameraTimes & key).fetch1("times")
    region = (facemap.FacialSignal.Region & key & {"roi_no": 0}).fetch1()
    energy = behavior["face_motion"]["motion_energy_0"]
    np.testing.assert_array_equal(energy.data[:], region["motion"])
    np.testing.assert_array_equal(energy.timestamps[:], times)
    components = (facemap.FacialSignal.MotionSVD & key & {"roi_no": 0}).to_dicts(order_by="pc_no")
    np.testing.assert_array_equal(
        behavior["face_motion"]["motion_svd_0"].data[:].T, [row["projection"] for row in components]
    )
    masks = behavior["motion_svd_0_masks"]
    np.testing.assert_array_equal(masks["mask"][:], [row["motmask"] for row in components])
    pupil = (face.Pupil.Region & key).fetch1()
    np.testing.assert_array_equal(behavior["PupilTracking"]["pupil_area_0"].data[:], pupil["area"])
    position = behavior["EyeTracking"]["pupil_position_0"].data[:]
    np.testing.assert_array_equal(position, np.stack([pupil["x"], pupil["y"]], axis=1))
    blink = (face.Blink.Region & key).fetch1()
    np.testing.assert_array_equal(behavior["blink"]["darkness_0"].data[:], blink["darkness"])
    np.testing.assert_array_equal(behavior["blink"]["closed_0"].data[:] == 1, blink["closed"])


def test_nothing_personal_is_in_the_file(path, raw_root):
    texts = every_text(path)
    assert "on the track, facing left" in texts
    for text in texts:
        assert str(raw_root) not in text and str(Path.home()) not in text
        assert not re.search(r"[A-Za-z]:[\\/]|rig1|Ada", text), text
        assert text not in (getpass.getuser(), socket.gethostname())


def test_frames_within_the_file_are_those_of_the_videos(key, session, tmp_path):
    path = tmp_path / "embedded.nwb"
    export_nwb(key, path, options=Options(embed=True, progress=False))
    series = read_nwb(path).acquisition["OnePhotonSeries"]
    assert series.external_file is None
    np.testing.assert_array_equal(series.data[:].transpose(0, 2, 1), session[1].scopes[0].frames)
    assert series.data.compression == "gzip" and series.data.chunks is not None


def test_a_result_file_that_was_changed_is_refused_and_one_that_is_gone_left_out(pipeline, make_session, tmp_path):
    key = make_session("nwb_gone")[0]
    output = (pipeline.miniscope.ProcessingTask & key).fetch1("processing_output_dir")
    file = find_result(pipeline.get_processed_root_data_dir() / output)
    with h5py.File(file, "r+") as stored:
        stored["estimates/C"][1] += 1
    with pytest.raises(ResultError, match="holds other traces than the database"):
        export_nwb(key, tmp_path / "changed.nwb", options=Options(progress=False))
    assert list(tmp_path.iterdir()) == []
    file.unlink()
    notes = export_nwb(key, tmp_path / "gone.nwb", options=Options(progress=False))
    assert any("Raw fluorescence and baseline are left out" in note for note in notes)
    assert set(read_nwb(tmp_path / "gone.nwb").processing["ophys"]["Fluorescence"].roi_response_series) == {
        "denoised",
        "deconvolved",
    }


def test_events_and_trials_that_were_entered(pipeline, make_session, tmp_path):
    key = make_session("nwb_tri")[0]
    enter_events(pipeline, key)
    export_nwb(key, tmp_path / "one.nwb", options=Options(progress=False))
    file = read_nwb(tmp_path / "one.nwb")
    lick, reward = file.events["events_lick"], file.events["events_reward"]
    assert lick["timestamp"][:].tolist() == [1.25, 2.5] and np.isnan(lick["duration"][:]).all()
    assert (reward["duration"][0], reward.description) == (0.5, "a reward")
    trials = file.trials.to_dataframe()
    assert trials[["start_time", "stop_time"]].to_numpy().tolist() == [[1, 3], [4, 6.5]]
    assert trials.trial_type.tolist() == ["go", ""] and trials.contrast.tolist() == ["", "0.5"]
