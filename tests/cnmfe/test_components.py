"""Components come and go without a second copy of their traces."""

import tracemalloc

import numpy as np
import pytest

from workflow_miniscope.cnmfe.model.components import Components

FRAMES = 20000


@pytest.fixture
def hundred():
    components = Components((60, 60), FRAMES, radius=2)
    add(components, np.arange(100))
    return components


def add(components, numbers):
    """Components whose traces are their numbers."""
    windows = np.ones((len(numbers), 5, 5), np.float32)
    centers = np.stack([10 + numbers % 40, np.full(len(numbers), 20)], axis=1)
    components.append(centers, windows, windows > 0, np.repeat(numbers.astype(np.float32)[:, None], FRAMES, axis=1))


@pytest.mark.parametrize("kept", [np.arange(0, 100, 3), np.arange(100) % 4 > 1, np.arange(100), np.zeros(0, int)])
def test_what_is_kept_stays_itself(hundred, kept):
    hundred.keep(kept)
    numbers = np.arange(100)[kept]
    assert len(hundred) == len(hundred.masks) == len(hundred.footprints) == len(hundred.filled) == len(numbers)
    assert np.array_equal(hundred.C, np.repeat(numbers[:, None], FRAMES, axis=1)) and hundred.C.dtype == np.float32
    assert np.array_equal(hundred.tops, 8 + numbers % 40)


def test_new_ones_come_last(hundred):
    hundred.keep(np.arange(50))
    add(hundred, np.arange(200, 203))
    assert hundred.C[:, 0].tolist() == [*range(50), 200, 201, 202] and np.ptp(hundred.C, axis=1).max() == 0


def test_traces_are_not_copied():
    one = FRAMES * 4  # bytes of a trace
    tracemalloc.start()
    try:
        components = Components((60, 60), FRAMES, radius=2)
        add(components, np.arange(90))
        for change, most in (
            (lambda: components.keep(np.arange(1, 90)), 1),
            # they themselves, as they are given and beside the others
            (lambda: add(components, np.arange(10)), 25),
        ):
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            change()
            assert tracemalloc.get_traced_memory()[1] - before < most * one
    finally:
        tracemalloc.stop()
