"""Memory that was freed does not stay with the process."""

import os
import sys
from pathlib import Path

import pytest

from workflow_miniscope.cnmfe.arrays.memory import release

MEGABYTE = 2**20


def resident() -> float:
    """Memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing is done elsewhere")
def test_freed_memory_goes_back():
    # too small for a mapping each, and the last one keeps the heap from shrinking by itself
    held = [bytearray(2**16) for _ in range(3200)]
    last = bytearray(2**16)
    full = resident()
    del held
    release()
    assert resident() < full - 150
    assert len(last) == 2**16
