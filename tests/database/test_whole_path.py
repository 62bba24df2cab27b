"""From a folder to neural activity in the tables: a field wider than high, planted cells, known motion, a face."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from planted import recording as plant
from recordings import write_session

from workflow_miniscope.ingest import ingest
from workflow_miniscope.process import process
from workflow_miniscope.reports.html import write as write_pages
from workflow_miniscope.results.caiman import read_result

ANIMAL = "whole"


@pytest.fixture(scope="module")
def planted():
    return plant(height=96, width=144, frames=600, n=8, motion=2, seed=3)


@pytest.fixture(scope="module")
def key(pipeline, raw_root, planted, tmp_path_factory):
    """Ingest and process the planted recording; return its key."""
    times_ms = 50 * np.arange(600)
    times_ms[400:] += 200  # four frames were dropped
    times_ms[100] = 0  # a frame with a wrong time
    written = write_session(
        raw_root,
        animal=ANIMAL,
        movie=planted.movie.array,
        frames_per_file=50,
        cameras=["Face Cam"],
        times_ms=times_ms.tolist(),
    )
    folder = tmp_path_factory.mktemp("manifests")
    (folder / "subjects.csv").write_text(
        f"subject,sex,subject_birth_date,subject_description\n{ANIMAL},M,2025-09-01,planted\n"
    )
    session_dir = written.folder.relative_to(raw_root).as_posix()
    (folder / "sessions.csv").write_text(f"subject,session_dir,acq_software\n{ANIMAL},{session_dir},Miniscope-DAQ-V4\n")
    before = {path: path.stat().st_mtime_ns for path in written.folder.rglob("*")}
    assert ingest(folder / "subjects.csv", folder / "sessions.csv", progress=False).problems == []
    report = process(restrict={"subject": ANIMAL}, progress=False)
    assert report.errors == []
    assert before == {path: path.stat().st_mtime_ns for path in written.folder.rglob("*")}, "raw data are untouched"
    return (pipeline.Session & {"subject": ANIMAL}).fetch1("KEY")


def test_cells_lie_where_they_were_planted(pipeline, planted, key):
    miniscope = pipeline.miniscope
    somata = miniscope.MaskClassification.MaskType.proj() & key
    masks = (miniscope.Segmentation.Mask & somata.proj()).to_dicts(order_by="mask")
    traces = dict(zip(*(miniscope.Fluorescence.Trace & key).to_arrays("mask", "fluorescence"), strict=True))
    height, width = planted.footprints.shape[1:]
    found = 0
    for true, activity in zip(planted.footprints, planted.traces, strict=True):
        row, column = np.unravel_index(true.argmax(), true.shape)
        near = [m for m in masks if abs(m["mask_center_y"] - row) < 4 and abs(m["mask_center_x"] - column) < 4]
        for mask in near:
            image = np.zeros((height, width))
            image[mask["mask_ypix"], mask["mask_xpix"]] = mask["mask_weights"]
            overlap = (image * true).sum() / np.linalg.norm(image) / np.linalg.norm(true)
            assert overlap > 0.7
            assert np.corrcoef(traces[mask["mask"]], activity)[0, 1] > 0.9
            assert mask["mask_npix"] == len(mask["mask_xpix"]) == len(mask["mask_weights"])
            assert mask["mask_xpix"].max() < width
            assert mask["mask_ypix"].max() < height
        found += len(near) == 1
    assert found >= 7
    assert len(masks) <= 10


def test_shifts_are_those_of_the_brain(pipeline, planted, key):
    y, x = (pipeline.miniscope.MotionCorrection.RigidMotionCorrection & key).fetch1("y_shifts", "x_shifts")
    for stored, true in ((y, planted.shifts[:, 0]), (x, planted.shifts[:, 1])):
        error = stored - true
        assert np.std(error) < 0.4
        assert np.corrcoef(stored, true)[0, 1] > 0.9


def test_images_have_the_shape_of_the_field(pipeline, planted, key):
    summary = (pipeline.miniscope.MotionCorrection.Summary & key).fetch1()
    for name in ("ref_image", "average_image", "correlation_image", "max_proj_image"):
        assert summary[name].shape == (1, *planted.footprints.shape[1:])
    average = planted.movie.array.mean(axis=0)
    assert np.corrcoef(summary["average_image"].ravel(), average.ravel())[0, 1] > 0.95


def test_the_result_says_how_it_was_made(pipeline, key):
    import workflow_miniscope

    row = (pipeline.miniscope.Processing * pipeline.miniscope.ProcessingTask & key).fetch1()
    assert row["package_version"] == workflow_miniscope.__version__
    result = read_result(pipeline.get_processed_root_data_dir() / row["processing_output_dir"])
    assert (result.method, result.version) == ("cnmfe", row["package_version"])
    assert result.params["data"]["fr"] == pytest.approx(20)
    assert (pipeline.facemap.FacemapProcessing & key).fetch1("package_version") == "1.0.8"


def test_the_face_is_there_for_every_frame(pipeline, key):
    facemap = pipeline.facemap
    n_frames = (facemap.RecordingInfo & key).fetch1("nframes")
    assert n_frames == 600
    assert len((facemap.FacialSignal.Region & key & {"roi_no": 0}).fetch1("motion")) == n_frames
    for projection in (facemap.FacialSignal.MotionSVD & key).to_arrays("projection"):
        assert projection.shape == (n_frames,)


def test_a_run_that_was_killed_after_its_result_is_not_repeated(pipeline, key):
    miniscope = pipeline.miniscope
    path = next((pipeline.get_processed_root_data_dir() / ANIMAL).rglob("caiman_result.hdf5"))
    made = path.stat().st_mtime_ns
    (miniscope.Processing & key).delete(prompt=False)
    assert process(restrict={"subject": ANIMAL}, progress=False).errors == []
    assert path.stat().st_mtime_ns == made
    assert miniscope.Activity & key


def test_a_result_of_other_parameters_is_not_taken_for_this_one(pipeline, key, tmp_path):
    miniscope = pipeline.miniscope
    params = tmp_path / "strict.json"
    params.write_text(json.dumps({"min_SNR": 6.0}))
    old = (miniscope.ProcessingTask & key).fetch1()
    number = 77
    miniscope.ProcessingParamSet.insert_new_params("cnmfe", number, "strict", {"min_SNR": 6.0})
    miniscope.ProcessingTask.insert1({**old, "paramset_id": number})
    report = process(restrict={"subject": ANIMAL}, progress=False)
    assert [(name, "min_SNR differs" in cause) for name, _, cause in report.errors] == [("miniscope.Processing", True)]
    (miniscope.ProcessingTask & key & {"paramset_id": number}).delete(prompt=False)


def test_the_result_of_a_file_that_was_replaced_is_not_taken_for_the_new_one(pipeline, raw_root, key):
    video = next((raw_root / ANIMAL).rglob("My_V4_Miniscope/3.avi"))
    before = video.read_bytes()
    (pipeline.miniscope.Processing & key).delete(prompt=False)
    video.write_bytes(before[:-100] + bytes(byte ^ 1 for byte in before[-100:]))
    report = process(restrict={"subject": ANIMAL}, progress=False)
    assert [(name, f"{video} was changed since it was made" in cause) for name, _, cause in report.errors] == [
        ("miniscope.Processing", True)
    ]
    assert not pipeline.miniscope.Processing & key
    video.write_bytes(before)
    assert process(restrict={"subject": ANIMAL}, progress=False).errors == []


def test_extract_writes_the_same_without_a_database(pipeline, raw_root, key, tmp_path):
    device = next((raw_root / ANIMAL).rglob("My_V4_Miniscope"))
    command = [sys.executable, "-W", "ignore", "-m", "workflow_miniscope", "extract", str(device)]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "DJ_HOST": "nowhere.invalid", "HOME": str(Path.home())},
    )
    assert done.returncode == 0, done.stderr
    assert "accepted" in done.stdout
    alone = read_result(tmp_path / "out")
    path = next((pipeline.get_processed_root_data_dir() / ANIMAL).rglob("caiman_result.hdf5"))
    stored = read_result(path)
    assert (alone.A != stored.A).nnz == 0
    np.testing.assert_array_equal(alone.C, stored.C)
    assert alone.requested["timing"] == stored.requested["timing"]
    assert (stored.params["timing"]["missing_frames"], stored.params["timing"]["frames_without_time"]) == (4, 1)
    assert (tmp_path / "out" / "footprints.png").stat().st_size > 10_000


def test_the_result_is_judged(pipeline, key):
    row = (pipeline.extraction.Verdict & key).fetch1()
    assert row["verdict"] in ("trusted", "usable with warnings")
    assert row["figures"]["accepted"] >= 7
    components = (pipeline.extraction.Evaluation.Component & key).to_dicts()
    assert len(components) == row["figures"]["candidates"]
    somata = (pipeline.miniscope.MaskClassification.MaskType & key).to_arrays("mask").tolist()
    assert {c["mask"] for c in components if not c["reason"]} == set(somata)
    assert all(0 <= c["probability"] <= 1 and c["properties"]["snr"] for c in components)


def test_scope_and_face_are_on_the_page_of_the_session(key, tmp_path):
    (path,) = write_pages(tmp_path, f"subject={ANIMAL}", progress=False)
    text = path.read_text(encoding="utf-8")
    for said in ("Scope My_V4_Miniscope", "Camera Face", 'alt="The camera', 'alt="Outlines of', 'alt="All '):
        assert said in text
    assert "was recorded in this session" not in text
