import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.registration.rigid import RigidRegistration, translate


def register(movie, number=1, **kwargs):
    with start_workers(number) as workers:
        registration = RigidRegistration(movie.shape[1:], kwargs.get("gSig_filt", 3), (20, 20), workers)
        registration.fit(movie[:200])
        return np.concatenate([registration.register(movie[i : i + 256])[0] for i in range(0, len(movie), 256)])


def error(shifts, truth):
    difference = -shifts - truth
    return float(np.sqrt(np.mean((difference - difference.mean(axis=0)) ** 2)))


def test_shifts_are_found_beside_dust_and_a_vignette(recording):
    shifts = register(recording.movie)
    assert recording.shifts.std() > 1.5
    assert error(shifts, recording.shifts) < 0.25


@pytest.mark.parametrize("amplitude", [1.0, 2.0])
def test_small_shifts_are_not_too_small(rng, amplitude):
    """A pattern that stays must not take part of the brain with it."""
    scene = 100 + 12 * standard(gaussian_filter(rng.normal(size=(160, 180)), 4)).astype(np.float32)
    truth = amplitude * standard(gaussian_filter(rng.normal(size=(260, 2)), (2, 0)))
    movie = np.stack([translate(scene, *shift)[20:-20, 20:-20] for shift in truth])
    shifts = -register(movie + rng.normal(0, 4, movie.shape).astype(np.float32))
    slopes = [np.polyfit(true, found, 1)[0] for true, found in zip(truth.T, shifts.T, strict=True)]
    np.testing.assert_allclose(slopes, 1, atol=0.02)


def standard(values):
    return (values - values.mean()) / values.std()


def test_axes_are_rows_then_columns(recording):
    still = np.repeat(recording.movie[:1], 220, axis=0).astype(np.float32)
    moved = still + np.random.default_rng(0).normal(0, 1, still.shape).astype(np.float32)
    moved[100:] = np.roll(moved[100:], (3, -5), axis=(1, 2))
    shifts = register(moved)
    np.testing.assert_allclose(shifts[100:].mean(axis=0) - shifts[:100].mean(axis=0), (-3, 5), atol=0.3)


def test_threads_change_nothing(recording):
    np.testing.assert_array_equal(register(recording.movie[:300], 1), register(recording.movie[:300], 2))


def test_shifts_stay_within_the_limits(recording):
    assert np.abs(register(recording.movie[:300])).max() <= 20


@pytest.mark.parametrize("value", [0, 255])
def test_frames_without_structure_stay_in_place(value):
    shifts = register(np.full((260, 40, 60), value, np.uint8))
    assert np.all(np.isfinite(shifts))
    np.testing.assert_array_equal(shifts, 0)


@pytest.mark.parametrize("shift", [(0, 0), (3.26, -5.49), (-0.0625, 0.96875), (-30.5, 70.25)])
def test_frames_are_moved_as_opencv_moves_them(rng, shift):
    frame = rng.normal(size=(40, 57)).astype(np.float32)
    # in steps of a thirty-second of a pixel, to which OpenCV before 5 rounded too
    dy, dx = np.round(np.multiply(shift, 32)) / 32
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    expected = cv2.warpAffine(frame, matrix, (57, 40), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(translate(frame, *shift), expected, atol=2e-6)
