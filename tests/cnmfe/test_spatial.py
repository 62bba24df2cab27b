"""Which pixels a footprint keeps, and the noise that is taken out of a faint one."""

import numpy as np
import pytest

from workflow_miniscope.cnmfe.model import spatial

SIDE, SIGMA, ERROR = 41, 6.0, 0.1


@pytest.fixture
def cut():
    """A wide cell whose middle lies on the upper border of the field: its window, and the pixels in the field."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    inside = y >= 0
    return np.exp(-(y**2 + x**2) / (2 * SIGMA**2)).astype(np.float32) * inside, inside


def cosine(a, b):
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def test_a_faint_footprint_loses_its_noise_and_not_its_border(cut, rng):
    cell, inside = cut
    noisy = np.maximum(cell + 2 * ERROR * rng.normal(size=cell.shape), 0).astype(np.float32) * inside
    smooth = spatial.smooth(noisy, cell > 0.1, inside)
    assert cosine(noisy, cell) < 0.93
    assert cosine(smooth, cell) > 0.98
    border = np.s_[SIDE // 2, SIDE // 2 - 3 : SIDE // 2 + 4]
    assert 0.9 < smooth[border].mean() / cell[border].mean() < 1.2
    assert not smooth[~inside].any()


def test_a_smooth_footprint_stays_in_its_mask(cut):
    cell, inside = cut
    mask = cell > 0.2
    assert np.array_equal(spatial.smooth(cell, mask, inside) > 0, mask)


@pytest.mark.parametrize(("error", "faint"), [(ERROR, True), (ERROR / 4, False)])
def test_faint_is_what_hardly_stands_out_of_its_error(cut, error, faint):
    cell, inside = cut
    assert spatial.is_faint(cell, np.where(inside, error, 0).astype(np.float32)) is faint


def test_a_footprint_where_some_frames_do_not_cover_it(cut, rng):
    """The rest of the movie holds an older footprint: the fit to all frames is between it and the truth."""
    cell, inside = cut
    trace, seen = rng.gamma(0.3, size=2000), np.linspace(0.4, 1, SIDE)[:, None] * np.ones(SIDE)
    covered = rng.random(2000) < seen.ravel()[:, None]
    older = 0.5 * cell
    movie = np.where(covered, cell.ravel()[:, None], older.ravel()[:, None]) * trace
    fitted = (movie @ trace / (trace @ trace)).reshape(cell.shape).astype(np.float32)
    assert fitted[inside & (seen < 0.8)].mean() < 0.85 * cell[inside & (seen < 0.8)].mean()
    np.testing.assert_allclose(spatial.where_covered(fitted, older, seen), cell, atol=0.15)
    assert np.array_equal(spatial.where_covered(cell, older, np.ones(cell.shape)) > 0, cell > 0)
