"""An NWB file in an empty database: everything is as it was in the database that the file is from."""

from dataclasses import fields, replace

import h5py
import numpy as np
import planted
import pytest
from nwb_of_others import write_like_neuroconv
from recordings import write_session
from to_publish import FACE, dropped_times, empty_result, enter_events
from typer.testing import CliRunner

from workflow_miniscope.cli.app import app
from workflow_miniscope.errors import RecordingError, ResultError
from workflow_miniscope.publish.dataset import Options, export_nwb
from workflow_miniscope.publish.nwb_import import file as door
from workflow_miniscope.publish.nwb_import.file import import_nwb
from workflow_miniscope.results.caiman import Evaluation, FrameQuality, Verdict, find_result, read_result

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:hdmf")
QUIET = Options(progress=False)

# Where the file is now, and what a file has no place for
ELSEWHERE = {
    "session_dir",
    "file_path",
    "processing_output_dir",
    "curation_output_dir",
    "facemap_output_dir",
    "task_mode",
    "paramset_desc",
    "host",
    "platform",
    "python",
    "git_commit",
    "n_settings",
    "figures",
    "model",
    "properties",
}


def tables(pipeline):
    """Everything that a session has in the database."""
    miniscope, recording, facemap = pipeline.miniscope, pipeline.recording, pipeline.facemap
    found = [
        pipeline.subject.Subject,
        pipeline.description.SubjectDescription,
        pipeline.session.Session,
        pipeline.session.SessionDirectory,
        pipeline.session.SessionNote,
        recording.Notes,
        recording.Notes.Note,
        recording.Settings,
        recording.RecordingQuality,
        recording.HeadOrientation,
        recording.CameraQuality,
        recording.CameraTimes,
        facemap.VideoRecording,
        facemap.VideoRecording.File,
        facemap.RecordingInfo,
        facemap.FacemapTask,
        facemap.FacemapProcessing,
        facemap.FacialSignal,
        facemap.FacialSignal.Region,
        facemap.FacialSignal.MotionSVD,
        facemap.FacialSignal.MovieSVD,
        facemap.FacialSignal.Summary,
        pipeline.face.Pupil,
        pipeline.face.Pupil.Region,
        pipeline.face.Blink,
        pipeline.face.Blink.Region,
        pipeline.provenance.FaceRun,
        pipeline.provenance.FaceRun.RawFile,
        pipeline.provenance.ScopeRun,
        pipeline.provenance.ScopeRun.RawFile,
        pipeline.extraction.Verdict,
        pipeline.extraction.Evaluation,
        pipeline.extraction.Evaluation.Component,
        pipeline.miniscope_report.QualityMetrics,
        pipeline.event.Event,
        pipeline.trial.Trial,
        pipeline.trial.Trial.Attribute,
    ]
    for name in (
        "Recording RecordingInfo RecordingInfo.File ProcessingTask Processing Curation MotionCorrection "
        "MotionCorrection.RigidMotionCorrection MotionCorrection.NonRigidMotionCorrection MotionCorrection.Block "
        "MotionCorrection.Summary Segmentation Segmentation.Mask MaskClassification MaskClassification.MaskType "
        "Fluorescence Fluorescence.Trace Activity Activity.Trace ProcessingQualityMetrics "
        "ProcessingQualityMetrics.Trace"
    ).split():
        table = miniscope
        for part in name.split("."):
            table = getattr(table, part)
        found.append(table)
    return found


def stored(pipeline, key):
    """All rows of a session, by table, without the animal's name."""
    animal = {"subject": key["subject"]}
    return {
        table.full_table_name: [
            {name: value for name, value in row.items() if name not in {*ELSEWHERE, "subject"}}
            for row in (table() & (key if "session_datetime" in table.primary_key else animal)).to_dicts(order_by="KEY")
        ]
        for table in tables(pipeline)
    }


def remove(pipeline, subject):
    """Take an animal and everything of it out of the database."""
    (pipeline.subject.Subject & {"subject": subject}).delete(prompt=False)


def assert_same(before, after):
    for table, rows in before.items():
        assert len(after[table]) == len(rows), table
        for old, new in zip(rows, after[table], strict=True):
            for name, value in old.items():
                np.testing.assert_equal(new[name], value, err_msg=f"{table} {name}")
                if isinstance(value, np.ndarray):
                    assert new[name].dtype == value.dtype, (table, name)


def assert_equal_files(first, second):
    """Compare two NWB files value by value, but for when they were written and what their videos are called."""
    names: list[set[str]] = [set(), set()]
    with h5py.File(first) as one, h5py.File(second) as two:
        for file, found in zip((one, two), names, strict=True):
            file.visit(found.add)
        assert names[0] == names[1]
        for name in names[0]:
            item = one[name]
            elsewhere = name.startswith(("specifications", "file_create_date", "identifier", "general/subject"))
            if not isinstance(item, h5py.Dataset) or elsewhere or h5py.check_ref_dtype(item.dtype):
                continue
            if not name.endswith(("external_file", "raw_files/file")):
                np.testing.assert_array_equal(item[()], two[name][()], err_msg=name)


RESULT = replace(
    planted.result(),
    F_dff=None,  # computed as it is read, so with a baseline
    dff_method="",
    evaluation=Evaluation([0.9, 0.8, 0.1, 0.7], reasons=["", "", "It has no transients.", ""], model="planted"),
    verdict=Verdict("usable with warnings", ["The field moves."], {"motion": 3.0}),
    frames=FrameQuality(
        reason=np.arange(300) % 7,
        score=np.linspace(0.5, 1, 300),
        at_limit=np.arange(300) % 50 == 0,
        gain=np.where(np.arange(300) < 150, 1, 0.5),  # the lamp was turned
        black=4.0,
        typical_score=0.9,
        stuck_pixels=3,
        row_bands=True,
    ),
)
KINDS = {
    "i_v4_ü": {"cameras": ["Face Cam"], "result": RESULT, "times_ms": dropped_times(300), "note": "day 1, groß"},
    "i_v3": {"layout": "legacy", "cameras": ["behav"], "start": "2026-01-15T10:20:30+01:00"},
    "i_two": {"scopes": ["HPC", "PFC"], "result": planted.result("piecewise")},
    "i_face": {"cameras": ["Face Cam"], "scopes": (), "facemap_params": FACE, "times_ms": dropped_times(300)},
    "i_faces": {"cameras": ["Face Cam", "Gesicht_ü"], "facemap_params": FACE},
    "i_none": {"result": empty_result(), "version": "v0.1", "notes": []},
}


@pytest.fixture(scope="module")
def exported(pipeline, make_session, raw_root):
    """Export a session of a kind; returns its key and the file."""
    done = {}

    def export(subject, **options):
        if subject not in done:
            done[subject] = make_session(subject, **{"frames_per_file": 120, **KINDS[subject]})[0]
            if subject == "i_two":
                enter_events(pipeline, done[subject])
        path = raw_root / f"{subject}_{'_'.join(options)}.nwb"
        if not path.exists():
            export_nwb(done[subject], path, options=Options(progress=False, **options))
        return done[subject], path

    return export


def add_copy(pipeline, subject, name):
    """Insert an animal like another; the archive's name of a session and its animal are not the same in two."""
    for table in (pipeline.subject.Subject, pipeline.description.SubjectDescription):
        row = (table & {"subject": subject}).fetch1()
        table.insert1({**row, "subject": name})
    return {"subject": name}


@pytest.mark.parametrize("subject", KINDS)
def test_everything_is_as_it_was(pipeline, exported, raw_root, subject):
    key, path = exported(subject)
    copy = add_copy(pipeline, subject, f"{subject}_2")
    shown = CliRunner().invoke(app, ["import-nwb", str(path), "--subject", copy["subject"]])
    assert shown.exit_code == 0, shown.output
    assert f"{subject}_2, {key['session_datetime']} UTC" in shown.output
    assert_same(stored(pipeline, key), stored(pipeline, {**key, **copy}))
    again = raw_root / f"{subject}_again.nwb"
    export_nwb({**key, **copy}, again, options=QUIET)
    assert_equal_files(path, again)
    if KINDS[subject].get("result") is RESULT:  # what no table has, and edits of the cells need
        folder = (pipeline.miniscope.ProcessingTask & copy).fetch1("processing_output_dir")
        frames = read_result(find_result(pipeline.get_processed_root_data_dir() / folder)).frames
        for item in fields(FrameQuality):
            np.testing.assert_equal(getattr(frames, item.name), getattr(RESULT.frames, item.name))


def test_into_an_empty_database_and_not_twice(pipeline, exported):
    key, path = exported("i_two", embed=True)
    before = stored(pipeline, key)
    with pytest.raises(ResultError, match="is in the database already"):
        import_nwb(path)
    (pipeline.subject.Subject & {"subject": "i_two"}).delete(prompt=False)
    notes = import_nwb(path).lines
    assert any("HPC, PFC cannot be processed again" in note for note in notes)  # their frames are in the file
    gone = {pipeline.miniscope.RecordingInfo.File, pipeline.provenance.ScopeRun.RawFile}
    without = {name: rows for name, rows in before.items() if name not in {table.full_table_name for table in gone}}
    assert_same(without, stored(pipeline, key))


def test_a_failure_leaves_nothing(pipeline, exported, monkeypatch):
    key, path = exported("i_v3")
    copy = add_copy(pipeline, "i_v3", "i_fail")
    root = pipeline.get_processed_root_data_dir()
    before = sorted(root.iterdir())

    def fail(scopes, analysed):
        insert(scopes, analysed)
        raise ResultError("something at the very end")

    insert = door.insert_analyses
    with monkeypatch.context() as patched:
        patched.setattr(door, "insert_analyses", fail)
        with pytest.raises(ResultError, match="at the very end"):
            import_nwb(path, "i_fail")
    video = path.with_suffix("") / "OnePhotonSeries_external_file_1.avi"
    content = video.read_bytes()
    video.write_bytes(content[:-10] + bytes(10))
    with pytest.raises(RecordingError, match=r"file_1\.avi is not the video that the results"):
        import_nwb(path, "i_fail")
    video.unlink()
    with pytest.raises(RecordingError, match=r"file_1\.avi, which is not there; .*--without-videos"):
        import_nwb(path, "i_fail")
    assert not pipeline.session.Session & copy
    assert sorted(root.iterdir()) == before
    import_nwb(path, "i_fail", videos=False)
    assert len(pipeline.miniscope.Fluorescence.Trace & {**key, **copy}) == 4


def test_a_file_that_lacks_something_is_refused_in_a_sentence(pipeline, tmp_path, raw_root):
    (tmp_path / "text.nwb").write_text("no HDF5")
    with pytest.raises(ResultError, match="cannot be read as an NWB file"):
        import_nwb(tmp_path / "text.nwb")
    with pytest.raises(ResultError, match="does not exist"):
        import_nwb(tmp_path / "none.nwb")
    written = write_session(tmp_path, animal="foreign", n_frames=30)
    for changed, said in (
        ({"subject": None}, "does not name its animal; .*--subject"),
        ({"born": None}, "neither a date of birth nor an age"),
        ({"frames": False}, "has no frames of a scope or camera"),
        ({"rate": 0.0}, "does not say when the frames"),
        ({}, "outside the root directories"),
    ):
        path = write_like_neuroconv(tmp_path / "other.nwb", written.scopes[0], **changed)
        with pytest.raises((ResultError, RecordingError), match=said):
            import_nwb(path)
    assert not pipeline.subject.Subject & {"subject": "foreign"}
    with pytest.raises(ResultError, match="The animal nobody is not in the database"):
        import_nwb(write_like_neuroconv(raw_root / "other.nwb", written.scopes[0], subject=None), "nobody")


def test_a_file_of_neuroconv_s_kind(pipeline, raw_root, tmp_path):
    written = write_session(tmp_path, animal="foreign", n_frames=30, size=(24, 40))
    path = write_like_neuroconv(raw_root / "other.nwb", written.scopes[0])
    import_nwb(path)
    key = {"subject": "foreign"}
    info = (pipeline.miniscope.RecordingInfo & key).fetch1()
    np.testing.assert_allclose(info["time_stamps"], written.scopes[0].times_ms / 1000)
    assert (info["px_height"], info["px_width"], info["nframes"], info["gain"]) == (24, 40, 30, 1.0)
    assert (info["led_power"], round(info["fps"], 3)) == (20, 20)
    quality = (pipeline.recording.RecordingQuality & key).fetch1()
    assert quality["verdict"] == "usable with warnings" and "not been looked at" in quality["reasons"][0]
    assert (pipeline.recording.HeadOrientation & key).fetch1("n_samples") == 30
    assert (pipeline.subject.Subject & key).fetch1("sex") == "F"


def test_a_face_is_computed_again_where_its_rows_are_deleted(pipeline, exported):
    """What was imported is a task as any other: with its parameters, and a folder of its own."""
    key, path = exported("i_face")
    copy = add_copy(pipeline, "i_face", "i_face_3")
    import_nwb(path, "i_face_3")
    own = {**key, **copy}
    (pipeline.facemap.FacemapProcessing & own).delete(prompt=False)
    pipeline.facemap.FacemapProcessing.populate(own)
    pipeline.facemap.FacialSignal.populate(own)
    rows = [(pipeline.facemap.FacialSignal.Region & one).to_dicts(order_by="roi_no") for one in (key, own)]
    assert len(rows[0]) == len(rows[1]) == 2
    for before, after in zip(*rows, strict=True):
        np.testing.assert_array_equal(after["motion"], before["motion"])


PROJECT = """
experimenter = ["Lovelace, Ada"]
lab = "Lab ü"
experiment_description = "Places on a track."
keywords = ["miniscope"]
virus = "AAV1"
target_region = "hippocampus, CA1 (i)"
lens = "GRIN, 1.8 mm"
coordinates = "AP -2.1 mm, ML 1.8 mm"
excitation_nm = 470
pixel_size_um = 1.7
protocol = "P-1"
"""


def test_people_and_things_go_where_there_is_a_place_for_them(pipeline, exported, raw_root, tmp_path, monkeypatch):
    key, _ = exported("i_none")
    (tmp_path / "project.toml").write_text(PROJECT, encoding="utf-8")
    path = raw_root / "named.nwb"
    export_nwb(key, path, tmp_path / "project.toml", QUIET)
    entries = [line for line in PROJECT.splitlines() if line]
    for name in ("excitation_nm", "pixel_size_um"):
        entries = [f"{line}.0" if line == f"{name} = 470" else line for line in entries]

    def told(subject):
        add_copy(pipeline, "i_none", subject)
        notes = [line for line in import_nwb(path, subject).lines if "project.toml" in line]
        remove(pipeline, subject)
        return notes

    (note,) = told("i_named")  # nothing is known: all of it is said, in one line, as it has to be written
    assert all(entry in note for entry in entries), note

    location = {"recording_location_id": "i_ca1", "anatomical_description": "hippocampus, CA1 (i)"}
    pipeline.AnatomicalLocation.insert1(location)
    pipeline.lab.User.insert1({"user": "i_ada", "user_fullname": "Lovelace, Ada"})
    pipeline.lab.Project.insert1({"project": "i_track", "project_description": "Places on a track."})
    pipeline.lab.ProjectKeywords.insert1({"project": "i_track", "keyword": "miniscope"})
    (note,) = told("i_named")
    for name in ("experimenter", "target_region", "experiment_description", "keywords"):
        assert name not in note
    assert 'lab = "Lab ü"' in note and 'virus = "AAV1"' in note

    add_copy(pipeline, "i_none", "i_kept")
    own = import_nwb(path, "i_kept").key
    assert (pipeline.session.SessionExperimenter & own).fetch1("user") == "i_ada"
    assert (pipeline.session.ProjectSession & own).fetch1("project") == "i_track"
    places = (pipeline.miniscope.RecordingLocation & own).to_arrays("recording_location_id").tolist()
    assert places == ["i_ca1"]

    monkeypatch.chdir(tmp_path)  # where project.toml says the rest
    assert told("i_named") == []
