"""A result whose traces stay in the file says the same as one that is read whole."""

from pathlib import Path

import h5py
import numpy as np
import planted
import pytest
import scipy.sparse

from workflow_miniscope.errors import ResultError
from workflow_miniscope.results.caiman import CaimanResult, OpenedResult, read_result, write_result

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.hdf5")), ids=lambda path: path.stem)
def test_real_files(path):
    whole, opened = read_result(path), OpenedResult(path)
    part = opened.components
    assert (part.dims, part.n_components, opened.n_frames) == (whole.dims, whole.n_components, whole.n_frames)
    assert (part.A != whole.A).nnz == 0 and part.params == whole.params and part.fps == whole.fps
    for name in ("accepted", "rejected", "snr", "r_values"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))
    assert part.n_frames == 0 and part.S is part.W is part.motion is None
    for k in range(part.n_components):
        traces = opened.traces(k)
        np.testing.assert_array_equal(traces.fitted, whole.C[k])
        raw = None if whole.YrA is None else whole.C[k] + whole.YrA[k]
        for found, expected in ((traces.raw, raw), (traces.deconvolved, None if whole.S is None else whole.S[k])):
            assert (found is None) == (expected is None)
            np.testing.assert_array_equal(found, expected)
    opened.close()


def test_no_such_component(tmp_path):
    opened = OpenedResult(write_result(tmp_path / "r.hdf5", planted.result()))
    for k in (-1, 4):
        with pytest.raises(IndexError):
            opened.traces(k)


def test_without_components_and_without_residuals(tmp_path):
    empty = CaimanResult((30, 50), scipy.sparse.csc_matrix((1500, 0), dtype=np.float32), np.zeros((0, 90)))
    assert OpenedResult(write_result(tmp_path / "a.hdf5", empty)).n_frames == 90
    bare = CaimanResult((40, 64), planted.footprints(), np.ones((4, 50)))
    traces = OpenedResult(write_result(tmp_path / "b.hdf5", bare)).traces(0)
    assert traces.raw is traces.deconvolved is None and traces.fitted.tolist() == [1.0] * 50


def test_what_is_no_result(tmp_path):
    path = tmp_path / "x.hdf5"
    path.write_bytes(b"no")
    with pytest.raises(ResultError, match="x.hdf5"):
        OpenedResult(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(ResultError, match="no result of CaImAn"):
        OpenedResult(path)
