"""The CWL tools and workflows: valid, with options that the commands have, and run on real recordings."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml
from recordings import two_cells, write_session

from workflow_miniscope.cli import app as cli
from workflow_miniscope.database import embedded
from workflow_miniscope.results.caiman import read_result
from workflow_miniscope.work.extract import extract_folder

CWL = Path(__file__).parents[2] / "orchestration" / "cwl"
TOOLS = {path.name: yaml.safe_load(path.read_text()) for path in sorted(CWL.glob("*.cwl"))}
COMMANDS = {name: tool for name, tool in TOOLS.items() if tool["class"] == "CommandLineTool"}
N = 200

runs_cwl = pytest.mark.skipif(sys.platform == "win32", reason="cwltool does not run on Windows itself")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_tool_runs_a_command_that_there_is_with_options_that_it_has(name):
    tool = COMMANDS[name]
    program, *words = [tool["baseCommand"]] if isinstance(tool["baseCommand"], str) else tool["baseCommand"]
    words += [one["valueFrom"] for one in tool.get("arguments", [])]
    assert program == "workflow-miniscope"
    group = typer.main.get_command(cli.app)
    command = group.commands[words[0]]
    known = {option for parameter in (*group.params, *command.params) for option in parameter.opts}
    assert set(words[1:]) <= known
    bindings = [one.get("inputBinding", {}) for one in tool["inputs"].values()]
    bindings += [
        one["inputBinding"] for given in tool["inputs"].values() for one in given["type"] if isinstance(one, dict)
    ]
    prefixes = {binding["prefix"] for binding in bindings if "prefix" in binding}
    assert prefixes and prefixes <= known


def run(folder: Path, *arguments) -> dict:
    """Run cwltool in a folder, and return what it made."""
    done = subprocess.run(
        [sys.executable, "-m", "cwltool", "--outdir", folder / "made", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@runs_cwl
@pytest.mark.parametrize("name", TOOLS)
def test_each_is_valid(name):
    from cwltool.main import main

    assert main(["--validate", "--strict", "--quiet", str(CWL / name)]) == 0


@pytest.fixture(scope="module")
def movie():
    return two_cells(N)


@pytest.fixture
def folder():
    """A folder with a short name that every user can reach, as the embedded server needs it; stopped at the end."""
    made = Path(tempfile.mkdtemp(prefix="wfm"))
    made.chmod(0o755)
    yield made
    embedded.stop(made / "home")
    shutil.rmtree(made, ignore_errors=True)


@runs_cwl
def test_recordings_become_result_files(folder, movie):
    written = write_session(folder / "raw", movie=movie, frames_per_file=100)
    (scope,) = written.scopes
    (folder / "params.json").write_text('{"min_SNR": 3}')
    job = {
        "recordings": [{"class": "Directory", "path": str(scope.folder)}],
        "names": ["first"],
        "params": {"class": "File", "path": str(folder / "params.json")},
    }
    (folder / "job.json").write_text(json.dumps(job))
    made = run(folder, CWL / "extract-all.cwl", "job.json")
    ((result,), (summary,)) = made["folders"], made["summaries"]
    found = read_result(Path(result["path"]) / "caiman_result.hdf5")
    direct = read_result(extract_folder(scope.folder, folder / "direct", {"min_SNR": 3}, progress=False))
    assert found.n_components > 0
    assert f" {found.n_components} components" in Path(summary["path"]).read_text()
    np.testing.assert_array_equal(found.C, direct.C)
    np.testing.assert_array_equal(found.A.toarray(), direct.A.toarray())


@runs_cwl
def test_a_database_is_filled(folder, movie):
    written = write_session(folder / "raw", movie=movie, frames_per_file=100, animal="cwl1")
    config = {"miniscope_root_data_dir": [str(folder / "raw")], "database.prefix": "cwl_"}
    (folder / "dj_local_conf.json").write_text(json.dumps({"custom": config}))
    (folder / "subjects.csv").write_text(
        "subject,sex,subject_birth_date,subject_description\ncwl1,U,2025-09-01,mouse of a test\n"
    )
    session_dir = written.folder.relative_to(folder / "raw").as_posix()
    (folder / "sessions.csv").write_text(f"subject,session_dir,acq_software\ncwl1,{session_dir},Miniscope-DAQ-V4\n")
    made = run(
        folder, CWL / "database.cwl", "--config", "dj_local_conf.json", "--home", folder / "home",
        "--subjects", "subjects.csv", "--sessions", "sessions.csv", "--restrict", "subject=cwl1",
    )  # fmt: skip
    assert "session: 1 new" in Path(made["ingested"]["path"]).read_text()
    assert "\n\n1 recording, " in Path(made["processed"]["path"]).read_text()
    (row,) = json.loads(Path(made["recordings"]["path"]).read_text())["recordings"]
    assert (row["subject"], row["state"]) == ("cwl1", "done")
    (result,) = (folder / "home" / "processed").rglob("caiman_result.hdf5")
    (analysis,) = row["analyses"]
    assert analysis["found"] == read_result(result).n_components > 0
