"""The same tests on the MySQL protocol: a private MariaDB, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import mariadb, mariadb_missing

HERE = Path(__file__).parent
FILES = ("test_tables.py", "test_load_results.py", "test_ingest.py", "test_process.py")


@pytest.mark.skipif(mariadb_missing() is not None, reason=str(mariadb_missing()))
def test_the_same_on_mariadb(tmp_path):
    if "WORKFLOW_MINISCOPE_TEST_SERVER" in os.environ:
        pytest.skip("this is the run on MariaDB")
    with mariadb(tmp_path / "server") as environment:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                *(str(HERE / name) for name in FILES),
            ],
            env={**os.environ, **environment, "WORKFLOW_MINISCOPE_TEST_SERVER": "mariadb"},
            capture_output=True,
            text=True,
            cwd=HERE.parents[1],
        )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
