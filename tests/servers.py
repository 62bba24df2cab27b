"""A private MariaDB on loopback, from Debian's package, for tests of the MySQL protocol."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "mouse"


def mariadb_missing() -> str | None:
    """Say what is missing to run a MariaDB server, or None."""
    for program in ("mariadbd", "mariadb-install-db", "mariadb"):
        if shutil.which(program) is None and not Path("/usr/sbin", program).exists():
            return f"{program} is not installed (Debian's package mariadb-server has it)"
    return None


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def mariadb(folder: Path) -> Iterator[dict[str, str]]:
    """Run a server below a folder and yield the environment variables that point the workflow at it."""
    data = folder / "mariadb"
    data.mkdir(parents=True)
    path = f"/usr/sbin:{os.environ['PATH']}"
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            *user,
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": path},
    )
    port = free_port()
    server = subprocess.Popen(
        [
            shutil.which("mariadbd", path=path),
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={folder / 'sock'}",
            "--bind-address=127.0.0.1",
            f"--port={port}",
            *user,
        ],
        stdout=(folder / "mariadb.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        _create_user(folder / "sock", server)
        yield {
            "DJ_HOST": "127.0.0.1",
            "DJ_PORT": str(port),
            "DJ_USER": "mouse",
            "DJ_PASS": PASSWORD,
            "DJ_BACKEND": "mysql",
            "DJ_USE_TLS": "false",
        }
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _create_user(sock: Path, server: subprocess.Popen) -> None:
    statement = (
        f"CREATE USER mouse@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; "
        f"CREATE USER mouse@localhost IDENTIFIED BY '{PASSWORD}'; "
        "GRANT ALL ON *.* TO mouse@'127.0.0.1'; GRANT ALL ON *.* TO mouse@localhost;"
    )
    deadline = time.monotonic() + 30
    while True:
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={sock}", "--user=root", "-e", statement],
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return
        if time.monotonic() > deadline or server.poll() is not None:
            raise RuntimeError(f"MariaDB does not answer: {done.stderr}")
        time.sleep(0.2)
