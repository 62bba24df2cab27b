"""What takes the place of pixels that a frame does not show."""

import numpy as np
import pytest
import scipy.sparse as sp
import simulation

from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.model import refinement

SHAPE = (30, 40)


def blob(y, x, sigma=3.0):
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    return np.where(image > 0.01, image, 0).astype(np.float32)


def complete(cells, expected, seen, saturated):
    A = sp.csr_matrix(np.stack([cell.ravel() for cell in cells], axis=1))
    expected = expected.copy()
    refinement._complete(expected, seen - expected, saturated, A, A.T.tocsr())
    return expected


@pytest.mark.parametrize("factor", [0.6, 1.3])
def test_saturated_pixels_are_as_bright_as_those_around_say(factor):
    cells = [blob(14, 15), blob(16, 20), blob(5, 34)]
    true = 300 * cells[0] + 80 * cells[1] + 40 * cells[2]
    seen = np.minimum(true, 200)
    saturated = true > 195
    # the bright cell is taken to be darker or brighter than it was
    expected = complete(cells, true + (factor - 1) * 300 * cells[0], seen, saturated)
    assert saturated.sum() > 20
    np.testing.assert_allclose(expected[saturated], true[saturated], rtol=0.02)
    np.testing.assert_array_equal(expected[~saturated], (true + (factor - 1) * 300 * cells[0])[~saturated])


def test_a_component_that_is_saturated_wherever_it_is_seen_stays():
    cell = blob(14, 15)
    saturated = cell > 0
    expected = complete([cell], 200 * cell, np.full(SHAPE, 255, np.float32), saturated)
    np.testing.assert_array_equal(expected, 200 * cell)


def test_saturation_away_from_all_components_changes_nothing():
    saturated = np.zeros(SHAPE, bool)
    saturated[25:, :5] = True
    expected = complete([blob(8, 30)], np.ones(SHAPE, np.float32), np.full(SHAPE, 9, np.float32), saturated)
    np.testing.assert_array_equal(expected, 1)


@pytest.mark.parametrize("seed", [0, 3])
def test_cells_that_saturate_keep_their_brightness(seed):
    recording = simulation.make(seed=seed, n_cells=8, brightness=140)
    assert (recording.movie == 255).any()
    result = extract(recording.movie, recording.fps, progress=False)
    pairs = simulation.match(result, recording)
    assert len(pairs) == 8
    for i, j in pairs:
        true, found = recording.C[j], result.C[i] - np.median(result.C[i])
        large = true > np.percentile(true, 98)
        small = (true > np.percentile(true, 60)) & (true < np.percentile(true, 90))
        # brightness of the large events in units of that of the small ones
        assert found[large].mean() / true[large].mean() > 0.9 * np.polyfit(true[small], found[small], 1)[0]
