"""Whatever is written in any layout and version is read back exactly."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings import CODECS, QT_VERSIONS, frame_number, write_session

from workflow_miniscope import daq
from workflow_miniscope.errors import RecordingError

NAMES = ("Miniscope", "My V4 Miniscope", "Mäuse Kopf 2", "scope-ß")
CAMERAS = ("BehavCam 0", "Überkopf Kamera")
counter = itertools.count()


@st.composite
def sessions(draw):
    n_frames = draw(st.integers(8, 40))
    interval = draw(st.sampled_from([33, 50, 100]))
    drops = draw(
        st.lists(st.tuples(st.integers(1, n_frames - 1), st.integers(1, 9)), max_size=2, unique_by=lambda d: d[0])
    )
    lost = np.zeros(n_frames, int)
    for at, how_many in drops:
        lost[at] = how_many
    index = np.arange(n_frames) + np.cumsum(lost)
    layout = draw(st.sampled_from(["qt", "qt", "legacy"]))
    first = draw(st.integers(-120, 60)) if layout == "qt" else draw(st.integers(0, 60))
    return (
        {
            "layout": layout,
            "version": draw(st.sampled_from(QT_VERSIONS)),
            "n_frames": n_frames,
            "frames_per_file": draw(
                st.sampled_from([1000, 12, n_frames - 1, n_frames, 3])
            ),  # n - 1: a last file of 1 frame
            "size": draw(st.sampled_from([(24, 40), (8, 64), (50, 42)])),
            "codec": draw(st.sampled_from(CODECS)),
            "camera_codec": draw(st.sampled_from(CODECS)),
            "scopes": draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)),
            "cameras": draw(st.lists(st.sampled_from(CAMERAS), max_size=1)),
            "times_ms": first + interval * index,
            "daq_frames": index + draw(st.integers(0, 10**6)),
            "start_ms": draw(st.integers(10**12, 2 * 10**12)),
            "animal": draw(st.sampled_from(["mouse 1", "Mäuschen", "m-2"])),
            "empty_last_avi": draw(st.booleans()),
        },
        int(lost.sum()),
        interval,
    )


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sessions())
def test_reads_what_was_written(tmp_path, drawn):
    how, n_lost, interval = drawn
    root = tmp_path / str(next(counter))
    written = write_session(root, **how)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    assert daq.find_sessions(root) == [written.folder]
    session = daq.open_session(written.folder, written.acq_software)
    assert session.acq_software == written.acq_software
    assert session.start_utc == written.start_utc
    assert session.animal == written.animal
    assert [note.text for note in session.notes] == ["on the track, facing left"]
    assert len(session.scopes) == len(written.scopes) and len(session.cameras) == len(written.cameras)

    for true in written.devices:
        (device,) = [
            device
            for device in session.devices
            if device.kind == true.kind and device.files[0].parent == true.folder and device.files[0] == true.files[0]
        ]
        assert device.files == true.files
        recording = device.read()
        assert recording.n_frames == recording.movie.n_frames == len(true.frames)
        assert (recording.movie.height, recording.movie.width) == true.frames.shape[1:]
        np.testing.assert_array_equal(recording.times, true.times_ms / 1000)
        steps = np.diff(true.times_ms) / 1000
        # a few frames with as many lost ones say hardly more about the rate
        assert 0.999 / steps.max() <= recording.fps <= 1.001 / steps.min()
        if np.isclose(steps, np.median(steps)).mean() >= 0.9:
            assert np.isclose(recording.fps, 1 / np.median(steps))
        span = (true.times_ms[-1] - true.times_ms[0]) / 1000
        assert span <= recording.duration <= span + np.median(steps) + 1e-9
        frames = np.stack(list(recording.movie.frames()))
        assert frames.dtype == np.uint8
        assert [frame_number(frame) for frame in frames] == list(range(len(true.frames)))
        if true.lossless:
            np.testing.assert_array_equal(frames, true.frames)
        else:
            assert np.abs(frames.astype(int) - true.frames).mean() < 12
        blocks = list(recording.movie.blocks(7))
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), frames)
        assert [first for first, _ in blocks] == list(range(0, len(frames), 7))
        middle = len(frames) // 2
        np.testing.assert_array_equal(list(recording.movie.frames(middle, middle + 2)), frames[middle : middle + 2])
        if np.median(steps) * 1000 == interval and true.kind == "scope":
            assert recording.timing.dropped_frames == n_lost
            assert bool(n_lost) == any("dropped" in warning for warning in recording.warnings)

    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert after == before  # nothing is written into a raw-data folder


@pytest.mark.parametrize("rows", [79, 81, 60, 41, 99, 38, 102])
def test_lengths_of_video_and_time_stamps(tmp_path, rows):
    """Stopping loses up to 20 frames of one of them; the first of both are used, and it is said."""
    written = write_session(tmp_path, n_frames=60, frames_per_file=25)
    path = written.scopes[0].folder / "timeStamps.csv"
    header = path.read_text().splitlines()[0]
    path.write_text("\n".join([header, *(f"{i},{50 * i - 47},0,{i}" for i in range(rows))]) + "\n")
    device = daq.open_session(written.folder).scopes[0]
    if abs(rows - 60) > 20:
        with pytest.raises(RecordingError, match=f"60 .*{rows} "):
            device.read()
        return
    recording = device.read()
    assert recording.n_frames == len(recording.times) == min(rows, 60)
    assert len(list(recording.movie.frames())) == recording.n_frames
    assert bool(recording.warnings) == (rows != 60)
