"""A folder for an archive: what is written, what is refused and why, and that nothing half-done looks finished."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from recordings import write_session
from typer.testing import CliRunner

from workflow_miniscope.cli.app import app
from workflow_miniscope.errors import ResultError
from workflow_miniscope.publish import dataset
from workflow_miniscope.publish.dataset import Options, export_nwb, publish
from workflow_miniscope.publish.nwb import streams

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:hdmf")
QUIET = Options(progress=False)


@pytest.fixture(scope="module")
def key(make_session):
    return make_session("d_set", cameras=["Web Cam"])[0]


@pytest.fixture(scope="module")
def unknown(make_session):
    """A session of an animal whose species nobody has said."""
    return make_session("d_none", species="")[0]


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_layout_is_the_archive_s(key, tmp_path):
    done = publish("subject=d_set", tmp_path, options=QUIET)
    stem = "sub-d-set/sub-d-set_ses-20260115T102030_ophys"
    assert [path.relative_to(tmp_path).as_posix() for path in done.written] == [f"{stem}.nwb"]
    videos = [f"{kind}_external_file_{i}.avi" for kind in ("ImageSeries_Web_Cam", "OnePhotonSeries") for i in range(25)]
    wanted = [
        f"{stem}.nwb",
        "CITATION.bib",
        "CITATION.txt",
        "ro-crate-metadata.json",
        *(f"{stem}/{video}" for video in videos),
    ]
    assert names(tmp_path) == sorted(wanted)


def test_what_is_there_is_left_alone_unless_it_may_be_replaced(key, tmp_path):
    (path,) = publish("subject=d_set", tmp_path, options=QUIET).written
    before = path.stat().st_mtime_ns
    again = publish("subject=d_set", tmp_path, options=QUIET)
    assert (again.written, again.present) == ([], [path])
    assert path.stat().st_mtime_ns == before
    replaced = publish("subject=d_set", tmp_path, options=Options(overwrite=True, progress=False))
    assert replaced.written == [path] and path.stat().st_mtime_ns > before


def test_links_lead_to_the_raw_videos(key, raw_root, tmp_path):
    export_nwb(key, tmp_path / "linked.nwb", options=Options(videos="link", progress=False))
    links = list((tmp_path / "linked").iterdir())
    assert len(links) == 50
    assert all(link.is_symlink() and link.resolve().is_relative_to(raw_root.resolve()) for link in links)


def test_a_folder_of_somebody_else_is_not_replaced(key, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ResultError, match="where there is thesis.txt already"):
        export_nwb(key, tmp_path / "mine.nwb", options=QUIET)
    assert names(tmp_path) == ["mine/thesis.txt"]


def test_an_existing_file_is_refused(key, tmp_path):
    (tmp_path / "there.nwb").write_text("something")
    with pytest.raises(ResultError, match="--overwrite"):
        export_nwb(key, tmp_path / "there.nwb", options=QUIET)
    with pytest.raises(ResultError, match=r"must end with \.nwb"):
        export_nwb(key, tmp_path / "there.h5", options=QUIET)
    with pytest.raises(ResultError, match="No session has subject 'nobody'"):
        export_nwb("subject=nobody", tmp_path / "x.nwb", options=QUIET)


def test_two_animals_whose_names_look_the_same_to_the_archive(key, make_session, tmp_path):
    make_session("d-set")
    publish("subject=d_set", tmp_path, options=QUIET)
    (problem,) = publish("subject=d-set", tmp_path, options=QUIET).problems
    assert "is of the animal d_set" in problem


def test_without_a_species_it_is_refused_and_the_column_named(unknown, tmp_path):
    done = publish("subject=d_none", tmp_path, options=QUIET)
    assert done.written == []
    assert "species: column species of subjects.csv, row d_none" in done.problems[0]
    assert names(tmp_path) == []
    notes = export_nwb(unknown, tmp_path / "mine.nwb", options=QUIET)  # for oneself it may be written
    assert any("species" in note for note in notes)


def test_the_check_lists_all_in_one_go(key, unknown, tmp_path):
    project = tmp_path / "project.toml"
    project.write_text('lab = "L"\nindicator = "GCaMP6f"\n[subjects.d_none]\nvirus = "AAV"\n')
    shown = CliRunner().invoke(app, ["publish", "subject=d_none", "--check", "--project", str(project)])
    assert shown.exit_code == 1  # an archive would refuse it
    lines = shown.output.splitlines()
    assert lines[1].split("  ")[1:] == ["required", "species: column species of subjects.csv, row d_none"]
    wanted = {line.split("  ")[2].split(":")[0] for line in lines[2:]}
    assert {"institution", "experimenter", "target_region", "excitation_nm"} <= wanted
    assert not wanted & {"lab", "indicator", "virus", "strain"}
    shown = CliRunner().invoke(app, ["publish", "subject=d_set", "--check", "--project", str(project)])
    assert shown.exit_code == 0
    assert "virus in project.toml" in shown.output


def test_a_species_that_is_filled_in_later_is_taken(pipeline, make_session, tmp_path):
    from workflow_miniscope.ingest import ingest

    make_session("d_later", species="")
    header = "subject,sex,subject_birth_date,subject_description,species,strain"
    (tmp_path / "subjects.csv").write_text(f"{header}\nd_later,F,2025-09-01,of the test,Mus musculus,BALB/c\n")
    (tmp_path / "sessions.csv").write_text("subject,session_dir,acq_software\n")
    report = ingest(tmp_path / "subjects.csv", tmp_path / "sessions.csv", progress=False)
    assert report.problems == []
    row = (pipeline.description.SubjectDescription() & {"subject": "d_later"}).fetch1()
    assert row["species"] == "Mus musculus"
    assert row["strain"] == "C57BL/6J"  # what is known is kept, and said
    assert "keeps the strain" in report.notes[0]
    (tmp_path / "subjects.csv").write_text(f"{header}\nd_later,F,2025-09-01,of the test,mouse,\n")
    (problem,) = ingest(tmp_path / "subjects.csv", tmp_path / "sessions.csv", progress=False).problems
    assert "did you mean 'Mus musculus'?" in problem


def test_ingest_says_what_publishing_will_miss(raw_root, tmp_path):
    from workflow_miniscope.ingest import ingest

    recorded = write_session(raw_root / "miss", animal="d_miss", scopes=(), cameras=["Web Cam"])
    header = "subject,sex,subject_birth_date,subject_description,strain,genotype"
    (tmp_path / "subjects.csv").write_text(f"{header}\nd_miss,F,2025-09-01,of the test,C57BL/6J,wild type\n")
    session_dir = recorded.folder.relative_to(raw_root).as_posix()
    (tmp_path / "sessions.csv").write_text(f"subject,session_dir,acq_software\nd_miss,{session_dir},Miniscope-DAQ-V4\n")
    manifests = tmp_path / "subjects.csv", tmp_path / "sessions.csv"
    told = str(ingest(*manifests, progress=False)).splitlines()[-1]
    # species, and of project.toml: experimenter, institution, lab, experiment_description, keywords, protocol
    assert told.startswith(
        "To be published, 7 things are missing (1 of them required); workflow-miniscope publish --check"
    )
    shown = CliRunner().invoke(app, ["publish", "subject=d_miss", "--check"])
    assert len(shown.output.splitlines()) == 1 + 7
    assert "To be published" not in str(ingest(*manifests, progress=False))  # which is said of new sessions
    # it has not been read: an empty file would be there for ever
    (problem,) = publish("subject=d_miss", tmp_path / "out", options=QUIET).problems
    assert "There is nothing to write. Camera Web_Cam is left out: it has not been read yet" in problem
    assert not (tmp_path / "out").exists()


def test_a_session_is_published_when_all_of_it_is_read_or_excluded(pipeline, raw_root, make_session, tmp_path):
    key = make_session("d_half", cameras=["Web Cam"])[0]
    (pipeline.facemap.RecordingInfo & key).delete(prompt=False)
    (problem,) = publish("subject=d_half", tmp_path, options=QUIET).problems
    assert "Web_Cam has not been read yet" in problem and "workflow-miniscope exclude" in problem
    assert names(tmp_path) == []
    notes = export_nwb(key, tmp_path / "half.nwb", options=QUIET)  # for oneself it may be written
    assert any("Camera Web_Cam is left out: it has not been read yet" in note for note in notes)
    camera = (pipeline.facemap.VideoRecording & key).fetch1("KEY")
    row = {**camera, "reason": "out of focus", "excluded_at": "2026-01-16"}
    pipeline.exclusion.ExcludedCamera.insert1(row)
    done = publish("subject=d_half", tmp_path / "out", options=QUIET)
    assert len(done.written) == 1 and "Camera Web_Cam is left out: it is excluded (out of focus)." in done.notes[0]


def test_a_killed_export_leaves_nothing_that_looks_finished(key, tmp_path):
    """The NWB file is written, and the program is killed before its first video is copied."""
    program = f"""
import os
from pathlib import Path
from workflow_miniscope.publish import dataset
def wait(source, target):
    Path({str(tmp_path / "begun")!r}).touch()
    os.kill(os.getpid(), {int(signal.SIGSTOP)})
dataset.shutil.copyfile = wait
dataset.publish("subject=d_set", Path({str(tmp_path / "out")!r}), options=dataset.Options(progress=False))
"""
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program])
    try:
        deadline = time.monotonic() + 240
        while not (tmp_path / "begun").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    left = list((tmp_path / "out").rglob("*"))
    assert any(path.name.endswith(".partial") for path in left)
    assert all(path.name.startswith((".sub-", "sub-d-set")) and path.suffix != ".nwb" for path in left)
    assert not list((tmp_path / "out").rglob("*.nwb"))
    done = publish("subject=d_set", tmp_path / "out", options=QUIET)  # the same command goes on
    assert len(done.written) == 1
    assert not [path for path in (tmp_path / "out").rglob("*") if "partial" in path.name]


def test_a_failure_leaves_nothing(key, tmp_path, monkeypatch):
    def no_space(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset.shutil, "copyfile", no_space)
    with pytest.raises(ResultError, match=r"one\.nwb does not fit on its disk \(No space left on device\)"):
        export_nwb(key, tmp_path / "one.nwb", options=QUIET)
    assert names(tmp_path) == []


@pytest.mark.parametrize("pieces", [0, 1])
def test_a_disk_that_fills_up_is_a_sentence(key, tmp_path, monkeypatch, pieces):
    """HDF5 itself would end the program: it is not let come so far."""
    free = [10**12] * pieces

    def usage(folder):
        return SimpleNamespace(free=free.pop() if free else 100_000)

    monkeypatch.setattr(streams.shutil, "disk_usage", usage)
    done = publish("subject=d_set", tmp_path, options=Options(embed=True, motion_corrected=True, progress=False))
    assert "does not fit on its disk (No space left on device), and nothing of it is left" in done.problems[0]
    assert names(tmp_path) == []


def test_the_command_writes_one_file(key, tmp_path):
    shown = CliRunner().invoke(app, ["nwb", "subject=d_set", str(tmp_path / "one.nwb"), "--videos", "link"])
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "one.nwb").is_file()
    assert "Archives ask for" in shown.output


def test_nobody_s_account_or_computer_is_in_any_file(key, tmp_path):
    """All bytes of an export, but those of the videos, written by somebody whose name would be found."""
    home, out = tmp_path / "users" / "adalovelace", tmp_path / "out"
    home.mkdir(parents=True)
    account = dict.fromkeys(("USER", "LOGNAME", "LNAME", "USERNAME"), "adalovelace")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "workflow_miniscope",
        "publish",
        "subject=d_set",
        "--output",
        "out",
    ]
    options = ["--embed", "--motion-corrected"]
    env = {**os.environ, **account, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([*command, *options], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".avi"]
    assert {path.suffix for path in written} == {".nwb", ".json", ".txt", ".bib"}
    for path in written:
        content = path.read_bytes().lower()
        for name in ("adalovelace", str(tmp_path)):
            assert name.lower().encode() not in content, (path.name, name)
