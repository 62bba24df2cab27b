"""dF/F of traces without background, against a truth."""

import numpy as np
import planted
import pytest
from scipy.ndimage import percentile_filter

from workflow_miniscope.results.caiman.dff import Dff, background, compute_dff, is_sane, running_percentile


@pytest.fixture
def cells():
    """Footprints over an uneven background, and traces that are a known share of it."""
    rng = np.random.default_rng(3)
    A = planted.footprints()
    b0 = np.tile(np.linspace(30, 90, planted.WIDTH), (planted.HEIGHT, 1)).ravel(order="F")
    under = A.T @ b0
    _, dff = planted.spikes_and_traces(len(under), 2000, rng)
    noise = rng.normal(0, 0.01, dff.shape)
    return A, b0, under, dff, dff * under[:, None], noise * under[:, None]


def test_recovers_the_truth(cells):
    A, b0, _, dff, C, YrA = cells
    found = compute_dff(A, C, YrA=YrA, b0=b0)
    assert found.dtype == np.float32 and found.shape == dff.shape
    for one, other in zip(found, dff, strict=True):
        slope, offset = np.polyfit(other, one, 1)
        # the running percentile lies a little above a baseline that activity rarely reaches
        assert slope == pytest.approx(1, abs=0.1) and abs(offset) < 0.1
        assert np.corrcoef(one, other)[0, 1] > 0.97


def test_the_formula_without_a_background_explodes(cells):
    """What CaImAn stores with nb = 0, and that it is recognised."""
    A, b0, _, _, C, YrA = cells
    F = C + YrA
    baseline = percentile_filter(F, 8, (1, 500))
    baseline -= baseline[:, [0]]  # a background-subtracted trace, to the rounding error
    with np.errstate(divide="ignore", invalid="ignore"):
        assert not is_sane((F - baseline) / baseline)
    assert is_sane(compute_dff(A, C, YrA=YrA, b0=b0))


def test_scale_of_the_footprints_does_not_matter(cells):
    """A * C is the movie: twice the footprint and half the trace are the same cell."""
    A, b0, _, _, C, YrA = cells
    once = compute_dff(A, C, YrA=YrA, b0=b0)
    assert np.allclose(compute_dff(2 * A, C / 2, YrA=YrA / 2, b0=b0), once, atol=1e-5)


def test_average_image_stands_in_for_b0(cells):
    A, b0, under, _, C, _ = cells
    average = (b0 + A @ C.mean(axis=1)).reshape((planted.HEIGHT, planted.WIDTH), order="F")
    assert np.allclose(background(A, C, average_image=average)[:, 0], under, rtol=1e-4)


def test_low_rank_background_is_followed(cells):
    A, b0, under, _, C, _ = cells
    b, f = np.stack([b0, b0], axis=1), np.stack([np.ones(2000), np.linspace(0, 1, 2000)])
    found = background(A, C, b=b, f=f)
    assert found.shape == C.shape
    assert np.allclose(found[:, -1], 2 * under, rtol=1e-5) and np.allclose(found[:, 0], under, rtol=1e-5)


def test_no_background_known(cells):
    A, _, _, _, C, YrA = cells
    assert compute_dff(A, C, YrA=YrA) is None


def test_dark_place_and_empty_footprint(cells):
    A, b0, _, _, C, YrA = cells
    A = A.tolil()
    A[:, 0] = 0
    found = compute_dff(A.tocsc(), C, YrA=YrA, b0=np.where(np.arange(b0.size) < b0.size // 2, 0, b0))
    assert np.all(found[0] == 0) and np.all(np.isfinite(found))


def test_running_percentile_follows_the_exact_filter():
    rng = np.random.default_rng(0)
    drift = 50 * np.sin(np.linspace(0, 6, 4000))
    trace = (drift + rng.normal(0, 3, 4000) + 40 * (rng.random(4000) < 0.05))[None]
    exact = percentile_filter(trace, 8, (1, 500), mode="nearest")
    found = running_percentile(trace, 8, 500)
    inside = slice(250, -250)
    assert np.abs(found - exact)[:, inside].max() < 2.5
    assert running_percentile(trace[:, :300], 8, 500).shape == (1, 300)
    assert running_percentile(np.zeros((2, 0)), 8, 500).shape == (2, 0)


@pytest.mark.parametrize(("value", "sane"), [(0.0, True), (-0.5, True), (30.0, True), (1e3, False), (np.inf, False)])
def test_what_is_sane(value, sane):
    assert is_sane(np.array([[0.1, value]])) is sane


def test_rows_are_those_of_the_whole(cells):
    A, b0, under, _, C, YrA = cells
    rows, whole = Dff(background(A, C, b0=b0), C, YrA), compute_dff(A, C, YrA=YrA, b0=b0)
    assert rows.shape == whole.shape
    for some in (slice(None), slice(1, 3), slice(3, 4), slice(2, 2), slice(-1, None), slice(None, None, 2)):
        assert rows[some].dtype == np.float32 and np.array_equal(rows[some], whole[some])
