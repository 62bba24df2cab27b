"""Where results come from: what is noted when they are computed, and what is said when a raw file is another one."""

import json
import platform
import re
import socket

import h5py
import numpy as np
import planted
import pytest
from pynwb import read_nwb
from recordings import write_session
from to_publish import every_text
from typer.testing import CliRunner

import workflow_miniscope
from workflow_miniscope.cli.app import app
from workflow_miniscope.engines import run_notes
from workflow_miniscope.errors import RecordingError, ResultError
from workflow_miniscope.ingest import ingest
from workflow_miniscope.movies.fingerprint import fast_checksum
from workflow_miniscope.process import process
from workflow_miniscope.publish.chain import trace_back
from workflow_miniscope.publish.credit import references
from workflow_miniscope.publish.dataset import Options, export_nwb
from workflow_miniscope.publish.reproduce import reproduce
from workflow_miniscope.tables.provenance import raw_files
from workflow_miniscope.work.status import changed_files

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:hdmf")


@pytest.fixture(scope="module")
def computed(pipeline, raw_root, tmp_path_factory):
    """A recording that the built-in engine and Facemap have processed; returns its key."""
    movie = planted.recording(height=64, width=96, frames=300, n=4, motion=1).movie.array
    written = write_session(raw_root / "pv", animal="pv", movie=movie, frames_per_file=100, cameras=["Face Cam"])
    folder = tmp_path_factory.mktemp("manifests")
    (folder / "subjects.csv").write_text(
        "subject,sex,subject_birth_date,subject_description,species\npv,M,2025-09-01,planted,Mus musculus\n"
    )
    session_dir = written.folder.relative_to(raw_root).as_posix()
    (folder / "sessions.csv").write_text(f"subject,session_dir,acq_software\npv,{session_dir},Miniscope-DAQ-V4\n")
    assert ingest(folder / "subjects.csv", folder / "sessions.csv", progress=False).problems == []
    assert process(restrict={"subject": "pv"}, progress=False).errors == []
    return (pipeline.Session & {"subject": "pv"}).fetch1("KEY")


def test_a_run_is_noted_when_it_is_computed(pipeline, computed):
    run = (pipeline.provenance.ScopeRun & computed).fetch1()
    assert (run["engine"], run["engine_version"]) == ("cnmfe", workflow_miniscope.__version__)
    assert run["packages"]["numpy"] == np.__version__
    assert (run["host"], run["python"]) == (socket.gethostname(), platform.python_version())
    assert 0 < run["duration_s"] < 3600
    assert run["params_hash"] == (pipeline.miniscope.ProcessingParamSet & run).fetch1("param_set_hash")
    face = (pipeline.provenance.FaceRun & computed).fetch1()
    assert (face["engine"], face["packages"]["facemap"]) == ("facemap", face["engine_version"])
    files = raw_files(computed)
    assert len(files) == 6 and {file.state for file in files} == {"unchanged"}


def test_the_chain_leads_from_the_traces_to_the_videos(pipeline, computed):
    shown = CliRunner().invoke(app, ["provenance", "subject=pv"])
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert lines[0] == "miniscope.Fluorescence, miniscope.Activity"
    assert [line.split("from ")[1] for line in lines if line.startswith("  from ")] == [
        "miniscope.Segmentation",
        "miniscope.Curation",
        "miniscope.Processing",
        "miniscope.RecordingInfo",
        "raw files",
    ]
    assert f"numpy {np.__version__}" in shown.output
    # the number is of a database that all tests share
    (paramset,) = set((pipeline.miniscope.ProcessingTask & computed).to_arrays("paramset_id").tolist())
    told = json.loads(CliRunner().invoke(app, ["provenance", "subject=pv", f"paramset_id={paramset}", "--json"]).output)
    size = {file["path"]: file["n_bytes"] for file in told["raw_files"]}
    assert len(size) == 3  # those of the scope


def test_it_is_in_the_exported_file_without_the_computer_s_name(computed, tmp_path):
    export_nwb(computed, tmp_path / "one.nwb", options=Options(progress=False, videos="link"))
    file = read_nwb(tmp_path / "one.nwb")
    packages = file.processing["ophys"]["analysis_packages"].to_dataframe().set_index("package").version
    assert packages["numpy"] == np.__version__
    assert 0 < file.processing["ophys"]["analyses"]["duration"][0] < 3600
    raw = file.acquisition["raw_files"].to_dataframe().set_index("file")
    assert "My_V4_Miniscope/0.avi" in raw.index
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
    assert not [text for text in every_text(tmp_path / "one.nwb") if host.search(text)]


def test_a_file_is_reproduced_bit_by_bit_from_its_videos(computed, tmp_path):
    path = tmp_path / "one.nwb"
    export_nwb(computed, path, options=Options(progress=False))
    (again,) = reproduce(path, progress=False)
    assert again.identical, str(again)
    assert {item.what for item in again.compared} == {
        "footprints",
        "accepted components",
        "denoised",
        "deconvolved",
        "dff",
    }
    assert again.packages == ()
    with h5py.File(path, "r+") as file:
        file["processing/ophys/Fluorescence/denoised/data"][10, 0] += 1
    export_nwb(computed, tmp_path / "embedded.nwb", options=Options(embed=True, progress=False))
    shown = CliRunner().invoke(app, ["reproduce", str(tmp_path / "embedded.nwb")])  # from the frames in the file
    assert shown.exit_code == 0 and "every number is bit-identical" in shown.output
    shown = CliRunner().invoke(app, ["reproduce", str(path)])
    assert shown.exit_code == 1
    assert "denoised: up to 1 apart" in shown.output and "dff: identical" in shown.output
    with h5py.File(tmp_path / "embedded.nwb", "r+") as file:  # as if somebody had rejected a cell
        file["processing/ophys/analyses/curated_by_hand"][0] = True
        accepted = file["processing/ophys/ImageSegmentation/PlaneSegmentation/accepted"]
        accepted[0] = not accepted[0]
    (again,) = reproduce(tmp_path / "embedded.nwb", progress=False)
    assert again.identical and "accepted components" not in {item.what for item in again.compared}
    assert "curated by hand: what a person accepted" in str(again)


def test_a_raw_file_that_changed_is_named_and_not_published(computed, raw_root, tmp_path):
    video = next((raw_root / "pv").rglob("My_V4_Miniscope/1.avi"))
    content = video.read_bytes()
    try:
        video.write_bytes(content[:-100] + bytes(100))  # as long as before
        assert [file.path.split("/")[-1] for file in trace_back("subject=pv").changed] == ["1.avi"]
        shown = CliRunner().invoke(app, ["provenance", "subject=pv"])
        assert shown.exit_code == 1 and "changed" in shown.output
        with pytest.raises(RecordingError, match=r"My_V4_Miniscope/1\.avi is changed since"):
            export_nwb(computed, tmp_path / "one.nwb", options=Options(progress=False))
        (line,) = changed_files("subject=pv")
        assert line.endswith("My_V4_Miniscope/1.avi was changed since results were computed from it.")
        assert line in CliRunner().invoke(app, ["status", "--restrict", "subject=pv"]).output
        shown = CliRunner().invoke(app, ["publish", "subject=pv", "--check"])
        assert shown.exit_code == 1 and "My_V4_Miniscope/1.avi is changed; put the recorded file back" in shown.output
        assert "virus in project.toml" in shown.output  # all in one go
        video.unlink()
        assert "1.avi is gone" in CliRunner().invoke(app, ["publish", "subject=pv", "--check"]).output
        (line,) = changed_files("subject=pv")
        assert line.startswith("A raw file of results cannot be found") and line.endswith("My_V4_Miniscope/1.avi.")
    finally:
        video.write_bytes(content)
    assert trace_back("subject=pv").changed == []
    assert changed_files("subject=pv") == []  # written since, with the same content


def test_a_result_from_elsewhere_says_only_what_is_known(pipeline, make_session):
    key = make_session("pv_load")[0]
    run = (pipeline.provenance.ScopeRun & key).fetch1()
    assert (run["duration_s"], run["host"], run["packages"]) == (None, "", {})
    assert "not known" not in str(trace_back("subject=pv_load"))


def test_results_outlive_their_recordings(pipeline, make_session):
    key, recorded = make_session("pv_gone")
    (pipeline.provenance.ScopeRun & key).delete(prompt=False)
    hidden = recorded.scopes[0].folder.with_name("away")
    recorded.scopes[0].folder.rename(hidden)
    pipeline.provenance.ScopeRun.populate(key)  # which is no error
    hidden.rename(recorded.scopes[0].folder)
    (first, *_) = trace_back("subject=pv_gone").files
    assert (first.n_bytes, first.state) == (None, "not noted")


def test_a_checksum_is_of_the_length_and_pieces_of_the_file(tmp_path):
    path = tmp_path / "video.avi"
    content = bytes(range(256)) * 40_000  # 10 MB
    path.write_bytes(content)
    before = fast_checksum(path)
    assert len(before) == 32
    for changed in (content[:-1], content + b"\0", b"x" + content[1:], content[:-1] + b"x", content[::-1]):
        path.write_bytes(changed)
        assert fast_checksum(path) != before
    path.write_bytes(content)
    assert fast_checksum(path) == before
    path.write_bytes(b"")
    assert len(fast_checksum(path)) == 32


def test_a_note_that_cannot_be_written_does_not_lose_the_result(tmp_path, caplog):
    (tmp_path / run_notes.NOTE_NAME).mkdir()
    (tmp_path / run_notes.NOTE_NAME / "in the way").touch()
    run_notes.write_note(tmp_path, 1.0)
    assert "cannot be noted" in caplog.text
    assert run_notes.read_note(tmp_path) == {}


def test_whom_to_cite(computed):
    shown = CliRunner().invoke(app, ["cite", "subject=pv"])
    assert shown.exit_code == 0
    for wanted in ("RRID:SCR_014543", "10.7554/eLife.28728", "10.1038/s41593-023-01490-6", "workflow-miniscope 0."):
        assert wanted in shown.output
    for used in ("Python", "NumPy", "SciPy", "OpenCV", "PyTorch"):
        (line,) = (line for line in shown.output.splitlines() if f". {used} [computer program]" in line)
        assert "RRID:SCR_" in line
    assert "SCR_021152" not in shown.output  # CaImAn's method was used, the program was not
    entries = CliRunner().invoke(app, ["cite", "subject=pv", "--bibtex"]).output
    assert entries.count("@article{") == 4 and entries.count("@software{") == 8
    assert entries.count("{") == entries.count("}")


def test_an_engine_that_is_a_program_of_others_is_cited_as_one():
    (program,) = (item for item in references(["caiman"]) if item.rrid == "RRID:SCR_021152")
    assert str(program).startswith("The CaImAn developers. CaImAn [computer program].")
    assert {"RRID:SCR_015242", "RRID:SCR_017452"} <= {item.rrid for item in references(["pynwb"])}
    everything = references(["caiman", "cnmfe", "facemap", "pynwb"])
    assert len({item.name for item in everything}) == len(everything)


def test_people_of_the_project_s_file_are_cited(computed, tmp_path, monkeypatch):
    said = 'experimenter = ["Lovelace, Ada"]\nrelated_publications = ["https://doi.org/10.1/x"]\n'
    (tmp_path / "project.toml").write_text(said)
    monkeypatch.chdir(tmp_path)
    lines = CliRunner().invoke(app, ["cite", "subject=pv"]).output.splitlines()
    assert lines[:2] == ["Recorded by Lovelace, Ada.", "https://doi.org/10.1/x"]


def test_a_file_that_is_none_of_ours_is_not_reproduced(tmp_path):
    with pytest.raises(ResultError, match="does not exist"):
        reproduce(tmp_path / "none.nwb")
    (tmp_path / "text.nwb").write_text("no HDF5")
    with pytest.raises(ResultError, match="cannot be read as an NWB file"):
        reproduce(tmp_path / "text.nwb")
