"""Rise and decay time of indicators from fast to slow, at rates from 8 to 60 frames/s."""

import numpy as np
import pytest

from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.calcium import time_constants
from workflow_miniscope.cnmfe.calcium.deconvolution import baseline, noise, sparse_deconvolution, spike_response

FINE = 10  # steps of a frame


def traces_of_bursts(rng, fps, rise, decay, seconds=45, active=45, n=12):
    """Noisy traces [n, frames] of cells that fire bursts, and the spikes in each frame; exposure is a whole frame."""
    frames, dt = int(seconds * fps), 1 / (fps * FINE)
    t = np.arange(0, 8 * decay, dt)
    kernel = np.exp(-t / decay) - np.exp(-t / rise)
    spikes = np.zeros((n, frames * FINE))
    for row in spikes:
        for start in rng.uniform(0, active, 5):
            at = start + np.cumsum(rng.exponential(0.05, rng.integers(1, 8)))
            np.add.at(row, (at[at < seconds - dt] / dt).astype(int), 1.0)
    fine = np.stack([np.convolve(row, kernel / kernel.max())[: spikes.shape[1]] for row in spikes])
    calcium = fine.reshape(n, frames, FINE).mean(axis=2)
    noisy = 100 + rng.uniform(5, 15, (n, 1)) * calcium + rng.normal(0, 1, calcium.shape)
    return noisy, spikes.reshape(n, frames, FINE).sum(axis=2)


def activity_r(traces, spikes, fps, rise, decay):
    kernel = spike_response(fps, rise, decay)
    found = [sparse_deconvolution(y - baseline(y), kernel, float(noise(y)))[1] for y in traces]
    return np.median([np.corrcoef(a, b)[0, 1] for a, b in zip(found, spikes, strict=True)])


def estimate(traces, fps, **given):
    with start_workers(2) as workers:
        return time_constants.estimate(traces, fps, workers, **given)


INDICATORS = [(0.01, 0.1), (0.02, 0.2), (0.05, 0.5), (0.1, 1.0), (0.2, 1.5), (0.2, 3.0)]
# a camera that resolves the decay: frames are not longer than two thirds of it
SEEN = [(fps, *pair) for fps in (8.0, 20.0, 60.0) for pair in INDICATORS if fps * pair[1] >= 1.5]


@pytest.mark.parametrize(("fps", "rise", "decay"), SEEN)
def test_activity_is_as_good_as_with_the_true_constants(rng, fps, rise, decay):
    traces, spikes = traces_of_bursts(rng, fps, rise, decay)
    found = estimate(traces, fps)
    assert found[1] == pytest.approx(decay, rel=0.3)
    assert activity_r(traces, spikes, fps, *found) > activity_r(traces, spikes, fps, rise, decay) - 0.05


def test_what_is_given_is_kept(rng):
    traces, _ = traces_of_bursts(rng, 20.0, 0.05, 0.5)
    assert estimate(traces, 20.0, rise=0.03)[0] == 0.03
    assert estimate(traces, 20.0, decay=0.6)[1] == 0.6
    assert estimate(traces, 20.0, rise=0.03, decay=0.6) == (0.03, 0.6)


def test_a_long_recording_has_the_constants_of_a_short_one(rng):
    """Cells that are active at its beginning only count by what they show there."""
    long, _ = traces_of_bursts(rng, 20.0, 0.1, 1.0, seconds=600)
    assert estimate(long, 20.0) == pytest.approx((0.1, 1.0), rel=0.25)


def test_a_fast_camera_costs_no_more_for_a_slow_indicator(rng, monkeypatch):
    """The kernel of 3 s at 60 frames/s has a thousand frames: the search takes means of several."""
    traces, _ = traces_of_bursts(rng, 60.0, 0.2, 3.0)
    lengths = []
    monkeypatch.setattr(
        time_constants, "spike_response", lambda fps, *pair: lengths.append(len(k := spike_response(fps, *pair))) or k
    )
    assert estimate(traces, 60.0)[1] == pytest.approx(3.0, rel=0.3)
    assert max(lengths) < 400


def test_traces_that_are_not_calcium_say_nothing_and_cost_nothing(rng):
    """Waves with hardly any noise took minutes, because every frame of them counted as an event."""
    waves = np.sin(np.arange(1200) / rng.uniform(5, 30, (20, 1)) + rng.uniform(0, 6, (20, 1)))
    waves += rng.normal(0, 1e-3, waves.shape)
    assert estimate(waves.astype(np.float32), 20.0) == time_constants.usual()
