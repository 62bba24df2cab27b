"""The demo, run once for all tests that look at what it made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from workflow_miniscope.settings import CONFIG_VARIABLE, Settings


@dataclass(frozen=True)
class Demo:
    """A finished demo: its folder, what it printed, and the environment to look at its database with."""

    folder: Path
    output: str
    environment: dict[str, str]


def _user_environment() -> dict[str, str]:
    """Return the environment of a user who has configured nothing, with this Python's programs first."""
    ours = {f.validation_alias.choices[0] for f in Settings.model_fields.values() if f.validation_alias}
    environment = {name: value for name, value in os.environ.items() if name not in {*ours, CONFIG_VARIABLE}}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    return environment


def _run_demo(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "workflow_miniscope.demo", "--folder", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_user_environment(),
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def user_environment():
    """The environment of a user who has configured nothing."""
    return _user_environment()


@pytest.fixture(scope="session")
def run_demo():
    """Run the demo in a folder as a user does; returns what it printed."""
    return _run_demo


@pytest.fixture
def short_folder():
    """A folder with a short name that every user can reach, as the embedded server needs it."""
    folder = Path(tempfile.mkdtemp(prefix="wfm"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def demo():
    """Run the whole demo; its database is stopped and removed at the end."""
    scratch = Path(tempfile.mkdtemp(prefix="wfm"))
    scratch.chmod(0o755)
    folder = scratch / "demo"
    try:
        output = _run_demo(folder)
        config = {CONFIG_VARIABLE: str(folder / "dj_local_conf.json")}
        yield Demo(folder, output, {**_user_environment(), **config})
    finally:
        _run_demo(folder, "--clean")
        shutil.rmtree(scratch, ignore_errors=True)
