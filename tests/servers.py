"""Private servers on loopback, from Debian's packages: MariaDB, for tests of the MySQL protocol, and PostgreSQL 15."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
    with run_mariadb(folder, tls) as server:
        yield server.environment


@contextmanager
def run_mariadb(folder: Path, tls: bool = False, *options: str) -> Iterator[Server]:
    """Run a server below a folder, with options of its own, and yield it: it can be stopped and started."""
    data = folder / "mariadb"
    scratch = folder / "tmp"  # of its own: a server that starts removes what others have there
    data.mkdir(parents=True)
    scratch.mkdir()
    path = f"/usr/sbin:{os.environ['PATH']}"
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={scratch}",
            "--auth-root-authentication-method=normal",
            *options,
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
    command = [
        shutil.which("mariadbd", path=path),
        "--no-defaults",
        f"--datadir={data}",
        f"--tmpdir={scratch}",
        f"--socket={folder / 'sock'}",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        *certificate,
        *options,
        *user,
    ]
    environment = {"DJ_PORT": str(port), "DJ_BACKEND": "mysql"}
    answers = functools.partial(_ask_mariadb, folder / "sock", "SELECT 1")
    server = Server(command, folder / "mariadb.log", environment, answers, signal.SIGTERM)
    server.start()
    try:
        _create_user(folder / "sock")
        yield server
    finally:
        server.stop()


class Server:
    """A server on loopback that can be stopped and started.

    Attributes
    ----------
    environment : dict of str to str
        The variables that point the workflow at it.
    """

    def __init__(
        self,
        command: list[str | Path],
        log: Path,
        environment: dict[str, str],
        ask: Callable[[], str | None],
        end: signal.Signals,
        **options: Any,
    ) -> None:
        self._command, self._log, self._ask, self._end, self._options = command, log, ask, end, options
        self.environment = {
            "DJ_HOST": "127.0.0.1",
            "DJ_USER": "mouse",
            "DJ_PASS": PASSWORD,
            "DJ_USE_TLS": "false",
            **environment,
        }

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT, **self._options)
        deadline = time.monotonic() + 30
        while (why := self._ask()) is not None:
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop()
                raise RuntimeError(f"The server does not answer: {why}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it as an administrator does."""
        self.process.send_signal(self._end)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def _create_user(sock: Path) -> None:
    why = _ask_mariadb(
        sock,
        # the one without a name takes the place of everybody's at a login from this machine
        "DELETE FROM mysql.global_priv WHERE user = ''; FLUSH PRIVILEGES; "
        f"CREATE USER mouse@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; "
        f"CREATE USER mouse@localhost IDENTIFIED BY '{PASSWORD}'; "
        "GRANT ALL ON *.* TO mouse@'127.0.0.1' WITH GRANT OPTION; "
        "GRANT ALL ON *.* TO mouse@localhost WITH GRANT OPTION;",
    )
    if why is not None:
        raise RuntimeError(f"MariaDB makes no user: {why}")


def _ask_mariadb(sock: Path, statement: str) -> str | None:
    done = subprocess.run(
        ["mariadb", "--no-defaults", f"--socket={sock}", "--user=root", "-e", statement],
        capture_output=True,
        text=True,
    )
    return done.stderr if done.returncode else None


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
    with run_postgresql(folder, tls) as server:
        yield server.environment


@contextmanager
def run_postgresql(folder: Path, tls: bool = False, *options: str) -> Iterator[Server]:
    """Run a server below a folder, with options of its own, and yield it: it can be stopped and started."""
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
    command = [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
    environment = {"DJ_PORT": str(port), "DJ_BACKEND": "postgresql", "DJ_DATABASE_NAME": "postgres"}
    end = signal.SIGINT  # its fast shutdown
    answers, log = functools.partial(_ask_postgresql, port), folder / "postgresql.log"
    server = Server([*command, *certificate, *options], log, environment, answers, end, user=user, cwd="/")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def postgresql_programs() -> Path | None:
    """Return the folder of the server's programs, or None where they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _has_user(name: str) -> bool:
    import pwd

    return any(user.pw_name == name for user in pwd.getpwall())


def _ask_postgresql(port: int) -> str | None:
    import psycopg2

    try:
        psycopg2.connect(host="127.0.0.1", port=port, user="mouse", password=PASSWORD, dbname="postgres").close()
    except psycopg2.OperationalError as error:
        return str(error)
    return None
