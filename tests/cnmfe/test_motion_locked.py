"""Light that follows the motion is no activity."""

import numpy as np
import pytest

from workflow_miniscope.cnmfe.model.motion_locked import regressors


def explained(traces, shifts):
    """Fraction of the variance of each trace that a quadratic function of the motion explains."""
    y, x = shifts.T
    z = np.stack([y, x, y * y, x * x, y * x, np.ones(len(y))], axis=1)
    left = traces - traces @ np.linalg.pinv(z).T @ z.T
    return 1 - left.var(axis=1) / traces.var(axis=1)


def test_little_of_what_traces_leave_follows_the_motion(extracted):
    share = explained(extracted.YrA.astype(np.float64), extracted.motion.shifts)
    # five of 700 numbers explain 0.01 of noise that is white, and several times that of what is smooth
    assert share.mean() < 0.1
    assert share.max() < 0.3


def test_regressors_have_mean_0_and_variance_1(rng):
    z = regressors(rng.normal(0, [2.0, 0.5], (900, 2)))
    assert z.shape == (5, 900)
    np.testing.assert_allclose(z.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(z.std(axis=1), 1, rtol=1e-4)


@pytest.mark.parametrize(("moves", "n"), [((0.0, 0.0), 0), ((1.0, 0.0), 2)])
def test_directions_without_motion_say_nothing(rng, moves, n):
    assert regressors(rng.normal(size=(300, 2)) * moves).shape == (n, 300)


def test_single_frames_far_away_do_not_decide(rng):
    shifts = rng.normal(size=(3000, 2))
    usual = regressors(shifts)
    shifts[1500] = 40
    others = np.arange(3000) != 1500
    for before, after in zip(usual, regressors(shifts), strict=True):
        assert np.corrcoef(before[others], after[others])[0, 1] > 0.99
