"""The demo: what a newcomer sees first."""

import json
import subprocess
import sys

import cv2
import numpy as np

from workflow_miniscope.demo.run import clean
from workflow_miniscope.results.caiman import read_result


def command(demo, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, env=demo.environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_is_ingested_and_processed(demo):
    tables = json.loads(command(demo, "workflow_miniscope", "status", "--json"))["tables"]
    assert {name for name, count in tables.items() if count["todo"] or count["errors"]} == set()
    for name in ("subject.Subject", "miniscope.Recording", "miniscope.Processing", "facemap.VideoRecording"):
        assert tables[name]["rows"] == 1, name
    # a notebook that ran on this demo may have added a task of its own
    for name in ("facemap.FacialSignal", "face.Pupil", "face.Blink"):
        assert tables[name]["rows"] >= 1, name
    assert tables["face.NeuralPrediction"]["rows"] == tables["facemap.FacialSignal"]["rows"]
    assert tables["miniscope.Activity"]["rows"] == 2  # dF/F and deconvolution
    for name in tables:
        assert name in demo.output


def test_the_figures_are_there(demo):
    names = {path.name for path in (demo.folder / "figures").iterdir()}
    kinds = (
        "frame_intervals motion_shifts registration images footprints cell_quality traces raster facial_motion "
        "neural_prediction"
    ).split()
    assert len(names) == len(kinds)
    # a camera by its name in `list`
    assert {f"demo01_20260115-092030_{name}" for name in ("v0_facial_motion.png", "0_frame_intervals.png")} <= names
    for kind in kinds:
        (path,) = (demo.folder / "figures").glob(f"*_{kind}.png")
        assert str(path) in demo.output
        picture = cv2.imread(str(path))
        assert picture.shape[1] > 800
        assert picture.std() > 5  # something is drawn


def test_nothing_is_written_into_the_raw_data(demo):
    files = {path.name for path in (demo.folder / "raw").rglob("*") if path.is_file()}
    assert files == {
        "0.avi",
        "1.avi",
        "metaData.json",
        "timeStamps.csv",
        "headOrientation.csv",
        "notes.csv",
    }


def test_the_cells_found_are_the_planted_ones(demo):
    (path,) = (demo.folder / "processed").rglob("caiman_result.hdf5")
    result = read_result(path)
    truth = np.load(demo.folder / "truth.npz")
    assert result.dims == truth["A"].shape[1:] == (160, 200)  # not square: rows and columns are not mixed up
    rows, columns = np.indices(result.dims)
    weights = truth["A"].sum(axis=(1, 2))
    planted = np.stack([(truth["A"] * axis).sum(axis=(1, 2)) / weights for axis in (columns, rows)], axis=1)
    masks = [result.mask(int(i)) for i in result.accepted]
    found = np.array([(mask.center_x, mask.center_y) for mask in masks])
    apart = np.linalg.norm(found[:, None] - planted[None], axis=2)
    assert len(found) > 20
    assert np.mean(apart.min(axis=1) < 5) > 0.9
    # and their traces are those cells' calcium
    alike = np.corrcoef(result.C[result.accepted], truth["C"])[: len(found), len(found) :]
    assert np.median(np.where(apart < 5, alike, -1).max(axis=1)) > 0.8


def test_a_second_run_finds_its_work_done(demo, run_demo):
    raw = {path: path.stat().st_mtime_ns for path in (demo.folder / "raw").rglob("*")}
    results = {path: path.stat().st_mtime_ns for path in (demo.folder / "processed").rglob("*.hdf5")}
    output = run_demo(demo.folder)
    assert "Everything is done already." in output
    assert {path: path.stat().st_mtime_ns for path in (demo.folder / "raw").rglob("*")} == raw
    assert {path: path.stat().st_mtime_ns for path in (demo.folder / "processed").rglob("*.hdf5")} == results


def test_cleaning_leaves_a_folder_alone_that_is_no_demo(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    clean(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
