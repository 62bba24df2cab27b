"""Frames that are missing: where they are, and that they neither end transients nor begin any."""

import logging

import numpy as np
import planted
import pytest
import scipy.optimize
import simulation
from stub_engine import StubEngine, StubParameters

from workflow_miniscope import engines
from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.calcium import deconvolution, gaps, temporal, timebase
from workflow_miniscope.errors import ParameterError, RecordingError
from workflow_miniscope.results.caiman import read_result

FPS = 20.0
RISE, DECAY = 0.05, 0.5
LONGEST = len(deconvolution.spike_response(FPS, RISE, DECAY))


# Places -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_places_are_those_of_the_frames_that_were_recorded(seed):
    rng = np.random.default_rng(seed)
    recorded = np.flatnonzero(rng.random(2000) < 0.9)
    recorded -= recorded[0]
    recorded[1500:] += 100
    times = recorded / FPS + rng.uniform(-0.2, 0.2, len(recorded)) / FPS - 0.3
    base = timebase.from_times(times, len(times))
    np.testing.assert_array_equal(base.places, recorded)
    assert base.fps == pytest.approx(FPS, rel=0.002)


def test_whole_milliseconds_and_jitter_are_no_gaps_in_an_hour(rng):
    times = np.round(1000 * np.arange(108_000) / 30 + np.abs(rng.normal(0, 4, 108_000)).clip(0, 15)) / 1000
    assert timebase.from_times(times, len(times)).regular


def test_a_late_frame_is_no_gap():
    times = np.arange(300) / FPS
    times[100] += 0.9 / FPS
    times[200:203] = times[203] - np.array([3, 2, 1]) / 1000
    assert timebase.from_times(times, 300, FPS).regular


def test_frames_whose_time_is_not_trusted_lie_between_their_neighbours():
    recorded = np.r_[0:100, 104:200]
    times = recorded / FPS
    times[[0, 50, 51, 195]] = np.nan
    base = timebase.from_times(times, len(times))
    np.testing.assert_array_equal(base.places, recorded)
    assert base.describe(LONGEST) == {
        "fps": pytest.approx(FPS),
        "gaps": 1,
        "missing_frames": 4,
        "longest_gap_s": pytest.approx(0.25),
        "segments": 1,
        "frames_without_time": 4,
    }


def test_gaps_longer_than_a_transient_separate_segments(caplog):
    recorded = np.r_[0:100, 105:200, 400:500]
    base = timebase.from_times(recorded / FPS, len(recorded))
    assert base.describe(LONGEST)["segments"] == 2
    assert base.describe(LONGEST)["longest_gap_s"] == pytest.approx(10.05)
    assert base.steps(LONGEST).max() == LONGEST
    timebase.report(base.describe(LONGEST))
    assert "nothing of a transient is left divide the recording into 2 parts" in caplog.text
    assert timebase.consecutive(50, FPS).describe(LONGEST)["segments"] == 1


def changed(at, value):
    times = np.arange(100) / FPS
    times[at] = value
    return times


@pytest.mark.parametrize(
    ("times", "fps", "error", "sentence"),
    [
        (np.arange(99) / FPS, None, RecordingError, "each of the 100 frames"),
        (np.zeros((100, 2)), None, RecordingError, r"shape \(100, 2\)"),
        (changed(40, 1.9), None, RecordingError, "frame 40 has 1.9 s after 1.95 s of frame 39"),
        (changed(40, 1.95), FPS, RecordingError, "do not increase"),
        (changed(slice(1, None), np.nan), FPS, RecordingError, "1 can be used"),
        (changed(slice(1, None, 2), np.nan), None, RecordingError, "no frame rate"),
        (50.0 * np.arange(100), None, RecordingError, "milliseconds"),
        (["now"] * 100, None, RecordingError, "numbers"),
        (np.arange(100) / FPS, 30, ParameterError, "30 Hz, but the frame times have 20 Hz"),
    ],
)
def test_times_that_cannot_be_used(times, fps, error, sentence):
    with pytest.raises(error, match=sentence):
        timebase.from_times(times, 100, fps)


# Deconvolution ----------------------------------------------------------------


def test_oasis_with_gaps_is_the_exact_minimum(rng):
    g, penalty = 0.9, 0.3
    places = np.r_[0:15, 18:30, 31:40, 90:110]
    n = len(places)
    factors = gaps.factors(np.diff(places, prepend=-1), g, 50)
    kernel = np.tril(g ** np.maximum(np.subtract.outer(places, places), 0))
    kernel[places >= 90] *= places >= 90  # nothing is left after the long gap
    y = kernel @ ((rng.random(n) < 0.15) * 2.0) + rng.normal(0, 0.3, n)
    shifted = y - penalty * np.linalg.solve(kernel.T, np.ones(n))
    s, _ = scipy.optimize.nnls(kernel, shifted)
    np.testing.assert_allclose(gaps.oasis(y, factors, penalty), kernel @ s, atol=1e-6)


def test_coordinate_descent_with_gaps_reaches_the_optimum(rng):
    places = np.r_[0:60, 65:100, 101:150, 150 + LONGEST : 200 + LONGEST]
    kernel = deconvolution.spike_response(FPS, RISE, DECAY)
    response = np.zeros((places[-1] + 1,) * 2)
    for t in range(len(response)):
        response[t : t + len(kernel), t] = kernel[: len(response) - t]
    response = response[places]
    y = response @ (rng.random(response.shape[1]) < 0.05) + rng.normal(0, 0.1, len(places))
    steps = np.diff(places, prepend=-1)
    c, s = gaps.sparse_deconvolution(y, steps, kernel, 0.1, sweeps=20000)
    penalty = deconvolution.EVENT_STANDARD_ERRORS * 0.1 * np.sqrt(kernel @ kernel)
    exact, _ = scipy.optimize.nnls(
        np.vstack([response, np.eye(response.shape[1]) * 1e-4]),
        np.r_[y, np.full(response.shape[1], -penalty / 1e-4)],
        maxiter=10**5,
    )
    np.testing.assert_allclose(c, response @ exact, atol=0.02)
    assert np.sum((y - c) ** 2) / 2 + penalty * s.sum() == pytest.approx(
        np.sum((y - response @ exact) ** 2) / 2 + penalty * exact.sum(), rel=1e-3
    )


def test_without_gaps_both_are_as_ever(rng):
    y = simulation.activity(1, 500, rng)[0][0] + rng.normal(0, 0.1, 500)
    steps, kernel = np.ones(500, np.int64), deconvolution.spike_response(FPS, RISE, DECAY)
    for found, expected in zip(
        gaps.sparse_deconvolution(y, steps, kernel, 0.1),
        deconvolution.sparse_deconvolution(y, kernel, 0.1),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_allclose(
        gaps.oasis(y, gaps.factors(steps, 0.9, 60), 0.1), deconvolution.oasis(y, 0.9, 0.1), atol=1e-9
    )


def finish(raw, p, base):
    times = deconvolution.TimeConstants(RISE, DECAY)
    with start_workers(2) as workers:
        return temporal.finish(raw.astype(np.float32), base, p, times, workers)[:2]


def plant(p, rng, n=6, frames=3000):
    """Calcium and activity [n, frames] as the model of order p has them."""
    if p == 2:
        return simulation.activity(n, frames, rng, rise=RISE, decay=DECAY, rate=0.3)
    spikes, calcium = planted.spikes_and_traces(n, frames, rng, rate=0.015, decay=np.exp(-1 / (FPS * DECAY)))
    return calcium, spikes


def correlation(found, true):
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found, true, strict=True)])


DROPS = {
    "single frames": lambda rng: rng.choice(3000, 150, replace=False),
    "bursts of 5": lambda rng: (rng.choice(200, 60, replace=False) * 15)[:, None] + np.arange(2, 7),
    "a second, often": lambda rng: (np.arange(30) * 97 + 50)[:, None] + np.arange(20),
    "10 s once": lambda rng: np.arange(1400, 1600),
}


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("drops", DROPS)
def test_activity_is_as_good_as_without_gaps(drops, p, rng):
    C, S = plant(p, rng)
    raw = C + rng.normal(0, 0.1, C.shape)
    recorded = np.setdiff1d(np.arange(3000), DROPS[drops](rng).ravel())
    recorded -= recorded[0]
    n = len(recorded)
    base = timebase.from_times(recorded / FPS, n, FPS)
    assert base.describe(LONGEST)["missing_frames"] == recorded[-1] + 1 - n
    # when in a gap something was cannot be known: there is a test of that below
    other = np.flatnonzero(np.diff(recorded, prepend=-1) == 1)
    whole = correlation(finish(raw, p, timebase.consecutive(3000, FPS))[1][:, recorded[other]], S[:, recorded[other]])
    aware = finish(raw[:, recorded], p, base)
    ignored = finish(raw[:, recorded], p, timebase.consecutive(n, FPS))
    activity = correlation(aware[1][:, other], S[:, recorded[other]])
    assert activity > whole - 0.03
    assert activity > correlation(ignored[1][:, other], S[:, recorded[other]]) - 0.002
    calcium = correlation(aware[0], C[:, recorded])
    assert calcium > 0.994
    assert calcium > correlation(ignored[0], C[:, recorded]) - 0.0001


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("missing", [1, 5, 12])
def test_a_gap_in_a_decay_is_no_event(p, missing, rng):
    frames, first = 600, np.arange(40, 560, 60)
    if p == 2:
        calcium = np.convolve(np.isin(np.arange(frames), first), deconvolution.spike_response(FPS, RISE, DECAY))
    else:
        calcium = np.convolve(np.isin(np.arange(frames), first), np.exp(-np.arange(60) / (FPS * DECAY)))
    calcium = calcium[None, :frames]
    noise = rng.normal(0, 0.01, calcium.shape)
    recorded = np.setdiff1d(np.arange(frames), (first[:, None] + 6 + np.arange(missing)).ravel())
    base = timebase.from_times(recorded / FPS, len(recorded))
    C, S = finish((calcium + noise)[:, recorded], p, base)
    after = base.missing > 0
    event = np.isin(recorded, first)
    near = event | np.roll(event, 1) | np.roll(event, -1)
    assert S[0, after].max() < 0.02 and S[0, ~near].max() < 0.05
    assert S[0, near].sum() == pytest.approx(len(first), rel=0.1)
    np.testing.assert_allclose(C[0], calcium[0, recorded], atol=0.08)

    ignored, _ = finish((calcium + noise)[:, recorded], p, timebase.consecutive(len(recorded), FPS))
    aware, worse = (np.square(x[0] - calcium[0, recorded]).mean() for x in (C, ignored))
    assert aware < worse / 2


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("missing", [5, 10])
def test_activity_in_a_gap_is_in_the_first_frame_after_it(p, missing, rng):
    frames, first = 600, np.arange(40, 560, 60)
    kernel = deconvolution.spike_response(FPS, RISE, DECAY) if p == 2 else np.exp(-np.arange(60) / (FPS * DECAY))
    calcium = np.convolve(np.isin(np.arange(frames), first), kernel)[:frames] + rng.normal(0, 0.05, frames)
    recorded = np.setdiff1d(np.arange(frames), (first[:, None] - 2 + np.arange(missing)).ravel())
    base = timebase.from_times(recorded / FPS, len(recorded))
    _, S = finish(calcium[None, recorded], p, base)
    after = base.missing > 0
    assert np.all(S[0, after] > 0.3)
    assert S[0, ~after].sum() < 0.1 * S[0].sum()


# The engine -------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    return simulation.make(seed=3, height=50, width=70, frames=500, n_cells=5)


@pytest.fixture(scope="module")
def whole(small):
    return extract(small.movie, FPS, progress=False)


def test_regular_times_change_nothing(small, whole):
    times = np.arange(500) / FPS - 0.04
    times += np.random.default_rng(0).uniform(-0.2, 0.2, 500) / FPS
    result = extract(small.movie, FPS, progress=False, times=times)
    for name in ("C", "S", "YrA", "F_dff", "snr", "r_values", "g", "bl"):
        np.testing.assert_array_equal(getattr(result, name), getattr(whole, name), err_msg=name)
    np.testing.assert_array_equal(result.A.toarray(), whole.A.toarray())
    assert result.requested["timing"]["missing_frames"] == 0
    assert "timing" not in whole.requested


def test_a_movie_with_dropped_frames(small, whole, tmp_path, caplog):
    recorded = np.setdiff1d(np.arange(500), np.r_[60, 111:116, 201, 290:300, 402])
    times = recorded / FPS
    times[30] = np.nan
    engine, movie = engines.get("cnmfe"), planted.ArrayMovie(small.movie[recorded])
    with caplog.at_level(logging.WARNING):
        path = engines.run_engine(engine, movie, engine.parse({}), tmp_path / "out", FPS, times, progress=False)
    assert "Frames missing: 18 (gaps: 5, the longest of 0.550 s)" in caplog.text
    assert "Frames without a trusted time: 1." in caplog.text
    assert "divide" not in caplog.text and "Segments" not in caplog.text
    result = read_result(path)
    told = {"fps": FPS, "gaps": 5, "missing_frames": 18, "longest_gap_s": 0.55, "segments": 1, "frames_without_time": 1}
    assert result.requested["timing"] == result.params["timing"] == told
    assert result.n_frames == len(recorded)

    C, S, shifts = small.C[:, recorded], small.S[:, recorded], small.shifts[recorded]
    part = simulation.Recording(movie.array, small.centers, small.A, C, S, shifts)
    pairs, before = simulation.match(result, part), simulation.match(whole, small)
    assert len(pairs) >= len(before) >= 4
    other = np.diff(recorded, prepend=-1) == 1
    assert np.median([np.corrcoef(result.C[i], C[j])[0, 1] for i, j in pairs]) > 0.97
    activity = np.median([np.corrcoef(result.S[i, other], S[j, other])[0, 1] for i, j in pairs])
    assert activity > np.median([np.corrcoef(whole.S[i], small.S[j])[0, 1] for i, j in before]) - 0.08


def test_the_rate_comes_from_the_times(small):
    result = extract(small.movie[:200], times=np.arange(200) / 25, progress=False)
    assert result.params["data"]["fr"] == pytest.approx(25)
    with pytest.raises(ParameterError, match="give fps, or the times"):
        extract(small.movie[:200], progress=False)
    with pytest.raises(RecordingError, match="each of the 200 frames"):
        extract(small.movie[:200], times=np.arange(100) / 25, progress=False)


def test_an_engine_that_takes_no_times_is_told_of(tmp_path, caplog):
    movie = planted.ArrayMovie(np.zeros((50, 4, 5), np.uint8))
    times = np.arange(50) / FPS
    engines.run_engine(StubEngine(), movie, StubParameters(), tmp_path / "a", FPS, times)
    assert not caplog.text
    times[25:] += 3 / FPS
    engines.run_engine(StubEngine(), movie, StubParameters(), tmp_path / "b", FPS, times)
    assert "stub takes all frames as consecutive, but some are missing: 3 (gaps: 1)" in caplog.text
