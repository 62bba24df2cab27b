"""Writing CaImAn's layout: every field comes back, and a file is whole or not there."""

import json
from datetime import UTC, datetime, timedelta, timezone

import h5py
import numpy as np
import planted
import pytest
import scipy.sparse

from workflow_miniscope.errors import ResultError
from workflow_miniscope.results.caiman import (
    RESULT_NAME,
    CaimanResult,
    Dff,
    background,
    compute_dff,
    read_result,
    write_result,
    writer,
)

ARRAYS = (
    "C S YrA F_dff b0 Cn sn center g bl c1 neurons_sn accepted rejected snr r_values cnn_preds "
    "reference_image average_image correlation_image max_image"
).split()


@pytest.mark.parametrize("motion", ["rigid", "piecewise", "none"])
def test_round_trip(tmp_path, motion):
    before = planted.result(motion)
    path = write_result(tmp_path, before)
    assert path == tmp_path / RESULT_NAME
    after = read_result(path)

    assert after.dims == before.dims
    for name in ARRAYS:
        one, other = getattr(before, name), getattr(after, name)
        assert one.dtype == other.dtype and np.array_equal(one, other), name
    for name in ("A", "W"):
        one, other = getattr(before, name), getattr(after, name)
        assert one.format == other.format and one.dtype == other.dtype == np.float32
        assert np.array_equal(one.toarray(), other.toarray())
    assert after.params == before.params == after.requested
    assert (after.method, after.version, after.dff_method) == ("cnmfe", "0.1.0", "file")
    assert after.created == before.created
    assert type(after.motion) is type(before.motion)
    for name in {"rigid": ["shifts"], "piecewise": ["y", "x", "blocks"], "none": []}[motion]:
        one, other = getattr(before.motion, name), getattr(after.motion, name)
        assert one.dtype == other.dtype and np.array_equal(one, other)


def test_low_rank_background_round_trip(tmp_path):
    before = planted.result()
    before.b = np.random.default_rng(0).random((before.A.shape[0], 2)).astype(np.float32)
    before.f = np.random.default_rng(1).random((2, before.n_frames)).astype(np.float32)
    after = read_result(write_result(tmp_path, before))
    assert np.array_equal(after.b, before.b) and np.array_equal(after.f, before.f)


def test_only_what_is_needed(tmp_path):
    """Everything but footprints and traces may be absent."""
    before = CaimanResult(dims=(40, 64), A=planted.footprints(), C=np.ones((4, 7)))
    after = read_result(write_result(tmp_path, before))
    for name in "S YrA F_dff W b0 b f Cn sn g bl c1 neurons_sn snr r_values cnn_preds motion".split():
        assert getattr(after, name) is None, name
    assert after.images == {} and after.accepted.tolist() == [0, 1, 2, 3]


def test_no_component_at_all(tmp_path):
    before = CaimanResult(dims=(40, 64), A=scipy.sparse.csc_matrix((40 * 64, 0)), C=np.zeros((0, 50)))
    after = read_result(write_result(tmp_path, before))
    assert (after.n_components, after.n_frames) == (0, 50) and after.center.shape == (0, 2)


def test_models_of_no_component(tmp_path):
    nothing = CaimanResult(dims=(4, 6), A=scipy.sparse.csc_matrix((24, 0)), C=np.zeros((0, 9)), g=np.zeros((0, 2)))
    assert len(read_result(write_result(tmp_path, nothing)).C) == 0


def test_dff_is_computed_while_it_is_written(tmp_path):
    """An hour's traces are held three times; this would be the fourth."""
    held = planted.result()
    b0 = np.full(held.A.shape[0], 40, np.float32)
    given = {"dims": held.dims, "A": held.A, "C": held.C, "YrA": held.YrA, "b0": b0, "dff_method": "computed: so"}
    result = CaimanResult(F_dff=Dff(background(held.A, held.C, b0=b0), held.C, held.YrA), **given)
    back = read_result(write_result(tmp_path, result))
    assert isinstance(result.dff_rows, Dff)
    expected = compute_dff(held.A, held.C, held.YrA, b0=b0)
    assert np.array_equal(back.F_dff, expected) and back.dff_method == "computed: so"
    # who reads it has an array, and the same one the next time
    assert np.array_equal(result.F_dff, expected) and result.F_dff is result.dff_rows


def test_dff_of_other_components():
    A, C = planted.footprints(), np.ones((4, 10), np.float32)
    fewer = Dff(np.ones((3, 1)), C[:3])
    with pytest.raises(ResultError, match="F_dff has the shape"):
        CaimanResult(dims=(40, 64), A=A, C=C, F_dff=fewer)


def test_layout_is_caimans(tmp_path):
    """Names, kinds and orientation that CaImAn's loader and the Elements expect."""
    result = planted.result("piecewise")
    with h5py.File(write_result(tmp_path, result)) as file:
        assert file["dims"][()].tolist() == [planted.HEIGHT, planted.WIDTH]
        assert file["dview"][()] == b"NoneType" and file["params/init/K"][()] == b"NoneType"
        assert file["params/init"].attrs["method_init"] == "corr_pnr"
        assert set(file["params"]) == {"data", "init", "motion"}  # CaImAn refuses any other
        assert file["estimates/b"].shape == (planted.HEIGHT * planted.WIDTH, 0)
        row, column = planted.CELLS[0]
        pixel = row + planted.HEIGHT * column  # Fortran order
        assert pixel in file["estimates/A/indices"][: file["estimates/A/indptr"][1]]
        # for CaImAn and the Elements x is the first axis
        assert np.array_equal(file["motion_correction/x_shifts_els"], result.motion.y)
        assert file["motion_correction/coord_shifts_els"].shape == (4, 4)
        assert file["motion_correction/average_image"].shape == (planted.HEIGHT, planted.WIDTH)


def test_provenance(tmp_path):
    result = planted.result()
    result.created = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    path = write_result(tmp_path, result)
    with h5py.File(path) as file:
        attributes = dict(file["provenance"].attrs)
    assert attributes["method"] == "cnmfe" and attributes["numpy_version"] == np.__version__
    assert attributes["workflow_miniscope_version"]
    assert json.loads(attributes["parameters"])["native"]["options"] == {"ring": [1, 2.5]}
    assert read_result(path).created == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_result(tmp_path, planted.result())
    content = path.read_bytes()

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "write_provenance", fail)
    with pytest.raises(KeyboardInterrupt):
        write_result(path, planted.result(seed=5))
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == [RESULT_NAME]


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(ResultError, match="cannot be written"):
        write_result(tmp_path / "nowhere" / "result.hdf5", planted.result())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"C": np.ones((3, 10))}, "do not fit 4 footprints"),
        ({"dims": (64, 41)}, "do not fit 64 x 41"),
        ({"S": np.ones((4, 11))}, "S has the shape"),
        ({"accepted": [0, 0, 1]}, "once"),
        ({"b": np.ones((40 * 64, 1))}, "both b and f"),
    ],
)
def test_fields_that_contradict_each_other(change, says):
    fields = {"dims": (40, 64), "A": planted.footprints(), "C": np.ones((4, 10))}
    with pytest.raises(ResultError, match=says):
        CaimanResult(**(fields | change))
