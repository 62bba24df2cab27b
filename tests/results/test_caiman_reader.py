"""Reading files of real CaImAn, and refusing what is none."""

import shutil
from datetime import UTC
from pathlib import Path

import h5py
import numpy as np
import planted
import pytest
import scipy.sparse

from workflow_miniscope.errors import ResultError
from workflow_miniscope.results.caiman import (
    PiecewiseShifts,
    RigidShifts,
    find_result,
    read_result,
    shift_blocks,
    write_result,
)

DATA = Path(__file__).parent / "data"
FIT_FILE = DATA / "caiman_1.12.1_fit_file_80px.hdf5"
PIECEWISE = DATA / "caiman_1.12.1_pw_rigid_80px.hdf5"


@pytest.fixture
def copy(tmp_path):
    """A copy of a real file that a test may spoil."""
    return Path(shutil.copy(FIT_FILE, tmp_path / "result.hdf5"))


def replace(path, name, value=None):
    """Replace a dataset or group of a file; None deletes it."""
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        if value is not None:
            file[name] = value


@pytest.mark.parametrize(("path", "n", "accepted"), [(FIT_FILE, 8, 7), (PIECEWISE, 15, 9)])
def test_real_file(path, n, accepted):
    result = read_result(path)
    assert result.dims == (80, 80)
    assert (result.n_components, result.n_frames) == (n, 600)
    assert len(result.accepted) == accepted and len(result.rejected) == n - accepted
    assert result.A.shape == (6400, n) and scipy.sparse.isspmatrix_csc(result.A)
    for traces in (result.C, result.S, result.YrA, result.F_dff):
        assert traces.shape == (n, 600) and traces.dtype == np.float32
    assert result.g.shape == (n, 1) and result.snr.shape == result.r_values.shape == (n,)
    assert result.cnn_preds is None
    assert set(result.images) == {"reference_image", "average_image", "correlation_image", "max_image"}
    assert all(image.shape == (80, 80) and image.dtype == np.float32 for image in result.images.values())
    assert (result.method, result.version, result.fps) == ("caiman", "1.12.1", 20.0)
    assert result.created.tzinfo == UTC
    assert result.created.timestamp() == pytest.approx(path.stat().st_mtime, abs=1e-3)


def test_parameters_are_plain_python():
    params = read_result(FIT_FILE).params
    assert params["init"]["method_init"] == "corr_pnr"  # an attribute
    assert params["init"]["K"] is None  # b"NoneType"
    assert params["init"]["gSig"] == [4, 4]
    assert params["motion"]["pw_rigid"] is False
    assert params["temporal"]["solvers"] == ["ECOS", "SCS"]
    assert params["spatial"]["expandCore"][2] == [1, 1, 1, 1, 1]


def test_numbers_that_were_stored_as_text():
    result = read_result(FIT_FILE)
    assert result.bl[0] == pytest.approx(1773.6771843895474)
    assert result.neurons_sn.dtype == np.float64 and np.all(result.neurons_sn > 0)


def test_rigid_shifts_are_rows_then_columns():
    result = read_result(FIT_FILE)
    assert isinstance(result.motion, RigidShifts)
    with h5py.File(FIT_FILE) as file:
        assert np.array_equal(result.motion.shifts, file["motion_correction/shifts_rig"][()])


def test_piecewise_shifts_move_rows_with_y():
    """CaImAn's x is the first axis: both files are of one recording, so its mean motion must agree."""
    rigid, piecewise = read_result(FIT_FILE).motion.shifts, read_result(PIECEWISE).motion
    assert isinstance(piecewise, PiecewiseShifts)
    assert piecewise.y.shape == piecewise.x.shape == (600, 9) and piecewise.blocks.shape == (9, 4)
    assert np.corrcoef(piecewise.y.mean(axis=1), rigid[:, 0])[0, 1] > 0.8
    assert np.abs(np.corrcoef(piecewise.x.mean(axis=1), rigid[:, 0])[0, 1]) < 0.4
    assert piecewise.blocks[1].tolist() == [0, 36, 24, 60]


def test_centres_are_those_of_the_footprints():
    """The file has the 26 centres of the seeds for 15 components."""
    with h5py.File(PIECEWISE) as file:
        assert file["estimates/center"].shape == (26, 2)
    result = read_result(PIECEWISE)
    assert result.center.shape == (15, 2)
    row, column = result.center[3]
    brightest = np.unravel_index(result.footprint(3).argmax(), result.dims)
    assert abs(row - brightest[0]) < 4 and abs(column - brightest[1]) < 4


@pytest.mark.parametrize("index", range(len(planted.CELLS)))
def test_x_is_the_column_and_y_the_row(tmp_path, index):
    path = write_result(tmp_path / "planted.hdf5", planted.result())
    result = read_result(path)
    row, column = planted.CELLS[index]
    image = planted.disc(row, column)
    mask = result.mask(index)
    assert mask.id == index
    assert (mask.center_x, mask.center_y) == (column, row)
    assert mask.npix == np.count_nonzero(image) == len(mask.xpix) == len(mask.ypix) == len(mask.weights)
    assert mask.xpix.max() < planted.WIDTH and mask.ypix.max() < planted.HEIGHT
    drawn = np.zeros(result.dims)
    drawn[mask.ypix, mask.xpix] = mask.weights
    assert np.allclose(drawn, image / np.linalg.norm(image), atol=1e-6)
    assert np.array_equal(drawn.astype(np.float32), result.footprint(index))
    assert np.allclose(result.center[index], (row, column), atol=1e-3)


@pytest.mark.parametrize("value", [None, "NoneType"])
def test_never_evaluated_is_all_accepted(copy, value):
    replace(copy, "estimates/idx_components", value)
    result = read_result(copy)
    assert result.accepted.tolist() == list(range(8)) and len(result.rejected) == 0


def test_all_rejected_is_not_never_evaluated(copy):
    replace(copy, "estimates/idx_components", np.zeros(0))
    replace(copy, "estimates/idx_components_bad", np.arange(8))
    result = read_result(copy)
    assert len(result.accepted) == 0 and len(result.rejected) == 8


def test_without_the_motion_group_the_shifts_of_fit_file_are_used(copy):
    expected = read_result(copy).motion.shifts
    replace(copy, "motion_correction")
    result = read_result(copy)
    assert np.array_equal(result.motion.shifts, expected)
    assert np.array_equal(result.correlation_image, result.Cn)


@pytest.mark.parametrize("path", [FIT_FILE, PIECEWISE])
def test_the_average_image_that_caiman_does_not_save_is_that_of_its_model(path, tmp_path):
    expected = read_result(path).average_image
    bare = Path(shutil.copy(path, tmp_path / "bare.hdf5"))
    replace(bare, "motion_correction")
    found = read_result(bare).average_image
    assert found.dtype == np.float32
    inside = (slice(8, -8), slice(8, -8))
    assert np.corrcoef(found[inside].ravel(), expected[inside].ravel())[0, 1] > 0.96
    assert np.abs(np.median(found - expected)) < 1


def test_piecewise_shifts_of_fit_file_get_their_blocks(tmp_path):
    path = Path(shutil.copy(PIECEWISE, tmp_path))
    expected = read_result(path).motion
    replace(path, "motion_correction")
    motion = read_result(path).motion
    assert np.array_equal(motion.y, expected.y) and np.array_equal(motion.x, expected.x)
    assert np.array_equal(motion.blocks, expected.blocks)


def test_no_motion_at_all(copy):
    replace(copy, "motion_correction")
    replace(copy, "estimates/shifts", np.zeros(0))
    assert read_result(copy).motion is None


def test_blocks_of_fft_interpolation_are_finer():
    motion = {"strides": [24, 24], "overlaps": [12, 12], "upsample_factor_grid": 4}
    coarse = shift_blocks(9, (80, 80), motion)
    assert coarse.tolist() == read_result(PIECEWISE).motion.blocks.tolist()
    fine = shift_blocks(144, (80, 80), motion)
    assert fine[0].tolist() == [0, 18, 0, 18] and fine[-1].tolist() == [62, 80, 62, 80]
    with pytest.raises(ResultError, match="5 blocks"):
        shift_blocks(5, (80, 80), motion)


def test_strings_of_older_versions_are_datasets(copy):
    with h5py.File(copy, "r+") as file:
        for group in file["params"].values():
            for name in list(group.attrs):
                group[name] = group.attrs[name]
                del group.attrs[name]
    result = read_result(copy)
    assert result.version == "1.12.1" and result.params["init"]["method_init"] == "corr_pnr"


def test_dense_footprints(copy):
    A = read_result(copy).A
    replace(copy, "estimates/A", A.toarray())
    assert np.array_equal(read_result(copy).A.toarray(), A.toarray())


def test_dff_of_the_file_is_kept_where_it_is_sane(copy):
    with h5py.File(copy) as file:
        stored = file["estimates/F_dff"][()]
    result = read_result(copy)
    assert result.dff_method == "file" and np.allclose(result.F_dff, stored, atol=1e-6)


@pytest.mark.parametrize("spoilt", [None, -1274995.6, np.nan])
def test_dff_is_computed_where_it_is_absent_or_impossible(copy, spoilt):
    if spoilt is None:
        replace(copy, "estimates/F_dff", "NoneType")
    else:
        with h5py.File(copy, "r+") as file:
            file["estimates/F_dff"][3, 100] = spoilt
    result = read_result(copy)
    assert result.dff_method.startswith("computed")
    assert np.all(np.isfinite(result.F_dff)) and np.abs(result.F_dff).max() < 20
    for dff, trace in zip(result.F_dff, result.C, strict=True):
        assert np.corrcoef(dff, trace)[0, 1] > 0.9


def test_without_any_background_there_is_no_dff(copy):
    replace(copy, "estimates/F_dff", "NoneType")
    replace(copy, "estimates/b0", "NoneType")
    replace(copy, "motion_correction")
    result = read_result(copy)
    assert result.F_dff is None and result.dff_method == "" and result.average_image is None


class TestFolder:
    def test_first_pass_is_left_out(self, tmp_path):
        final = shutil.copy(FIT_FILE, tmp_path / "memmap_order_C.hdf5")
        first = shutil.copy(FIT_FILE, tmp_path / "memmap_order_C_init.hdf5")
        replace(first, "motion_correction")
        assert find_result(tmp_path) == Path(final)
        # nor has the final one the group, if the Elements have not added it
        replace(final, "motion_correction")
        assert find_result(tmp_path) == Path(final)
        assert read_result(tmp_path).n_components == 8

    def test_only_the_first_pass(self, tmp_path):
        first = shutil.copy(FIT_FILE, tmp_path / "memmap_order_C_init.hdf5")
        assert find_result(tmp_path) == Path(first)

    def test_the_one_with_motion_correction_is_meant(self, tmp_path):
        whole = shutil.copy(FIT_FILE, tmp_path / "b.hdf5")
        replace(shutil.copy(FIT_FILE, tmp_path / "a.hdf5"), "motion_correction")
        assert find_result(tmp_path) == Path(whole)

    def test_other_files_are_passed_over(self, tmp_path):
        (tmp_path / "notes.hdf5").write_text("not HDF5")
        with h5py.File(tmp_path / "behaviour.h5", "w") as file:
            file["position"] = np.arange(3)
        shutil.copy(FIT_FILE, tmp_path)
        assert read_result(tmp_path).n_components == 8

    def test_several_are_named(self, tmp_path):
        shutil.copy(FIT_FILE, tmp_path / "a.hdf5")
        shutil.copy(PIECEWISE, tmp_path / "b.hdf5")
        with pytest.raises(ResultError, match=r"several results of CaImAn \(a.hdf5, b.hdf5\)"):
            read_result(tmp_path)

    def test_none(self, tmp_path):
        with pytest.raises(ResultError, match="holds no result of CaImAn"):
            read_result(tmp_path)

    def test_damaged_one_is_named(self, tmp_path):
        (tmp_path / "result.hdf5").write_bytes(FIT_FILE.read_bytes()[:1000])
        with pytest.raises(ResultError, match="holds no result of CaImAn .*; result.hdf5 cannot be read as HDF5"):
            read_result(tmp_path)

    def test_missing(self, tmp_path):
        with pytest.raises(ResultError, match="no result file or folder"):
            read_result(tmp_path / "nowhere")


class TestRefused:
    def test_not_hdf5(self, tmp_path):
        path = tmp_path / "result.hdf5"
        path.write_text("this is a text")
        with pytest.raises(ResultError, match="cannot be read as an HDF5 file"):
            read_result(path)

    def test_truncated(self, copy):
        copy.write_bytes(copy.read_bytes()[:200_000])
        with pytest.raises(ResultError, match=str(copy)):
            read_result(copy)

    def test_other_hdf5(self, tmp_path):
        path = tmp_path / "other.hdf5"
        with h5py.File(path, "w") as file:
            file["position"] = np.arange(3)
        with pytest.raises(ResultError, match="no result of CaImAn: it has no estimates/A"):
            read_result(path)

    @pytest.mark.parametrize(
        ("name", "value", "says"),
        [
            ("estimates/C", np.zeros((5, 600)), "do not fit 8 footprints"),
            ("estimates/C", "NoneType", "no traces"),
            ("estimates/A", "NoneType", "no footprints"),
            ("estimates/S", np.zeros((8, 599)), "S has the shape"),
            ("dims", np.array([80, 81]), "do not fit 80 x 81"),
            ("dims", np.array([80, 80, 3]), "only two dimensions"),
            ("estimates/idx_components", np.array([0, 99]), "each of the 8 components once"),
            ("motion_correction/shifts_rig", np.zeros((300, 2)), "300 frames and the traces have 600"),
            ("motion_correction/average_image", np.zeros((80, 70)), "average_image has the shape"),
            ("estimates/A/indptr", np.array([0, 5]), "not a whole result"),
        ],
    )
    def test_contradiction(self, copy, name, value, says):
        replace(copy, name, value)
        with pytest.raises(ResultError, match=says) as error:
            read_result(copy)
        assert str(copy) in str(error.value)
