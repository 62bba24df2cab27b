"""The repository keeps what it promises: the README's commands exist, the example files can be read."""

import functools
import json
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
import types
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

import workflow_miniscope
from workflow_miniscope import opencv
from workflow_miniscope.cli import app as cli
from workflow_miniscope.demo import run as demo_run
from workflow_miniscope.ingest import SESSION_COLUMNS, SUBJECT_COLUMNS
from workflow_miniscope.settings import Settings, load_settings, read_config
from workflow_miniscope.work.manifests import read_manifest

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text()


@functools.cache
def commands_there():
    return typer.main.get_command(cli.app)


def commands(text):
    """Every command line of the shell blocks, and every inline command of this project."""
    for block in re.findall(r"^ *```bash\n(.*?)^ *```", text, re.S | re.M):
        for line in block.splitlines():
            if line.strip():
                yield line.split(" #")[0].strip()
    yield from re.findall(r"`((?:make|workflow-miniscope|python -m) [^`\n]+)`", text)


def test_every_program_the_readme_names_is_known():
    known = {"make", "workflow-miniscope", "python", "conda", "source"}
    assert {shlex.split(command)[0] for command in commands(README)} <= known


def typed():
    """Every command line of this project in the README and the pages of the documentation."""
    pages = [README, *(page.read_text() for page in sorted((TOP / "docs").glob("*.md")))]
    lines = {line for page in pages for line in commands(page) if line.startswith("workflow-miniscope")}
    return sorted(lines - {"workflow-miniscope --install-completion"})  # which is tested by itself


@pytest.mark.parametrize("command", typed())
def test_the_command_line_has_what_the_pages_use(command):
    words = [word for word in shlex.split(command.split(" > ")[0])[1:] if word not in ("-q", "-v", "--debug")]
    if words[0] == "--config":  # of every command
        words = words[2:]
    path, options = [], [word for word in words if word.startswith("--")]
    group = commands_there()
    while words and hasattr(group, "commands"):
        path.append(words.pop(0))
        assert path[-1] in group.commands, f"there is no command {' '.join(path)}"
        group = group.commands[path[-1]]
    known = {name for parameter in group.params for name in parameter.opts} | {"--help"}
    assert set(options) <= known | {name for parameter in group.params for name in parameter.secondary_opts}
    shown = CliRunner().invoke(cli.app, [*path, "--help"])
    assert shown.exit_code == 0, shown.output


def test_messages_name_commands_that_there_are():
    there = set(commands_there().commands)
    named = {
        (path.name, name)
        for path in sorted((TOP / "workflow_miniscope").rglob("*.py"))
        for name in re.findall(r"`workflow-miniscope ([a-z][a-z-]*)", path.read_text())
    }
    assert len(named) > 30
    assert {(path, name) for path, name in named if name not in there} == set()


@pytest.mark.parametrize("command", sorted({c for c in commands(README) if c.startswith("make ")}))
def test_make_knows_the_targets_of_the_readme(command):
    target = shlex.split(command)[1]
    assert re.search(rf"^{target}:", (TOP / "Makefile").read_text(), re.M)
    done = subprocess.run(["make", "--dry-run", target], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_modules_of_the_readme_run():
    for command in {c for c in commands(README) if c.startswith("python -m")}:
        done = subprocess.run([sys.executable, *shlex.split(command)[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_what_the_readme_points_at_is_there():
    linked = re.findall(r'src="([^"]+)"', README)
    named = re.findall(r"`((?:docker|notebooks|user_data)/[\w./-]+|[\w.-]+\.(?:cff|json|yml))`", README)
    named = [name for name in named if name != "dj_local_conf.json"]  # the user's own
    assert len(linked) >= 1  # a picture of the result
    assert len(named) >= 4
    pages = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    for name in {*linked, *named, *pages}:
        assert (TOP / name).exists(), name


def test_the_example_configuration_is_accepted(monkeypatch):
    for field in Settings.model_fields.values():
        if field.validation_alias:
            monkeypatch.delenv(field.validation_alias.choices[0], raising=False)
    settings = load_settings(TOP / "dj_local_conf_example.json")
    assert not settings.embedded
    assert settings.prefix == "lab_"


def test_the_readmes_configuration_is_accepted(tmp_path):
    (block,) = re.findall(r"```json\n(.*?)```", README, re.S)
    (tmp_path / "dj_local_conf.json").write_text(block)
    assert "custom.miniscope_root_data_dir" in read_config(tmp_path / "dj_local_conf.json")


def test_the_example_manifests_describe_the_demo():
    for name, columns, demo in (
        ("subjects.csv", SUBJECT_COLUMNS, demo_run.SUBJECTS),
        ("sessions.csv", SESSION_COLUMNS, demo_run.SESSIONS),
    ):
        path = TOP / "user_data" / name
        assert len(read_manifest(path, columns)) == 1
        assert path.read_text() == demo


def test_conda_gets_caiman_and_pip_never_does():
    dependencies = yaml.safe_load((TOP / "environment.yml").read_text())["dependencies"]
    assert any(str(item).startswith("caiman") for item in dependencies)
    (pip,) = [item["pip"] for item in dependencies if isinstance(item, dict)]
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert not any("caiman" in item for item in pip)
    required = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    locked = (TOP / "requirements" / "lock.txt").read_text().splitlines()
    assert len(required) > 20
    assert not [item for item in [*required, *locked] if item.lower().startswith("caiman")]
    # the same torch everywhere
    assert [item for item in pip if item.startswith("torch")] == re.findall(
        r"^TORCH \?= (\S+)$", (TOP / "Makefile").read_text(), re.M
    )


def test_the_repair_of_opencv_is_what_the_package_requires(monkeypatch):
    assert f'"{opencv.REQUIREMENT}"' in (TOP / "pyproject.toml").read_text()
    assert opencv.problem() is None
    shown = subprocess.run(
        [sys.executable, "-m", "workflow_miniscope.opencv", "--requirement"], capture_output=True, text=True
    )
    assert shown.stdout.strip() == opencv.requirement()
    newer, older = ("2.4.6", ""), ("1.26.4", "," + opencv.OF_NUMPY_1)
    for version, ending in (newer, older):
        monkeypatch.setattr(opencv.metadata, "version", lambda name, version=version: version)
        assert opencv.requirement() == opencv.REQUIREMENT + ending


def test_an_opencv_that_does_not_work_is_noticed(monkeypatch, capsys):
    left_behind = types.ModuleType("cv2")  # what uninstalling one of the two packages leaves
    left_behind.__path__ = ["site-packages/cv2"]
    for broken, cause in ((left_behind, "files are missing"), (None, "does not import")):
        monkeypatch.setitem(sys.modules, "cv2", broken)
        assert opencv.main([]) == 1
        message = capsys.readouterr().err
        assert cause in message
        assert "pip install --force-reinstall --no-deps" in message


def test_the_citation_names_what_the_work_stands_on():
    citation = yaml.safe_load((TOP / "CITATION.cff").read_text())
    assert citation["version"] == workflow_miniscope.__version__
    text = json.dumps(citation, default=str)
    for needed in (
        "RRID:SCR_014543",
        "RRID:SCR_021894",
        "10.7554/eLife.38173",
        "10.7554/eLife.28728",
        "10.1038/s41593-023-01490-6",
    ):
        assert needed in text
        assert needed in README


def test_no_notebook_shows_where_it_was_run():
    for path in (TOP / "notebooks").glob("*.ipynb"):
        for place in (tempfile.gettempdir(), str(Path.home()), str(TOP)):
            assert place not in path.read_text(), f"{path.name} has {place} in an output"


def test_the_lock_has_what_the_package_requires():
    """`make lock` was run after the last change of the requirements."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *(item for extra in extras.values() for item in extra)]
    names = {re.match(r"[\w-]+", item)[0].lower().replace("_", "-") for item in required}
    lock = (TOP / "requirements" / "lock.txt").read_text()
    locked = {re.match(r"[\w-]+", line)[0].lower() for line in lock.splitlines() if line.strip()}
    # put aside in requirements/overrides.txt
    assert names - locked == {"torch", "opencv-python"}
    assert "://" not in lock
