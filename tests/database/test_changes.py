"""Undo and repair: told first, asked, saved, and made whole or not at all."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from recordings import START_MS, write_session

from workflow_miniscope.database.connection import dj
from workflow_miniscope.errors import DatabaseError, NothingMatched, ParameterError, RecordingError
from workflow_miniscope.ingest import propose
from workflow_miniscope.paths import get_processed_root_data_dir
from workflow_miniscope.process import process
from workflow_miniscope.settings import get_settings
from workflow_miniscope.work import change, reassign, relocate, remove
from workflow_miniscope.work.overview import overview

RESULT = Path(__file__).parents[1] / "results" / "data" / "caiman_1.12.1_fit_file_80px.hdf5"
EMBEDDED = "WORKFLOW_MINISCOPE_TEST_SERVER" not in os.environ
STAMP = "20260115-102030"


@pytest.fixture
def loaded(load):
    """Load a result for a new animal and compute everything; return the recording's name."""

    def make(subject):
        load(subject, RESULT)
        assert process(f"subject={subject}", progress=False).errors == []
        return f"{subject}_{STAMP}_0"

    return make


def rows(pipeline, subject):
    """Count all rows that belong to an animal, in every table."""
    below = [pipeline.Subject().full_table_name, *pipeline.Subject().descendants()]
    tables = {name: dj.FreeTable(pipeline.connection, name) for name in below if not name.isdigit()}
    return {name: n for name, table in tables.items() if (n := len(table & {"subject": subject}))}


def dumps():
    return sorted((get_settings().home / "backups").glob("*.dump"))


def test_nothing_is_done_before_it_is_wanted(pipeline, loaded, run):
    name = loaded("c_ask")
    before = rows(pipeline, "c_ask")
    done = run("remove", name, "--dry-run")
    assert done.status == 0
    assert f"Removes {name} from the database." in done.out
    assert "miniscope.segmentation: 1" in done.out
    assert "session.session: 1" in done.out
    refused = run("remove", name)
    assert (refused.status, "add --yes" in refused.err) == (2, True)
    assert run("remove", "subject=c_nobody", "--yes").status == 3
    assert rows(pipeline, "c_ask") == before
    with pytest.raises(NothingMatched, match="c_ask"):
        remove.plan("subject=c_askk")


def test_an_analysis_is_removed(pipeline, loaded, run):
    name, other = loaded("c_one"), loaded("c_two")
    before = rows(pipeline, "c_two")
    saved = dumps()
    done = run("remove", f"{name}_p90", "--yes")
    assert done.status == 0, done.err
    assert not pipeline.miniscope.ProcessingTask & {"subject": "c_one"}
    assert not pipeline.miniscope.Activity & {"subject": "c_one"}
    assert pipeline.miniscope.RecordingInfo & {"subject": "c_one"}
    assert rows(pipeline, "c_two") == before
    if EMBEDDED:
        assert len(dumps()) == len(saved) + 1
        assert str(dumps()[-1]) in done.out
    assert overview(other)[0].state == "done"


@pytest.mark.skipif(not EMBEDDED, reason="a server of its own is saved with its own programs")
def test_undo(pipeline, loaded, run):
    name = loaded("c_undo")
    before = rows(pipeline, "c_undo")
    done = run("remove", name, "--yes")
    assert rows(pipeline, "c_undo") == {pipeline.Subject().full_table_name: 1}
    undo = done.out.partition("To undo it: workflow-miniscope ")[2].splitlines()[0].split()
    assert run(*undo).status == 2, "nobody can be asked"
    done = run(*undo, "--yes")
    assert done.status == 0, done.err
    assert rows(pipeline, "c_undo") == before


def test_a_recording_goes_with_its_session_and_animal(pipeline, loaded, run, raw_root):
    name = loaded("c_gone")
    raw = {path: path.stat().st_mtime_ns for path in (raw_root / "c_gone").rglob("*")}
    task = {"processing_output_dir": "c_gone/wrote_it", "task_mode": "trigger"}
    pipeline.miniscope.ProcessingTask.update1(
        {**(pipeline.miniscope.ProcessingTask & {"subject": "c_gone"}).keys()[0], **task}
    )
    folder = get_processed_root_data_dir() / "c_gone" / "wrote_it"
    shutil.copytree(folder.with_name("caiman"), folder)
    done = run("remove", name, "--animals", "--files", "--yes")
    assert done.status == 0, done.err
    assert rows(pipeline, "c_gone") == {}
    assert not folder.exists()
    assert folder.with_name("caiman").exists(), "what was loaded is not ours to delete"
    assert raw == {path: path.stat().st_mtime_ns for path in (raw_root / "c_gone").rglob("*")}


def test_an_animal_without_a_session_is_removed(pipeline, add_subject, run):
    add_subject("c_never")
    assert run("remove", "subject=c_never", "--yes").status == 3
    assert run("remove", "subject=c_never", "--animals", "--yes").status == 0
    assert not pipeline.Subject & {"subject": "c_never"}


def test_a_change_that_fails_changes_nothing(pipeline, loaded):
    loaded("c_whole")
    before = rows(pipeline, "c_whole")
    wanted = remove.plan("subject=c_whole")

    def make():
        wanted.make()
        pipeline.Subject.insert1({"subject": "c_whole"})  # is there already, and incomplete

    with pytest.raises(DatabaseError, match="nothing is changed") as told:
        change.carry_out(change.Change(wanted.sentences, make), "remove", dump=False)
    assert "INSERT" not in str(told.value)
    assert rows(pipeline, "c_whole") == before


def ingested(pipeline, raw_root, tmp_path, subject, days=1):
    """Write sessions and ingest them as a user does; return their folders."""
    from workflow_miniscope.ingest import ingest

    for day in range(days):
        start = START_MS + day * 86_400_000
        write_session(raw_root, animal=subject, cameras=["Face Cam"], n_frames=30, start_ms=start)
    manifests = tmp_path / "subjects.csv", tmp_path / "sessions.csv"
    known = {"sex": "F", "subject_birth_date": "2025-09-01"}
    propose(raw_root / subject, manifests[1], manifests[0], lambda name: known)
    assert ingest(*manifests, progress=False).problems == []
    return (pipeline.session.SessionDirectory & {"subject": subject}).to_arrays("session_dir").tolist()


def test_a_renamed_folder(pipeline, raw_root, tmp_path, run):
    folders = ingested(pipeline, raw_root, tmp_path, "c_moved", days=2)
    pipeline.miniscope.RecordingInfo.populate({"subject": "c_moved"})
    (raw_root / "c_moved").rename(raw_root / "c_elsewhere")
    with pytest.raises(NothingMatched, match="did you mean 'c_moved"):
        relocate.plan(folders[0].replace("c_moved", "c_movd"), "c_elsewhere")
    with pytest.raises(RecordingError, match="is not found"):
        relocate.plan("c_moved", "c_nowhere")
    with pytest.raises(RecordingError, match="it is another recording"):
        relocate.plan(folders[0], folders[1].replace("c_moved", "c_elsewhere"))
    done = run("relocate", raw_root / "c_moved", raw_root / "c_elsewhere", "--yes")
    assert done.status == 0, done.err
    key = {"subject": "c_moved"}
    assert sorted((pipeline.session.SessionDirectory & key).to_arrays("session_dir")) == sorted(
        folder.replace("c_moved", "c_elsewhere") for folder in folders
    )
    for table in (pipeline.miniscope.RecordingInfo.File, pipeline.facemap.VideoRecording.File):
        paths = (table & key).to_arrays("file_path")
        assert len(paths) and all((raw_root / path).is_file() for path in paths)
    pipeline.recording.Notes.populate(key)
    assert len(pipeline.recording.Notes & key) == 2


def test_the_wrong_animal(pipeline, loaded, add_subject, run):
    name = loaded("c_wrong")
    add_subject("c_right")
    before = rows(pipeline, "c_wrong")
    with pytest.raises(ParameterError, match="did you mean 'c_right'"):
        reassign.plan(name, "c_rigth")
    done = run("reassign", name, "--to", "c_right", "--yes")
    assert done.status == 0, done.err
    after = rows(pipeline, "c_right")
    subject = pipeline.Subject().full_table_name
    assert {k: n for k, n in after.items() if k != subject} == {k: n for k, n in before.items() if k != subject}
    assert rows(pipeline, "c_wrong") == {subject: 1}
    assert overview("subject=c_right")[0].state == "done"
    assert process("subject=c_right", progress=False).done.get("miniscope.Processing", 0) == 0
    with pytest.raises(ParameterError, match="are those of 'c_right' already"):
        reassign.plan("subject=c_right", "c_right")
    loaded("c_third")
    with pytest.raises(ParameterError, match="has a session that started at"):
        reassign.plan("subject=c_third", "c_right")


def test_a_recording_that_stays_broken_is_left_out(pipeline, load, run, tmp_path):
    broken = tmp_path / "broken.hdf5"
    broken.write_bytes(b"nothing")
    load("c_bad", broken)
    load("c_fine", RESULT)
    both = "subject in ('c_bad', 'c_fine')"
    assert run("process", "--restrict", both).status == 1
    assert run("exclude", "subject=c_bad", "--reason", "the file is gone", "--yes").status == 0
    done = run("process", "--restrict", both)
    assert done.status == 0, done.out
    assert run("process", "--restrict", "subject=c_bad").status == 3
    (row,) = overview("subject=c_bad")
    assert (row.state, row.excluded, row.failures) == ("excluded", "the file is gone", ())
    assert "excluded: the file is gone" in run("list", "--restrict", "subject=c_bad").out
    assert "Nothing has failed" in run("status", "--errors", "--restrict", "subject=c_bad").out
    moment = (pipeline.exclusion.ExcludedScope & {"subject": "c_bad"}).fetch1("excluded_at")
    assert abs((datetime.now(UTC).replace(tzinfo=None) - moment).total_seconds()) < 600
    assert run("exclude", "subject=c_bad", "--reason", "again", "--yes").status == 3
    assert run("include", "subject=c_bad", "--yes").status == 0
    assert run("process", "--restrict", both).status == 1


def test_computed_again(pipeline, loaded, run):
    name = loaded("c_again")
    key = {"subject": "c_again"}
    before = (pipeline.miniscope.Processing & key).fetch1("processing_time")
    cells = len(pipeline.miniscope.Segmentation.Mask & key)
    done = run("redo", f"{name}_p90", "--yes")
    assert done.status == 0, done.err
    assert len(pipeline.miniscope.Segmentation.Mask & key) == cells
    assert (pipeline.miniscope.Processing & key).fetch1("processing_time") == before, "it was loaded again"
    refused = run("redo", name, "--paramset", "9999", "--yes")
    assert refused.status == 2
    assert pipeline.miniscope.Processing & key


def test_the_old_result_is_kept_aside(pipeline, loaded, run):
    name = loaded("c_aside")
    task = (pipeline.miniscope.ProcessingTask & {"subject": "c_aside"}).keys()[0]
    pipeline.miniscope.ProcessingTask.update1({**task, "task_mode": "trigger"})
    folder = get_processed_root_data_dir() / "c_aside" / "caiman"
    done = run("redo", name, "--later", "--yes")
    assert done.status == 0, done.err
    assert not folder.exists()
    (kept,) = folder.parent.glob("caiman.replaced-*")
    assert (kept / RESULT.name).is_file()
    assert not pipeline.miniscope.Processing & task
    assert pipeline.miniscope.ProcessingTask & task
    assert overview(name)[0].steps["miniscope.Processing"] == "to do"
