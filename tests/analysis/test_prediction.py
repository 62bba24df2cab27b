"""Activity that is known to follow the motion is predicted as well as it can be, and other activity is not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from threadpoolctl import threadpool_info, threadpool_limits

from workflow_miniscope.analysis.prediction import apart, predict_activity
from workflow_miniscope.errors import ParameterError, ResultError

FPS, FRAMES = 20.0, 6000
TIMES = np.arange(FRAMES) / FPS


def smooth(rng, n, frames=FRAMES, seconds=0.5):
    found = gaussian_filter1d(rng.normal(size=(n, frames)), seconds * FPS, axis=1)
    return (found - found.mean(axis=1, keepdims=True)) / found.std(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def face():
    """Time courses of motion, each weaker than the one before."""
    return smooth(np.random.default_rng(0), 20) * 0.8 ** np.arange(20)[:, None]


def test_a_driven_cell_is_predicted_as_far_as_its_noise_allows_and_another_is_not(face):
    rng = np.random.default_rng(1)
    drive, mixed = face[3] / face[3].std(), face[1] - face[8]
    activity = np.stack(
        [
            np.sqrt(0.6) * drive + np.sqrt(0.4) * rng.normal(size=FRAMES),
            1000 * (np.sqrt(0.25) * mixed / mixed.std() + np.sqrt(0.75) * rng.normal(size=FRAMES)) + 5,
            smooth(rng, 1)[0],
            rng.normal(size=FRAMES),
        ]
    )
    found = predict_activity(face, activity, TIMES)
    np.testing.assert_allclose(found.variance_explained[:2], [0.6, 0.25], atol=0.04)
    # a little below 0, because cells share the directions that are chosen for all
    assert (found.variance_explained[2:] > -0.06).all() and (found.variance_explained[2:] < 0.02).all()
    assert (found.ranks >= 2).all()
    assert found.predicted.shape == activity.shape and found.predicted.dtype == np.float32
    # what is predicted is the driven part, in the activity's own unit
    assert np.corrcoef(found.predicted[0], drive)[0, 1] > 0.99
    assert found.predicted[1].mean() == pytest.approx(activity[1].mean(), abs=20)
    assert found.n_frames == FRAMES and found.block_s == 10


def test_chance_is_told_from_what_the_face_explains(face):
    """Slow activity of its own is explained by chance now and then, but no better than with the wrong times."""
    rng = np.random.default_rng(6)
    short = slice(0, 2400)
    drive = face[2, short] / face[2, short].std()
    driven = np.sqrt(0.3) * drive + np.sqrt(0.7) * smooth(rng, 10, 2400)
    unrelated = smooth(rng, 30, 2400, seconds=8)
    found = predict_activity(face[:, short], np.concatenate([driven, unrelated]), TIMES[short], shifts=20)
    assert found.shifted.shape == (20, 40)
    p = found.p_values
    assert (p[:10] == 1 / 21).all()
    # as many false alarms as a p-value allows
    assert np.mean(p[10:] < 0.05) <= 0.2 and 0.3 < p[10:].mean() < 0.8
    assert (found.variance_explained[:10] > found.shifted[:, :10].max(axis=0)).all()
    assert predict_activity(face[:, short], driven, TIMES[short], shifts=0).shifted.shape == (0, 10)


def test_shifted_activity_is_that_of_another_time(face):
    """One shift is by half the recording: activity that was moved there before fits then, and only then."""
    activity = np.roll(face[:2], -FRAMES // 2, axis=1)
    found = predict_activity(face, activity, TIMES, shifts=3)
    assert found.variance_explained.max() < 0.05
    assert (found.shifted[1] > 0.99).all() and found.shifted[[0, 2]].max() < 0.05
    assert (found.p_values >= 0.5).all()


def test_activity_that_follows_later(face):
    """Calcium lags behind what the face does."""
    late = np.roll(face[:3], 10, axis=1)
    late[:, :10] = 0
    assert predict_activity(face, late, TIMES, shifts=0).variance_explained.max() < 0.7
    found = predict_activity(face, late, TIMES, shifts=0, lags_s=[0.0, 0.5])
    assert (found.variance_explained > 0.99).all()
    assert found.n_frames == FRAMES - 10 and np.isnan(found.predicted[:, :10]).all()
    before = predict_activity(face, np.roll(face[:3], -10, axis=1), TIMES, shifts=0, lags_s=[-0.5])
    assert before.n_frames == FRAMES - 10 and (before.variance_explained > 0.99).all()


def test_it_is_the_variance_that_its_definition_says(face):
    activity = face[:3] + smooth(np.random.default_rng(2), 3)
    found = predict_activity(face, activity, TIMES)
    expected = 1 - ((activity - found.predicted) ** 2).sum(1) / ((activity.T - activity.mean(1)) ** 2).sum(0)
    np.testing.assert_allclose(found.variance_explained, expected, rtol=1e-5)


def test_it_is_the_same_bits_whatever_the_number_of_threads():
    rng = np.random.default_rng(5)
    motion = smooth(rng, 100, 900) * 0.95 ** np.arange(100)[:, None]
    activity = (rng.normal(size=(60, 5)) @ motion[:5] + rng.normal(size=(60, 900))).astype(np.float32)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(predict_activity(motion, activity, TIMES[:900], shifts=1))
            assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {threads}
    for name in ("predicted", "variance_explained", "shifted"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name), err_msg=name)


def test_time_itself_predicts_nothing():
    """Components that only say when it is would explain any slow signal if frames were left out at random."""
    times = TIMES[:2000]
    when = np.exp(-((times - np.arange(0, times[-1], 0.75)[:, None]) ** 2) / 0.5)
    activity = smooth(np.random.default_rng(3), 5, len(times), seconds=1)
    known = np.linalg.lstsq(when[:, ::2].T, activity[:, ::2].T, rcond=None)[0].T @ when[:, 1::2]
    assert 1 - ((activity[:, 1::2] - known) ** 2).sum() / (activity[:, 1::2] ** 2).sum() > 0.9
    assert predict_activity(when, activity, times, components=200, gap_s=4).variance_explained.max() < 0.02


def test_a_block_is_predicted_without_itself_and_its_surroundings(face):
    rng = np.random.default_rng(4)
    activity = face[:4] + 0.3 * rng.normal(size=(4, FRAMES))
    before = predict_activity(face, activity, TIMES)
    # the second block: 10 to 20 s, predicted by the second fold with every fifth block after it
    changed = activity.copy()
    changed[:, (TIMES > 8.01) & (TIMES < 21.9)] += 50 * rng.normal(size=(4, 1))
    after = predict_activity(face, changed, TIMES)
    inside = (TIMES >= 10) & (TIMES < 20)
    np.testing.assert_array_equal(after.predicted[:, inside], before.predicted[:, inside])
    outside = (TIMES > 40) & (TIMES < 50)
    assert np.abs(after.predicted[:, outside] - before.predicted[:, outside]).max() > 0.1


def test_frames_apart():
    times = np.array([0, 1, 2, 5, 6, 9.0])
    chosen = np.array([False, False, True, False, False, True])
    assert apart(times, chosen, 1.5).tolist() == [True, False, False, True, True, False]
    assert apart(times, chosen, 3).tolist() == [False] * 6
    assert apart(times, times == 0, 1).tolist() == [False, False, True, True, True, True]


def test_frames_without_motion_are_left_out(face):
    motion = face.copy()
    motion[:, 1000:1100] = np.nan
    motion[5, 40] = np.nan
    activity = np.stack([face[0], np.full(FRAMES, 0.1)])
    found = predict_activity(motion, activity, TIMES)
    assert found.n_frames == FRAMES - 101
    missing = np.isnan(found.predicted[0])
    assert missing[1000:1100].all() and missing[40] and missing.sum() == 101
    assert found.variance_explained[0] > 0.99
    assert np.isnan(found.variance_explained[1]), "a cell that never changes has no variance to explain"
    # one unusual frame's value has no influence where its motion is not known
    activity[0, 40] = 1e6
    assert predict_activity(motion, activity, TIMES).variance_explained[0] == found.variance_explained[0]


def test_short_recordings_have_shorter_blocks(face):
    short = slice(0, int(20 * FPS))
    found = predict_activity(face[:, short], face[:2, short], TIMES[short])
    assert found.block_s == pytest.approx(4, abs=0.02)
    with pytest.raises(ResultError, match=r"The 100 frames with known motion, 5\.0 s, are too few"):
        predict_activity(face[:, :100], face[:2, :100], TIMES[:100])
    for n in (0, 1):
        with pytest.raises(ResultError, match="too few"):
            predict_activity(face[:, :n], face[:2, :n], TIMES[:n])


def test_no_cells_and_fewer_cells_than_ranks(face):
    assert predict_activity(face, np.zeros((0, FRAMES)), TIMES).variance_explained.shape == (0,)
    assert predict_activity(face, face[:1], TIMES).variance_explained[0] > 0.99
    still = predict_activity(np.zeros((3, FRAMES)), face[:1], TIMES)
    assert abs(still.variance_explained[0]) < 0.01


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"folds": 2}, ParameterError, "folds must be a whole number of at least 3"),
        ({"components": 0}, ParameterError, "components"),
        ({"max_rank": 1.5}, ParameterError, "max_rank"),
        ({"block_s": 0}, ParameterError, "block_s"),
        ({"gap_s": float("nan")}, ParameterError, "gap_s"),
        ({"lags_s": []}, ParameterError, "lags_s must be a list"),
        ({"lags_s": 0.5}, ParameterError, "lags_s must be a list"),
        ({"lags_s": [float("inf")]}, ParameterError, "lags_s must be a list"),
        ({"shifts": -1}, ParameterError, "shifts must be a whole number of at least 0"),
        ({"times": TIMES[:-1]}, ResultError, "same frames"),
        ({"times": TIMES[::-1]}, ResultError, "not ascending"),
        ({"motion": np.zeros((0, FRAMES))}, ResultError, "no components"),
        ({"activity": np.full((1, FRAMES), np.nan)}, ResultError, "not a number"),
    ],
)
def test_what_cannot_be_predicted(face, change, error, match):
    given = {"motion": face, "activity": face[:1], "times": TIMES, **change}
    with pytest.raises(error, match=match):
        predict_activity(**given)
