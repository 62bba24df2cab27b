"""Pixels that flash and bands of rows: found, mended, and not seen where there are none."""

import numpy as np
import pytest
import simulation

from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.storage.repair import Repair, flickering
from workflow_miniscope.cnmfe.storage.sample import sample_frames
from workflow_miniscope.movies import ArrayMovie


def flash(movie, count, part, rng):
    places = np.unravel_index(rng.choice(movie[0].size, count, replace=False), movie.shape[1:])
    for y, x in zip(*places, strict=True):
        movie[rng.random(len(movie)) < part, y, x] = 255
    return np.sort(np.ravel_multi_index(places, movie.shape[1:]))


def band(movie, levels, rng, axis=1):
    size, offsets = movie.shape[axis], np.empty((len(movie), movie.shape[axis]))
    for offset in offsets:
        edges = np.sort(rng.integers(0, size, rng.integers(3, 9)))
        offset[:] = rng.uniform(-levels, levels, len(edges) + 1)[np.searchsorted(edges, np.arange(size), "right")]
    shaped = offsets[:, :, None] if axis == 1 else offsets[:, None]
    return np.clip(np.rint(movie + shaped), 0, 255).astype(np.uint8)


def find(movie):
    indices, sample = sample_frames(ArrayMovie(movie))
    return Repair.find(sample, indices)


def nothing_wrong(repair):
    return not (repair.stuck.any() or repair.flickering.any() or any(bands.found for bands in repair.bands))


@pytest.mark.parametrize("sigma, motion", [(4.0, 2.0), (1.5, 2.0), (1.2, 0.0)])
def test_nothing_is_wrong_with_a_good_recording(sigma, motion):
    recording = simulation.make(seed=2, sigma=sigma, motion=motion, brightness=100)
    repair = find(recording.movie)
    assert nothing_wrong(repair)
    assert repair.apply(recording.movie) is recording.movie


def test_light_that_changes_is_nothing_wrong(recording):
    movie = recording.movie.astype(np.float64)
    movie[200:400] *= 0.5
    movie[500:520] = np.random.default_rng(0).normal(4, 1, movie[500:520].shape)
    assert nothing_wrong(find(np.clip(movie, 0, 255).astype(np.uint8)))


def test_frames_that_come_twice_are_no_bands(recording, rng):
    again = rng.random(len(recording.movie)) < 0.5
    again[0] = False
    source = np.maximum.accumulate(np.where(again, 0, np.arange(len(again))))
    assert nothing_wrong(find(recording.movie[source]))
    repair = find(band(recording.movie, 6, rng)[source])
    assert [bands.found for bands in repair.bands] == [True, False]


@pytest.mark.parametrize("part", [0.03, 0.1, 0.5])
def test_pixels_that_flash_are_found(recording, rng, part):
    movie = recording.movie.copy()
    places = flash(movie, 20, part, rng)
    np.testing.assert_array_equal(np.flatnonzero(flickering(movie[::3])), places)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_only_the_pixels_that_are_wrong_change(recording, rng, dtype):
    movie = recording.movie.astype(dtype)
    corner, edge = (0, 0), (movie.shape[1] - 1, 20)
    for y, x in (corner, edge, (30, 40)):
        movie[rng.random(len(movie)) < 0.1, y, x] = 255
    movie[:, 10, 10] = 77
    before = movie.copy()
    repair = find(movie)
    wrong = repair.stuck | repair.flickering
    assert {tuple(at) for at in np.argwhere(wrong)} == {corner, edge, (30, 40), (10, 10)}
    mended = repair.apply(movie)
    assert mended.dtype == dtype
    np.testing.assert_array_equal(mended[:, ~wrong], movie[:, ~wrong])
    np.testing.assert_array_equal(movie, before)
    # from the pixels around
    assert np.abs(mended[:, 30, 40] - np.mean([movie[:, 29, 40], movie[:, 31, 40]], axis=0)).max() < 40


@pytest.mark.parametrize("axis", [1, 2])
def test_bands_are_taken_away(recording, rng, axis):
    movie = band(recording.movie, 6, rng, axis)
    repair = find(movie)
    assert [bands.found for bands in repair.bands] == [axis == 1, axis == 2]

    def wrong(frames):
        # of each row, what is not noise
        rows = np.mean(frames.astype(float) - recording.movie, axis=3 - axis)
        return np.sqrt(np.mean((rows - np.median(rows, axis=1, keepdims=True)) ** 2))

    mended = np.concatenate([repair.apply(movie[i : i + 256]) for i in range(0, len(movie), 256)])
    assert mended.dtype == np.uint8
    assert wrong(mended) < 0.4 * wrong(movie)


def test_flashes_and_bands_make_no_cells(recording, extracted, rng):
    movie = band(recording.movie, 6, rng)
    flash(movie, 40, 0.1, rng)
    result = extract(movie, recording.fps, progress=False)
    assert (result.frames.flickering_pixels, result.frames.row_bands, result.frames.column_bands) == (40, True, False)
    pairs = simulation.match(result, recording)
    assert len(pairs) >= len(simulation.match(extracted, recording)) - 1
    assert len(result.accepted) - len(pairs) <= 1
    difference = -result.motion.shifts - recording.shifts
    assert np.sqrt(np.mean((difference - difference.mean(axis=0)) ** 2)) < 0.2
