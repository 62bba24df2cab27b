"""Folders of both layouts as sessions: what is told of them, and the sentence for each that is none."""

import json
import re
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
from recordings import QT_VERSIONS, START_MS, write_session

from workflow_miniscope import daq
from workflow_miniscope.errors import RecordingError


def edit(path, **changes):
    """Change a JSON file; None removes a key."""
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def refused(folder, *words, software=None):
    """Check that opening a folder fails with one sentence, which has some words, and give it."""
    with pytest.raises(RecordingError) as caught:
        daq.open_session(folder, software)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith((".", "?"))
    for word in words:
        assert str(word) in sentence
    return sentence


@pytest.fixture
def written(tmp_path):
    return write_session(tmp_path, n_frames=12, scopes=["My V4 Miniscope"], cameras=["BehavCam 0"])


@pytest.fixture
def scope(written):
    return written.scopes[0].folder


# What is told


@pytest.mark.parametrize("version", QT_VERSIONS)
def test_session_of_each_version(tmp_path, version):
    written = write_session(tmp_path, version=version, n_frames=12, scopes=["B 2", "A 1"], cameras=["Cam"])
    session = daq.open_session(written.folder)
    assert session.acq_software == "Miniscope-DAQ-V4"
    assert session.start_utc == datetime(2026, 1, 15, 10, 20, 30, 125000, tzinfo=UTC)
    assert session.start_local == datetime(2026, 1, 15, 2, 20, 30, 125000)
    assert (session.animal, session.experimenter, session.experiment) == ("mouse 1", "rig1", "linear_track")
    assert [device.name for device in session.devices] == ["A_1", "B_2", "Cam"]  # the folders' names
    assert [device.kind for device in session.devices] == ["scope", "scope", "camera"]
    assert session.scopes == session.devices[:2] and session.cameras == session.devices[2:]
    assert [(note.time, note.text) for note in session.notes] == [(1.52, "on the track, facing left")]
    assert session.metadata["animalName"] == "mouse 1"
    assert session.warnings == ()
    orientation = session.scopes[0].head_orientation()
    np.testing.assert_allclose(orientation.times, written.scopes[0].times_ms / 1000)
    assert orientation.valid.all() and orientation.quaternions.shape == (12, 4)
    np.testing.assert_allclose(orientation.quaternions[5], [np.cos(0.05), 0, 0, np.sin(0.05)], atol=1e-4)
    assert session.cameras[0].head_orientation() is None


def test_legacy_session(tmp_path):
    written = write_session(tmp_path, layout="legacy", n_frames=30, frames_per_file=12, cameras=["x"])
    session = daq.open_session(written.folder, "Miniscope-DAQ-V3")
    assert session.start_utc is None  # only the rig's clock is known
    assert session.start_local == datetime(2026, 1, 15, 2, 20, 30)
    assert session.animal == "mouse 1"
    assert [(device.name, device.kind) for device in session.devices] == [("msCam", "scope"), ("behavCam", "camera")]
    assert session.scopes[0].led_power == 12
    assert [(note.time, note.text) for note in session.notes] == [(1, "on the track, facing left")]  # whole seconds
    assert daq.open_device(written.folder) == session.scopes[0]
    for device, true in zip(session.devices, written.devices, strict=True):
        assert device.read().n_frames == len(true.frames)


def test_more_than_ten_files_are_in_the_order_of_their_numbers(tmp_path):
    for layout in ("qt", "legacy"):
        written = write_session(tmp_path, layout=layout, n_frames=26, frames_per_file=2)
        (device,) = daq.open_session(written.folder).devices
        first = 0 if layout == "qt" else 1
        numbers = [int(re.search(r"(\d+)\.avi", path.name)[1]) for path in device.files]
        assert numbers == list(range(first, 13 + first))
        np.testing.assert_array_equal(list(device.read().movie.frames()), written.devices[0].frames)


@pytest.mark.parametrize(
    ("setting", "rate"),
    [("20FPS", 20), ("20 FPS", 20), ("20Hz", 20), ("20", 20), (20, 20), (29.97, 29.97), (None, None), ("", None)],
)
def test_spellings_of_the_frame_rate(tmp_path, setting, rate):
    written = write_session(tmp_path, n_frames=12, settings={"frameRate": setting})
    (device,) = daq.open_session(written.folder).devices
    assert device.frame_rate_setting == rate
    assert device.read().fps == pytest.approx(20)  # whatever was asked for


@pytest.mark.parametrize(
    ("setting", "model", "gain"),
    [
        ("Low", "Miniscope_V4_BNO", 1),
        ("Medium", "Miniscope_V4", 2),
        ("High", "Miniscope_V4_BNO", 3.5),
        ("High", "Miniscope_V3", 4),
        (3.5, "Miniscope_V4_BNO", 3.5),
        ("16X", "Minicam", 16),
        (True, "Miniscope_V4", None),
        ("loud", "Miniscope_V4", None),
    ],
)
def test_gain_as_a_word_or_a_number(tmp_path, setting, model, gain):
    written = write_session(tmp_path, n_frames=12, settings={"gain": setting, "led0": 37, "deviceType": model})
    (device,) = daq.open_session(written.folder).devices
    assert (device.gain, device.led_power) == (gain, 37)


def test_without_a_region_of_interest(tmp_path):
    written = write_session(tmp_path, n_frames=12, settings={"ROI": None})
    movie = daq.open_session(written.folder).devices[0].read().movie
    assert (movie.height, movie.width) == (24, 40)


@pytest.mark.parametrize(
    ("changes", "lists", "kind"),
    [
        ({"deviceType": "WebCam-640x480"}, {"miniscopes": ["Dev"]}, "scope"),  # the session's lists come first
        ({"deviceType": "Miniscope_V3"}, {"cameras": ["Dev"]}, "camera"),
        ({"deviceType": "Miniscope_V3"}, {}, "scope"),
        ({"deviceType": "Minicam-Mono-XGA", "led0": None, "ewl": None}, {}, "camera"),
        ({"deviceType": None}, {}, "scope"),  # it has an LED and a headOrientation.csv
    ],
)
def test_scopes_and_cameras_are_told_apart(tmp_path, changes, lists, kind):
    written = write_session(tmp_path, n_frames=12, scopes=["Dev"])
    edit(written.folder / "Dev" / "metaData.json", **changes)
    edit(written.folder / "metaData.json", **({"miniscopes": None, "cameras": None} | lists))
    assert [device.kind for device in daq.open_session(written.folder).devices] == [kind]


def test_device_folder(written, scope):
    """It is the session with this one device, which also says when it was recorded."""
    session = daq.open_session(scope)
    assert [device.folder for device in session.devices] == [scope]
    assert session.animal == "mouse 1" and session.start_utc.timestamp() * 1000 == START_MS
    assert daq.open_device(scope) == session.devices[0]
    assert daq.open_device(written.cameras[0].folder).kind == "camera"


def test_device_folder_on_its_own(scope, tmp_path):
    alone = tmp_path / "elsewhere" / "Scope"
    shutil.copytree(scope, alone)
    session = daq.open_session(alone)
    assert session.start_utc is None and session.animal is None
    assert [device.kind for device in session.devices] == ["scope"]
    assert session.devices[0].read().n_frames == 12


def test_device_folders_one_level_deeper(written, scope):
    between = written.folder / "experiment"
    between.mkdir()
    shutil.move(scope, between / scope.name)
    session = daq.open_session(written.folder)
    assert [device.name for device in session.devices] == ["My_V4_Miniscope", "BehavCam_0"]
    assert session.scopes[0].folder == between / scope.name and session.scopes[0].read().n_frames == 12
    assert daq.open_session(between / scope.name).start_utc == session.start_utc
    assert daq.find_sessions(written.folder.parent) == [written.folder]

    shutil.copytree(between / scope.name, written.folder / "again" / scope.name)
    refused(written.folder, "several folders My_V4_Miniscope", "on its own")


def test_folders_beside_the_devices_are_left_alone(written):
    (written.folder / "behaviorTracker").mkdir()
    (written.folder / "behaviorTracker" / "metaData.json").write_text('{"type": "DeepLabCut-Live"}')
    (written.folder / "imageCaptures").mkdir()
    (written.folder / "imageCaptures" / "0.avi").write_bytes(b"")
    (written.scopes[0].folder / "._0.avi").write_bytes(b"of a file server")
    (written.scopes[0].folder / "stitched.avi").write_bytes(b"made later")
    session = daq.open_session(written.folder)
    assert len(session.devices) == 2 and session.scopes[0].read().n_frames == 12


def test_a_device_that_is_listed_but_not_there(written):
    shutil.rmtree(written.cameras[0].folder)
    session = daq.open_session(written.folder)
    assert len(session.devices) == 1
    assert any("BehavCam 0" in warning for warning in session.warnings)


def test_a_camera_that_gave_no_frame_does_not_fail_the_session(written):
    camera = written.cameras[0]
    for path in camera.files:
        path.unlink()
    (camera.folder / "timeStamps.csv").write_text("Frame Number,Time Stamp (ms),Buffer Index\n")
    session = daq.open_session(written.folder)
    assert [device.kind for device in session.devices] == ["scope"]
    assert any("BehavCam_0" in warning and "no frame" in warning for warning in session.warnings)
    refused(camera.folder, "BehavCam_0", "no AVI")


@pytest.mark.parametrize("change", ["no epoch", "nested is no object", "not a number", "too large"])
def test_a_start_that_is_not_known_in_utc(written, change):
    path = written.folder / "metaData.json"
    clock = json.loads(path.read_text(encoding="utf-8"))["recordingStartTime"]
    values = {"no epoch": None, "not a number": "soon", "too large": 1e300}
    new = "soon" if change == "nested is no object" else {**clock, "msecSinceEpoch": values.get(change)}
    edit(path, recordingStartTime=new)
    session = daq.open_session(written.folder)
    assert session.start_utc is None  # and not the rig's clock, whose zone nobody knows
    assert any("UTC" in warning for warning in session.warnings)


def test_notes_with_commas_and_control_changes(written):
    (written.folder / "notes.csv").write_text(
        "Time Stamp (ms), Note\n-20,ready\n1500,a, b,\tc\n2000,My V4 Miniscope,gain,2\n", encoding="utf-8"
    )
    notes = daq.open_session(written.folder).notes
    assert [note.time for note in notes] == [-0.02, 1.5, 2.0]
    assert [note.text for note in notes] == ["ready", "a, b,\tc", "My V4 Miniscope,gain,2"]


def test_corrupt_head_orientation_is_marked(written, scope):
    path = scope / "headOrientation.csv"
    lines = path.read_text().splitlines()
    del lines[4]  # the program's filter leaves rows out
    lines[3] = lines[3].split(",")[0] + ",7.5,-3,0,1e200"
    path.write_text("\n".join(lines) + "\n")
    orientation = daq.open_session(scope).devices[0].head_orientation()
    assert len(orientation.times) == 11
    assert np.flatnonzero(~orientation.valid).tolist() == [2]
    path.write_text("Time Stamp (ms),qw,qx,qy,qz\n0,1,0,0,0\n50,one,0,0,0\n100,1,0,0,0\n")
    with pytest.raises(RecordingError, match="headOrientation.csv line 3"):
        daq.open_session(scope).devices[0].head_orientation()


# Finding


def test_finding_sessions(tmp_path):
    folders = [write_session(tmp_path, n_frames=4, animal=animal).folder for animal in ("m 1", "m 2")]
    folders.append(write_session(tmp_path / "old", layout="legacy", n_frames=4).folder)
    lonely = tmp_path / "lonely" / "Scope"
    shutil.copytree(folders[0] / "My_V4_Miniscope", lonely)
    shutil.copytree(folders[0], tmp_path / ".trash" / "x")
    (folders[1] / "metaData.json").write_text("{")  # found, so that ingest can say what is wrong with it
    found = daq.find_sessions(tmp_path)
    assert found[-1] == folders[-1] and sorted(found) == found
    assert set(folders) < set(found) and len(found) == 4
    assert [folder for folder in found if lonely == folder or lonely.parent == folder]
    assert daq.find_sessions(folders[0]) == [folders[0]]
    (tmp_path / "empty").mkdir()
    assert daq.find_sessions(tmp_path / "empty") == []
    with pytest.raises(RecordingError, match="nowhere"):
        daq.find_sessions(tmp_path / "nowhere")


def test_sessions_at_any_depth(tmp_path):
    deep = tmp_path / "lab" / "2026" / "batch 3" / "rig A" / "left" / "more"
    written = [write_session(deep, n_frames=4, animal="m1"), write_session(deep / "further", n_frames=4)]
    (deep / "around").symlink_to(tmp_path, target_is_directory=True)
    assert daq.find_sessions(tmp_path) == sorted(one.folder for one in written)
    refused(tmp_path, f"holds 2 recordings, such as {written[1].folder.relative_to(tmp_path)}")
    too_deep = tmp_path.joinpath(*"abcdefghijkl")
    write_session(too_deep, n_frames=4)
    assert len(daq.find_sessions(tmp_path)) == 2
    assert len(daq.find_sessions(too_deep)) == 1


def test_a_link_to_another_drive_is_told(tmp_path, caplog):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    found = [write_session(place, n_frames=4).folder for place in (here, elsewhere)]
    (here / "more").symlink_to(elsewhere, target_is_directory=True)
    (here / "same").symlink_to(found[0].parent, target_is_directory=True)
    assert daq.find_sessions(here) == [found[0]]
    (told,) = (record.getMessage() for record in caplog.records)
    assert (
        told
        == f"{here / 'more'} is a link to {elsewhere}, and is not searched for recordings: name that folder itself."
    )


def test_device_folders_some_levels_deeper(written, scope):
    between = written.folder / "experiment" / "day 1" / "left"
    between.mkdir(parents=True)
    shutil.move(scope, between / scope.name)
    (between / "around").symlink_to(written.folder, target_is_directory=True)
    session = daq.open_session(written.folder)
    assert [device.name for device in session.devices] == ["My_V4_Miniscope", "BehavCam_0"]
    assert daq.open_session(between / scope.name).start_utc == session.start_utc
    assert daq.find_sessions(written.folder.parent) == [written.folder]


def test_videos_beside_sessions_do_not_hide_them(tmp_path):
    """Clips somebody made in the folder of the day, and a copy in that of all animals."""
    written = write_session(tmp_path, n_frames=4)
    (written.folder.parent / "clips").mkdir()
    for place in (written.folder.parent / "clips", tmp_path):
        shutil.copy(written.scopes[0].files[0], place / "0.avi")
    assert written.folder in daq.find_sessions(tmp_path)
    results = written.folder / "analysis" / "videos"
    results.mkdir(parents=True)
    shutil.copy(written.scopes[0].files[0], results / "0.avi")
    assert daq.find_sessions(written.folder.parents[1])[-1] == written.folder
    other = shutil.copytree(written.scopes[0].folder.parent, tmp_path / "other")
    shutil.move(other, written.folder / "part 2")
    assert written.folder / "part 2" in daq.find_sessions(tmp_path)


# Bad input


def test_missing_folder(tmp_path):
    refused(tmp_path / "nowhere", "nowhere does not exist")


def test_a_file(written):
    refused(written.folder / "metaData.json", "is a file")


def test_empty_folder(tmp_path):
    refused(tmp_path, f"{tmp_path} is empty")


def test_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("draft")
    (tmp_path / "movie").mkdir()
    refused(tmp_path, tmp_path, "no recording")


@pytest.mark.parametrize("layout", ["qt", "legacy"])
def test_no_video(tmp_path, layout):
    written = write_session(tmp_path, layout=layout, n_frames=4)
    for path in written.devices[0].files:
        path.unlink()
    refused(written.folder, written.devices[0].folder, "no AVI")


def test_a_video_missing_between_others(tmp_path):
    for layout, gone in (("qt", "1.avi"), ("legacy", "msCam2.avi")):
        written = write_session(tmp_path, layout=layout, n_frames=12, frames_per_file=4)
        written.devices[0].files[1].unlink()
        refused(written.folder, f"no {gone}")


def test_metadata_of_the_device_missing_or_invalid(written, scope):
    path = scope / "metaData.json"
    for content, words in (
        ('{"gain": "Low"', ["line 1", "JSON"]),
        ("[1, 2]", ["object"]),
        (b"\xff\x00\xfe", ["JSON"]),
        ("", ["JSON"]),
    ):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        refused(written.folder, path, *words)
    path.unlink()
    refused(written.folder, path, "missing")


def test_metadata_of_the_session_invalid_or_missing(written, scope):
    path = written.folder / "metaData.json"
    path.write_text('{\n"animalName": }')
    refused(written.folder, path, "line 2")
    refused(scope, path, "line 2")
    path.unlink()
    session = daq.open_session(written.folder)
    assert session.start_utc is None and len(session.devices) == 2  # the manifest can say when it was
    assert any(str(path) in warning and "missing" in warning for warning in session.warnings)


@pytest.mark.parametrize("layout", ["qt", "legacy"])
def test_time_stamps_missing(tmp_path, layout):
    written = write_session(tmp_path, layout=layout, n_frames=4)
    path = written.devices[0].folder / ("timeStamps.csv" if layout == "qt" else "timestamp.dat")
    path.unlink()
    with pytest.raises(RecordingError, match=f"{path.name} is missing"):
        daq.open_session(written.folder).devices[0].read()


def test_unknown_software(written):
    refused(written.folder, "MiniAn", "Miniscope-DAQ-V3", "Miniscope-DAQ-V4", software="MiniAn")


def test_software_that_does_not_fit_the_layout(tmp_path, written):
    refused(written.folder, written.folder, "Miniscope-DAQ-V3", "Miniscope-DAQ-V4", software="Miniscope-DAQ-V3")
    legacy = write_session(tmp_path / "old", layout="legacy", n_frames=4).folder
    refused(legacy, legacy, "layout of Miniscope-DAQ-V3", software="Miniscope-DAQ-V4")


def test_session_folder_where_a_device_is_wanted(tmp_path, written):
    assert daq.open_device(written.folder).name == "My_V4_Miniscope"  # its only scope
    two = write_session(tmp_path / "two", n_frames=4, scopes=["A", "B"])
    with pytest.raises(RecordingError, match="A, B"):
        daq.open_device(two.folder)


def test_an_unreadable_folder(written, monkeypatch):
    def deny(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(written.folder), "iterdir", deny)
    refused(written.folder, "cannot be read", "Permission denied")
    assert daq.find_sessions(written.folder) == []


@pytest.mark.parametrize("value", ["1" * 400, "1e400", "-1e400", "[[]]", "{}", "true", '"9' + "9" * 400 + '"', "null"])
def test_settings_that_are_no_numbers(written, scope, value):
    """They are unknown; a recording is no worse for it."""
    path = scope / "metaData.json"
    for key in ("gain", "led0", "frameRate", "framesPerFile"):
        path.write_text(re.sub(rf'"{key}": [^,\n]*', f'"{key}": {value}', path.read_text()))
    device = daq.open_device(scope)
    assert (device.gain, device.led_power, device.frame_rate_setting) == (None, None, None)
    assert device.read().n_frames == 12
    path = written.folder / "metaData.json"
    path.write_text(re.sub(r'"(msecSinceEpoch|year|msec)": [^,\n]*', rf'"\1": {value}', path.read_text()))
    session = daq.open_session(scope)
    assert session.start_utc is None and session.start_local is None
