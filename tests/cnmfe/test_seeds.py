import numpy as np
import pytest

from workflow_miniscope.cnmfe import suggest
from workflow_miniscope.cnmfe.arrays.grid import Grid
from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.cells import quality, seeds
from workflow_miniscope.cnmfe.model.components import Components
from workflow_miniscope.cnmfe.model.fit import Fit
from workflow_miniscope.cnmfe.parameters import Parameters
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


def components(images, traces):
    n, height, width = images.shape
    c = Components((height, width), traces.shape[1], height)
    for image, trace in zip(images, traces, strict=True):
        window = np.zeros((c.side, c.side), np.float32)
        y, x = height // 2, width // 2
        window[c.radius - y : c.radius - y + height, c.radius - x : c.radius - x + width] = image
        c.append(np.array([[y, x]]), window[None], (window > 0)[None], (trace - trace.mean())[None])
    return c


def test_a_cell_cut_by_the_border_is_not_judged_by_its_shape():
    rows, columns = np.mgrid[:30, :30]
    sliver = np.exp(-(rows**2) / 2 - (columns - 15) ** 2 / 50)
    inside = np.exp(-((rows - 15) ** 2) / 2 - (columns - 15) ** 2 / 50)
    c = components(np.stack([sliver, inside]), np.ones((2, 10)))
    cut, line = quality.eccentricity(c)
    assert cut == 1
    assert line == pytest.approx(5, rel=0.1)


def test_a_wide_component_has_to_stand_out_more():
    params = Parameters.check({"min_SNR": 4, "rval_thr": 0.9, "SNR_lowest": 2})
    ok = np.ones(5)
    wide = np.array([10, 10, 10, 20, 30.0])
    # the usual width is 10
    snr = np.array([5, 5, 5, 7.9, 12])
    assert quality.accept(snr, 0.5 * ok, ok, wide, params).tolist() == [True, True, True, False, True]
    # their footprints are good, and the lowest signal to noise ratio counts
    snr = np.array([2, 2, 2, 3.9, 6])
    assert quality.accept(snr, 0.95 * ok, ok, wide, params).tolist() == [True, True, True, False, True]
    # a narrow one does not have to stand out less
    snr = np.array([5, 5, 5, 5, 3.0])
    assert quality.accept(snr, 0.5 * ok, ok, np.array([10, 10, 10, 10, 2]), params).tolist() == 4 * [True] + [False]
    assert not quality.accept(0 * ok, ok, ok, wide, params).any()
    # the background's components do not say what is usual, even if they are more
    snr, r = np.array([9, 9, 5, 5, 5.0]), np.array([1, 1, 0.5, 0.5, 0.5])
    assert quality.accept(snr, r, ok, np.array([10, 10, 20, 20, 20]), params).tolist() == [True, True] + 3 * [False]


def test_the_width_of_a_footprint_is_that_of_its_bright_part():
    rows, columns = np.mgrid[:41, :41]
    distance = np.hypot(rows - 20, columns - 20)
    c = components(np.stack([distance < 6, distance < 12, (distance < 6) + 0.05]).astype(np.float32), np.ones((3, 10)))
    narrow, twice, dim = quality.width(c)
    assert twice == pytest.approx(2 * narrow, rel=0.05)
    assert dim == narrow


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
        np.testing.assert_allclose(suggest.working_noise(fine, seen), 1, rtol=0.35)
        for image in seeds.images(fit, 2.0):
            border = 4 // image.scale
            # a little more: the filter reflects the field at its border, and averages less there
            assert image.pnr[:border].max() < 1.5 * image.pnr[border:].max()
