"""Noise that is not white: patterns that stay for many frames are no signal."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from workflow_miniscope.cnmfe.calcium.deconvolution import noise
from workflow_miniscope.cnmfe.cells import significance


def test_spreads_of_white_noise_are_its_standard_deviation(rng):
    values = rng.normal(0, 3.0, (2000, 40))
    assert np.median(significance.lower_spread(values)) == pytest.approx(3.0, rel=0.05)
    assert np.median(significance.narrowest_spread(values.T)) == pytest.approx(3.0, rel=0.15)


def test_slow_patterns_count_where_differences_of_frames_do_not_show_them(rng):
    """What compression, denoising or averages leave is smooth: successive frames hardly differ."""
    slow = gaussian_filter1d(rng.normal(0, 1.0, (2000, 40)), 4, axis=0)
    slow /= slow.std()
    assert np.median(noise(slow.T)) < 0.1
    assert np.median(significance.lower_spread(slow)) == pytest.approx(1.0, rel=0.2)


def test_transients_do_not_enter(rng):
    values = rng.normal(0, 1.0, (2000, 20))
    for start in range(50, 2000, 100):
        values[start : start + 12] += 30 * np.exp(-np.arange(12) / 4)[:, None]
    assert np.median(significance.lower_spread(values)) < 1.4
    assert np.median(significance.narrowest_spread(values.T)) < 1.4


def test_the_error_of_the_model_is_that_of_bright_light(rng):
    explained = rng.uniform(0, 100, (50, 20, 20))
    sn = np.ones((20, 20))
    left = 0.1 * explained * rng.normal(0, 1, explained.shape) + rng.normal(0, 1, explained.shape)
    assert significance.model_error(left, explained, sn) == pytest.approx(0.1, rel=0.15)
    assert significance.model_error(left, 0 * explained, sn) == significance.MODEL_ERROR
