"""One recording to one result file: what is extracted is what the check calls usable."""

import numpy as np
import pytest
from recordings import regular_times, two_cells, write_session

from workflow_miniscope.errors import ParameterError, RecordingError
from workflow_miniscope.results.caiman import read_result
from workflow_miniscope.work import check
from workflow_miniscope.work.extract import extract_folder

N = 200


@pytest.fixture(scope="module")
def movie():
    return two_cells(N)


def later(times, seconds):
    """Record the second half of the frames later."""
    times = times.copy()
    times[N // 2 :] += round(1000 * seconds)
    return times


def thinned(times):
    """Lose three frames in ten, here and there."""
    return times + 50 * np.cumsum(np.random.default_rng(0).random(N) < 0.4)


@pytest.mark.parametrize(
    ("change", "usable"),
    [
        (lambda times: later(times, 20), True),
        (lambda times: later(times, 600), True),  # two blocks
        (lambda times: later(times, 3), False),  # no pause: frames that were lost
        (thinned, False),
    ],
)
def test_pauses_and_losses(tmp_path, movie, change, usable):
    written = write_session(tmp_path / "raw", movie=movie, times_ms=change(regular_times(N)), frames_per_file=50)
    verdict = check.check_folder(written.folder, progress=False).verdict
    assert (verdict != "unusable") == usable
    output = tmp_path / "out"
    if usable:
        result = read_result(extract_folder(written.scopes[0].folder, output, progress=False))
        assert result.C.shape[1] == N
    else:
        with pytest.raises(RecordingError, match="is unusable: .* of the frames were dropped"):
            extract_folder(written.scopes[0].folder, output, progress=False)
        assert not output.exists()


def test_lost_frames_are_told_once(tmp_path, movie, run):
    """A note of the recording's check and the engine's own warning said the same."""
    times = regular_times(N)
    times[N // 2 :] += 150
    times[-1] = times[-2]
    folder = write_session(tmp_path / "raw", movie=movie, times_ms=times, frames_per_file=N).scopes[0].folder
    done = run("extract", folder, "--output", tmp_path / "out")
    assert done.status == 0, done.err
    lines = done.err.splitlines()
    (told,) = [line for line in lines if "1 gap" in line or "gaps: 1" in line]
    assert told.startswith("Warning: Frames missing: 3 (gaps: 1, the longest of 0.200 s). They count as not seen")
    assert f"Note: Frame {N - 1} has the time of the frame before." in lines


@pytest.mark.parametrize(("dark", "usable"), [(slice(60), True), (slice(120), False), (slice(None), False)])
def test_black_frames(tmp_path, movie, dark, usable):
    lit = movie.copy()
    lit[dark] = 0
    written = write_session(tmp_path / "raw", movie=lit, frames_per_file=50)
    assert (check.check_folder(written.folder, progress=False).verdict != "unusable") == usable
    if usable:
        assert extract_folder(written.scopes[0].folder, tmp_path / "out", progress=False).is_file()
    else:
        with pytest.raises(RecordingError, match="is unusable: The frames are black"):
            extract_folder(written.scopes[0].folder, tmp_path / "out", progress=False)


def test_a_recording_of_a_moment(tmp_path, movie):
    written = write_session(tmp_path / "raw", movie=movie[:49], frames_per_file=49)
    assert check.check_folder(written.folder, progress=False).verdict == "unusable"
    with pytest.raises(RecordingError, match="is unusable: 49 frames are too few: at least 50 are needed"):
        extract_folder(written.scopes[0].folder, tmp_path / "out", progress=False)


def test_a_camera_shows_no_cells(tmp_path, movie, run):
    written = write_session(tmp_path / "raw", movie=movie, cameras=["Face Cam"])
    done = run("extract", written.cameras[0].folder, "--output", tmp_path / "out")
    assert done.status == 2
    assert "Face_Cam is the recording of a camera, in which there are no cells; name the folder of a scope" in done.err
    assert not (tmp_path / "out").exists()
    # with --camera what follows is said: here that it is too short
    with pytest.raises(RecordingError):
        short = write_session(tmp_path / "short", n_frames=20, cameras=["Face Cam"]).cameras[0].folder
        extract_folder(short, tmp_path / "out", progress=False, camera=True)
    with pytest.raises(ParameterError):
        extract_folder(written.cameras[0].folder, tmp_path / "out", progress=False)
