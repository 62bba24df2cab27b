"""Servers that cannot be used: one sentence, and never the password."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from servers import free_port, mariadb, mariadb_missing, postgresql, postgresql_missing

CONNECT = "from workflow_miniscope.cli import app; app.main()"


def run_status(environment, tmp_path):
    """Run `workflow-miniscope db status` with the given environment variables alone."""
    (tmp_path / "dj_local_conf.json").write_text("{}")
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            CONNECT,
            "--config",
            str(tmp_path / "dj_local_conf.json"),
            "db",
            "status",
        ],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_nobody_listens(backend, tmp_path):
    environment = {
        "DJ_HOST": "127.0.0.1",
        "DJ_PORT": str(free_port()),
        "DJ_BACKEND": backend,
        "DJ_USER": "mouse",
        "DJ_PASS": "hunter2",
        "DJ_USE_TLS": "false",
    }
    code, _, error = run_status(environment, tmp_path)
    assert code == 1
    assert f"The {backend} server 127.0.0.1:{environment['DJ_PORT']} cannot be reached" in error
    assert "hunter2" not in error
    assert error.count("\n") == 1


def test_a_server_without_a_user(tmp_path):
    code, _, error = run_status({"DJ_HOST": "127.0.0.1"}, tmp_path)
    assert code == 1
    assert "without database.user" in error


@pytest.mark.skipif(mariadb_missing() is not None, reason=str(mariadb_missing()))
def test_a_wrong_password(tmp_path):
    with mariadb(tmp_path / "server") as environment:
        code, out, _ = run_status(environment, tmp_path)
        assert (code, "answers user 'mouse'" in out) == (0, True)
        code, _, error = run_status({**environment, "DJ_PASS": "hunter2"}, tmp_path)
    assert code == 1
    assert "refuses user 'mouse' with this password" in error
    assert "hunter2" not in error


@pytest.mark.parametrize(("start", "missing"), [(mariadb, mariadb_missing), (postgresql, postgresql_missing)])
@pytest.mark.parametrize("offered", [True, False])
def test_encryption(start, missing, offered, tmp_path):
    """By default where the server offers it, here with a certificate that it signed itself; or nothing else."""
    if missing() is not None:
        pytest.skip(str(missing()))
    with tempfile.TemporaryDirectory(prefix="wfm") as place, start(Path(place, "server"), tls=offered) as environment:
        del environment["DJ_USE_TLS"]
        code, out, error = run_status(environment, tmp_path)
        assert (code, error) == (0, "")
        assert ("The connection is encrypted (TLSv1." in out) == offered
        assert ("The connection is not encrypted." in out) == (not offered)
        code, out, error = run_status({**environment, "DJ_USE_TLS": "true"}, tmp_path)
        if offered:
            assert code == 0 and "is encrypted" in out
        else:
            assert code == 1 and "offers no encryption, which database.use_tls (DJ_USE_TLS) asks for" in error
