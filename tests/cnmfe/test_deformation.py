"""A field that turns and stretches a little beside its shift."""

import numpy as np
import pytest
import scipy.ndimage as ndi

from workflow_miniscope.cnmfe.model.deformation import TILES, Deformations, tile_equations

SHAPE, REACH, FRAMES, NOISE = (90, 120), 4, 120, 0.5
INSIDE = (slice(REACH, SHAPE[0] - REACH), slice(REACH, SHAPE[1] - REACH))


@pytest.fixture
def told(rng):
    """Normal equations of frames, of which the displacement (middle, L) is known."""
    image = 60 * ndi.gaussian_filter(rng.normal(size=SHAPE), 2)
    dy, dx = (part.astype(np.float32) for part in np.gradient(image))
    v, u = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    root = np.full(SHAPE, 1 / NOISE, np.float32)[INSIDE]

    def make(middles, bends):
        every = np.empty((len(middles), TILES, TILES, 5))
        for out, (y, x), L in zip(every, middles, bends, strict=True):
            rest = (y + L[0, 0] * v + L[0, 1] * u) * dy + (x + L[1, 0] * v + L[1, 1] * u) * dx
            rest = (rest + NOISE * rng.normal(size=SHAPE)).astype(np.float32)
            tile_equations(*(one[INSIDE] for one in (rest, dy, dx)), root, np.float32(1e6), out)
        return every

    return make


def test_a_field_that_turns(told, rng):
    """The rims of bright cells lit up together, and were eleven of 55 accepted cells."""
    angles = rng.normal(0, 0.003, FRAMES)
    turn = np.array([[0, SHAPE[1] / 2], [-SHAPE[0] / 2, 0]])
    middles, bends = rng.normal(0, 0.1, (FRAMES, 2)), angles[:, None, None] * turn
    equations = told(middles, bends)
    deformations = Deformations(SHAPE, INSIDE)
    deformations.ask(equations)
    assert deformations.reliability[0, 1] > 0.9 and deformations.reliability[1, 0] > 0.9
    assert deformations.reliability[0, 0] == deformations.reliability[1, 1] == 0
    found = [deformations.displacement(one, 0.5) for one in equations]
    left = np.array([bend for _, bend in found]) - bends
    assert np.sqrt(np.mean(left**2, axis=0)).max() < 0.25 * np.sqrt(np.mean(bends**2, axis=0)).max()
    assert np.abs(np.array([middle for middle, _ in found]) - middles).max() < 0.05


def test_a_field_that_only_moves(told, rng):
    middles = rng.normal(0, 0.2, (FRAMES, 2))
    equations = told(middles, np.zeros((FRAMES, 2, 2)))
    deformations = Deformations(SHAPE, INSIDE)
    deformations.ask(equations)
    assert not deformations.reliability.any()
    for one, middle in zip(equations, middles, strict=True):
        found, bend = deformations.displacement(one, 0.5)
        assert not bend.any()
        np.testing.assert_allclose(found, np.clip(middle, -0.5, 0.5), atol=0.05)


def test_a_field_without_any_edge():
    deformations = Deformations(SHAPE, INSIDE)
    nothing = np.zeros((FRAMES, TILES, TILES, 5))
    deformations.ask(nothing)
    middle, bend = deformations.displacement(nothing[0], 0.5)
    assert not middle.any() and not bend.any()


def test_the_displacement_of_each_pixel():
    bend = np.array([[0.1, -0.2], [0.3, 0.05]])
    rows, columns, right_rows, right_columns = Deformations(SHAPE, INSIDE).everywhere(np.array([0.2, -0.1]), bend)
    down = np.add.outer(rows, columns)
    right = np.add.outer(right_rows, right_columns)
    assert down.shape == right.shape == SHAPE
    np.testing.assert_allclose(down[0, -1], 0.2 - 0.1 - 0.2, atol=1e-6)
    np.testing.assert_allclose(right[-1, 0], -0.1 + 0.3 - 0.05, atol=1e-6)
