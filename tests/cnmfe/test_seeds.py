import numpy as np
import pytest

from workflow_miniscope.cnmfe import suggest
from workflow_miniscope.cnmfe.arrays.grid import Grid
from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.cells import seeds
from workflow_miniscope.cnmfe.model.fit import Fit
from workflow_miniscope.cnmfe.storage.scratch import Scratch
from workflow_miniscope.cnmfe.storage.stored import StoredMovies


def seed_images(shape, scale, peaks, sigma):
    rows, columns = np.mgrid[: shape[0] // scale, : shape[1] // scale]
    pnr = sum(h * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)) for y, x, h in peaks)
    return seeds.SeedImages(scale, np.ones(rows.shape, np.float32), pnr.astype(np.float32))


def test_a_seed_belongs_to_the_band_that_shows_it_best():
    shape = (80, 80)
    # at (20, 20) a cell in focus; around (60, 60) a wide one, of which the narrow band sees two noisy maxima
    narrow = seed_images(shape, 1, [(20, 20, 30), (56, 60, 8), (64, 60, 8)], 2.5)
    wide = seed_images(shape, 2, [(10, 10, 31), (30, 30, 20)], 3)
    at, scales = seeds.find([narrow, wide], 2.5, 0.5, 5.0, np.ones(shape, bool))
    np.testing.assert_array_equal(scales, [1, 2])
    np.testing.assert_allclose(at, [[20, 20], [60, 60]], atol=1)


def test_no_seed_where_none_is_allowed():
    narrow = seed_images((80, 80), 1, [(20, 20, 30), (60, 60, 30)], 2.5)
    allowed = np.ones((80, 80), bool)
    allowed[:40] = False
    at, _ = seeds.find([narrow], 2.5, 0.5, 5.0, allowed)
    np.testing.assert_array_equal(at, [[60, 60]])


def test_noise_at_the_border_is_not_that_of_frames_that_are_filled_there(tmp_path, rng):
    """Where most frames lack the border and are filled, the noise of the others would look like cells."""
    shape, frames = (48, 64), 400
    movie = rng.normal(0, 1, (frames, *shape)).astype(np.float32)
    filled = rng.random(frames) < 0.6
    movie[filled, :4] = 0
    seen = np.ones(shape)
    seen[:4] = 1 - filled.mean()
    with start_workers(1) as workers:
        fine = Scratch(tmp_path / "movie", shape, frames, 1000.0)
        small = Scratch(tmp_path / "small", (24, 32), frames, 1000.0)
        for block in range(fine.blocks):
            part = movie[fine.span(block)]
            fine.write(block, part)
            small.write(block, np.zeros((len(part), 24, 32), np.float32))
        stored = StoredMovies(Grid(shape, 1, 2), fine, small, np.zeros((24 * 32, 1), np.float32))
        fit = Fit(stored, 4.0, 16, 0.9, workers, seen)
        np.testing.assert_allclose(suggest.working_noise(fine, seen, workers), 1, rtol=0.35)
        for image in seeds.images(fit, 2.0):
            border = 4 // image.scale
            # a little more: the filter reflects the field at its border, and averages less there
            assert image.pnr[:border].max() < 1.5 * image.pnr[border:].max()


def test_a_field_holds_so_many_components(tmp_path):
    """A movie full of artefacts has seeds everywhere; the most prominent ones are looked at."""
    assert seeds.room((200, 200), 2.5, 0) == pytest.approx(2 * 200**2 / (np.pi * 5**2), rel=0.01)
    assert seeds.room((200, 200), 2.5, 10**6) == 0
    images = [seed_images((40, 40), 1, [(10, 10, 5), (10, 30, 9), (30, 20, 7)], 2)]
    found = seeds.find(images, 2, 0.5, 2, np.ones((40, 40), bool), most=2)
    assert found.at.tolist() == [[10, 30], [30, 20]]
