"""Damaged result files end in one sentence: none in a crash, in Python's own error, or in more memory than there is."""

import struct
from pathlib import Path

import h5py
import mutations
import numpy as np
import planted
import pytest
from recordings import write_session

from workflow_miniscope import daq
from workflow_miniscope.engines import facemap
from workflow_miniscope.errors import ParameterError, RecordingError, ResultError
from workflow_miniscope.results.caiman import read_result, write_result
from workflow_miniscope.results.facemap import read_proc
from workflow_miniscope.work.params_file import read_params

DATA = Path(__file__).parent / "data"
DEEP = "[" * 10**5 + "]" * 10**5


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "caiman_result.hdf5"
    write_result(path, planted.result())
    return path


@pytest.fixture
def damaged(whole, tmp_path):
    """Replace a part of a result."""

    def damage(name, value=None, **dataset):
        path = tmp_path / "damaged.hdf5"
        path.write_bytes(whole.read_bytes())
        with h5py.File(path, "r+") as file:
            old = file[name][()]
            del file[name]
            file.create_dataset(name, **dataset or {"data": value(old)})
        return path

    return damage


def at(place, value):
    """Change one value."""

    def change(values):
        values = np.array(values)
        values[place] = value
        return values

    return change


@pytest.mark.parametrize(
    ("part", "change", "says"),
    [
        ("estimates/A/indices", at(5, 2**30), "A is no sparse matrix"),
        ("estimates/A/indices", at(5, -3), "A is no sparse matrix"),
        ("estimates/A/indptr", at(1, 10**6), "A is no sparse matrix"),
        ("estimates/A/indptr", at(1, -1), "A is no sparse matrix"),
        ("estimates/A/shape", at(slice(None), 10**6), "A is no sparse matrix"),
        ("estimates/idx_components", at(0, -3), "not each of the"),
        ("dims", at(slice(None), 10**6), "1000000 x 1000000 pixels, which no camera has"),
        ("dims", at(0, 0), "0 x [0-9]+ pixels"),
    ],
)
def test_numbers_that_point_nowhere(part, change, says, damaged):
    path = damaged(part, change)
    with pytest.raises(ResultError, match=f"{path}.*{says}"):
        read_result(path)


@pytest.mark.parametrize("part", ["estimates/C", "estimates/A/data", "estimates/idx_components"])
def test_a_size_that_was_declared_and_never_written(part, damaged):
    path = damaged(part, shape=(10**6, 10**6), dtype="f8", chunks=(100, 100))
    with pytest.raises(ResultError, match="declares 1000000 x 1000000 values, which are not in the file|no traces"):
        read_result(path)


def test_any_damage(whole, tmp_path):
    """Some of hundreds that were tried: what is drawn by these numbers died or ended in Python's own error before."""
    files = [DATA / "caiman_1.9.0_cnmf_48x72.hdf5", whole]
    found = mutations.outcomes(tmp_path, files, 0, 40)
    assert len(found) > 30
    assert not {n: told for n, told in found.items() if not told.startswith(("read", "ResultError"))}
    assert sum(told.startswith("ResultError") for told in found.values()) > 10


# Other inputs ------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"Lx": [2**31]}, {"Lx": [np.inf]}, {"sbin": np.inf}, {"sbin": 2**40}])
def test_a_facemap_result(tmp_path, change):
    n, bins = 12, np.zeros((4, 6), np.float32)
    proc = {
        "rois": [],
        "motion": [np.ones(n, np.float32)],
        "sbin": 4,
        "filenames": [["0.avi"]],
        "avgframe_reshape": bins,
        "avgmotion_reshape": bins,
        "Ly": [16],
        "Lx": [24],
        "fullSVD": True,
    }
    path = tmp_path / "0_proc.npy"
    np.save(path, np.array(proc, dtype=object))
    assert read_proc(path).regions[0].x_range.size == 24
    np.save(path, np.array({**proc, **change}, dtype=object))
    with pytest.raises(ResultError, match=f"{path} is (damaged|no whole result)"):
        read_proc(path)


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (24, -(2**31)), (0, 0)])
def test_a_videos_header(tmp_path, size):
    path = write_session(tmp_path, n_frames=4).scopes[0].files[0]
    content = bytearray(path.read_bytes())
    place = content.index(b"strf") + 12
    content[place : place + 8] = struct.pack("<ii", *size)
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=f"{path} is damaged: its header says frames of"):
        daq.Movie([path])


def test_parameters(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text(DEEP)
    with pytest.raises(ParameterError, match=f"{path} is not valid JSON"):
        read_params(path)
    with pytest.raises(ParameterError, match=r"unknown kind \[\]; there are motion, pupil, blink"):
        facemap.ENGINE.parse({"rois": [{"kind": [], "x": [0, 8], "y": [0, 8]}]})
