"""Components come and go without a second copy of their traces."""

import os
import subprocess
import sys

import numpy as np
import pytest

from workflow_miniscope.cnmfe.model.components import Components

FRAMES = 200


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
    hundred.surround = np.arange(100) % 2 == 0
    hundred.keep(kept)
    numbers = np.arange(100)[kept]
    assert len(hundred) == len(hundred.masks) == len(hundred.footprints) == len(hundred.filled) == len(numbers)
    assert np.array_equal(hundred.C, np.repeat(numbers[:, None], FRAMES, axis=1)) and hundred.C.dtype == np.float32
    assert np.array_equal(hundred.tops, 8 + numbers % 40)
    assert np.array_equal(hundred.surround, numbers % 2 == 0)


def test_new_ones_come_last(hundred):
    hundred.keep(np.arange(50))
    add(hundred, np.arange(200, 203))
    assert hundred.C[:, 0].tolist() == [*range(50), 200, 201, 202] and np.ptp(hundred.C, axis=1).max() == 0


MEASURED = """
import numpy as np

from workflow_miniscope.cnmfe.model.components import Components


def most():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))


def append(n):
    windows = np.ones((n, 5, 5), np.float32)
    components.append(np.full((n, 2), 20), windows, windows > 0, np.ones((n, components.C.shape[1]), np.float32))


components = Components((60, 60), 1, radius=2)
append(300)
components.C = np.ones((300, 100_000), np.float32)
append(1)  # from now on the memory is one that grows where it is
open("/proc/self/clear_refs", "w").write("5")  # the most memory so far is what is taken now
before = most()
{change}
print((most() - before) / components.C.nbytes)
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="only Linux forgets the most memory so far")
@pytest.mark.parametrize("change", ["components.keep(np.arange(1, 300))", "append(5)"], ids=["keep", "append"])
def test_traces_are_not_copied(change):
    run = subprocess.run(
        [sys.executable, "-c", MEASURED.format(change=change)], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 0.2
