"""Files that CaImAn 1.9.0 itself saved, with the truth of what it analysed: ``planted.recording(48, 72, 300, 6)``.

Up to 1.9.8 every text is a dataset of its own, None among them; from 1.9.9 on texts are attributes, as in the files of
1.12.1 beside these. Nothing else of the layout changed in between.
"""

from pathlib import Path

import h5py
import numpy as np
import planted
import pytest
from scipy.optimize import linear_sum_assignment

from workflow_miniscope.reports.compare import compare
from workflow_miniscope.results.caiman import PiecewiseShifts, RigidShifts, read_result

DATA = Path(__file__).parent / "data"
PIECEWISE = DATA / "caiman_1.9.0_pw_rigid_48x72.hdf5"
# after select_components: the rejected ones are in a group of their own, and nothing says what was accepted
SELECTED = DATA / "caiman_1.9.0_selected_48x72.hdf5"
TWO_PHOTON = DATA / "caiman_1.9.0_cnmf_48x72.hdf5"


@pytest.fixture(scope="module")
def recording():
    return planted.recording(48, 72, 300, 6)


def paired(recording, result):
    """Pairs of (component, cell) at the same place."""
    found = result.A.T.toarray()
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    cells = np.array([cell.ravel(order="F") / np.linalg.norm(cell) for cell in recording.footprints])
    similarity = found @ cells.T
    return [(i, j) for i, j in zip(*linear_sum_assignment(-similarity), strict=True) if similarity[i, j] > 0.8]


@pytest.mark.parametrize(
    ("path", "accepted", "rejected", "least"),
    [(PIECEWISE, [0, 1, 3, 5], [2, 4], 5), (SELECTED, [0, 1, 2, 3], [], 3), (TWO_PHOTON, [0, 1, 2, 3], [4, 5], 3)],
)
def test_the_cells_are_where_they_were_planted(recording, path, accepted, rejected, least):
    result = read_result(path)
    assert (result.dims, result.n_frames, result.fps) == ((48, 72), 300, 20.0)
    assert (result.method, result.version) == ("caiman", "1.9.0")
    assert (result.accepted.tolist(), result.rejected.tolist()) == (accepted, rejected)
    assert result.snr.shape == result.r_values.shape == (len(accepted) + len(rejected),)
    pairs = paired(recording, result)
    assert len(pairs) >= least
    for i, j in pairs:
        row, column = np.unravel_index(recording.footprints[j].argmax(), result.dims)
        mask = result.mask(i)
        assert abs(mask.center_x - column) <= 2 and abs(mask.center_y - row) <= 2
        assert np.corrcoef(result.C[i], recording.traces[j])[0, 1] > 0.8
        assert np.corrcoef(result.F_dff[i], recording.traces[j])[0, 1] > 0.7
    assert np.abs(result.F_dff).max() < 5


def test_texts_are_datasets_and_none_is_none():
    with h5py.File(SELECTED) as file:
        assert file["params/init/method_init"][()] in ("corr_pnr", b"corr_pnr") and not file["params/init"].attrs
        assert "A" in file["estimates/discarded_components"]
    params = read_result(SELECTED).params
    assert params["init"]["method_init"] == "corr_pnr" and params["init"]["K"] is None
    assert params["motion"]["border_nan"] == "copy" and params["data"]["fnames"] == ["planted.tif"]
    assert params["patch"]["rf"] is None and params["init"]["center_psf"] is True


def test_what_was_not_deconvolved_is_absent():
    """Noise and baseline were saved as texts; the two-photon run ended with its initialisation and has neither."""
    result = read_result(SELECTED)
    assert result.bl.dtype == result.neurons_sn.dtype == np.float64 and (result.neurons_sn > 0).all()
    assert result.S.shape == (4, 300) and result.g.shape == (4, 1)
    assert read_result(TWO_PHOTON).S is read_result(TWO_PHOTON).g is read_result(TWO_PHOTON).neurons_sn is None


def test_backgrounds():
    ring, low_rank = read_result(SELECTED), read_result(TWO_PHOTON)
    # binned by 2 in each direction
    assert ring.W.shape == (24 * 36, 24 * 36) and ring.b0.shape == (48 * 72,)
    assert ring.dff_method.startswith("computed")
    assert low_rank.b.shape == (48 * 72, 2) and low_rank.f.shape == (2, 300) and low_rank.W is None
    assert low_rank.dff_method == "file"


@pytest.mark.parametrize("path", [PIECEWISE, SELECTED, TWO_PHOTON])
def test_the_average_is_that_of_the_frames_brought_back(recording, path):
    """To the template's own offset, of a pixel at most."""
    result = read_result(path)
    frames = [
        np.roll(frame.astype(float), shift.astype(int), axis=(0, 1))
        for frame, shift in zip(recording.movie.array, recording.shifts, strict=True)
    ]
    expected, inside = np.mean(frames, axis=0), (slice(8, -8), slice(8, -8))
    moved = [np.roll(expected, (dy, dx), axis=(0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    alike = [np.corrcoef(result.average_image[inside].ravel(), image[inside].ravel())[0, 1] for image in moved]
    assert max(alike) > 0.95


def test_shifts_are_the_corrections(recording):
    rigid, piecewise = read_result(SELECTED).motion, read_result(PIECEWISE).motion
    assert isinstance(rigid, RigidShifts) and isinstance(piecewise, PiecewiseShifts)
    assert np.std(rigid.shifts - recording.shifts, axis=0).max() < 0.5
    means = np.stack([piecewise.y.mean(axis=1), piecewise.x.mean(axis=1)], axis=1)
    assert np.std(means - recording.shifts, axis=0).max() < 0.7
    assert len(piecewise.blocks) == piecewise.y.shape[1] and piecewise.blocks.max(axis=0).tolist()[1::2] == [48, 72]


def test_results_of_different_kinds_are_compared():
    found = compare(read_result(PIECEWISE), read_result(TWO_PHOTON), rejected=True)
    assert len(found.pairs) >= 3 and np.median(found.correlation) > 0.8
