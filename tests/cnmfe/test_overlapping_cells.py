"""Cells on top of each other: how many they are, which components are one of them, and which are two."""

import numpy as np
import pytest

from workflow_miniscope.cnmfe.arrays.filtering import bin_frame, box_mean
from workflow_miniscope.cnmfe.arrays.grid import Grid
from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.cells import merging, splitting, surround
from workflow_miniscope.cnmfe.cells.dimensions import PART_BINS, second_dimension, without
from workflow_miniscope.cnmfe.model.fit import Fit
from workflow_miniscope.cnmfe.storage.scratch import Scratch
from workflow_miniscope.cnmfe.storage.stored import StoredMovies

SHAPE, FRAMES, WIDTH, DECAY, NOISE = (32, 32), 2000, 4, 0.9, 0.3


def calcium(rng, rate=0.01, frames=FRAMES):
    spikes = (rng.random(frames) < rate) * rng.uniform(1, 3, frames)
    trace = np.zeros(frames)
    for t in range(1, frames):
        trace[t] = DECAY * trace[t - 1] + spikes[t]
    return trace


def image(y, x, sigma=3.0):
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))


@pytest.fixture
def fitted(tmp_path, rng):
    """Make a Fit of some components to the movie of some cells, without a background."""
    with start_workers(1) as workers:

        def make(cells, components):
            movie = np.einsum("kyx,kt->tyx", *map(np.array, zip(*cells, strict=True)))
            movie = (movie + NOISE * rng.normal(size=movie.shape)).astype(np.float32)
            fine = Scratch(tmp_path / "movie", SHAPE, FRAMES, 1000.0)
            coarse = Scratch(tmp_path / "small", tuple(side // 2 for side in SHAPE), FRAMES, 1000.0)
            for block in range(fine.blocks):
                frames = movie[fine.span(block)]
                fine.write(block, frames)
                coarse.write(block, np.stack([box_mean(bin_frame(frame, 2)) for frame in frames]))
            stored = StoredMovies(Grid(SHAPE, 1, 2), fine, coarse, np.zeros((coarse.pixels, 1), np.float32))
            fit = Fit(stored, 4.0, 16, DECAY, workers)
            fit.sn[:] = NOISE
            c = fit.components
            for footprint, trace in components:
                window = np.zeros((1, c.side, c.side), np.float32)
                window[0, : SHAPE[0], : SHAPE[1]] = np.where(footprint > 0.05 * footprint.max(), footprint, 0)
                trace = np.array(trace, np.float32)[None]
                c.append(np.array([[c.radius, c.radius]]), window, window > 0, trace - trace.mean())
            return fit

        yield make


def cosines(fit, images):
    A = fit.components.matrix().toarray()
    images = np.array(images).reshape(len(images), -1)
    return (A / np.linalg.norm(A, axis=1)[:, None]) @ (images / np.linalg.norm(images, axis=1)[:, None]).T


def test_noise_is_no_second_dimension(rng):
    images = np.array([[1.0, 0.9], [0.9, 1.0]])
    noise = np.linalg.cholesky(images) @ rng.normal(size=(2, 500))
    one = second_dimension(images, np.outer([1.0, 0.8], 20 * calcium(rng, frames=500)) + noise)
    assert one.significance < 6
    assert one.ratio < 0.1
    two = second_dimension(images, images @ [20 * calcium(rng, frames=500), 20 * calcium(rng, frames=500)] + noise)
    assert two.significance > 30
    assert two.ratio > 0.15


def test_a_cell_that_is_rarely_active_is_seen_in_its_own_part(rng):
    frames = 20 * PART_BINS
    images = np.eye(2)
    rare = calcium(rng, frames=frames)
    rare[PART_BINS:] = 0
    values = np.array([40 * calcium(rng, frames=frames), 8 * rare]) + rng.normal(size=(2, frames))
    found = second_dimension(images, values)
    assert found.significance > 30


def test_directions_of_two_activities(rng):
    mixing = np.array([[0.9, 0.75], [-0.2, 0.5]])
    series = mixing @ [calcium(rng), calcium(rng)] + 0.2 * rng.normal(size=(2, FRAMES))
    found = splitting.separate(series, DECAY)
    angles = np.sort(np.arctan2(*found[::-1]))
    np.testing.assert_allclose(angles, np.sort(np.arctan2(*mixing[::-1])), atol=np.radians(3))
    assert splitting.separate(-series, DECAY) is None


# all frames, or some blocks of a longer recording
@pytest.mark.parametrize("looked_at", [10**6, 1024])
def test_a_component_of_two_cells_is_split(fitted, rng, monkeypatch, looked_at):
    monkeypatch.setattr(splitting, "SPLIT_FRAMES", looked_at)
    cells = [(image(16, 14.8), calcium(rng)), (image(16, 17.2), calcium(rng))]
    (a, x), (b, y) = cells
    fit = fitted(cells, [(a + b, x + y)])
    assert splitting.split(fit, WIDTH) == 1
    for _ in range(3):
        fit.update_traces(sweeps=4)
        fit.update_footprints()
    # in either order
    order = np.argmax(cosines(fit, [a, b]), axis=0)
    assert sorted(order) == [0, 1]
    assert cosines(fit, [a, b]).max(axis=0).min() > 0.97
    for trace, k in zip((x, y), order, strict=True):
        assert np.corrcoef(trace, fit.components.C[k])[0, 1] > 0.95


def test_one_cell_is_not_split(fitted, rng):
    trace = calcium(rng)
    # not even if the model of its trace is wrong
    fit = fitted([(image(16, 16), trace)], [(image(16, 16), np.sqrt(trace))])
    assert splitting.split(fit, WIDTH) == 0
    assert len(fit.components) == 1


def test_neighbours_stay_apart_however_much_their_traces_correlate(fitted, rng):
    x, y, other = calcium(rng), calcium(rng), calcium(rng)
    cells = [(image(16, 14), x), (image(16, 18), y)]
    # traces that are not yet apart
    mixed = [(image(16, 14), x + 0.7 * y + 0.1 * other), (image(16, 18), y + 0.7 * x)]
    fit = fitted(cells, mixed)
    assert np.corrcoef(fit.components.C)[0, 1] > 0.8
    assert merging.merge(fit, 0.7, WIDTH) == 0


def test_halves_of_a_cell_are_merged(fitted, rng):
    trace = calcium(rng)
    fit = fitted([(image(16, 16, 4), trace)], [(image(16, 14), trace), (image(16, 18), 0.8 * trace)])
    assert merging.merge(fit, 0.7, WIDTH) == 1
    fit.update_traces()
    fit.update_footprints()
    assert cosines(fit, [image(16, 16, 4)])[0, 0] > 0.98


def test_a_shadow_of_a_bright_cell_is_merged_at_the_end(fitted, rng):
    trace, noise = calcium(rng), calcium(rng)
    fit = fitted([(image(16, 16), trace)], [(image(16, 16), trace), (image(16.5, 16), 0.05 * trace + 0.05 * noise)])
    assert merging.merge(fit, 0.7, WIDTH) == 0
    assert merging.merge(fit, 0.7, WIDTH, parts=True) == 1
    assert np.corrcoef(fit.components.C[0], trace)[0, 1] > 0.99


def test_what_the_model_leaves_of_a_neighbour_is_no_second_cell(fitted, rng):
    trace, bright = calcium(rng), 5 * calcium(rng)
    cells = [(image(16, 14, 4), trace), (image(16, 21), bright)]
    # the neighbour's trace is wrong
    model = [(image(16, 12), trace), (image(16, 16), 0.8 * trace), (image(16, 21), 0.5 * bright)]
    fit = fitted(cells, model)
    assert merging.merge(fit, 0.7, WIDTH) == 1
    assert len(fit.components) == 2


def test_images_beside_others(rng):
    pixels = rng.normal(size=(3, 50))
    movie = np.outer(pixels[2], rng.normal(size=30))
    products = pixels @ pixels.T
    values = pixels @ movie
    images, rest = without(products[:2, :2], values[:2], products[:2, 2:], products[2:, 2:], values[2:])
    apart = pixels[:2] - np.outer(pixels[:2] @ pixels[2], pixels[2]) / (pixels[2] @ pixels[2])
    np.testing.assert_allclose(images, apart @ apart.T, atol=0.1)
    assert np.abs(rest).max() < 0.01 * np.abs(values[:2]).max()
    # alone nothing changes
    nothing = np.zeros((2, 0)), np.zeros((0, 0)), np.zeros((0, 30))
    assert without(images, rest, *nothing) == (images, rest)


def test_a_part_of_a_very_bright_cell_is_merged_at_the_end(fitted, rng):
    bright, other = 200 * calcium(rng), calcium(rng)
    # a hundredth of its light follows something else
    cells = [(image(16, 16), bright), (image(16, 17) - 0.8 * image(16, 16), 2 * other)]
    fit = fitted(cells, [(image(16, 16), bright), (image(16, 16.5), 2 * other)])
    fit.update_traces()
    assert merging.merge(fit, 0.7, WIDTH, parts=True) == 1


def test_what_the_model_put_beside_the_border_is_no_second_cell(fitted, rng):
    """Bright cells cut by the border were two or three components: the model found what it had filled in itself."""
    trace, wrong = calcium(rng), calcium(rng)
    cell, inner, outer = image(16, 4, 4), image(16, 7), image(16, 1)
    unseen = np.arange(SHAPE[1]) < 5
    follows = trace + 0.8 * wrong
    # what the frames show, and in the columns that some do not cover what the model says
    movie = [(np.where(unseen, 0, cell), trace), (outer * unseen, follows), (inner * unseen, trace)]
    fit = fitted(movie, [(inner, trace), (outer, follows)])
    assert merging.merge(fit, 0.7, WIDTH) == 0
    fit.seen = np.broadcast_to(np.where(unseen, 0.6, 1.0), SHAPE)
    assert splitting.split(fit, WIDTH) == 0
    assert merging.merge(fit, 0.7, WIDTH) == 1


def test_two_cells_beside_the_border_stay_two(fitted, rng):
    """Three of a hundred cells were joined with a neighbour whose trace is another, where all frames show little."""
    cells = [(image(16, 1), calcium(rng)), (image(16, 3.4), calcium(rng))]
    fit = fitted(cells, cells)
    fit.seen = np.where(np.arange(SHAPE[1]) < 8, 0.6, 1.0) * np.ones(SHAPE)
    assert merging.merge(fit, 0.7, WIDTH, parts=True) == 0


def test_components_that_only_some_frames_cover(fitted, rng):
    """The matrix of what the movie says of them was singular."""
    trace, other = calcium(rng), calcium(rng)
    cells = [(image(16, 26, 2), trace), (image(16, 29, 2), trace + 0.1 * other), (image(16, 30, 1), other)]
    fit = fitted(cells, cells)
    fit.seen = np.where(np.arange(SHAPE[1]) < 25, 1.0, 0.9) * np.ones(SHAPE)
    assert splitting.split(fit, WIDTH) == 0
    assert merging.merge(fit, 0.7, WIDTH) == 1
    assert len(fit.components) == 2


def around(rng, trace):
    """A cell and the light around it, which follows it in part."""
    return [(image(16, 16, 2), trace), (0.6 * image(15, 17, 7), calcium(rng) + 0.4 * trace)]


def test_the_light_around_a_cell_is_not_the_cell(fitted, rng):
    """Dim cells got footprints three times as wide as they are, and were refused for that."""
    trace = calcium(rng)
    cell, light = around(rng, trace)
    fit = fitted([cell, light], [(cell[0] + light[0], cell[1] + light[1])])
    assert surround.split(fit, WIDTH, 2.0) == 1
    for _ in range(3):
        fit.update_traces(sweeps=4)
        fit.update_footprints()
    assert fit.components.surround.tolist() == [False, True]
    same = cosines(fit, [cell[0], light[0]])
    assert same[0, 0] > 0.97 and same[1, 1] > 0.97
    assert np.corrcoef(trace, fit.components.C[0])[0, 1] > 0.97
    # and what is around it is not split again
    assert surround.split(fit, WIDTH, 2.0) == 0


def test_a_cell_out_of_focus_is_one_source(fitted, rng):
    trace = calcium(rng)
    fit = fitted([(image(16, 16, 6), trace)], [(image(16, 16, 6), trace)])
    assert surround.split(fit, WIDTH, 2.0) == 0


def test_light_around_a_cell_that_is_known_gives_no_second_one(fitted, rng):
    cell, light = around(rng, calcium(rng))
    fit = fitted([cell, light], [(0.5 * cell[0], cell[1]), (0.5 * cell[0] + light[0], light[1])])
    assert surround.split(fit, WIDTH, 2.0) == 0


def test_a_cell_that_is_joined_with_the_light_around_it_is_a_cell(fitted, rng):
    trace = calcium(rng)
    fit = fitted([(image(16, 16, 4), trace)], [(image(16, 14), trace), (image(16, 18), 1.2 * trace)])
    fit.components.surround[1] = True
    assert merging.merge(fit, 0.7, WIDTH) == 1
    assert not fit.components.surround.any()


def test_the_events_of_one_cell_are_not_dealt_out_to_two(fitted, rng):
    """A cell that fired often was accepted twice: the same footprint, and every event in one of two traces."""
    trace, mine = calcium(rng), np.repeat(rng.random(FRAMES // 100) < 0.5, 100)
    cell = [(image(16, 16), trace), (0.28 * image(16, 17.5, 3.5), calcium(rng))]
    fit = fitted(cell, [(image(16, 15.7), mine * trace), (image(16, 16.3), ~mine * trace)])
    assert merging.merge(fit, 0.8, WIDTH) == 0
    assert merging.merge(fit, 0.8, WIDTH, parts=True) == 1
