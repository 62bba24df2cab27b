"""Which files a result was made from is kept beside it, and told from files put in their place."""

import os

import numpy as np
import pytest
from recordings import make_frames, write_video
from stub_engine import StubEngine, StubParameters

from workflow_miniscope import daq
from workflow_miniscope.engines.base import run_engine
from workflow_miniscope.errors import RecordingError
from workflow_miniscope.movies import fingerprint


@pytest.fixture
def files(tmp_path):
    frames = make_frames(8)
    paths = [tmp_path / f"{i}.avi" for i in range(2)]
    for path, part in zip(paths, np.split(frames, 2), strict=True):
        write_video(path, part)
    return paths


@pytest.fixture
def result(files, tmp_path):
    return run_engine(StubEngine(), daq.Movie(files), StubParameters(), tmp_path / "out", 20.0, np.arange(8) / 20)


def flip(path, where):
    with open(path, "r+b") as file:
        file.seek(where)
        byte = file.read(1)
        file.seek(where)
        file.write(bytes([byte[0] ^ 255]))


def test_nothing_changed(files, result):
    assert fingerprint.changed(result, files, np.arange(8) / 20) is None
    for file in files:
        os.utime(file)  # copied without its time
    assert fingerprint.changed(result, files) is None


def test_a_file_of_the_same_size_is_told(files, result):
    flip(files[1], files[1].stat().st_size - 40)
    assert fingerprint.changed(result, files) == f"{files[1]} was changed since it was made"


def test_other_files(files, result, tmp_path):
    assert "made from 1.avi, too" in fingerprint.changed(result, files[:1])
    other = files[1].rename(tmp_path / "other.avi")
    assert fingerprint.changed(result, [files[0], other]) == f"it was made from 1.avi, in whose place {other} is"
    with pytest.raises(RecordingError, match="1.avi cannot be read"):
        fingerprint.changed(result, files)


def test_other_times(files, result):
    times = np.arange(8) / 20
    times[3] += 0.001
    assert "time stamps were changed" in fingerprint.changed(result, files, times)


def test_samples_of_a_large_file(tmp_path):
    large = tmp_path / "0.avi"
    with open(large, "wb") as file:
        file.truncate(50 << 20)
    (tmp_path / "out").mkdir()
    fingerprint.write_record(tmp_path / "out", [large])
    result = tmp_path / "out" / "result.hdf5"
    assert fingerprint.changed(result, [large]) is None
    with open(large, "r+b") as file:
        file.seek(30 << 20)
        file.write(b"1" * (2 << 20))
    assert "was changed" in fingerprint.changed(result, [large])


def test_a_result_without_a_record(files, result):
    (result.parent / fingerprint.NAME).unlink()
    for file in files:
        os.utime(file, (1, 1))
    assert fingerprint.changed(result, files) is None
    os.utime(files[0], (result.stat().st_mtime + 10,) * 2)
    assert fingerprint.changed(result, files) == f"{files[0]} was written after it was made"


def test_a_record_that_cannot_be_read(files, result):
    (result.parent / fingerprint.NAME).write_text("[1]")
    assert "cannot be read" in fingerprint.changed(result, files)
