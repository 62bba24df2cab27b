"""The embedded PostgreSQL: started when needed, shared, restarted after a crash, dumped and restored."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest

from workflow_miniscope.database import backup, embedded
from workflow_miniscope.errors import DatabaseError
from workflow_miniscope.settings import Settings


@pytest.fixture(scope="module")
def home():
    """A home of its own: these tests stop and kill the server."""
    with tempfile.TemporaryDirectory(prefix="wfm") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder) / "home"
        embedded.stop(Path(folder) / "home")


@pytest.fixture
def settings(home, monkeypatch):
    monkeypatch.setenv("WORKFLOW_MINISCOPE_HOME", str(home))
    return Settings()


def query(home, statement):
    address = embedded.start(home)
    connection = psycopg2.connect(
        host=address.host, port=address.port, user=embedded.USER, dbname="postgres", sslmode="disable"
    )
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def test_data_survive_a_restart(home):
    assert embedded.status(home) is None
    query(home, "CREATE TABLE kept AS SELECT 7 AS n")
    assert embedded.stop(home)
    assert embedded.status(home) is None
    assert not embedded.stop(home)
    assert query(home, "SELECT n FROM kept") == [(7,)]


def test_a_killed_server_starts_again(home):
    killed = embedded.start(home).pid
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while embedded.status(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert query(home, "SELECT 1") == [(1,)]
    assert embedded.start(home).pid != killed


def test_a_process_that_dies_leaves_no_lock(home):
    embedded.stop(home)
    script = f"""
import os, pathlib
from workflow_miniscope.database import embedded
embedded.start(pathlib.Path({str(home)!r}))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script])
    assert query(home, "SELECT 1") == [(1,)]


def test_processes_that_start_at_once_share_one_server(home):
    embedded.stop(home)
    script = f"""
import pathlib
from workflow_miniscope.database import embedded
print(embedded.start(pathlib.Path({str(home)!r})).pid)
"""
    workers = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    pids = {worker.communicate(timeout=60)[0].strip() for worker in workers}
    assert pids == {str(embedded.start(home).pid)}


def test_dump_and_restore(home, settings, tmp_path):
    query(home, "CREATE SCHEMA lab; CREATE TABLE lab.mouse AS SELECT 'm1'::text AS subject")
    dumped = backup.dump(settings, tmp_path / "lab.dump")
    with pytest.raises(DatabaseError, match="already exists"):
        backup.restore(settings, dumped)
    query(home, "DROP SCHEMA lab CASCADE; DROP TABLE IF EXISTS kept")
    backup.restore(settings, dumped)
    assert query(home, "SELECT subject FROM lab.mouse") == [("m1",)]


def test_a_dump_that_fails_leaves_no_file(settings, tmp_path):
    with pytest.raises(DatabaseError):
        backup.dump(settings, tmp_path / "no such folder" / "lab.dump")
    assert list(tmp_path.iterdir()) == []


def test_restoring_what_is_no_dump(settings, tmp_path):
    (tmp_path / "text").write_text("not a dump")
    with pytest.raises(DatabaseError, match="pg_restore failed"):
        backup.restore(settings, tmp_path / "text")
    with pytest.raises(DatabaseError, match="does not exist"):
        backup.restore(settings, tmp_path / "missing")


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "home").write_text("a file is in the way")
    with pytest.raises(DatabaseError, match="does not start"):
        embedded.start(tmp_path / "home")
