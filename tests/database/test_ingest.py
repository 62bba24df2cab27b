"""From folders and manifests to rows: what goes in, what is refused and why, and that nothing half-done stays."""

import json
import os
import subprocess
import sys
import unicodedata
import zipfile
from datetime import datetime

import numpy as np
import pytest
from recordings import START_MS, write_session

from workflow_miniscope.errors import ManifestError, RecordingError
from workflow_miniscope.ingest import ingest, propose, walk

SUBJECT_HEADER = "subject,sex,subject_birth_date,subject_description"
SESSION_HEADER = "subject,session_dir,acq_software"


@pytest.fixture
def animal(raw_root, request):
    """A name for an animal of this test, short enough for the table."""
    return f"i{abs(hash(request.node.name)) % 10**6}"


@pytest.fixture
def manifests(tmp_path, animal):
    """Write subjects.csv and sessions.csv, and ingest them."""

    def run(*sessions, subjects=None, session_header=SESSION_HEADER, subject_header=SUBJECT_HEADER):
        rows = [f"{animal},F,2025-09-01,a test"] if subjects is None else subjects
        (tmp_path / "subjects.csv").write_text("\n".join([subject_header, *rows]) + "\n", encoding="utf-8")
        (tmp_path / "sessions.csv").write_text("\n".join([session_header, *sessions]) + "\n", encoding="utf-8")
        return ingest(tmp_path / "subjects.csv", tmp_path / "sessions.csv", progress=False)

    return run


@pytest.fixture
def counts(pipeline):
    """Count the rows of every table that ingest fills."""

    def count():
        p = pipeline
        tables = (
            p.Subject,
            p.Session,
            p.session.SessionDirectory,
            p.session.SessionNote,
            p.Device,
            p.miniscope.Recording,
            p.facemap.VideoRecording,
            p.facemap.VideoRecording.File,
        )
        return [len(table()) for table in tables]

    return count


def test_a_session_with_scope_and_camera(pipeline, raw_root, manifests, animal, counts):
    written = write_session(raw_root, animal=animal, cameras=["Face Cam"], n_frames=30, frames_per_file=12)
    session_dir = written.folder.relative_to(raw_root).as_posix()
    report = manifests(f"{animal},{session_dir},Miniscope-DAQ-V4")
    assert report.problems == []
    assert report.inserted == {"subject": 1, "session": 1, "scope recording": 1, "camera recording": 1}

    start = datetime(2026, 1, 15, 10, 20, 30)  # UTC, from msecSinceEpoch; the rig's clock says 2:20
    assert START_MS == 1768472430125
    key = {"subject": animal, "session_datetime": start}
    assert (pipeline.session.SessionDirectory & key).fetch1("session_dir") == session_dir
    recording = (pipeline.miniscope.Recording & key).fetch1()
    assert (recording["device"], recording["acq_software"]) == ("My_V4_Miniscope", "Miniscope-DAQ-V4")
    files = (pipeline.facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id")
    assert files.tolist() == [f"{session_dir}/Face_Cam/{i}.avi" for i in range(3)]

    before = counts()
    again = manifests(f"{animal},{session_dir},Miniscope-DAQ-V4")
    assert (again.problems, again.inserted) == ([], {})
    assert again.present == {"subject": 1, "session": 1}
    assert counts() == before


def test_files_are_in_the_order_they_were_recorded(pipeline, raw_root, manifests, animal):
    written = write_session(raw_root, animal=animal, cameras=["Cam"], n_frames=23, frames_per_file=2)
    manifests(f"{animal},{written.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4")
    key = {"subject": animal}
    pipeline.miniscope.RecordingInfo.populate(key)
    paths = (pipeline.miniscope.RecordingInfo.File & key).to_arrays("file_path", order_by="file_id")
    assert [path.rpartition("/")[2] for path in paths] == [f"{i}.avi" for i in range(12)]
    paths = (pipeline.facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id")
    assert [path.rpartition("/")[2] for path in paths] == [f"{i}.avi" for i in range(12)]


def test_recording_info(pipeline, raw_root, manifests, animal):
    # a camera that is asked for 20 Hz and gives 30: whole milliseconds, the first ones negative
    times = np.round(-40 + np.arange(30) * 1000 / 30).astype(int)
    written = write_session(
        raw_root, animal=animal, n_frames=30, size=(24, 40), times_ms=times, settings={"gain": 3.5, "led0": 17}
    )
    manifests(f"{animal},{written.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4")
    key = {"subject": animal}
    pipeline.miniscope.RecordingInfo.populate(key)
    info = (pipeline.miniscope.RecordingInfo & key).fetch1()
    assert (info["nframes"], info["px_height"], info["px_width"]) == (30, 24, 40)
    assert info["fps"] == pytest.approx(30, rel=2e-3)
    np.testing.assert_array_equal(info["time_stamps"], times / 1000)
    assert info["time_stamps"].dtype == np.float64
    assert (info["gain"], info["led_power"]) == (3.5, 17)
    assert info["recording_datetime"] == datetime(2026, 1, 15, 10, 20, 30)
    assert info["recording_duration"] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("settings", [{"ROI": None}, {"frameRate": 30}, {"gain": 2, "led0": None}])
def test_settings_that_differ(pipeline, raw_root, manifests, animal, settings):
    written = write_session(raw_root, animal=animal, settings=settings)
    manifests(f"{animal},{written.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4")
    pipeline.miniscope.RecordingInfo.populate({"subject": animal})
    info = (pipeline.miniscope.RecordingInfo & {"subject": animal}).fetch1()
    assert (info["px_height"], info["px_width"]) == (24, 40)
    assert info["fps"] == pytest.approx(20)
    if "led0" in settings:
        assert info["led_power"] == -1


def test_the_legacy_layout(pipeline, raw_root, manifests, animal):
    written = write_session(raw_root / animal, layout="legacy", animal=animal, cameras=["behavCam"])
    session_dir = written.folder.relative_to(raw_root).as_posix()
    report = manifests(f"{animal},{session_dir},Miniscope-DAQ-V3")
    assert "does not say when it started in UTC; add a column session_datetime" in report.problems[0]
    report = manifests(
        f"{animal},{session_dir},Miniscope-DAQ-V3,2026-01-15T11:20:30+01:00",
        session_header=SESSION_HEADER + ",session_datetime",
    )
    assert report.problems == []
    assert (pipeline.Session & {"subject": animal}).fetch1("session_datetime") == datetime(2026, 1, 15, 10, 20, 30)
    pipeline.miniscope.RecordingInfo.populate({"subject": animal})
    info = (pipeline.miniscope.RecordingInfo & {"subject": animal}).fetch1()
    assert info["nframes"] == 30
    assert info["fps"] == pytest.approx(20, rel=1e-3), "the AVI's header says 60, and the camera 25"


def test_a_device_folder_is_a_session_of_one_device(pipeline, raw_root, manifests, animal):
    written = write_session(raw_root, animal=animal, scopes=["One", "Two"])
    folder = (written.folder / "Two").relative_to(raw_root).as_posix()
    assert manifests(f"{animal},{folder},Miniscope-DAQ-V4").problems == []
    assert (pipeline.miniscope.Recording & {"subject": animal}).fetch1("device") == "Two"
    pipeline.miniscope.RecordingInfo.populate({"subject": animal})
    assert pipeline.miniscope.RecordingInfo & {"subject": animal}


def test_two_scopes_are_two_recordings(pipeline, raw_root, manifests, animal):
    written = write_session(raw_root, animal=animal, scopes=["Left", "Right"])
    manifests(f"{animal},{written.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4")
    rows = (pipeline.miniscope.Recording & {"subject": animal}).to_dicts(order_by="recording_id")
    assert [(row["recording_id"], row["device"]) for row in rows] == [(0, "Left"), (1, "Right")]


def test_devices_are_what_they_are_and_not_what_their_folders_are_called(pipeline, raw_root, manifests, animal):
    """Three rigs, each with a folder Miniscope: of a V3, of a V4 and of a webcam."""
    v3, v4, webcam = (
        write_session(raw_root / f"{animal}_{number}", animal=animal, start_ms=START_MS + 60_000 * number, **written)
        for number, written in enumerate(
            (
                {"scopes": ["Miniscope"], "settings": {"deviceType": "Miniscope_V3"}},
                {"scopes": ["Miniscope"]},
                {"scopes": [], "cameras": ["Miniscope"]},
            )
        )
    )
    rows = [f"{animal},{one.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4" for one in (v3, v4, webcam)]
    told = manifests(*rows)
    assert told.problems == []
    assert sum("of this name is device" in note for note in told.notes) == 2, "a line for each new row"
    key = {"subject": animal}
    recorded = (pipeline.miniscope.Recording * pipeline.Device & key).to_dicts(order_by="session_datetime")
    recorded += (pipeline.facemap.VideoRecording * pipeline.Device & key).to_dicts()
    assert [(row["modality"], row["description"]) for row in recorded] == [
        ("Miniscope", "Miniscope_V3"),
        ("Miniscope", "Miniscope_V4_BNO"),
        ("Camera", "WebCam-640x480"),
    ]
    names = ["Miniscope", "Miniscope (Miniscope_V4_BNO)", "Miniscope (WebCam-640x480)"]
    assert [row["device"] for row in recorded] == names
    pipeline.miniscope.RecordingInfo.populate(key)
    assert len(pipeline.miniscope.RecordingInfo & key) == 2, "their folders are found"
    pipeline.recording.RecordingQuality.populate(key)
    assert len(pipeline.recording.RecordingQuality & key & "n_frames = 30") == 2

    known = len(pipeline.Device())
    again = [
        write_session(raw_root / f"{animal}_{number}", animal=animal, start_ms=START_MS + 600_000 * (number + 1), **one)
        for number, one in enumerate(({"scopes": ["Miniscope"]}, {"scopes": ["Miniscope"]}))
    ]
    told = manifests(*(f"{animal},{one.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4" for one in again))
    assert (told.problems, len(pipeline.Device())) == ([], known)
    assert not any("of this name is device" in note for note in told.notes)
    assert len(pipeline.miniscope.Recording & key & {"device": "Miniscope (Miniscope_V4_BNO)"}) == 3


def test_a_row_entered_by_hand_is_used_unless_it_is_another_device(pipeline, raw_root, manifests, animal):
    pipeline.Device.insert1({"device": f"scope_{animal}", "modality": "Miniscope"})
    pipeline.Device.insert1({"device": f"Other_{animal}", "modality": "Miniscope", "description": "Miniscope_V3"})
    sessions = [
        write_session(raw_root / name, animal=animal, scopes=[f"{name} {animal}"], start_ms=START_MS + 60_000 * number)
        for number, name in enumerate(("scope", "Other", "Scope"))  # one server takes S and s for the same letter
    ]
    told = manifests(*(f"{animal},{one.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4" for one in sessions))
    assert told.problems == []
    rows = pipeline.miniscope.Recording & {"subject": animal}
    assert rows.to_arrays("device", order_by="session_datetime").tolist() == [
        f"scope_{animal}",
        f"Other_{animal} (Miniscope_V4_BNO)",
        f"Scope_{animal} (Miniscope_V4_BNO)",
    ]


def test_folder_names_longer_than_the_column(pipeline, raw_root, manifests, animal):
    names = [f"{animal} {'long ' * 15}{number}" for number in range(2)]
    written = write_session(raw_root, animal=animal, scopes=names)
    told = manifests(f"{animal},{written.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4")
    assert told.problems == []
    pipeline.miniscope.RecordingInfo.populate({"subject": animal})
    pipeline.recording.Settings.populate({"subject": animal})
    assert len(pipeline.miniscope.RecordingInfo & {"subject": animal}) == 2
    used = (pipeline.miniscope.Recording & {"subject": animal}).to_arrays("device").tolist()
    assert len(set(used)) == 2 and max(map(len, used)) == 64


# Rows that cannot go in ------------------------------------------------------


def test_bad_rows_are_named_and_the_good_ones_go_in(pipeline, raw_root, manifests, animal, counts):
    written = write_session(raw_root, animal=animal)
    good = written.folder.relative_to(raw_root).as_posix()
    (raw_root / animal / "empty").mkdir()
    report = manifests(
        f"{animal},{animal}/nowhere,Miniscope-DAQ-V4",
        f"{animal},{animal}/empty,Miniscope-DAQ-V4",
        f"{animal}x,{good},Miniscope-DAQ-V4",
        f"{animal},{good},Miniscope-DAQ-V5",
        f"{animal},{good},Miniscope-DAQ-V3",
        f"{animal},/etc,Miniscope-DAQ-V4",
        f"{animal},../..,Miniscope-DAQ-V4",
        f"{animal},{300 * 'x'},Miniscope-DAQ-V4",
        f"{animal},{good},Miniscope-DAQ-V4,of the day, early",
        f",{good},Miniscope-DAQ-V4",
        "",
        f"{animal},{good},Miniscope-DAQ-V4",
    )
    sentences = [
        (2, "is not found below"),
        (3, "is empty"),
        (4, f"is not in the database; did you mean '{animal}'"),
        (5, "Miniscope-DAQ-V3 or Miniscope-DAQ-V4"),
        (6, "Miniscope-DAQ-V4"),
        (7, "lies outside the root directories"),
        (8, "outside the root"),
        (9, "cannot be looked for below"),
        (10, "the row has 5 cells, the header 3: put a text that holds the separator in quotes"),
        (11, "subject is empty"),
    ]
    assert len(report.problems) == len(sentences)
    by_line = sorted(report.problems, key=lambda problem: int(problem.partition(" line ")[2].partition(":")[0]))
    for problem, (line, sentence) in zip(by_line, sentences, strict=True):
        assert f"sessions.csv line {line}: " in problem
        assert sentence in problem
    assert report.inserted["session"] == 1


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (f"{'m' * 33},F,2025-09-01,x", "has 33 characters, the table takes 32; write a shorter name"),
        ("m1,female,2025-09-01,x", "sex is 'female'; write M, F or U: male, female or unknown"),
        ("m1,F,01.09.2025,x", "write it as YYYY-MM-DD"),
        ("m1,F,,x", "subject_birth_date is empty. The tables must have one: where it is not known, write an estimate"),
        ("m1,x,1.9.25,x", "or unknown. subject_birth_date is '1.9.25'"),
        (",,2025-09-01,x", "subject is empty. sex is empty; write M, F or U: male, female or unknown."),
    ],
)
def test_subjects_that_cannot_go_in(pipeline, manifests, counts, row, sentence):
    before = counts()
    report = manifests(subjects=[row])
    assert len(report.problems) == 1
    assert "subjects.csv line 2: " in report.problems[0]
    assert sentence in report.problems[0]
    assert counts() == before


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("subject,session_dir,acq_software,subject", "has 2 columns 'subject'; leave one"),
        pytest.param(
            ",".join(f"column{i}" for i in range(10**6)), "has 1000000 columns, of which 9 are", id="a million columns"
        ),
        ("subject,session_dir", "has no column 'acq_software'"),
        ("subject,session_dir,acq_software,sesion_note", "unknown column 'sesion_note'; did you mean 'session_note'"),
    ],
)
def test_columns(pipeline, manifests, counts, header, sentence):
    before = counts()
    with pytest.raises(ManifestError, match=sentence):
        manifests(session_header=header)
    assert counts() == before


def break_avi(folder):
    (folder / "1.avi").write_bytes(b"RIFF but nothing of a video")


def cut_metadata(folder):
    (folder / "metaData.json").write_text('{"deviceName": ')


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: [path.unlink() for path in folder.glob("*.avi")], "holds no AVI file"),
        (lambda folder: (folder / "metaData.json").unlink(), "metaData.json is missing"),
        (cut_metadata, "not valid JSON"),
    ],
)
def test_damaged_folders_are_refused_at_ingest(pipeline, raw_root, manifests, animal, counts, damage, sentence):
    written = write_session(raw_root, animal=animal)
    damage(written.folder / "My_V4_Miniscope")
    before = counts()
    report = manifests(f"{animal},{written.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4")
    assert len(report.problems) == 1
    assert sentence in report.problems[0]
    assert counts()[1:] == before[1:], "nothing of the session stays"


def rewrite_times(change):
    def damage(folder):
        path = folder / "timeStamps.csv"
        path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    return damage


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (break_avi, "1.avi"),
        (lambda folder: (folder / "timeStamps.csv").unlink(), "timeStamps.csv is missing"),
        (rewrite_times(lambda lines: lines[:31]), "60 frames of video but 30 time stamps"),
        (rewrite_times(lambda lines: lines + [f"{i},{i * 50},0,{i}\n" for i in range(60, 90)]), "90 time stamps"),
    ],
)
def test_damaged_recordings_are_refused_by_recording_info(pipeline, raw_root, manifests, animal, damage, sentence):
    written = write_session(raw_root, animal=animal, n_frames=60)
    manifests(f"{animal},{written.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4")
    damage(written.folder / "My_V4_Miniscope")
    key = {"subject": animal}
    with pytest.raises(RecordingError, match=sentence):
        pipeline.miniscope.RecordingInfo.populate(key)
    assert not pipeline.miniscope.RecordingInfo & key
    assert not pipeline.miniscope.RecordingInfo.File & key


def test_a_verdict_is_given_at_ingest(raw_root, manifests, animal):
    times = np.arange(60) * 50
    times[20:] += 200  # four frames lost
    write_session(raw_root, animal=animal, n_frames=60, times_ms=times)
    cut = write_session(raw_root, animal=animal, n_frames=60, start_ms=START_MS + 10_000)
    rewrite_times(lambda lines: lines[:31])(cut.folder / "My_V4_Miniscope")
    good = write_session(raw_root, animal=animal, n_frames=60, start_ms=START_MS + 20_000)
    sessions = sorted(folder for folder in good.folder.parent.iterdir())
    report = manifests(*(f"{animal},{folder.relative_to(raw_root)},Miniscope-DAQ-V4" for folder in sessions))
    assert report.problems == [], "unusable recordings are refused by --strict alone"
    assert len(report.notes) == 2
    assert "line 2: My_V4_Miniscope is usable with warnings: " in report.notes[0]
    assert "4 frames dropped" in report.notes[0]
    assert "line 3: My_V4_Miniscope is unusable: " in report.notes[1]


def test_what_changed_since_the_recording_before_is_told(raw_root, manifests, animal):
    first = write_session(raw_root, animal=animal, n_frames=60)
    second = write_session(raw_root, animal=animal, n_frames=60, start_ms=START_MS + 60_000, settings={"gain": 3.5})
    rows = [f"{animal},{one.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4" for one in (first, second)]
    assert [note for note in manifests(rows[0]).notes if "since" in note] == []
    (note,) = (note for note in manifests(*rows).notes if "since" in note)
    assert note.endswith(
        "line 3: since 2026-01-15 10:20:30 UTC, the recording before, My_V4_Miniscope: gain was 'Low', is 3.5."
    )


def test_other_devices_are_told_in_one_line(raw_root, manifests, animal):
    """However many settings they have, and however often they are changed."""
    cameras = ([], ["Top Cam"], [], ["Top Cam"], [])
    sessions = [
        write_session(raw_root, animal=animal, n_frames=12, start_ms=START_MS + 60_000 * number, cameras=names)
        for number, names in enumerate(cameras)
    ]
    rows = [f"{animal},{one.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4" for one in sessions]
    added, removed = (note for note in manifests(*rows).notes if "since" in note)
    assert "line 3: since 2026-01-15 10:20:30 UTC, the recording before, list of devices was" in added
    assert added.endswith("is ['My_V4_Miniscope', 'Top_Cam']. The same in 1 row below.")
    assert "line 4: " in removed


def test_devices_that_differ_from_those_in_the_database_are_told_in_one_line(pipeline, raw_root, manifests, animal):
    """A camera that was copied later, a scope whose row was made when devices were told by their names alone."""
    scope = f"Scope {animal}"
    sessions = [
        write_session(
            raw_root, animal=animal, n_frames=12, start_ms=START_MS + 60_000 * number, scopes=[scope], cameras=["Cam"]
        )
        for number in range(3)
    ]
    rows = [f"{animal},{one.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4" for one in sessions]
    manifests(*rows)
    assert [note for note in manifests(*rows).notes if "database" in note] == []
    name = scope.replace(" ", "_")
    pipeline.DeviceKind.update1({"device": name, "device_type": "Miniscope_V3"})
    (note,) = (note for note in manifests(*rows).notes if "database" in note)
    camera = "Cam (WebCam-640x480)"
    assert note.endswith(
        f"sessions.csv line 2: this session is in the database, which keeps {camera}, {name} (Miniscope_V3) though "
        f"the folder has {camera}, {name} (Miniscope_V4_BNO). The same in 2 rows below."
    )
    (pipeline.DeviceKind & {"device": name}).delete_quick()
    pipeline.Device.update1({"device": name, "description": "the scope of rig 2"})
    assert [note for note in manifests(*rows).notes if "database" in note] == []


# Names -----------------------------------------------------------------------


def test_an_animal_of_32_letters(pipeline, raw_root, manifests, animal):
    name = f"{animal} Mäuschen, rechts CA1 ".ljust(32, "x")
    written = write_session(raw_root, animal=name, cameras=["Cam"])
    folder = written.folder.relative_to(raw_root).as_posix()
    report = manifests(f'"{name}","{folder}",Miniscope-DAQ-V4', subjects=[f'"{name}",F,2025-09-01,a test'])
    assert report.problems == []
    key = {"subject": name}
    pipeline.miniscope.RecordingInfo.populate(key)
    pipeline.facemap.RecordingInfo.populate(key)
    pipeline.recording.CameraTimes.populate(key)
    assert len(pipeline.miniscope.RecordingInfo.File & key) == 3
    assert len(pipeline.recording.CameraTimes & key) == 1


def test_names_in_any_letters_and_their_case(pipeline, raw_root, manifests, animal):
    """Two animals each: servers of MySQL's kind may take them for one, or know western letters only."""
    names = [f"{animal} {ending}" for ending in ("a", "A", "ä", "マウス")]
    sessions = [write_session(raw_root / str(i), animal=name, scopes=["スコープ"]) for i, name in enumerate(names)]
    rows = [
        f"{name},{one.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4"
        for name, one in zip(names, sessions, strict=True)
    ]
    report = manifests(*rows, subjects=[f"{name},F,2025-09-01,a test" for name in names])
    assert (report.problems, report.inserted["session"]) == ([], 4)
    assert (pipeline.miniscope.Recording & {"subject": names[3]}).fetch1("device") == "スコープ"


def test_names_that_are_too_long_are_told_at_once(pipeline, raw_root, manifests, animal, counts):
    """Those of both manifests, before anything goes in."""
    written = write_session(raw_root, animal=animal)
    good = f"{animal},{written.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4"
    long = [letter * 33 for letter in "ab"]
    subjects = [f"{name},F,2025-09-01,x" for name in (long[0], animal, long[1])]
    report = manifests(*(f"{name},nowhere,Miniscope-DAQ-V4" for name in long), good, subjects=subjects)
    places = ("subjects.csv line 2", "subjects.csv line 4", "sessions.csv line 2", "sessions.csv line 3")
    assert len(report.problems) == 4
    for place, problem in zip(places, report.problems, strict=True):
        assert f"{place}: subject '" in problem
        assert problem.endswith(
            "has 33 characters, the table takes 32; write a shorter name for the animal, the same in both manifests."
        )
    assert report.inserted["session"] == 1, "the good rows go in"


def test_walk_says_which_names_are_too_long(raw_root, animal, capsys):
    root = raw_root / f"long_{animal}"
    write_session(root, animal=animal)
    write_session(root, animal="w" * 33)
    table = walk(root)
    assert table["subject"].tolist() == [animal, "w" * 33]
    told = capsys.readouterr().err
    assert told.startswith("Line 3: subject 'wwww")
    assert "the table takes 32; write a shorter name for the animal" in told


EARLIER = """
import sys
from workflow_miniscope.database import connection

connection.connect()
dj = connection.dj


class Subject(dj.Manual):
    definition = '''
    subject                 : varchar(8)
    ---
    subject_nickname=''     : varchar(64)
    sex                     : enum('M', 'F', 'U')
    subject_birth_date      : date
    subject_description=''  : varchar(1024)
    '''


class Device(dj.Lookup):
    definition = '''
    device             : varchar(32)
    ---
    modality           : varchar(64)
    description=''     : varchar(256)
    '''


dj.Schema("early_subject")(Subject)
dj.Schema("early_reference")(Device)
Device.insert1({"device": "My_V4_Miniscope", "modality": "Miniscope", "description": "Miniscope_V4_BNO"})

from workflow_miniscope import pipeline
from workflow_miniscope.ingest import ingest

for problem in ingest(*sys.argv[1:], progress=False).problems:
    print(problem)
used = (pipeline.Device * pipeline.miniscope.Recording).to_arrays("device", order_by="session_datetime").tolist()
print(used, pipeline.miniscope.RecordingInfo.heading["subject"].type)
"""


def test_a_database_of_before(pipeline, raw_root, tmp_path, animal):
    """Its names keep their lengths, and what is too long for them is told."""
    same = write_session(raw_root, animal=animal)
    other = write_session(
        raw_root / animal, animal=animal, settings={"deviceType": "Miniscope_V3"}, start_ms=START_MS + 60_000
    )
    rows = [f"{animal},{one.folder.relative_to(raw_root).as_posix()},Miniscope-DAQ-V4" for one in (same, other)]
    subjects, sessions = tmp_path / "subjects.csv", tmp_path / "sessions.csv"
    subjects.write_text(f"{SUBJECT_HEADER}\n{animal},F,2025-09-01,x\nninechars,F,2025-09-01,x\n")
    sessions.write_text("\n".join([SESSION_HEADER, *rows, "ninechars,nowhere,Miniscope-DAQ-V4"]) + "\n")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EARLIER, str(subjects), str(sessions)],
        capture_output=True,
        text=True,
        env={**os.environ, "DATABASE_PREFIX": "early_"},
    )
    assert done.returncode == 0, done.stderr
    first, second, used = done.stdout.splitlines()
    for told, place in ((first, "subjects.csv line 3"), (second, "sessions.csv line 4")):
        assert f"{place}: subject 'ninechars' has 9 characters, the table takes 8; write a shorter name" in told
        assert "declared by this version takes 32" in told
    assert used == "['My_V4_Miniscope', 'My_V4_Miniscope (Miniscope_V3)'] varchar(8)"


@pytest.mark.parametrize(("on_disk", "written_down"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_letters_with_accents_are_the_same_in_either_form(
    pipeline, raw_root, manifests, animal, on_disk, written_down, counts
):
    root = raw_root / unicodedata.normalize(on_disk, f"Mäuse {animal}")
    name, camera = (unicodedata.normalize(on_disk, f"{text}ö") for text in (animal, "Cam"))
    written = write_session(root, animal=name, scopes=[unicodedata.normalize(on_disk, "Über V4")], cameras=[camera])
    folder = unicodedata.normalize(written_down, written.folder.relative_to(raw_root).as_posix())
    noted = unicodedata.normalize(written_down, name)
    row = f"{noted},{folder},Miniscope-DAQ-V4"
    subject = [f"{noted},F,2025-09-01,a test"]
    report = manifests(row, subjects=subject)
    assert report.problems == []
    key = {"subject": f"{animal}ö"}
    stored = (pipeline.session.SessionDirectory & key).fetch1("session_dir")
    assert stored == unicodedata.normalize("NFC", folder)
    assert (pipeline.miniscope.Recording & key).fetch1("device") == "Über_V4"
    pipeline.miniscope.RecordingInfo.populate(key)
    pipeline.facemap.RecordingInfo.populate(key)
    pipeline.recording.RecordingQuality.populate(key)
    pipeline.recording.CameraTimes.populate(key)
    assert (pipeline.recording.RecordingQuality & key).fetch1("n_frames") == 30
    assert len(pipeline.recording.CameraTimes & key) == 1
    assert walk(root)["session_dir"].tolist() == [stored]

    before = counts()
    again = manifests(row, f"{name},{written.folder.relative_to(raw_root)},Miniscope-DAQ-V4", subjects=subject)
    assert (again.problems, again.present["session"]) == ([], 2)
    entry = (pipeline.session.SessionDirectory & key).fetch1()
    pipeline.session.SessionDirectory.update1({**entry, "session_dir": unicodedata.normalize("NFD", stored)})
    assert manifests(row, subjects=subject).present["session"] == 1, "an earlier version may have stored it so"
    assert counts() == before


# Extra columns, walking, the command line -----------------------------------


def test_extra_columns(pipeline, raw_root, manifests, animal):
    p = pipeline
    p.lab.User.insert1({"user": "ana"}, skip_duplicates=True)
    p.AnatomicalLocation.insert1(
        {"recording_location_id": "CA1", "anatomical_description": "hippocampus, CA1"}, skip_duplicates=True
    )
    written = write_session(raw_root, animal=animal)
    folder = written.folder.relative_to(raw_root).as_posix()
    header = SESSION_HEADER + ",session_note,recording_notes,user,recording_location_id"
    report = manifests(f"{animal},{folder},Miniscope-DAQ-V4,a note,blurred,bo,CA1", session_header=header)
    assert "user 'bo' is not in User" in report.problems[0]
    assert not p.Session & {"subject": animal}
    report = manifests(f"{animal},{folder},Miniscope-DAQ-V4,a note,blurred,ana,CA1", session_header=header)
    assert report.problems == []
    key = {"subject": animal}
    assert (p.session.SessionNote & key).fetch1("session_note") == "a note"
    assert (p.miniscope.Recording & key).fetch1("recording_notes") == "blurred"
    assert (p.session.SessionExperimenter & key).fetch1("user") == "ana"
    assert (p.miniscope.RecordingLocation & key).fetch1("recording_location_id") == "CA1"


def test_a_date_before_all_years(raw_root, manifests, animal):
    folder = write_session(raw_root, animal=animal).folder.relative_to(raw_root).as_posix()
    row = f"{animal},{folder},Miniscope-DAQ-V4,0001-01-01T00:00:00+14:00"
    (problem,) = manifests(row, session_header=SESSION_HEADER + ",session_datetime").problems
    assert "line 2: session_datetime is '0001-01-01T00:00:00+14:00', which in UTC is in no year" in problem


def test_a_comma_without_quotes(pipeline, manifests, animal):
    """It cut the description, and nobody was told."""
    (problem,) = manifests(subjects=[f"{animal},F,2025-09-01,shy, left-handed"]).problems
    assert "subjects.csv line 2: the row has 5 cells, the header 4: put a text that holds the separator" in problem
    quoted = [f'{animal},F,2025-09-01,"shy,\nleft-handed"', f"{animal}b,F,tomorrow,"]
    (problem,) = manifests(subjects=quoted).problems
    assert "subjects.csv line 4: " in problem, "a text of two lines"
    assert (pipeline.Subject & {"subject": animal}).fetch1("subject_description") == "shy,\nleft-handed"


def test_semicolons_and_umlauts(pipeline, manifests, animal):
    report = manifests(
        subjects=[f"{animal};F;2025-09-01;Mäuschen, weiß"], subject_header=SUBJECT_HEADER.replace(",", ";")
    )
    assert report.problems == []
    assert (pipeline.Subject & {"subject": animal}).fetch1("subject_description") == "Mäuschen, weiß"


def test_walk_proposes_the_sessions(raw_root, animal):
    root = raw_root / f"walk_{animal}"
    for day in range(3):
        write_session(root, animal=animal, start_ms=START_MS + day * 86_400_000)
    (root / "notes").mkdir()
    table = walk(root)
    assert list(table.columns) == SESSION_HEADER.split(",")
    assert table["subject"].tolist() == [animal] * 3
    assert table["session_dir"].is_monotonic_increasing
    assert all((raw_root / folder).is_dir() for folder in table["session_dir"])
    with pytest.raises(RecordingError, match="No Miniscope-DAQ session"):
        walk(root / "notes")


def test_what_walk_finds_is_merged_into_what_is_there(raw_root, tmp_path, animal, run, pipeline):
    root = raw_root / f"merge_{animal}"
    for day in range(3):
        write_session(root, animal=animal, start_ms=START_MS + day * 86_400_000)
    (first, second, third) = walk(root)["session_dir"]
    sessions, subjects = tmp_path / "data" / "sessions.csv", tmp_path / "data" / "subjects.csv"
    files = ("--output", sessions, "--subjects", subjects)

    sessions.parent.mkdir()
    by_hand = f"acq_software;session_dir;subject;session_note\r\nMiniscope-DAQ-V4;{second};other;müde; \r\n"
    sessions.write_bytes(by_hand.replace("; \r", "\r").encode("utf-8-sig"))
    before = sessions.read_bytes()
    done = run("ingest", "--walk", raw_root / "nowhere", *files)
    assert done.status == 1
    assert sessions.read_bytes() == before
    assert not subjects.exists()

    done = run("ingest", "--walk", root, *files)
    assert done.status == 0, done.err
    assert "sessions.csv: 2 new rows, 1 there already and left as they are" in done.out
    lines = sessions.read_bytes().decode().split("\r\n")
    assert lines == [
        "acq_software;session_dir;subject;session_note",
        f"Miniscope-DAQ-V4;{second};other;müde",
        f"Miniscope-DAQ-V4;{first};{animal};",
        f"Miniscope-DAQ-V4;{third};{animal};",
        "",
    ]
    assert subjects.read_text() == f"subject,sex,subject_birth_date,subject_description\n{animal},,,\n"
    text = sessions.read_bytes()
    assert "0 new rows, 3 there already" in run("ingest", "--walk", root, *files).out
    assert sessions.read_bytes() == text
    assert [path.name for path in sessions.parent.iterdir()] in (
        ["sessions.csv", "subjects.csv"],
        ["subjects.csv", "sessions.csv"],
    )

    sessions.write_text("subject,folder\n")
    done = run("ingest", "--walk", root, *files)
    assert (done.status, sessions.read_text()) == (1, "subject,folder\n")
    assert "has no column 'session_dir', 'acq_software'" in done.err
    assert "unknown column 'folder'" in done.err
    assert run("ingest", "--output", sessions).status == 2


def test_what_no_recording_knows_is_asked(raw_root, tmp_path, animal):
    root = raw_root / f"ask_{animal}"
    write_session(root, animal=animal)
    subjects = tmp_path / "subjects.csv"
    propose(root, tmp_path / "sessions.csv", subjects, lambda name: {"sex": "F", "subject_birth_date": "2025-09-01"})
    assert subjects.read_text().splitlines()[1] == f"{animal},F,2025-09-01,"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_files_of_spreadsheets(pipeline, tmp_path, animal, encoding, caplog):
    (tmp_path / "subjects.csv").write_bytes(
        f"{SUBJECT_HEADER}\n{animal},F,2025-09-01,Mäuschen\n".replace(",", "\t").encode(encoding)
    )
    (tmp_path / "sessions.csv").write_text(SESSION_HEADER + "\n")
    report = ingest(tmp_path / "subjects.csv", tmp_path / "sessions.csv", progress=False)
    assert report.problems == []
    assert (pipeline.Subject & {"subject": animal}).fetch1("subject_description") == "Mäuschen"
    assert ("is not in UTF-8 and is read as Windows writes it: is 'Mäuschen' right?" in caplog.text) == (
        encoding == "cp1252"
    )


def test_a_workbook_and_a_missing_file_are_told_at_once(pipeline, tmp_path):
    path = tmp_path / "subjects.xlsx"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(ManifestError, match="save it as CSV there") as told:
        ingest(path, tmp_path / "sessions.csv", progress=False)
    assert "sessions.csv does not exist" in str(told.value)
    assert "codec" not in str(told.value)


def test_a_refused_animal_is_not_sought_among_others(pipeline, raw_root, manifests, animal):
    written = write_session(raw_root, animal=animal)
    folder = written.folder.relative_to(raw_root).as_posix()
    report = manifests(f"{animal},{folder},Miniscope-DAQ-V4", f",{animal}/x,", subjects=[f"{animal},female,,x"])
    assert len(report.problems) == 3
    assert f"subject '{animal}' was refused (see above)." in report.problems[1]
    assert "did you mean" not in report.problems[1]
    assert "subject is empty. acq_software is empty." in report.problems[2]
    assert "is not found below" in report.problems[2]


def test_the_commands_exit_status(pipeline, raw_root, tmp_path, animal):
    written = write_session(raw_root, animal=animal)
    (tmp_path / "subjects.csv").write_text(f"{SUBJECT_HEADER}\n{animal},F,2025-09-01,x\n")
    sessions = tmp_path / "sessions.csv"

    def run(*arguments):
        command = [sys.executable, "-W", "ignore", "-m", "workflow_miniscope.ingest", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    walked = run("--walk", str(raw_root / animal))
    assert walked.returncode == 0, walked.stderr
    sessions.write_text(walked.stdout)
    files = ("--subjects", str(tmp_path / "subjects.csv"), "--sessions", str(sessions))
    good = run(*files)
    assert (good.returncode, "session: 1 new" in good.stdout) == (0, True), good.stdout + good.stderr
    with sessions.open("a") as file:
        file.write(f"{animal},nowhere,Miniscope-DAQ-V4\n")
    bad = run(*files)
    assert bad.returncode == 1
    assert "Not ingested" in bad.stdout
    assert "line 3" in bad.stdout
    assert "Traceback" not in bad.stderr
    missing = run("--subjects", "nowhere.csv", "--sessions", str(sessions))
    assert missing.returncode == 1
    assert missing.stderr.startswith("Error: nowhere.csv does not exist")
    counted = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "workflow_miniscope", "status", "--json"], capture_output=True, text=True
    )
    tables = json.loads(counted.stdout)["tables"]
    assert tables["miniscope.RecordingInfo"]["todo"] >= 1
    assert str(written.folder) not in counted.stdout
