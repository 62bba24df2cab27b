import numpy as np
import pytest
import simulation

from workflow_miniscope.cnmfe.arrays import filtering
from workflow_miniscope.cnmfe.arrays.grid import Grid
from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.model import background
from workflow_miniscope.cnmfe.model.fit import Fit
from workflow_miniscope.cnmfe.model.prediction import PredictedFrames
from workflow_miniscope.cnmfe.storage.scratch import Scratch
from workflow_miniscope.cnmfe.storage.stored import StoredMovies


def test_ring_predicts_a_smooth_background_and_not_a_cell(rng):
    height, width, frames = 24, 32, 400
    fields = np.array([simulation.smooth_noise((height, width), 8, rng).ravel() for _ in range(2)])
    drive = rng.standard_normal((2, frames))
    smooth = fields.T @ drive
    cell = np.zeros((height, width))
    cell[12, 16] = 5
    movie = smooth + np.outer(cell.ravel(), rng.random(frames) < 0.05) + rng.normal(0, 0.05, smooth.shape)
    movie = (movie - movie.mean(axis=1, keepdims=True)).astype(np.float32)
    with start_workers(2) as workers:
        W = background.fit_ring(movie, (height, width), 4.0, workers)
    predicted = W @ movie
    away = np.ones((height, width), bool)
    away[12, 16] = False
    error = predicted - (smooth - smooth.mean(axis=1, keepdims=True))
    assert np.sqrt(np.mean(error[away.ravel()] ** 2)) < 0.1 * smooth.std()
    # of the cell's own light nothing is predicted
    assert np.corrcoef(predicted[12 * width + 16], cell.max() * (movie[12 * width + 16] > 3))[0, 1] < 0.3


def test_ring_has_the_radius_it_is_given():
    offsets = background.ring(5.0)
    distance = np.hypot(*offsets.T)
    assert distance.min() >= 5 and distance.max() < 7
    assert not np.any(offsets % 2)
    movie = np.random.default_rng(0).normal(size=(30 * 40, 50)).astype(np.float32)
    with start_workers(1) as workers:
        W = background.fit_ring(movie, (30, 40), 5.0, workers)
    rows, columns = np.divmod(W[15 * 40 + 20].indices, 40)
    assert set(zip(rows - 15, columns - 20, strict=True)) == set(map(tuple, offsets))


@pytest.mark.parametrize("kept", [1, 2**26])
@pytest.mark.parametrize("shape", [(30, 40), (7, 50)])
def test_ring_weights_solve_each_regression(rng, monkeypatch, shape, kept):
    """Products of pixels are shared between rings; each is the regression that it would be alone."""
    # few columns at a time, or all
    monkeypatch.setattr(background, "MOST_PRODUCTS", kept)
    height, width = shape
    movie = rng.normal(size=(height * width, 90)) + rng.normal(size=(1, 90))
    with start_workers(2) as workers:
        W = background.fit_ring(movie.astype(np.float32), shape, 4.0, workers)
    for pixel in (0, width - 1, (height // 2) * width + 17, height * width - 1):
        y, x = divmod(pixel, width)
        ring = background.ring(4.0) + (y, x)
        around = [a * width + b for a, b in ring if 0 <= a < height and 0 <= b < width]
        gram = movie[around] @ movie[around].T
        gram += background.RING_RIDGE * np.diag(gram).mean() * np.eye(len(around))
        row = slice(W.indptr[pixel], W.indptr[pixel + 1])
        np.testing.assert_array_equal(W.indices[row], around)
        np.testing.assert_allclose(W.data[row], np.linalg.solve(gram, movie[around] @ movie[pixel]), atol=2e-4)


@pytest.mark.parametrize("value", [0, 1])
def test_ring_of_pixels_that_are_all_the_same_has_weights(rng, value):
    movie = value * np.ones((20 * 20, 1), np.float32) @ rng.normal(size=(1, 60)).astype(np.float32)
    with start_workers(1) as workers:
        W = background.fit_ring(movie, (20, 20), 4.0, workers)
    np.testing.assert_allclose(W @ movie, movie, atol=0.01)


def test_the_mean_of_nine_pixels_is_the_same_as_matrix_and_for_images(rng):
    for shape in ((6, 9), (1, 2)):
        image = rng.random(shape).astype(np.float32)
        mean = (background.box_mean_matrix(shape) @ image.ravel()).reshape(shape)
        np.testing.assert_allclose(filtering.box_mean(image), mean, rtol=1e-5)
    ramp = np.tile(np.arange(9, dtype=np.float32), (6, 1))
    np.testing.assert_allclose(filtering.box_mean(ramp), ramp, rtol=1e-5)


def test_the_background_has_little_of_the_noise_of_its_ring(rng):
    """Averages of nine pixels, and few weights that are fitted to the noise of few frames."""
    shape, frames = (40, 40), 300
    field = simulation.smooth_noise(shape, 8, rng).ravel()
    smooth = np.outer(field, rng.standard_normal(frames))
    noisy = smooth + rng.normal(0, 0.5 * smooth.std(), smooth.shape)
    mean = background.box_mean_matrix(shape)
    with start_workers(1) as workers:
        W = background.fit_ring((mean @ noisy).astype(np.float32), shape, 10.0, workers)
    # of other frames, which the weights were not fitted to
    new = np.outer(field, rng.standard_normal(frames))
    predicted = W @ (mean @ (new + rng.normal(0, 0.5 * smooth.std(), new.shape)))
    error = (predicted - new).reshape(*shape, frames)[12:-12, 12:-12]
    assert error.std() < 0.2 * smooth.std()


def test_reduction_and_interpolation_keep_a_smooth_image():
    rows, columns = np.mgrid[:24, :32]
    image = (rows + 2.0 * columns).ravel()
    coarse = background.reduction_matrix((24, 32), 2) @ image
    back = (background.interpolation_matrix((24, 32), 2) @ coarse).reshape(24, 32)
    np.testing.assert_allclose(back[1:-1, 1:-1], image.reshape(24, 32)[1:-1, 1:-1])


def test_products_with_the_background_equal_those_with_the_background_movie(tmp_path, rng):
    """What is computed without ever making the background movie is the same as with it."""
    height, width, frames, factor = 24, 32, 300, 2
    movie = rng.normal(20, 3, (frames, height, width)).astype(np.float32)
    with start_workers(2) as workers:
        fine = Scratch(tmp_path / "movie", (height, width), frames, 256.0)
        small = Scratch(tmp_path / "small", (height // 2, width // 2), frames, 256.0)
        D = background.box_mean_matrix(small.shape) @ background.reduction_matrix((height, width), factor)
        for block in range(fine.blocks):
            part = movie[fine.span(block)]
            fine.write(block, part)
            small.write(block, (D @ part.reshape(len(part), -1).T).T.reshape(-1, *small.shape))
        Y = movie.reshape(frames, -1).T
        stored = StoredMovies(Grid((height, width), 1, factor), fine, small, (D @ Y).astype(np.float32))
        fit = Fit(stored, 3.0, 5, 0.9, workers)
        c = fit.components
        footprints = rng.random((2, c.side, c.side)).astype(np.float32)
        masks = np.ones(footprints.shape, bool)
        C = rng.normal(size=(2, frames)).astype(np.float32)
        C -= C.mean(axis=1, keepdims=True)
        c.append(np.array([[12, 16], [2, 30]]), footprints, masks, C)
        c.masks &= c.inside()
        c.footprints *= c.masks
        fit.update_background()
        A = c.matrix()
        U = fit.up
        Yc = Y - Y.mean(axis=1, keepdims=True)
        B = U @ (fit.W @ (D @ (Yc - A.T @ C)))
        got = fit.trace_products(A, C, A)
        np.testing.assert_allclose(got, A @ (Yc - B), rtol=0.01, atol=0.02 * np.abs(got).max())
        rest = fit.cell_products(C, C @ C.T)
        assert rest.nnz == c.masks.sum()
        full = ((Yc - B) @ C.T)[np.repeat(np.arange(rest.shape[0]), np.diff(rest.indptr)), rest.indices]
        np.testing.assert_allclose(rest.data, full, rtol=0.02, atol=0.02 * np.abs(full).max())
        # frames of the second block
        start = fine.span(1).start
        frames = PredictedFrames(fit).frames(small.chunk(1), start, 5, 20).reshape(20, -1).T
        model = (A.T @ C + B + Y.mean(axis=1, keepdims=True))[:, start + 5 : start + 25]
        np.testing.assert_allclose(frames, model, atol=0.02)
