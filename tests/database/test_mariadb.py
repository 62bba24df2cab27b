"""The same tests on the MySQL protocol: a private MariaDB, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import mariadb, mariadb_missing

TESTS = Path(__file__).parents[1]
FILES = (
    "database/test_tables.py",
    "database/test_load_results.py",
    "database/test_ingest.py",
    "database/test_process.py",
    "database/test_shared_work.py",
    "database/test_worker.py",
    "database/test_lost_connection.py",
    "database/test_declaring.py",
    "database/test_whole_path.py",
    "database/test_compare_curations.py",
    "database/test_face_tables.py",
    "database/test_recording_tables.py",
    "elements/test_facemap_makes.py",
    "elements/test_large.py",
)


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
                *(str(TESTS / name) for name in FILES),
            ],
            env={**os.environ, **environment, "WORKFLOW_MINISCOPE_TEST_SERVER": "mariadb"},
            capture_output=True,
            text=True,
            cwd=TESTS.parent,
        )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
