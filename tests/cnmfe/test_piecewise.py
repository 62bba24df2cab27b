"""Parts of the field that move differently: a known smooth field is found, and what moves as a whole stays whole."""

import logging

import numpy as np
import pytest
import simulation

from workflow_miniscope.cnmfe import Parameters, extract, suggest
from workflow_miniscope.cnmfe.arrays.grid import Grid
from workflow_miniscope.cnmfe.arrays.workers import start_workers
from workflow_miniscope.cnmfe.registration.blocks import Blocks, Mover
from workflow_miniscope.cnmfe.registration.piecewise import PiecewiseRegistration
from workflow_miniscope.cnmfe.registration.rigid import RigidRegistration, translate
from workflow_miniscope.errors import ParameterError
from workflow_miniscope.results.caiman import PiecewiseShifts, RigidShifts, read_result

SHAPE, STRIDES, OVERLAPS = (144, 192), (48, 60), (0, 12)


@pytest.fixture(scope="module")
def stretched():
    return simulation.make(seed=11, height=144, width=192, frames=300, n_cells=24, vessels=16, warp=1.6)


@pytest.fixture(scope="module")
def blocks():
    return Blocks(SHAPE, STRIDES, OVERLAPS)


def register(movie, blocks=None, number=1):
    """Shifts [frames, blocks, 2]; the deviations alone."""
    with start_workers(number) as workers:
        given = (movie.shape[1:], 3, (20, 20), workers)
        registration = (
            RigidRegistration(*given)
            if blocks is None
            else PiecewiseRegistration(*given, blocks=blocks, max_deviation=5)
        )
        registration.fit(movie[:200])
        shifts, deviations = [], []
        for i in range(0, len(movie), 256):
            found = registration.register(movie[i : i + 256])
            shifts.append(found[0])
            deviations.append(np.zeros((len(found[0]), 1, 2)) if blocks is None else found[1])
        deviations = np.concatenate(deviations)
        return np.concatenate(shifts)[:, None] + deviations, deviations


def displacement(recording, blocks):
    """How far the middle of each block is moved to lie on the template [frames, blocks, 2], but for a constant."""
    height, width = recording.movie.shape[1:]
    middles = zip(*(middle.ravel() for middle in np.meshgrid(*blocks.middles, indexing="ij")), strict=True)
    stretch = [simulation.stretch(recording.warps, y, x, height, width) for y, x in middles]
    return -(recording.shifts[:, None] + np.stack(stretch, axis=1))


def error(found, truth):
    difference = found - truth
    return float(np.sqrt(np.mean((difference - difference.mean(axis=0)) ** 2)))


@pytest.fixture(scope="module")
def found(stretched, blocks):
    return register(stretched.movie, blocks)


def test_the_field_is_found_where_rigid_registration_fails(stretched, blocks, found):
    truth = displacement(stretched, blocks)
    assert np.abs(truth - truth.mean(axis=1, keepdims=True)).max() > 2
    rigid, _ = register(stretched.movie)
    assert error(rigid, truth) > 1
    assert error(found[0], truth) < 0.4


def test_registered_frames_are_alike(stretched, blocks, found):
    shifts, deviations = found
    mover, movie = Mover(blocks, SHAPE), stretched.movie.astype(np.float32)
    rigid = shifts[:, 0] - deviations[:, 0]
    inside = (slice(16, -16), slice(16, -16))

    def crispness(moved):
        """Of the mean image, as NoRMCorre measures it, and the median likeness of the frames to it."""
        template = np.mean(moved, axis=0)
        likeness = [np.corrcoef(frame[inside].ravel(), template[inside].ravel())[0, 1] for frame in moved]
        return np.linalg.norm(np.gradient(template[inside])), np.median(likeness)

    some = range(0, len(movie), 5)
    crisp, alike = crispness([translate(movie[t], *rigid[t]) for t in some])
    crisper, more = crispness([mover(movie[t], rigid[t], deviations[t]) for t in some])
    assert crisper > 1.1 * crisp
    assert more > alike + 0.02


def test_what_moves_as_a_whole_does_not_deviate():
    still = simulation.make(seed=12, height=144, width=192, frames=300, n_cells=24, vessels=16)
    blocks = Blocks(SHAPE, STRIDES, OVERLAPS)
    shifts, deviations = register(still.movie, blocks)
    assert np.sqrt(np.mean(deviations**2)) < 0.05
    assert error(shifts, displacement(still, blocks)) < 0.2


def test_threads_change_nothing(stretched, blocks, found):
    again = register(stretched.movie, blocks, number=2)
    np.testing.assert_array_equal(found[0], again[0])


@pytest.mark.parametrize("value", [0, 255])
def test_frames_without_structure_stay_in_place(value):
    shifts, _ = register(np.full((260, 60, 80), value, np.uint8), Blocks((60, 80), (20, 20), (8, 8)))
    np.testing.assert_array_equal(shifts, 0)


def test_blocks_lie_as_those_of_caiman(blocks):
    rows, columns = [[0, 48], [48, 96], [96, 144]], [[0, 72], [60, 132], [120, 192]]
    assert blocks.blocks.tolist() == [[*row, *column] for row in rows for column in columns]
    assert blocks.shape == (3, 3)
    assert Blocks((60, 200), (96, 64), (32, 8)).blocks[:, :2].tolist() == [[0, 60]] * 3


@pytest.mark.parametrize(
    ("full", "number"), [((608, 608), (6, 6)), ((200, 300), (3, 3)), ((96, 128), (2, 3)), ((40, 60), (1, 1))]
)
def test_suggested_blocks_fill_the_field(full, number):
    params = suggest.for_registration(Parameters(), full)
    blocks = Blocks(full, params.strides, params.overlaps)
    assert blocks.shape == number
    assert blocks.blocks.max(axis=0).tolist()[1::2] == list(full)
    for middle, stride in zip(blocks.middles, params.strides, strict=True):
        assert np.all(np.diff(middle) == stride)


def test_a_frame_is_moved_by_what_the_blocks_say(blocks):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    deviations = np.random.default_rng(0).uniform(-2, 2, (9, 2))
    # of a ramp the value says where it came from
    mover = Mover(blocks, SHAPE)
    moved = np.stack([mover(ramp, (3.0, -1.5), deviations) for ramp in (y, x)], axis=-1)
    for (y0, y1, x0, x1), deviation in zip(blocks.blocks, deviations, strict=True):
        middle = moved[(y0 + y1) // 2 - 1 : (y0 + y1) // 2 + 1, (x0 + x1) // 2 - 1 : (x0 + x1) // 2 + 1]
        came_from = middle.mean(axis=(0, 1)) + deviation + (3.0, -1.5)
        np.testing.assert_allclose(came_from, [(y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2], atol=0.1)
    frame = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    np.testing.assert_allclose(mover(frame, (2.25, -3.5), np.zeros((9, 2))), translate(frame, 2.25, -3.5), atol=1e-5)


def test_pixels_that_came_from_outside_are_known(blocks):
    deviations = np.zeros((1, 3, 3, 2))
    deviations[0, :, 1, 0], deviations[..., 1] = 3, -2
    rows, columns = Grid(SHAPE, 1, 1).uncovered(blocks.edges(np.array([[2.0, 0.0]]), deviations.reshape(1, 9, 2)))
    gone = rows[0, :, None] | columns
    expected = np.zeros(SHAPE, bool)
    expected[:5] = expected[:, -2:] = True
    np.testing.assert_array_equal(gone, expected)
    # the field goes on beyond the middles of the last blocks, up to 1.5 times the deviation on each axis
    deviations[:] = 0
    deviations[0, 0, 0, 0] = 1
    edges = blocks.edges(np.zeros((1, 2)), deviations.reshape(1, 9, 2))[0]
    np.testing.assert_allclose(edges, [[1.5 * 1.5, 0], [0, 0]], atol=0.02)


@pytest.fixture(scope="module")
def small():
    return simulation.make(seed=13, height=96, width=128, frames=300, n_cells=12, vessels=12, warp=1.3)


@pytest.fixture(scope="module")
def piecewise(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("piecewise")
    return extract(small.movie, 20.0, {"pw_rigid": True}, output=folder, progress=False), read_result(folder)


def test_cells_of_a_field_that_is_stretched(small, piecewise):
    result, _ = piecewise
    assert isinstance(result.motion, PiecewiseShifts)
    blocks = Blocks(result.dims, *(result.params["motion"][name] for name in ("strides", "overlaps")))
    wrong = error(np.stack([result.motion.y, result.motion.x], axis=-1), displacement(small, blocks))
    assert wrong < 0.4
    rigid = extract(small.movie, 20.0, progress=False)
    assert isinstance(rigid.motion, RigidShifts)
    assert error(rigid.motion.shifts[:, None], displacement(small, blocks)) > 3 * wrong
    # rigid registration is at times good enough for footprints that are cells: how many it loses varies
    pairs = simulation.match(result, small)
    assert len(pairs) == len(small.A) == 12
    assert 2 * len(pairs) / (len(result.accepted) + len(small.A)) > 0.85


def test_the_result_file_has_the_blocks(piecewise):
    result, read = piecewise
    for name in ("y", "x", "blocks"):
        np.testing.assert_array_equal(getattr(read.motion, name), getattr(result.motion, name))
    assert read.params["motion"]["pw_rigid"] is True
    np.testing.assert_array_equal(read.params["motion"]["strides"], result.params["motion"]["strides"])


def test_deviations_stay_within_the_limit(small):
    result = extract(small.movie[:120], 20.0, {"pw_rigid": True, "max_deviation_rigid": 1}, progress=False)
    motion = np.stack([result.motion.y, result.motion.x], axis=-1)
    assert 1 < np.ptp(motion, axis=1).max() <= 2 + 1e-6


def test_without_pw_rigid_blocks_mean_nothing(small):
    one = extract(small.movie[:120], 20.0, progress=False)
    two = extract(small.movie[:120], 20.0, {"strides": 30, "max_deviation_rigid": 1}, progress=False)
    np.testing.assert_array_equal(one.motion.shifts, two.motion.shifts)
    np.testing.assert_array_equal(one.C, two.C)


def test_more_blocks_than_can_be_registered():
    movie = np.random.default_rng(0).integers(60, 90, (60, 272, 304), np.uint8)
    with pytest.raises(ParameterError, match="323 blocks, and at most 256"):
        extract(movie, 20.0, {"pw_rigid": True, "strides": 16, "overlaps": 0}, progress=False)


def test_a_movie_that_shows_nothing_stays_in_place():
    movie = np.random.default_rng(0).normal(80, 3, (200, 96, 112)).clip(0, 255).astype(np.uint8)
    result = extract(movie, 20.0, {"pw_rigid": True, "strides": 36}, progress=False)
    motion = np.stack([result.motion.y, result.motion.x], axis=-1)
    assert np.isfinite(motion).all()
    assert np.abs(motion - motion.mean(axis=1, keepdims=True)).max() <= 3
    assert len(result.accepted) <= 1


def test_a_field_of_one_block_is_told(small, caplog):
    with caplog.at_level(logging.WARNING):
        result = extract(small.movie[:120], 20.0, {"pw_rigid": True, "strides": 200}, progress=False)
    assert "only one block" in caplog.text
    assert result.motion.blocks.tolist() == [[0, 96, 0, 128]]
