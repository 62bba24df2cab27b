"""The embedded PostgreSQL: started when needed, shared, restarted after a crash, dumped and restored."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest

from workflow_miniscope.database import backup, embedded, host, sockets
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
    with pytest.raises(DatabaseError, match="is not empty, and nothing of .* was read into it; add --replace") as told:
        backup.restore(settings, dumped)
    assert "pg_restore" not in str(told.value)
    query(home, "UPDATE lab.mouse SET subject = 'changed'")
    backup.restore(settings, dumped, replace=True)
    assert query(home, "SELECT subject FROM lab.mouse") == [("m1",)]
    query(home, "DROP SCHEMA lab CASCADE; DROP TABLE IF EXISTS kept")
    backup.restore(settings, dumped)
    assert query(home, "SELECT subject FROM lab.mouse") == [("m1",)]


def test_a_dump_that_fails_leaves_no_file(settings, tmp_path):
    with pytest.raises(DatabaseError):
        backup.dump(settings, tmp_path / "no such folder" / "lab.dump")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatabaseError, match="folder is a folder; name a file to write"):
        backup.dump(settings, tmp_path / "folder")
    assert list(tmp_path.rglob("*")) == [tmp_path / "folder"]


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


def test_a_restart_during_a_run(home, monkeypatch):
    """The same connection goes on when the server is back, and ends in a sentence when it stays away."""
    import datajoint as dj

    from workflow_miniscope.database import renewal

    renewal.renew_lost_connections()
    address = embedded.start(home)
    connection = dj.Connection(address.host, embedded.USER, "", address.port, use_tls=False, backend="postgresql")
    embedded.stop(home)
    script = f"""
import pathlib
from workflow_miniscope.database import embedded
embedded.start(pathlib.Path({str(home)!r}))
"""
    starting = subprocess.Popen([sys.executable, "-c", script])
    assert connection.query("SELECT 7").fetchone() == (7,)
    starting.wait()
    embedded.stop(home)
    monkeypatch.setattr(renewal, "PATIENCE", 0.5)
    with pytest.raises(DatabaseError, match="does not answer any more"):
        connection.query("SELECT 7")


def test_another_machine_is_refused(home):
    """One that cannot see the process of the server, whose data it would destroy by starting a second one."""
    query(home, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 7 AS n")
    running = embedded.start(home)
    record = home / host.RECORD
    here = record.read_text()
    elsewhere = {"name": "rig2", "machine": "0" * 32, "boot": "another", "processes": "pid:[1]"}
    try:
        record.write_text(json.dumps(elsewhere))
        assert embedded.status(home) is None
        with pytest.raises(DatabaseError, match="is used by rig2, and only one machine at a time can") as refused:
            embedded.start(home)
        assert "gone" not in str(refused.value), "the server holds its lock: there is no doubt that it runs"
        with pytest.raises(DatabaseError, match="was started on rig2; stop it there"):
            embedded.stop(home)
        # where the file system keeps no locks, what the server left must be enough
        os.kill(running.pid, signal.SIGKILL)
        time.sleep(1)
        with pytest.raises(DatabaseError, match=f"If that machine is gone, delete {record}"):
            embedded.start(home)
        record.unlink()
        assert query(home, "SELECT n FROM kept") == [(7,)]
    finally:
        record.write_text(here)


def test_a_machine_that_stopped_its_server_hands_over(home):
    embedded.start(home)
    embedded.stop(home)
    elsewhere = {"name": "rig2", "machine": "0" * 32, "boot": "another", "processes": "pid:[1]"}
    (home / host.RECORD).write_text(json.dumps(elsewhere))
    assert query(home, "SELECT 1") == [(1,)]
    assert host.read_record(home) == host.this_host()


@pytest.mark.skipif(
    shutil.which("unshare") is None or os.geteuid() != 0, reason="only root can put a process into a container"
)
def test_containers_of_one_machine_share_one_server(home):
    running = embedded.start(home)
    script = f"""
import pathlib
from workflow_miniscope.database import embedded
print(embedded.start(pathlib.Path({str(home)!r})).pid)
"""
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.stdout.split() == [str(running.pid)], done.stderr[-2000:]
    assert embedded.start(home).pid == running.pid


@pytest.fixture
def far():
    """A home of a long path, with spaces and quotes."""
    with tempfile.TemporaryDirectory(prefix="wfm") as folder:
        os.chmod(folder, 0o755)
        path = Path(folder) / "it's a folder" / ("long" * 25)
        path.mkdir(parents=True)
        yield path
        embedded.stop(path)


def test_the_socket_of_a_long_home_is_private(far):
    assert query(far, "SELECT 1") == [(1,)]
    folder = Path(embedded.start(far).host)
    found = folder.lstat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == embedded.data_folder(far).stat().st_uid
    embedded.stop(far)
    folder.chmod(0o777)
    with pytest.raises(DatabaseError, match="belongs to somebody else or others can enter it"):
        embedded.start(far)
    shutil.rmtree(folder)
    folder.symlink_to(far)
    with pytest.raises(DatabaseError, match="belongs to somebody else or others can enter it"):
        embedded.start(far)
    folder.unlink()


def test_a_short_home_keeps_its_socket(tmp_path):
    data = Path("/data/home/postgresql")
    assert sockets.socket_folder(data, os.geteuid()) == data
