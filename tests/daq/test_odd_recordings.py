"""Recordings as they are found in laboratories: copied, renamed, edited, and taken while something went wrong."""

import json
import shutil

import numpy as np
import pytest
from recordings import regular_times, write_session

from workflow_miniscope import daq
from workflow_miniscope.errors import RecordingError

N = 60


@pytest.fixture
def written(tmp_path):
    return write_session(tmp_path, n_frames=N, frames_per_file=25, cameras=["Face Cam"])


@pytest.fixture
def stamps(written):
    return written.scopes[0].folder / "timeStamps.csv"


def read(written):
    return daq.open_session(written.folder).scopes[0].read()


def checks(written):
    return [daq.check_device(device) for device in daq.open_session(written.folder).devices]


# Text


@pytest.mark.parametrize(("encoding", "said"), [("utf-8", 0), ("utf-16", 0), ("cp1252", 1)])
def test_notes_in_any_encoding(written, encoding, said):
    """The program writes them in that of the computer, which Windows says is not UTF-8."""
    notes = "Time Stamp (ms), Note\n1520,Mäuse, 3 µm tiefer\n"
    (written.folder / "notes.csv").write_bytes(notes.encode(encoding))
    session = daq.open_session(written.folder)
    assert [note.text for note in session.notes] == ["Mäuse, 3 µm tiefer"]
    assert sum("Windows-1252" in warning for warning in session.warnings) == len(session.warnings) == said


@pytest.mark.parametrize("layout", ["qt", "legacy"])
def test_an_animal_with_an_umlaut_on_windows(tmp_path, layout):
    written = write_session(tmp_path, layout=layout, n_frames=12, animal="Mäuschen")
    path = written.folder / {"qt": "metaData.json", "legacy": "settings_and_notes.dat"}[layout]
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    session = daq.open_session(written.folder)
    assert session.animal == "Mäuschen"
    assert any(f"{path.name} is not UTF-8" in warning for warning in session.warnings)


@pytest.mark.parametrize(
    "save",
    [
        lambda lines: "\n".join(lines[1:]).encode(),
        lambda lines: "\n".join(lines).replace(",", ";").encode(),
        lambda lines: "\r\n".join(f"{line},," for line in lines).encode("utf-8-sig"),
        lambda lines: "\n".join(lines).encode("utf-16"),
    ],
    ids=["no header", "semicolons", "columns added", "UTF-16"],
)
def test_time_stamps_that_went_through_a_spreadsheet(written, stamps, save):
    stamps.write_bytes(save(stamps.read_text().splitlines()))
    recording = read(written)
    np.testing.assert_array_equal(recording.times, regular_times(N) / 1000)
    assert recording.warnings == ()


def test_rows_that_are_doubled(written, stamps):
    lines = stamps.read_text().splitlines()
    stamps.write_text("\n".join([*lines[:20], lines[19], lines[19], *lines[20:]]) + "\n")
    recording = read(written)
    np.testing.assert_array_equal(recording.times, regular_times(N) / 1000)
    assert recording.warnings == ("2 rows of timeStamps.csv only repeated the row before and were left out.",)


def test_two_recordings_in_one_file(written, stamps):
    lines = stamps.read_text().splitlines()
    stamps.write_text("\n".join([*lines, *lines[1:]]) + "\n")
    with pytest.raises(RecordingError, match="start again at row 60: does it hold two recordings"):
        read(written)


# Names


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_names_in_another_case(written, change):
    for path in sorted(written.folder.rglob("*")):
        if path.is_file():
            path.rename(path.with_name(change(path.name)))
    session = daq.open_session(written.folder)
    assert (session.animal, session.start_utc, len(session.notes)) == (written.animal, written.start_utc, 1)
    assert session.warnings == ()
    assert [device.read().n_frames for device in session.devices] == [N, N]
    assert session.scopes[0].head_orientation() is not None
    assert daq.find_sessions(written.folder.parent) == [written.folder]


def test_legacy_names_in_another_case(tmp_path):
    written = write_session(tmp_path, layout="legacy", n_frames=12)
    for path in sorted(written.folder.iterdir()):
        path.rename(path.with_name(path.name.upper()))
    session = daq.open_session(written.folder)
    assert session.animal == written.animal
    assert session.scopes[0].read().n_frames == 12


def test_files_beside_the_recording_are_told(written):
    folder = written.scopes[0].folder
    for name in ("._0.avi", "Thumbs.db", ".DS_Store"):
        (folder / name).write_bytes(b"of the system")
    assert daq.open_session(written.folder).warnings == ()
    shutil.copy(folder / "0.avi", folder / "0 (1).avi")
    shutil.copytree(written.folder, written.folder / "part 2", ignore=shutil.ignore_patterns("part 2"))
    session = daq.open_session(written.folder)
    assert session.scopes[0].read().n_frames == N
    copy, part = session.warnings
    assert "My_V4_Miniscope also holds 0 (1).avi" in copy
    assert "part 2 is another recording" in part


def test_a_folder_of_several_recordings_names_them(tmp_path):
    first = write_session(tmp_path, n_frames=12).folder
    second = first.with_name("later")
    shutil.copytree(first, second)
    with pytest.raises(RecordingError, match=f"holds 2 recordings, such as {first.name}"):
        daq.open_session(first.parent)
    assert daq.recording_folders(first.parent) == [first, second]
    assert daq.recording_folders(first) == daq.recording_folders(tmp_path) == []


# Clocks


def test_wrong_times_do_not_make_a_recording_longer_or_shorter(tmp_path):
    times = regular_times(N)
    times[:3] += 2**32  # as unsigned numbers are, of frames before the start
    times[-1] = 0
    quality = checks(write_session(tmp_path, n_frames=N, times_ms=times))[0].quality
    assert quality.duration_s == pytest.approx((N - 4) * 0.05)
    assert quality.out_of_order == 4


@pytest.mark.parametrize(("step", "said"), [(3_600_000, "jump on by 3600.0 s"), (-3_600_000, "jump back by 3600.0 s")])
def test_a_clock_that_was_set_is_told_from_dropped_frames(tmp_path, step, said):
    times = regular_times(N)
    times[40:] += step
    written = write_session(tmp_path, version="v1.11", n_frames=N, times_ms=times, cameras=["Face Cam"])
    found = checks(written)
    (sentence,) = daq.relate(found)
    assert said in sentence
    assert "After 2.0 s" in sentence
    assert daq.relate(found[:1]) == (), "one device may have lost frames"


@pytest.mark.parametrize(
    ("n_frames", "first_ms", "said"),
    [(N, 0, None), (N - 10, 0, None), (30, 0, "only 51%"), (N, 2000, "only 32%"), (N, 10**7, "nothing")],
)
def test_a_camera_that_did_not_record_with_the_scope(tmp_path, n_frames, first_ms, said):
    written = write_session(tmp_path, n_frames=N, cameras=["Face Cam"], frames_per_file=10)
    camera = written.cameras[0]
    for path in camera.files[n_frames // 10 :]:
        path.unlink()
    rows = [f"{i},{50 * i + first_ms},0" for i in range(n_frames)]
    (camera.folder / "timeStamps.csv").write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *rows]))
    told = daq.relate(checks(written))
    assert len(told) == (said is not None)
    assert said is None or f"Face_Cam recorded {said} of the time of My_V4_Miniscope" in told[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"msecSinceEpoch": 86_400_000}, "recorded on 1970-01-02"),
        ({"day": 25}, "2026-01-25 02:20:30, is in no time zone"),
    ],
)
def test_a_start_that_cannot_be_true(written, change, said):
    path = written.folder / "metaData.json"
    metadata = json.loads(path.read_text())
    metadata["recordingStartTime"] |= change
    path.write_text(json.dumps(metadata))
    assert said in daq.open_session(written.folder).warnings[0]
