"""Damaged files give a clear error, or what is left of the recording with a warning: never a wrong count."""

import shutil
import time

import numpy as np
import pytest
from recordings import CODECS, frame_number, write_session

from workflow_miniscope import daq
from workflow_miniscope.errors import RecordingError

SIZE = (24, 40)


@pytest.fixture(scope="module", params=[*CODECS, "legacy"])
def written(request, tmp_path_factory):
    how = {"layout": "legacy"} if request.param == "legacy" else {"codec": request.param}
    root = tmp_path_factory.mktemp("fuzz")
    return write_session(root, n_frames=26, frames_per_file=10, size=SIZE, cameras=["Cam"], **how)


@pytest.fixture
def copy(written, tmp_path):
    # below folders of the same names, which say when a legacy session was recorded
    folder = tmp_path / written.folder.parent.name / written.folder.name
    shutil.copytree(written.folder, folder)
    return folder


def check(folder, written):
    """Read all of a session; whatever is read must be what was written, and less of it must be said."""
    begin = time.monotonic()
    try:
        session = daq.open_session(folder)
        said = list(session.warnings)
        for device in session.devices:
            (true,) = [
                true
                for true in written.devices
                if true.files[0].name == device.files[0].name and true.kind == device.kind
            ]
            recording = device.read()
            n = recording.n_frames
            frames = np.stack(list(recording.movie.frames()))
            assert len(frames) == len(recording.times) == n <= len(true.frames)
            assert n == len(true.frames) or recording.warnings or said, "frames are lost without a word"
            assert [frame_number(frame) for frame in frames] == list(range(n)), "a frame is not where it belongs"
            if true.lossless:
                np.testing.assert_array_equal(frames, true.frames[:n])
            np.testing.assert_array_equal(recording.times, true.times_ms[:n] / 1000)
    except RecordingError as error:
        assert len(str(error)) > 20 and "\n" not in str(error)
        return "error"
    finally:
        assert time.monotonic() - begin < 5
    return "read"


def cuts(size, n, seed):
    rng = np.random.default_rng(seed)
    return sorted({0, 1, 11, 12, size - 1, *rng.integers(0, size, n).tolist()})


@pytest.mark.parametrize("which", [0, -1], ids=["first file", "last file"])
def test_cut_video(copy, written, which):
    scope = written.scopes[0]
    path = copy / scope.files[which].relative_to(written.folder)
    content = path.read_bytes()
    seen = set()
    for cut in cuts(len(content), 25, seed=which % 7):
        path.write_bytes(content[:cut])
        seen.add(check(copy, written))
    # frames lost from the middle give later ones wrong times; from the end, the rest can be used
    assert ("error" if which == 0 else "read") in seen
    path.write_bytes(content)
    assert check(copy, written) == "read"


def test_garbage_in_video(copy, written):
    """Overwritten bytes: the pictures may be wrong, their number and places may not."""
    path = copy / written.scopes[0].files[1].relative_to(written.folder)
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    for start in rng.integers(0, len(content), 25):
        damaged = bytearray(content)
        damaged[start : start + 40] = rng.bytes(len(damaged[start : start + 40]))
        path.write_bytes(damaged)
        try:
            recording = daq.open_session(copy).scopes[0].read()
            assert sum(1 for _ in recording.movie.frames()) == recording.n_frames
        except RecordingError:
            continue
        assert recording.n_frames == 26 or recording.warnings


def test_cut_text(copy, written):
    texts = [path for path in sorted(copy.rglob("*")) if path.suffix in (".csv", ".dat", ".json")]
    assert texts
    for path in texts:
        content = path.read_bytes()
        for cut in cuts(len(content), 12, seed=len(content)):
            path.write_bytes(content[:cut])
            check(copy, written)
        path.write_bytes(content)


def test_random_text(copy, written):
    rng = np.random.default_rng(2)
    for path in sorted(copy.rglob("*")):
        if path.suffix not in (".csv", ".dat", ".json"):
            continue
        content = path.read_bytes()
        for size in (1, 10, 300, 5000):
            path.write_bytes(rng.bytes(size))
            result = check(copy, written)
            if path.name in ("metaData.json", "timeStamps.csv", "timestamp.dat"):
                assert result == "error", path.name
        path.write_bytes(content)


@pytest.mark.parametrize("codec", ["FFV1"])
def test_every_cut_of_the_time_stamps(tmp_path, codec):
    written = write_session(tmp_path, n_frames=20, frames_per_file=10, size=SIZE, codec=codec)
    path = written.scopes[0].folder / "timeStamps.csv"
    content = path.read_bytes()
    for cut in range(0, len(content), 3):
        path.write_bytes(content[:cut])
        check(written.folder, written)
