import numpy as np
import pytest
import scipy.optimize
import simulation

from workflow_miniscope.cnmfe.calcium import deconvolution


def ar1(events, g):
    c = np.zeros_like(events)
    for t in range(events.shape[-1]):
        c[..., t] = events[..., t] + (g * c[..., t - 1] if t else 0)
    return c


def test_oasis_is_the_exact_minimum(rng):
    g, n, penalty = 0.9, 60, 0.3
    y = ar1((rng.random(n) < 0.1) * 2.0, g) + rng.normal(0, 0.3, n)
    kernel = np.tril(g ** np.maximum(np.subtract.outer(np.arange(n), np.arange(n)), 0))
    # min 1/2 |y - K s|^2 + penalty sum s as non-negative least squares: complete the square
    shifted = y - penalty * np.linalg.solve(kernel.T, np.ones(n))
    s, _ = scipy.optimize.nnls(kernel, shifted)
    np.testing.assert_allclose(deconvolution.oasis(y, g, penalty), kernel @ s, atol=1e-6)


def test_oasis_finds_the_events_of_a_known_process(rng):
    g = 0.93
    events = (rng.random(3000) < 0.02) * rng.uniform(1, 2, 3000)
    calcium = ar1(events, g)
    c = deconvolution.oasis(calcium + rng.normal(0, 0.2, 3000), g, 0.1)
    assert np.corrcoef(c, calcium)[0, 1] > 0.98
    s = np.r_[0, np.maximum(c[1:] - g * c[:-1], 0)]
    assert np.corrcoef(s, events)[0, 1] > 0.9


def test_coordinate_descent_reaches_the_optimum(rng):
    kernel = deconvolution.spike_response(20, 0.05, 0.4)
    y = np.convolve((rng.random(200) < 0.05) * 1.0, kernel)[:200] + rng.normal(0, 0.1, 200)
    penalty = 0.2
    c, s = deconvolution.deconvolve(y, kernel, penalty, 1e-8, sweeps=20000)
    slope = np.array([kernel[: 200 - t] @ (y - c)[t : t + len(kernel)] for t in range(200)])
    assert np.all(slope[s == 0] <= penalty + 1e-4)
    np.testing.assert_allclose(slope[s > 0], penalty, atol=1e-3)


def test_response_is_the_average_over_exposure_and_arrival():
    fps, rise, decay = 20.0, 0.05, 0.5
    kernel = deconvolution.spike_response(fps, rise, decay)
    fine = 400
    t = np.arange(int(8 * fine)) / (fps * fine)
    calcium = np.exp(-t / decay) - np.exp(-t / rise)
    frames = np.zeros(8)
    for start in range(0, fine, 4):
        delayed = np.r_[np.zeros(start), calcium][: 8 * fine]
        frames += delayed.reshape(8, fine).mean(axis=1)
    np.testing.assert_allclose(kernel[:8] / kernel[3], frames / frames[3], atol=0.01)


def test_noise_and_baseline_do_not_follow_transients(rng):
    C, _ = simulation.activity(1, 4000, rng)
    trace = 5 + 3 * C[0] + rng.normal(0, 0.5, 4000)
    assert deconvolution.noise(trace) == pytest.approx(0.5, rel=0.1)
    assert deconvolution.baseline(trace) == pytest.approx(5, abs=0.25)
