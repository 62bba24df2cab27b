"""The clock of a camera from stamps that jitter: what was lost is found where it was, and nothing else is."""

import numpy as np
import pytest

from workflow_miniscope import daq
from workflow_miniscope.daq import examine

TICK = 0.015625  # s, of Windows


def taken(n_frames, interval, lost=()):
    """Times (s) at which frames were taken; ``lost`` are pairs of a frame and how many are missing before it."""
    missing = np.zeros(n_frames, int)
    for frame, how_many in lost:
        missing[frame] = how_many
    return interval * (np.arange(n_frames) + np.cumsum(missing))


def stamped(times, delays=0.0):
    """Whole milliseconds; the computer stamps one frame after the other."""
    return np.maximum.accumulate(np.round(1000 * (times + delays)) / 1000)


def found(timing):
    return [(gap.index + 1, gap.missing) for gap in timing.gaps]


def test_the_smallest_case():
    """Twenty stamps of a webcam on a tick of 15.6 ms: an interval of 50 ms is no lost frame."""
    intervals = [30, 32, 32, 32, 32, 31, 32, 34, 31, 32, 50, 31, 32, 32, 31, 33, 34, 29, 32]
    timing = examine(np.append(0, np.cumsum(intervals)) / 1000)
    assert timing.dropped_frames == 0 and timing.warnings == ()


@pytest.mark.parametrize("interval", [1 / 60, 1 / 30, 0.05, 0.1])
@pytest.mark.parametrize("n_frames", [300, 3000])
@pytest.mark.parametrize("seed", range(3))
def test_jitter_is_no_lost_frame(interval, n_frames, seed):
    delays = np.random.default_rng(seed).uniform(-0.45, 0.45, n_frames) * interval
    timing = examine(stamped(taken(n_frames, interval), delays))
    assert timing.dropped_frames == 0
    assert timing.interval == pytest.approx(interval, rel=0.001)
    assert len(timing.stretches) == 1 and not timing.pauses


def on_a_tick(times):
    """Stamps of a system whose clock stands still between ticks."""
    return TICK * np.ceil(times / TICK)


@pytest.mark.parametrize("seed", range(3))
def test_a_webcam_on_the_tick_of_the_operating_system(seed):
    """Its intervals are of 31 and 47 ms. Two losses are found, of one frame and of a second and a half."""
    rng = np.random.default_rng(seed)
    lost = [(400, 1), (2000, 44)]
    timing = examine(stamped(on_a_tick(taken(3000, 1 / 29.8356, lost)), rng.normal(0, 0.001, 3000)))
    assert [missing for _, missing in found(timing)] == [1, 44]
    assert np.abs(np.subtract([frame for frame, _ in found(timing)], [400, 2000])).max() <= 1
    assert timing.fps == pytest.approx(29.8356, rel=0.0005)


@pytest.mark.parametrize("jitter", [0, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_lost_frames_are_found_where_they_were(jitter, seed):
    rng = np.random.default_rng(seed)
    frames = np.cumsum(rng.integers(8, 60, 40))
    lost = [(int(frame), int(rng.choice([1, 1, 2, 5]))) for frame in frames]
    delays = rng.uniform(-jitter, jitter, frames[-1] + 50) / 30
    timing = examine(stamped(taken(len(delays), 1 / 30, lost), delays))
    assert timing.fps == pytest.approx(30, rel=0.0005)
    if jitter < 0.3:
        assert found(timing) == lost
    else:
        assert [missing for _, missing in found(timing)] == [missing for _, missing in lost]
        assert np.abs(np.subtract([frame for frame, _ in found(timing)], frames)).max() <= 1


@pytest.mark.parametrize("seed", range(3))
def test_losses_in_strong_jitter(seed):
    """Which of two frames a gap is beside cannot be known; how many are missing can."""
    rng = np.random.default_rng(seed)
    lost = [(200, 1), (500, 2), (900, 1)]
    timing = examine(stamped(taken(1200, 0.05, lost), 0.05 * rng.uniform(-0.45, 0.45, 1200)))
    assert timing.dropped_frames == 4
    places = timing.places(1200)
    assert np.count_nonzero(places != np.round(taken(1200, 0.05, lost) / 0.05)) <= 6


def test_frames_that_wait_and_come_at_once():
    """A busy computer: up to five frames wait, all of them are there."""
    rng = np.random.default_rng(0)
    times = taken(2000, 0.05)
    for start in rng.choice(1900, 60, replace=False):
        times[start : start + 5] = np.maximum(times[start : start + 5], times[start + 4] + 0.001 * np.arange(5))
    timing = examine(stamped(times))
    assert timing.dropped_frames == 0
    assert timing.fps == pytest.approx(20, rel=0.0005)


def test_every_tenth_frame_lost():
    """The rate is that of the camera, not of what is left of it."""
    kept = np.setdiff1d(np.arange(2000), np.arange(5, 2000, 10))
    rng = np.random.default_rng(0)
    timing = examine(stamped(kept / 30, rng.uniform(0, 0.3, len(kept)) / 30))
    assert timing.dropped_frames == 200
    assert timing.fps == pytest.approx(30, rel=0.001)


@pytest.mark.parametrize("jitter", [0, 0.3])
@pytest.mark.parametrize("rates", [(30, 15), (20, 30), (30, 15, 30)])
def test_a_change_of_the_rate_is_told_as_one(rates, jitter):
    intervals = np.concatenate([np.full(600, 1 / rate) for rate in rates])
    delays = np.random.default_rng(0).uniform(-jitter, jitter, len(intervals) + 1) * np.append(intervals, intervals[-1])
    timing = examine(stamped(np.append(0, np.cumsum(intervals)), delays))
    assert timing.dropped_frames == 0
    assert [stretch.fps for stretch in timing.stretches] == pytest.approx(rates, rel=0.002)
    assert np.abs([one.start - 600 * i for i, one in enumerate(timing.stretches)]).max() <= 3
    (warning,) = timing.warnings
    for rate in rates:
        assert f"{rate}.00" in warning or jitter
    assert "rate changes" in warning


def test_frames_lost_before_and_after_a_change_of_the_rate():
    intervals = np.concatenate([np.full(500, 1 / 30), np.full(500, 1 / 15)])
    intervals[[100, 700]] *= 3
    timing = examine(stamped(np.append(0, np.cumsum(intervals))))
    assert found(timing) == [(101, 2), (701, 2)]
    assert len(timing.stretches) == 2


def test_the_grid_of_a_recording_whose_rate_falls():
    """Frames at half the rate have every second place; that is how the engine sees the time between them."""
    intervals = np.concatenate([np.full(500, 1 / 30), np.full(300, 1 / 15)])
    timing = examine(stamped(np.append(0, np.cumsum(intervals))))
    places = timing.places(801)
    np.testing.assert_array_equal(np.diff(places)[:500], 1)
    np.testing.assert_array_equal(np.diff(places)[500:], 2)


@pytest.mark.parametrize("pause", [20, 60])
def test_a_pause_is_no_loss(pause):
    times = taken(1000, 0.05, [(300, 2)])
    times[600:] += pause
    timing = examine(stamped(times))
    assert found(timing) == [(300, 2)]
    (gap,) = timing.pauses
    assert gap.index == 599 and gap.interval == pytest.approx(pause + 0.05)
    assert gap.missing == round(pause / 0.05)
    assert timing.fps == pytest.approx(20)
    assert any(f"paused for {gap.interval:.1f} s after frame 599" in warning for warning in timing.warnings)
    assert timing.places(1000)[-1] == 999 + 2 + gap.missing


def test_the_counter_of_the_daq_and_the_times_tell_of_one_loss():
    """The times place a loss a frame later than the counter, because of jitter: it is one loss."""
    times = taken(400, 0.05, [(200, 1)])
    times[199] += 0.03
    times[200] -= 0.03
    counter = np.arange(400) + (np.arange(400) >= 200)
    assert found(examine(stamped(times), counter)) == [(200, 1)]


def test_a_slow_drift_is_no_loss():
    """The clock of the camera warms up: half a frame too many after an hour."""
    frames = np.arange(108_000)
    times = frames / 30 * (1 + 1e-4 * frames / 108_000)
    timing = examine(stamped(times, np.random.default_rng(0).uniform(0, 0.4, len(frames)) / 30))
    assert timing.dropped_frames == 0 and len(timing.stretches) == 1


def test_the_engine_sees_regular_times():
    from workflow_miniscope.cnmfe.calcium import timebase

    rng = np.random.default_rng(1)
    times = stamped(on_a_tick(taken(2000, 1 / 29.8356)), rng.normal(0, 0.001, 2000))
    base = timebase.from_times(daq.cleaned(times), 2000)
    assert base.regular and base.fps == pytest.approx(29.8356, rel=0.0005)


@pytest.mark.parametrize("n, share, jitter", [(100, 0.4, 0), (200, 0.4, 0), (200, 0.4, 0.2), (200, 0.3, 0.2)])
def test_the_rate_where_many_frames_are_lost(n, share, jitter):
    """What is left still keeps step with the camera, and so its rate is known."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        lost = (rng.random(n) < share) & (np.arange(n) > 0)
        timing = examine(stamped(0.05 * (np.arange(n) + np.cumsum(lost)), 0.05 * rng.uniform(-jitter, jitter, n)))
        assert timing.fps == pytest.approx(20, rel=0.005)
        assert abs(timing.dropped_frames - lost.sum()) <= 0.05 * lost.sum()


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("n", [20, 50, 200, 600])
def test_any_share_of_lost_frames_is_examined(n, share):
    """Half of the frames lost is another rate, or many losses; it is never an error."""
    for seed in range(12):
        lost = np.random.default_rng(seed).random(n) < share
        found = daq.examine((50 * np.arange(n) + 50 * np.cumsum(lost)) / 1000)
        assert [stretch.start for stretch in found.stretches[1:]] == [stretch.stop for stretch in found.stretches[:-1]]
        assert (found.stretches[0].start, found.stretches[-1].stop) == (0, n)
        assert all(stretch.start < stretch.stop for stretch in found.stretches)
        assert 9 < found.fps < 21
