"""The same tests on other servers, private ones, in a process of their own: MariaDB and an older PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import mariadb, mariadb_missing, postgresql, postgresql_missing

TESTS = Path(__file__).parents[1]
FILES = (
    "database/test_tables.py",
    "database/test_catalogue.py",
    "database/test_load_results.py",
    "database/test_ingest.py",
    "database/test_process.py",
    "database/test_shared_work.py",
    "database/test_killed_workers.py",
    "database/test_worker.py",
    "database/test_lost_connection.py",
    "database/test_declaring.py",
    "database/test_recording_tables.py",
    "elements/test_large.py",
)
# Mostly the work of engines, or a matter of the driver; of the two PostgreSQL, the embedded one has them
LONG = (
    "database/test_lost_network.py",
    "database/test_whole_path.py",
    "database/test_compare_curations.py",
    "database/test_face_tables.py",
    "elements/test_facemap_makes.py",
)
SERVERS = {
    "mariadb": (mariadb, mariadb_missing(), FILES + LONG),
    "postgresql": (postgresql, postgresql_missing(), FILES),
}


@pytest.mark.parametrize("name", list(SERVERS))
def test_the_same(name, tmp_path):
    run, missing, files = SERVERS[name]
    if missing is not None:
        pytest.skip(missing)
    if "WORKFLOW_MINISCOPE_TEST_SERVER" in os.environ:
        pytest.skip("this is the run on another server")
    with run(tmp_path / "server") as environment:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                # what was logged would hide what failed
                "--show-capture=no",
                *(str(TESTS / file) for file in files),
            ],
            env={**os.environ, **environment, "WORKFLOW_MINISCOPE_TEST_SERVER": name},
            capture_output=True,
            text=True,
            cwd=TESTS.parent,
        )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
