"""Doors out: every program gets the traces that the database holds, and reads them by its own reader."""

import mat73
import numpy as np
import pandas as pd
import pytest
import xarray
from to_publish import dropped_times, empty_result

from workflow_miniscope import export
from workflow_miniscope.errors import ParameterError, ResultError, WorkflowError
from workflow_miniscope.publish import packages

KEPT = np.delete(np.arange(300), 20)  # one frame has a wrong time
ACCEPTED = [0, 1, 3]


@pytest.fixture(scope="module")
def key(make_session):
    return make_session("out", times_ms=dropped_times(300))[0]


@pytest.fixture(scope="module")
def stored(pipeline, key):
    """Traces of accepted cells at the frames whose times are right, by kind."""
    miniscope = pipeline.miniscope
    tables = {
        "denoised": (miniscope.Fluorescence.Trace & key, "fluorescence"),
        "dff": (miniscope.Activity.Trace & key & {"extraction_method": "cnmfe_dff"}, "activity_trace"),
        "deconvolved": (
            miniscope.Activity.Trace & key & {"extraction_method": "cnmfe_deconvolution"},
            "activity_trace",
        ),
    }
    return {
        kind: np.stack(query.to_arrays(column, order_by="mask"))[ACCEPTED][:, KEPT]
        for kind, (query, column) in tables.items()
    }


@pytest.fixture(scope="module")
def times(pipeline, key):
    return np.asarray((pipeline.miniscope.RecordingInfo & key).fetch1("time_stamps"))[KEPT]


def test_pandas(stored, times):
    table = export.to_pandas("subject=out")
    np.testing.assert_array_equal(table.to_numpy().T, stored["dff"])
    np.testing.assert_array_equal(table.index, times)
    assert table.columns.tolist() == ACCEPTED
    assert export.to_pandas("subject=out", "denoised", accepted=False).shape == (299, 4)


def check(dataset, stored, times):
    for kind, traces in stored.items():
        np.testing.assert_array_equal(dataset[kind].transpose("mask", "time"), traces)
    np.testing.assert_array_equal(dataset.time, times)
    np.testing.assert_array_equal(dataset.frame, KEPT)
    assert dataset.mask.values.tolist() == ACCEPTED
    assert dataset.snr.values.tolist() == [8.0, 7.0, 5.0]
    assert dataset.x.values.tolist() == [50, 12, 20]
    assert dataset.attrs["width"] == 64


def test_xarray(stored, times):
    check(export.to_xarray("subject=out"), stored, times)


def test_zarr_is_opened_by_xarray(stored, times, tmp_path):
    folder = export.to_zarr("subject=out", tmp_path / "out.zarr")
    import zarr

    group = zarr.open_group(str(folder), mode="r")
    dataset = xarray.Dataset(
        {name: (array.attrs["_ARRAY_DIMENSIONS"], array[:]) for name, array in group.arrays()}, attrs=dict(group.attrs)
    )
    check(dataset.set_coords(["frame", "snr", "x"]), stored, times)


def test_pynapple_knows_where_frames_are_missing(stored, times):
    frame = export.to_pynapple("subject=out", "deconvolved")
    np.testing.assert_array_equal(frame.values.T, stored["deconvolved"])
    np.testing.assert_allclose(frame.t, times)
    assert frame.columns.tolist() == ACCEPTED
    assert frame.metadata["snr"].tolist() == [8.0, 7.0, 5.0]
    # five frames are missing in the middle
    support = export.recorded_intervals("subject=out")
    np.testing.assert_allclose(support.values, [[0, 7.45], [7.75, 15.2]])
    assert len(frame.restrict(support)) == len(frame)


def test_csv(stored, times, tmp_path):
    folder = export.to_csv("subject=out", tmp_path / "csv")
    for kind, traces in stored.items():
        table = pd.read_csv(folder / f"{kind}.csv")
        assert table.columns.tolist() == ["frame", "time_s", "cell_0", "cell_1", "cell_3"]
        np.testing.assert_allclose(table.to_numpy()[:, 2:].T, traces, rtol=1e-6)
        np.testing.assert_array_equal(table.time_s, times)
    cells = pd.read_csv(folder / "cells.csv")
    assert cells["mask"].tolist() == ACCEPTED and cells.accepted.all()


def test_matlab_s_format_is_read_by_another_program(stored, times, tmp_path):
    path = export.to_mat("subject=out", tmp_path / "out.mat", accepted=False)
    assert path.read_bytes()[:19] == b"MATLAB 7.3 MAT-file"
    loaded = mat73.loadmat(path)
    np.testing.assert_array_equal(loaded["denoised"][ACCEPTED], stored["denoised"])
    np.testing.assert_array_equal(loaded["time"], times)
    assert loaded["accepted"].tolist() == [True, True, False, True]
    assert loaded["frame"][0] == 1 and loaded["x"][0] == 51  # counted from 1
    assert loaded["analysis"].startswith("out, 2026-01-15")


def test_without_cells_there_are_empty_tables(make_session, tmp_path):
    make_session("out_none", result=empty_result(), notes=[])
    assert export.to_pandas("subject=out_none", "denoised").shape == (300, 0)
    assert export.to_xarray("subject=out_none").sizes["mask"] == 0
    export.to_mat("subject=out_none", tmp_path / "none.mat")
    assert mat73.loadmat(tmp_path / "none.mat")["time"].shape == (300,)
    export.to_csv("subject=out_none", tmp_path / "none")
    assert len(pd.read_csv(tmp_path / "none" / "cells.csv")) == 0


def test_nothing_is_replaced_and_nothing_half_written_stays(key, tmp_path, monkeypatch):
    (tmp_path / "out.mat").write_text("mine")
    with pytest.raises(ResultError, match="exists"):
        export.to_mat("subject=out", tmp_path / "out.mat")

    def no_space(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", no_space)
    with pytest.raises(OSError, match="No space"):
        export.to_csv("subject=out", tmp_path / "csv")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mat"]


def test_what_is_wrong_is_said(key, monkeypatch):
    with pytest.raises(ParameterError, match="no traces 'spikes'; there are denoised, dff, deconvolved"):
        export.to_pandas("subject=out", "spikes")
    with pytest.raises(ResultError, match="No analysis has subject 'nobody'"):
        export.to_pandas("subject=nobody")

    def missing(name):
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(packages.importlib, "import_module", missing)
    with pytest.raises(WorkflowError, match="needs pynapple, which is not installed: python -m pip install pynapple"):
        export.to_pynapple("subject=out")
