"""A full disk is told in one sentence, and nothing half-written stays on it."""

import os
import sys
from pathlib import Path

import disks
import numpy as np
import planted
import pytest
import unruly_engines as unruly
from processes import TESTS
from recordings import write_session
from stub_engine import StubEngine, StubParameters

from workflow_miniscope import engines
from workflow_miniscope.engines.child.options import Options
from workflow_miniscope.errors import EngineError, ResultError
from workflow_miniscope.results.caiman import read_result, write_result
from workflow_miniscope.work.extract import extract_folder


@pytest.fixture
def disk(tmp_path):
    """A disk of two megabytes."""
    with disks.small(tmp_path / "disk", 2**21) as folder:
        yield folder


@pytest.mark.parametrize("free", [2**12, 2**15, 100_000, 150_000])
def test_a_result_file(disk, free):
    """HDF5 ended the process with a segmentation fault when the file was closed."""
    disks.fill(disk, free)
    with pytest.raises(ResultError, match=f"cannot be written to {disk}/result.hdf5: No space left on device"):
        write_result(disk / "result.hdf5", planted.result())
    assert os.listdir(disk) == ["fill"]
    (disk / "fill").unlink()
    assert read_result(write_result(disk / "result.hdf5", planted.result())).n_components


@pytest.mark.parametrize("apart", [False, True])
def test_an_engine(disk, tmp_path, monkeypatch, apart):
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    child = Options(Path(sys.executable), tmp_path / "logs") if apart else None
    movie, params = planted.ArrayMovie(np.zeros((7, 4, 5), np.uint8)), StubParameters()
    with pytest.raises(EngineError, match=f"^stub needs more room than there is: the disk of {disk} is full; free"):
        engines.run_engine(unruly.Filling(), movie, params, disk / "out", 20.0, child=child)
    assert os.listdir(disk) == []
    assert not apart or os.listdir(tmp_path / "logs") == []
    assert engines.run_engine(StubEngine(), movie, params, disk / "out", 20.0).is_file()


def test_extract(disk, tmp_path):
    written = write_session(tmp_path / "raw", n_frames=100, size=(40, 40))
    disks.fill(disk, 60_000)
    with pytest.raises(EngineError, match=f"^cnmfe needs more room than there is: the disk of {disk} is full; free"):
        extract_folder(written.scopes[0].folder, disk / "out", progress=False)
    assert os.listdir(disk) == ["fill"]
