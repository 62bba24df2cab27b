"""One private home and one raw-data root for the whole run, set before anything connects."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

# Short, because a Unix socket's path may not be long; made here, because settings are read once a process.
_SCRATCH = Path(tempfile.mkdtemp(prefix="wfm"))


def pytest_configure(config: pytest.Config) -> None:
    """Point the workflow at the scratch folder, whatever the user of this machine has configured."""
    _SCRATCH.chmod(0o755)  # root's embedded server runs as another user
    (_SCRATCH / "raw").mkdir(exist_ok=True)
    (_SCRATCH / "dj_local_conf.json").write_text("{}")
    if "WORKFLOW_MINISCOPE_TEST_SERVER" not in os.environ:
        for name in [name for name in os.environ if name.startswith("DJ_")]:
            del os.environ[name]
    os.environ.update(
        WORKFLOW_MINISCOPE_CONFIG=str(_SCRATCH / "dj_local_conf.json"),
        WORKFLOW_MINISCOPE_HOME=str(_SCRATCH / "home"),
        MINISCOPE_ROOT_DATA_DIR=str(_SCRATCH / "raw"),
        DATABASE_PREFIX="test_",
        # what is tested elsewhere than in the engines runs them here, which saves seconds for each of hundreds of runs
        WORKFLOW_MINISCOPE_ENGINE_PROCESS="false",
    )
    os.environ.pop("FACEMAP_ROOT_DATA_DIR", None)
    os.environ.pop("PROCESSED_ROOT_DATA_DIR", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the embedded server of this run."""
    from workflow_miniscope.database import embedded

    embedded.stop(_SCRATCH / "home")
    shutil.rmtree(_SCRATCH, ignore_errors=True)


@pytest.fixture(scope="session")
def raw_root() -> Path:
    """The configured root directory of raw recordings."""
    return _SCRATCH / "raw"


@pytest.fixture(scope="session")
def pipeline():
    """The activated pipeline, on the embedded PostgreSQL or the server that the environment names."""
    from workflow_miniscope import pipeline

    return pipeline


class Ran(NamedTuple):
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run ``workflow-miniscope`` with arguments, in a folder of its own."""
    from workflow_miniscope.cli.app import main

    monkeypatch.chdir(tmp_path)

    def _run(*arguments) -> Ran:
        monkeypatch.setattr(sys, "argv", ["workflow-miniscope", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as exit:
            status = exit.code or 0
        return Ran(status, *capsys.readouterr())

    return _run
