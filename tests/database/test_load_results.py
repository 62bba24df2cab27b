"""Results computed elsewhere, loaded into the published tables; real files of CaImAn."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import simulation

from workflow_miniscope.errors import ParameterError, ResultError
from workflow_miniscope.process import process
from workflow_miniscope.reports import report
from workflow_miniscope.results.caiman import read_result

DATA = Path(__file__).parents[1] / "results" / "data"
RIGID = DATA / "caiman_1.12.1_fit_file_80px.hdf5"
PIECEWISE = DATA / "caiman_1.12.1_pw_rigid_80px.hdf5"
TWO_PHOTON = DATA / "caiman_1.9.0_cnmf_48x72.hdf5"


@pytest.fixture(scope="module")
def rigid(pipeline):
    return read_result(RIGID)


def test_rigid(load, pipeline, rigid):
    key = load("rigid", RIGID)
    assert process(restrict={"subject": "rigid"}, progress=False).errors == []
    miniscope = pipeline.miniscope

    shifts = miniscope.MotionCorrection.RigidMotionCorrection & key
    y, x = shifts.fetch1("y_shifts", "x_shifts")
    np.testing.assert_array_equal(y, rigid.motion.shifts[:, 0])
    np.testing.assert_array_equal(x, rigid.motion.shifts[:, 1])
    assert shifts.fetch1("y_std") == pytest.approx(y.std(), rel=1e-5)  # MariaDB tells six digits

    masks = (miniscope.Segmentation.Mask & key).to_dicts(order_by="mask")
    assert [mask["mask"] for mask in masks] == list(range(rigid.n_components))
    for mask in masks:
        image = np.zeros(rigid.dims, np.float32)
        image[mask["mask_ypix"], mask["mask_xpix"]] = mask["mask_weights"]
        np.testing.assert_array_equal(image, rigid.footprint(mask["mask"]))

    somata = (miniscope.MaskClassification.MaskType & key & {"mask_type": "soma"}).to_arrays("mask", order_by="mask")
    assert somata.tolist() == sorted(rigid.accepted.tolist())
    assert 0 < len(rigid.rejected), "the file must have both kinds for this to mean anything"

    traces = np.stack((miniscope.Fluorescence.Trace & key).to_arrays("fluorescence", order_by="mask"))
    np.testing.assert_array_equal(traces, rigid.C)
    assert traces.dtype == np.float32
    for method, expected in (("caiman_deconvolution", rigid.S), ("caiman_dff", rigid.F_dff)):
        activity = miniscope.Activity.Trace & key & {"extraction_method": method}
        np.testing.assert_array_equal(np.stack(activity.to_arrays("activity_trace", order_by="mask")), expected)
    assert set((miniscope.Activity & key).to_arrays("extraction_method")) == {
        "caiman_deconvolution",
        "caiman_dff",
    }

    variance = (miniscope.ProcessingQualityMetrics.Trace & key).to_arrays("variance", order_by="mask")
    np.testing.assert_allclose(variance.astype(float), rigid.C.astype(float).var(axis=1), rtol=1e-5)
    r_values, snr = (pipeline.miniscope_report.QualityMetrics & key).fetch1("r_values", "snr")
    np.testing.assert_array_equal(r_values, rigid.r_values)
    np.testing.assert_array_equal(snr, rigid.snr)

    time, version = (miniscope.Processing & key).fetch1("processing_time", "package_version")
    assert time == rigid.created.replace(tzinfo=None, microsecond=0)
    assert version == rigid.version == "1.12.1"


def test_piecewise_rigid(load, pipeline):
    key = load("blocks", PIECEWISE)
    assert process(restrict={"subject": "blocks"}, progress=False).errors == []
    result = read_result(PIECEWISE)
    blocks = (pipeline.miniscope.MotionCorrection.Block & key).to_dicts(order_by="block_id")
    grid = (pipeline.miniscope.MotionCorrection.NonRigidMotionCorrection & key).fetch1()
    assert grid["block_count_x"] * grid["block_count_y"] == len(blocks) == result.motion.y.shape[1]
    for block in blocks:
        y0, y1, x0, x1 = result.motion.blocks[block["block_id"]]
        assert (block["block_y"][0], block["block_y"][-1]) == (y0, y1 - 1)
        assert (block["block_x"][0], block["block_x"][-1]) == (x0, x1 - 1)
        np.testing.assert_array_equal(block["y_shifts"], result.motion.y[:, block["block_id"]])
        np.testing.assert_array_equal(block["x_shifts"], result.motion.x[:, block["block_id"]])


def test_piecewise_rigid_by_the_native_engine(add_recording, pipeline, tmp_path):
    stretched = simulation.make(seed=13, height=80, width=112, frames=200, n_cells=6, vessels=12, warp=1.3)
    key = add_recording("blocks_2", movie=stretched.movie)
    params = tmp_path / "blocks.json"
    params.write_text(json.dumps({"pw_rigid": True, "strides": [30, 40], "overlaps": [20, 12]}))
    assert process(restrict={"subject": "blocks_2"}, paramset=str(params), progress=False).errors == []
    motion = pipeline.miniscope.MotionCorrection
    grid = (motion.NonRigidMotionCorrection & key).fetch1()
    assert [grid[name] for name in ("block_height", "block_width")] == [50, 52]
    assert [grid[name] for name in ("block_count_y", "block_count_x")] == [2, 3]
    blocks = (motion.Block & key).to_dicts(order_by="block_id")
    assert [(b["block_y"][0], b["block_x"][0]) for b in blocks] == [(y, x) for y in (0, 30) for x in (0, 40, 60)]
    for block in blocks:
        middle = [(block[side][0] + block[side][-1]) / 2 for side in ("block_y", "block_x")]
        truth = -stretched.shifts - simulation.stretch(stretched.warps, *middle, 80, 112)
        found = np.stack([block["y_shifts"], block["x_shifts"]], axis=-1)
        assert np.std(found - truth, axis=0).max() < 0.5 * np.std(truth, axis=0).min()
    assert not motion.RigidMotionCorrection & key
    assert pipeline.miniscope.Fluorescence.Trace & key


def test_without_shifts(load, pipeline, tmp_path):
    """As CaImAn's ``CNMF.save`` writes it after a motion correction of its own: all else is loaded and drawn."""
    bare = Path(shutil.copy(RIGID, tmp_path / "bare.hdf5"))
    with h5py.File(bare, "r+") as file:
        del file["motion_correction"], file["estimates/shifts"], file["estimates/Cn"]
    key = load("bare", bare)
    assert process(restrict={"subject": "bare"}, progress=False).errors == []
    miniscope = pipeline.miniscope
    parts = miniscope.MotionCorrection.RigidMotionCorrection, miniscope.MotionCorrection.NonRigidMotionCorrection
    assert len(miniscope.MotionCorrection & key) == 1 and not any(part & key for part in parts)
    average = (miniscope.MotionCorrection.Summary & key).fetch1("average_image")
    assert average.shape[-2:] == (80, 80) and average.std() > 1
    assert len(miniscope.Fluorescence.Trace & key) == read_result(bare).n_components
    drawn = {path.stem.split("p90_")[-1] for path in report.write(tmp_path / "figures", "subject=bare", False)}
    assert {"c1_footprints", "c1_traces"} <= drawn and "motion_shifts" not in drawn
    with pytest.raises(ResultError, match="saved without the shifts"):
        report.motion_shifts({"subject": "bare"})


def test_without_deconvolution(load, pipeline, caplog):
    """A two-photon run of CaImAn 1.9.0 that ended with its initialisation: what it has is loaded."""
    result = read_result(TWO_PHOTON)
    assert result.S is None
    key = load("plain", TWO_PHOTON, n_frames=300, height=48, width=72)
    assert process(restrict={"subject": "plain"}, progress=False).errors == []
    activity = pipeline.miniscope.Activity
    assert "holds no caiman_deconvolution" in caplog.text
    assert not activity.Trace & key & {"extraction_method": "caiman_deconvolution"}
    dff = (activity.Trace & key & {"extraction_method": "caiman_dff"}).to_arrays("activity_trace", order_by="mask")
    np.testing.assert_array_equal(np.stack(dff), result.F_dff)
    again = process(restrict={"subject": "plain"}, progress=False)
    assert again.errors == [] and sum(again.done.values()) == 0
    report.traces({"subject": "plain"})


def test_a_result_of_another_recording(load, pipeline):
    key = load("longer", RIGID, n_frames=500)
    errors = process(restrict={"subject": "longer"}, progress=False).errors
    assert len(errors) == 1
    assert "traces of 600 frames, the recording has 500" in errors[0][2]
    assert not pipeline.miniscope.Processing & key


def test_a_file_that_is_no_result(load, pipeline, tmp_path):
    broken = tmp_path / "result.hdf5"
    broken.write_bytes(b"not HDF5")
    key = load("broken", broken)
    errors = process(restrict={"subject": "broken"}, progress=False).errors
    assert len(errors) == 1
    assert "broken/caiman holds no result of CaImAn" in errors[0][2]
    assert not pipeline.miniscope.Processing & key


def test_curations_are_numbered(load, pipeline):
    key = load("curated", RIGID)
    process(restrict={"subject": "curated"}, progress=False)
    miniscope = pipeline.miniscope
    task = (miniscope.Processing & key).fetch1("KEY")
    miniscope.Curation.create1_from_processing_task(task, is_curated=True, curation_note="by eye")
    rows = (miniscope.Curation & key).to_dicts(order_by="curation_id")
    assert [(row["curation_id"], bool(row["manual_curation"])) for row in rows] == [(1, False), (2, True)]


def test_equal_parameters_are_refused(pipeline):
    table = pipeline.miniscope.ProcessingParamSet
    params = {"b": [1, 2], "a": {"y": 1, "x": 2.5}}
    table.insert_new_params("caiman", 901, "first", params)
    table.insert_new_params("caiman", 901, "first", params)  # the same again is no error
    reordered = {"a": {"x": 2.5, "y": 1}, "b": [1, 2]}
    with pytest.raises(ParameterError, match="already, as paramset 901"):
        table.insert_new_params("caiman", 902, "second", reordered)
    with pytest.raises(ParameterError, match="901 exists with other parameters"):
        table.insert_new_params("caiman", 901, "first", {"a": 1})
    table.insert_new_params("cnmfe", 903, "another engine", params)


def test_the_database_refuses_equal_parameters_too(pipeline):
    table = pipeline.miniscope.ProcessingParamSet
    table.insert_new_params("caiman", 904, "first", {"only": "here"})
    row = (table & {"paramset_id": 904}).fetch1()
    with pytest.raises(pipeline.dj.errors.DuplicateError):
        table.insert1({**row, "paramset_id": 905})
