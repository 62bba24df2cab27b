"""Private servers on loopback, from Debian's packages: MariaDB, for tests of the MySQL protocol, and PostgreSQL 15."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
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


def write_certificate(folder: Path, owner: str | None = None) -> tuple[Path, Path]:
    """Write a certificate that its own key signed, and the key; return both. A folder that the owner can enter."""
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    key.chmod(0o600)
    if owner is not None:
        shutil.chown(key, owner)
        shutil.chown(certificate, owner)
    return certificate, key


@contextmanager
def mariadb(folder: Path, tls: bool = False) -> Iterator[dict[str, str]]:
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
    certificate = []
    if tls:
        written, key = write_certificate(folder)
        certificate = [f"--ssl-cert={written}", f"--ssl-key={key}"]
    server = subprocess.Popen(
        [
            shutil.which("mariadbd", path=path),
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={folder / 'sock'}",
            "--bind-address=127.0.0.1",
            f"--port={port}",
            *certificate,
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
        # the one without a name takes the place of everybody's at a login from this machine
        "DELETE FROM mysql.global_priv WHERE user = ''; FLUSH PRIVILEGES; "
        f"CREATE USER mouse@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; "
        f"CREATE USER mouse@localhost IDENTIFIED BY '{PASSWORD}'; "
        "GRANT ALL ON *.* TO mouse@'127.0.0.1' WITH GRANT OPTION; "
        "GRANT ALL ON *.* TO mouse@localhost WITH GRANT OPTION;"
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


def postgresql_missing() -> str | None:
    """Say what is missing to run a PostgreSQL server, or None."""
    if not postgresql_programs():
        return "PostgreSQL's programs are not installed (Debian's package postgresql-15 has them)"
    if os.geteuid() == 0 and not _has_user("postgres"):
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


@contextmanager
def postgresql(folder: Path, tls: bool = False) -> Iterator[dict[str, str]]:
    """Run a server below a folder and yield the environment variables that point the workflow at it."""
    programs = postgresql_programs()
    folder.mkdir(parents=True)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    user = None
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        user = "postgres"
        for path in (folder, secret):
            shutil.chown(path, user)
        for above in folder.parents:  # pytest's folders are their owner's only
            if above.stat().st_uid == 0 and str(above).startswith(tempfile.gettempdir()):
                above.chmod(above.stat().st_mode | 0o011)
    data, port = folder / "postgresql", free_port()
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "mouse", f"--pwfile={secret}", "--auth=scram-sha-256", "-E", "UTF8"],
        check=True, capture_output=True, user=user, cwd="/",
    )  # fmt: skip
    certificate = []
    if tls:
        written, key = write_certificate(folder, user)
        certificate = ["-c", "ssl=on", "-c", f"ssl_cert_file={written}", "-c", f"ssl_key_file={key}"]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, *certificate],
        stdout=(folder / "postgresql.log").open("w"), stderr=subprocess.STDOUT, user=user, cwd="/",
    )  # fmt: skip
    try:
        _wait_for_postgresql(port, server)
        yield {
            "DJ_HOST": "127.0.0.1",
            "DJ_PORT": str(port),
            "DJ_USER": "mouse",
            "DJ_PASS": PASSWORD,
            "DJ_BACKEND": "postgresql",
            "DJ_DATABASE_NAME": "postgres",
            "DJ_USE_TLS": "false",
        }
    finally:
        server.send_signal(signal.SIGINT)  # its fast shutdown
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def postgresql_programs() -> Path | None:
    """Return the folder of the server's programs, or None where they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _has_user(name: str) -> bool:
    import pwd

    return any(user.pw_name == name for user in pwd.getpwall())


def _wait_for_postgresql(port: int, server: subprocess.Popen) -> None:
    import psycopg2

    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg2.connect(host="127.0.0.1", port=port, user="mouse", password=PASSWORD, dbname="postgres").close()
            return
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline or server.poll() is not None:
                raise RuntimeError(f"PostgreSQL does not answer: {error}") from error
            time.sleep(0.1)
