"""Times of frames: every way they were written, what is irregular in them, and whether they fit the video."""

import numpy as np
import pytest
from recordings import QT_VERSIONS, regular_times, write_session

from workflow_miniscope import daq
from workflow_miniscope.daq import examine
from workflow_miniscope.errors import RecordingError

HEADER = "Frame Number,Time Stamp (ms),Buffer Index"


@pytest.fixture
def scope(tmp_path):
    """A scope of 30 frames in files of 12."""
    return write_session(tmp_path, n_frames=30, version="v1.11").scopes[0]


def stamp(device, rows, header=HEADER):
    """Replace a device's time stamps."""
    lines = ([header] if header else []) + [",".join(map(str, row)) for row in rows]
    (device.folder / "timeStamps.csv").write_text("\n".join(lines) + "\n")


def read(device):
    return daq.open_device(device.folder).read()


def refused(device, *words):
    with pytest.raises(RecordingError) as caught:
        read(device)
    for word in words:
        assert str(word) in str(caught.value)


@pytest.mark.parametrize("version", QT_VERSIONS)
def test_times_are_the_time_stamp_column(tmp_path, version):
    times = [-63, -12, 40, 88, 140, 190, 241, 290, 341, 390, 440, 491]
    written = write_session(tmp_path, version=version, n_frames=12, times_ms=times, settings={"frameRate": "60FPS"})
    recording = read(written.scopes[0])
    np.testing.assert_array_equal(recording.times, np.array(times) / 1000)  # negative first values are kept
    assert recording.times.dtype == np.float64
    assert recording.fps == pytest.approx(20, abs=0.3)  # neither the header's 60 nor the setting's
    assert recording.duration == pytest.approx(0.604, abs=0.001)
    assert recording.warnings == ()


def test_a_camera_of_30_hz_whose_stamps_are_whole_milliseconds(tmp_path):
    """The median interval is 33 ms, which would make 30.3 Hz of it: a minute too short in every 100."""
    times = np.round(np.arange(300) * 1000 / 30).astype(int)
    written = write_session(tmp_path, n_frames=300, frames_per_file=1000, times_ms=times)
    recording = read(written.scopes[0])
    assert np.median(np.diff(recording.times)) == pytest.approx(0.033)
    assert recording.fps == pytest.approx(30, abs=0.01)
    assert recording.duration == pytest.approx(10, abs=0.01)


def test_dropped_frames(scope):
    lost = np.cumsum(np.isin(np.arange(30), [7, 20]) + 2 * (np.arange(30) == 20))
    stamp(scope, [(i, 50 * (i + lost[i]), 0) for i in range(30)])
    recording = read(scope)
    assert [(gap.index, gap.missing) for gap in recording.timing.gaps] == [(6, 1), (19, 3)]
    assert recording.timing.dropped_frames == 4
    assert recording.fps == pytest.approx(20)
    (warning,) = recording.warnings
    assert "4 frames dropped in 2 gaps" in warning and "after frame 19" in warning


def test_a_late_frame_is_no_dropped_frame():
    times = np.arange(40) * 0.05
    times[10] += 0.04  # 90 ms, then 10 ms
    times[20:23] = times[23] - [0.003, 0.002, 0.001]  # three waited in the buffer
    timing = examine(times)
    assert timing.dropped_frames == 0 and timing.warnings == ()
    assert timing.fps == pytest.approx(20)


def test_the_daq_counter_knows_of_frames_that_time_does_not_show(tmp_path):
    counter = np.arange(30) + 5 + (np.arange(30) >= 12) * 2
    written = write_session(tmp_path, n_frames=30, daq_frames=counter)
    recording = read(written.scopes[0])
    assert [(gap.index, gap.missing) for gap in recording.timing.gaps] == [(11, 2)]
    assert "2 frames dropped" in recording.warnings[0]


def test_a_daq_counter_that_starts_again(tmp_path):
    written = write_session(tmp_path, n_frames=30, daq_frames=[*range(40, 55), *range(15)])
    recording = read(written.scopes[0])
    assert recording.timing.daq_resets.tolist() == [15] and recording.timing.dropped_frames == 0
    assert any("counter" in warning for warning in recording.warnings)


def test_double_and_backward_times(scope):
    """The wall clock, which the program used up to v1.11, can be set back; the times are told as they are."""
    times = regular_times(30)
    times[5] = times[4]
    times[15:] -= 500
    stamp(scope, [(i, time, 0) for i, time in enumerate(times)])
    recording = read(scope)
    np.testing.assert_array_equal(recording.times, times / 1000)
    assert recording.timing.duplicates.tolist() == [5] and recording.timing.backward.tolist() == [15]
    assert any("Frame 5 " in warning for warning in recording.warnings)
    assert any("Frame 15 " in warning for warning in recording.warnings)
    assert recording.fps == pytest.approx(20)


@pytest.mark.parametrize("times", [[100] * 30, list(range(3000, 0, -100)), [i * 1e-300 for i in range(30)]])
def test_times_that_do_not_advance(scope, times):
    stamp(scope, [(i, time, 0) for i, time in enumerate(times)])
    refused(scope, "timeStamps.csv", "frame rate")


def test_a_recording_of_one_frame(tmp_path):
    refused(write_session(tmp_path, n_frames=1).scopes[0], "only one frame")


# Lengths


@pytest.mark.parametrize("n", [29, 31, 10, 50])
def test_shorter_or_longer_than_the_video(scope, n):
    """What was in the buffer at Stop is in one and not in the other."""
    stamp(scope, [(i, 50 * i, 0) for i in range(n)])
    recording = read(scope)
    both = min(n, 30)
    assert recording.n_frames == recording.movie.n_frames == len(recording.times) == both
    np.testing.assert_array_equal(list(recording.movie.frames()), scope.frames[:both])
    assert any("30 frames" in warning and f"{n} time stamps" in warning for warning in recording.warnings)


@pytest.mark.parametrize("n", [9, 51])
def test_much_shorter_or_longer_than_the_video(scope, n):
    stamp(scope, [(i, 50 * i, 0) for i in range(n)])
    refused(scope, scope.folder, "30 frames", f"{n} time stamps")


def test_missing_rows(scope):
    """Without them it is unknown which frame has which time: the first ones of both are not those of each other."""
    stamp(scope, [(i, 50 * i, 0) for i in range(30) if i not in (8, 9)])
    refused(scope, "row 8 is for frame 10", "30 frames", "28 time stamps")


def test_frames_missing_in_the_middle(tmp_path):
    scope = write_session(tmp_path, n_frames=36, frames_per_file=12).scopes[0]
    scope.files[1].write_bytes(scope.files[2].read_bytes())
    assert read(scope).n_frames == 36  # as long as the numbers are right nobody can know
    shorter = write_session(tmp_path / "other", n_frames=9, frames_per_file=9).scopes[0]
    scope.files[1].write_bytes(shorter.files[0].read_bytes())
    refused(scope, "1.avi holds 9 frames instead of 12")


def test_a_cut_last_video_is_named(tmp_path):
    scope = write_session(tmp_path, n_frames=60, frames_per_file=30).scopes[0]
    content = scope.files[1].read_bytes()
    scope.files[1].write_bytes(content[:7000])
    refused(scope, scope.folder, "60 time stamps", "1.avi is cut off")


# Damaged files


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["0,-47,0", "1,three,0", "2,53,0"], ["line 3", "three"]),
        (["0,-47,0", "1", "2,53,0"], ["line 3", "fields"]),
        (["0,-47,0", "1,nan,0", "2,53,0"], ["line 3", "nan"]),
        (["0,-47,0", "1.5,3,0", "2,53,0"], ["line 3", "1.5"]),
        (["0,-47,0", "1,1e300,0", "2,53,0"], ["line 3", "1e300"]),
        ([], ["no row"]),
    ],
)
def test_rows_that_cannot_be_read(scope, rows, words):
    (scope.folder / "timeStamps.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    refused(scope, "timeStamps.csv", *words)


def test_other_columns(scope):
    stamp(scope, [(i, 50 * i, 0) for i in range(30)], header="frame,time,buffer")
    refused(scope, "timeStamps.csv", "no column")


def test_windows_line_ends_and_a_byte_order_mark(scope):
    path = scope.folder / "timeStamps.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    recording = read(scope)
    np.testing.assert_array_equal(recording.times, scope.times_ms / 1000)
    assert recording.warnings == ()


def test_a_cut_last_row_is_left_out(scope):
    path = scope.folder / "timeStamps.csv"
    path.write_text(path.read_text()[:-5])
    assert path.read_text().endswith("\n29,14")  # of 1403 ms: half a time is a wrong time
    recording = read(scope)
    assert recording.n_frames == 29
    np.testing.assert_array_equal(recording.times, scope.times_ms[:29] / 1000)
    assert any("cut off" in warning for warning in recording.warnings)


# The legacy program


@pytest.fixture
def legacy(tmp_path):
    return write_session(tmp_path, layout="legacy", n_frames=30, cameras=["x"], times_ms=regular_times(30, first_ms=9))


def change(written, edit):
    path = written.folder / "timestamp.dat"
    header, *lines = path.read_text().splitlines()
    rows = edit([line.split("\t") for line in lines])
    path.write_text("\n".join([header, *("\t".join(map(str, row)) for row in rows)]) + "\n")


def test_interleaved_cameras_are_told_apart_by_their_frames(legacy):
    """The scope (30 frames) has the number 1 and the camera (25 frames) 0; then the other way around."""
    for _ in range(2):
        session = daq.open_session(legacy.folder)
        for device, true in zip(session.devices, legacy.devices, strict=True):
            recording = device.read()
            assert recording.n_frames == len(true.frames) and recording.warnings == ()
            np.testing.assert_array_equal(recording.times, true.times_ms / 1000)
        change(legacy, lambda rows: [["10" if row[0] == "1" else "1", *row[1:]] for row in rows])


def test_cameras_whose_rows_fit_one_video_as_well(tmp_path):
    """32 and 28 rows are as far from the scope's 30 frames; the camera's 25 decide."""
    written = write_session(tmp_path, layout="legacy", n_frames=30, frames_per_file=1000, cameras=["x"])
    change(written, lambda rows: [[n, i + 1, 50 * i + n, 1] for i in range(32) for n in (0, 1) if n or i < 28])
    scope, camera = (device.read() for device in daq.open_session(written.folder).devices)
    assert (scope.n_frames, camera.n_frames) == (30, 25)
    assert (scope.times[0], camera.times[0]) == (0.001, 0)
    assert len(scope.warnings) == len(camera.warnings) == 1  # of the lengths


def test_cameras_that_cannot_be_told_apart(tmp_path):
    """The numbers of rows fit either way; each gets a camera of its own, and it is said."""
    written = write_session(tmp_path, layout="legacy", n_frames=30, frames_per_file=1000, cameras=["x"])
    change(written, lambda rows: [[*row[:2], int(row[2]) + 7 * int(row[0]), 1] for row in rows if int(row[1]) <= 25])
    scope, camera = (device.read() for device in daq.open_session(written.folder).devices)
    assert abs(scope.times[0] - camera.times[0]) == pytest.approx(0.007)
    for recording in (scope, camera):
        assert any("fit the videos as well" in warning for warning in recording.warnings)


@pytest.mark.parametrize("garbage", [4294967291, 98765, 2**32 - 1])
def test_a_first_time_that_is_garbage(legacy, garbage):
    """The clock runs from when Record is pressed: the frame was taken just before, or nothing is known."""

    def spoil(rows):
        first = next(row for row in rows if row[0] == "1")
        first[2] = str(garbage)
        return rows

    change(legacy, spoil)
    recording = daq.open_session(legacy.folder).scopes[0].read()
    np.testing.assert_array_equal(recording.times[1:], legacy.scopes[0].times_ms[1:] / 1000)
    assert -0.5 <= recording.times[0] < recording.times[1]
    assert recording.fps == pytest.approx(20, abs=0.3)
    assert any("garbage" in warning for warning in recording.warnings)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda rows: [["2" if row[1] == "9" else row[0], *row[1:]] for row in rows], ["3 cameras"]),
        (lambda rows: rows[:6] + [["x", *rows[6][1:]]] + rows[7:], ["line 8", "'x'"]),
        (lambda rows: rows[:6] + [rows[6][:2]] + rows[7:], ["line 8", "fields"]),
        (lambda rows: [row for row in rows if row[0] == "0"][:3], ["30 frames", "3 time stamps"]),
        (lambda rows: [], ["no row"]),
    ],
)
def test_damaged_time_stamps(legacy, edit, words):
    change(legacy, edit)
    with pytest.raises(RecordingError) as caught:
        daq.open_session(legacy.folder).scopes[0].read()
    for word in ["timestamp.dat", *words]:
        assert word in str(caught.value)
