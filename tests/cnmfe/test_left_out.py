"""Frames that do not show the tissue are found, left out, counted, and filled in the traces."""

from dataclasses import replace

import numpy as np
import pytest
import simulation

from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.calcium.deconvolution import spike_response
from workflow_miniscope.cnmfe.calcium.gaps import deconvolution_with_unseen
from workflow_miniscope.cnmfe.registration.rigid import RigidRegistration, StillRegistration
from workflow_miniscope.cnmfe.storage.left_out import FrameLook, name_other_field
from workflow_miniscope.errors import RecordingError
from workflow_miniscope.results.caiman import Reason, read_result

BAD = np.arange(37, 300, 34)


def dark(shape, seed=0):
    return np.random.default_rng(seed).normal(4, 1.2, shape).clip(0, 255).astype(np.uint8)


def half_black(movie, t):
    movie[t, 36:] = dark(movie[t, 36:].shape, t)


def rolled(movie, t):
    movie[t] = np.roll(movie[t], 30, axis=0)


def torn(movie, t):
    row = len(movie[t]) // 5
    movie[t, row:] = np.roll(movie[t, row:], 50, axis=1)


def black(movie, t):
    movie[t] = dark(movie[t].shape, t)


def saturated(movie, t):
    movie[t] = 255


def glaring(movie, t):
    movie[t] = np.minimum(movie[t] * 1.6, 255)


def register(movie, kind=RigidRegistration):
    with start_workers(1) as workers:
        registration = kind(movie.shape[1:], 3, (20, 20), workers)
        registration.fit(movie[::4])
        parts = [registration.register(movie[i : i + 256]) for i in range(0, len(movie), 256)]
    return [np.concatenate([getattr(part, name) for part in parts]) for name in parts[0]._fields]


@pytest.fixture(scope="module")
def fields():
    """A field with vessels everywhere, that moves and that does not."""
    return {
        kind: simulation.make(seed=1, height=96, width=128, frames=300, n_cells=8, vessels=14, motion=motion)
        for kind, motion in ((RigidRegistration, 2.0), (StillRegistration, 0.0))
    }


@pytest.mark.parametrize("spoil", [half_black, rolled, torn, black, saturated])
@pytest.mark.parametrize("kind", [RigidRegistration, StillRegistration])
def test_frames_that_do_not_show_the_field_do_not_match(fields, spoil, kind):
    movie = fields[kind].movie.copy()
    for t in BAD:
        spoil(movie, t)
    matched = register(movie, kind)[3]
    np.testing.assert_array_equal(np.flatnonzero(~matched), BAD)


def test_a_step_beyond_the_limit_is_followed():
    tall = simulation.make(seed=1, height=130, width=128, frames=300, n_cells=8, vessels=20)
    after = np.arange(300) >= 150
    shifts, _, _, matched, _, at_limit = register(
        np.where(after[:, None, None], tall.movie[:, :-30], tall.movie[:, 30:])
    )
    difference = -shifts - tall.shifts - after[:, None] * [30, 0]
    assert matched.all() and at_limit.mean() <= 0.02
    assert np.sqrt(np.mean((difference - difference.mean(axis=0)) ** 2)) < 0.35


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_another_field_is_not_forced_onto_the_template(fields, share):
    """The field that is seen longer counts; of two that are seen alike, the first."""
    movie = fields[RigidRegistration].movie.copy()
    after = np.arange(300) >= share * 300
    movie[after] = movie[after][:, ::-1, ::-1]
    matched = register(movie)[3]
    np.testing.assert_array_equal(matched, after if share < 0.5 else ~after)


def test_all_frames_of_a_good_recording_match(recording):
    _, _, score, matched, lying, at_limit = register(recording.movie)
    assert matched.all() and not at_limit.any()
    assert np.median(lying) > 0.9 and np.all((score > 0.3) & (score <= 1))


@pytest.mark.parametrize("factor", [0.5, 0.3])
def test_less_light_is_no_bad_frame(recording, factor):
    rng = np.random.default_rng(0)
    movie = recording.movie.copy()
    movie[200:450] = np.clip(movie[200:450] * factor + rng.normal(0, 1, movie[200:450].shape), 0, 255)
    matched = register(movie)[3]
    look = FrameLook(movie[::4])
    assert matched.all()
    assert not np.concatenate(
        [
            look.reasons(movie[i : i + 256], *np.ones((2, 256))[:, : len(movie) - i].astype(bool))
            for i in range(0, 700, 256)
        ]
    ).any()


def test_repeated_frames_are_those_that_equal_the_one_before(recording):
    movie = recording.movie[:300].copy()
    movie[[20, 21, 256]] = movie[[19, 19, 255]]
    look = FrameLook(movie[::3])
    again = np.concatenate([look.repeated(movie[:256]), look.repeated(movie[256:])])
    assert np.flatnonzero(again).tolist() == [20, 21, 256]
    assert not FrameLook(np.repeat(movie[:1], 50, axis=0)).repeated(np.repeat(movie[:1], 20, axis=0)).any()


def test_flashes_are_known_from_the_frames_around(recording):
    movie = recording.movie[:256].copy()
    for t in (60, 61, 150):
        glaring(movie, t)
    movie[200] //= 2
    reason = FrameLook(movie[::3]).reasons(movie, np.ones(256, bool), np.ones(256))
    assert np.flatnonzero(reason == Reason.BRIGHT).tolist() == [60, 61, 150]
    assert np.flatnonzero(reason == Reason.DARK).tolist() == [200]


def test_reasons_say_what_is_wrong(recording):
    movie = recording.movie[:256].copy()
    spoiled = {10: black, 60: torn, 110: half_black, 160: saturated}
    for t, spoil in spoiled.items():
        spoil(movie, t)
    _, _, _, matched, lying, _ = register(movie)
    reason = FrameLook(movie[::3]).reasons(movie, matched, lying)
    assert {t: Reason(reason[t]) for t in np.flatnonzero(reason)} == {
        10: Reason.DARK,
        60: Reason.DAMAGED,
        110: Reason.DAMAGED,
        160: Reason.BRIGHT,
    }


def test_a_long_stretch_of_unmatched_frames_is_another_field():
    reason = np.zeros(100, np.uint8)
    reason[[3, 4]], reason[50:90], reason[60] = Reason.UNMATCHED, Reason.UNMATCHED, Reason.REPEATED
    name_other_field(reason)
    assert np.flatnonzero(reason == Reason.UNMATCHED).tolist() == [3, 4]
    assert np.count_nonzero(reason == Reason.OTHER_FIELD) == 39


@pytest.fixture(scope="module")
def spoiled(recording):
    """What goes wrong, all of it in one recording: (movie, frames that are bad, with their reasons)."""
    movie, reasons = recording.movie.copy(), np.zeros(len(recording.movie), np.uint8)
    for t in range(40):
        black(movie, t)
    movie[300:320] = dark(movie[300:320].shape)
    reasons[:40], reasons[300:320] = Reason.DARK, Reason.DARK
    for t in (100, 350, 500, 650):
        torn(movie, t)
        half_black(movie, t + 11)
        glaring(movie, t + 22)
        movie[t + 33] = movie[t + 32]
        reasons[[t, t + 11]], reasons[t + 22], reasons[t + 33] = Reason.DAMAGED, Reason.BRIGHT, Reason.REPEATED
    return movie, reasons


@pytest.fixture(scope="module")
def from_spoiled(spoiled, recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoiled")
    return extract(spoiled[0], recording.fps, progress=False, output=folder), read_result(folder)


def test_bad_frames_are_counted_with_the_result(from_spoiled, spoiled):
    for result in from_spoiled:
        # of a small field with few structures, a torn frame may show nothing
        reason = np.where(result.frames.reason == Reason.UNMATCHED, Reason.DAMAGED, result.frames.reason)
        np.testing.assert_array_equal(reason, spoiled[1])
        counts = result.frames.counts
        assert (counts["repeated"], counts["dark"], counts["bright"]) == (4, 60, 4)
        assert sum(counts.values()) == 76
        assert result.frames.fraction_at_limit == 0
        assert 0.3 < result.frames.typical_score <= 1


def test_bad_frames_change_no_result(from_spoiled, spoiled, recording, extracted):
    result, good = from_spoiled[0], spoiled[1] == 0

    def agreement(result):
        pairs = simulation.match(result, recording)
        f1 = 2 * len(pairs) / (len(result.accepted) + len(recording.A))
        r = np.full((2, len(recording.A)), np.nan)
        for found, cell in pairs:
            for row, (ours, true) in zip(r, ((result.C, recording.C), (result.S, recording.S)), strict=True):
                row[cell] = np.corrcoef(ours[found, good], true[cell, good])[0, 1]
        difference = (-result.motion.shifts - recording.shifts)[good]
        return f1, r, np.sqrt(np.mean((difference - difference.mean(axis=0)) ** 2))

    (f1, r, error), (f1_bad, r_bad, error_bad) = agreement(extracted), agreement(result)
    assert f1_bad >= f1 - 0.05 and error_bad <= error + 0.03
    # cell by cell: the middle of twelve jumps from one to the next
    trace, activity = np.nanmedian(r - r_bad, axis=1)
    assert trace <= 0.01 and activity <= 0.05


def test_traces_are_whole_beside_bad_frames(from_spoiled, spoiled):
    result, bad = from_spoiled[0], spoiled[1] > 0
    assert not result.YrA[:, bad].any()
    # before the first frame nothing is known; a frame between two others has what they say
    assert not result.C[:, :40].any() and not result.S[:, :40].any()
    low, high = np.sort(result.C[:, [99, 101]], axis=1).T
    rising = result.S[:, 100] + result.S[:, 101]
    assert np.all(result.C[:, 100] >= 0.7 * low - 1e-3) and np.all(result.C[:, 100] <= high + rising + 1e-3)
    assert np.all(np.isfinite(result.motion.shifts)) and np.all(np.isfinite(result.F_dff))


def test_what_happens_while_frames_are_bad_is_no_activity_after_them():
    kernel = spike_response(20.0, 0.05, 0.5)
    activity = np.zeros(300)
    activity[[50, 140, 220]] = 5
    calcium = np.convolve(activity, kernel)[:300]
    used = np.ones(300, bool)
    used[130:150] = False
    noise = np.random.default_rng(0).normal(0, 0.05, 300)
    rows = np.arange(300)
    c, s = deconvolution_with_unseen((calcium + noise)[used], rows[used], rows, kernel, 0.05)
    assert s[150:155].max() < 0.5
    # what is left of it after the gap says that it was, not when
    assert s[130:150].sum() > 1.5
    np.testing.assert_allclose(c[used], calcium[used], atol=0.3)


def test_a_movie_whose_frames_come_twice_gives_what_they_give_once():
    once = simulation.make(seed=3, height=50, width=70, frames=300, n_cells=5)
    twice = replace(once, movie=np.repeat(once.movie, 2, axis=0), shifts=np.repeat(once.shifts, 2, axis=0))
    activity = []
    for recording, fps, each in ((once, 20.0, 1), (twice, 40.0, 2)):
        result = extract(recording.movie, fps, progress=False)
        assert result.frames.counts == ({"repeated": 300} if each == 2 else {})
        pairs = simulation.match(result, recording)
        assert len(pairs) >= 4
        activity.append(np.median([np.corrcoef(result.S[i, ::each], once.S[j])[0, 1] for i, j in pairs]))
    assert abs(activity[0] - activity[1]) < 0.03


def test_a_recording_in_the_dark_is_refused_in_words(recording):
    movie = recording.movie[:110].copy()
    movie[45:] = dark(movie[45:].shape)
    with pytest.raises(RecordingError, match="45 can be used .65 dark.*was the light on"):
        extract(movie, 20.0, progress=False)
