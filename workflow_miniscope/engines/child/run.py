"""Run an engine in a process of its own, watch it, and say how it ended."""

from __future__ import annotations

import json
import logging
import os
import queue
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from ...bars import Mirror
from ...errors import EngineError
from ..failures import SCRATCH, disk_full, no_room
from . import endings, memory, order, start
from .options import Options

if TYPE_CHECKING:
    from ..base import Engine

#: Seconds between two looks at the process: what it uses, and whether it lives
LOOK = 0.5

#: Seconds that a process has to end after its last word
LEAVE = 10.0


@dataclass(frozen=True)
class Log:
    """What a process prints: where it is written, which goes with a process that is killed, and where it is kept."""

    written: Path
    kept: Path


def run(given: order.Order, options: Options) -> Path:
    """Run an engine in a process of its own.

    The process ends with this one, however that ends, and so do those that it starts. Its temporary files are removed.

    Parameters
    ----------
    given : Order
        What is to be done.
    options : Options
        How the process is run.

    Returns
    -------
    Path
        The result file.

    Raises
    ------
    EngineError
        The process could not be started, crashed, was killed, or used more memory or time than it may; the sentence
        names its log.
    WorkflowError
        What the engine raised.
    """
    with _scratch() as folder, _log(given.engine.name, options.logs, folder) as log:
        try:
            told = _follow(given.engine.name, order.write(folder, given), options, log)
        except EngineError:
            if not no_room(given.output):
                raise
            # HDF5, where CaImAn writes with it, crashes on a full disk
            raise EngineError(disk_full(given.engine.name, given.output)) from None
        if "result" not in told:
            raise endings.told(given.engine.name, told, options, log.kept)
        return Path(told["result"])


def ask(engine: Engine[Any], options: Options) -> str | None:
    """Return why an engine cannot run with another interpreter, in one sentence, or None when it can."""
    return _ask(type(engine), options)


@cache  # for this process: each command asks anew
def _ask(kind: type[Engine[Any]], options: Options) -> str | None:
    engine = kind()
    with _scratch() as folder:
        path, log = folder / order.NAME, Log(folder / "log", folder / "log")
        path.write_text(json.dumps({**order.name(engine), "ask": True}), encoding="utf-8")
        try:
            told = _follow(engine.name, path, options, log)
        except EngineError as error:
            return str(error)
        if "unavailable" not in told:
            return str(endings.told(engine.name, told, options, log.kept))
        reason: str | None = told["unavailable"]
        return reason if reason is None else f"{reason} (asked of {options.python})"


def _follow(name: str, path: Path, options: Options, log: Log) -> dict[str, Any]:
    """Run the process to its end, and return its last word."""
    begun = time.monotonic()
    told: dict[str, Any] = {}
    with _started(name, path, options, log) as process, Mirror() as mirror:
        lines = _read(process)
        looked = ended = begun
        while (line := _next(lines)) is not None:
            told = _take(line, mirror) or told
            now = time.monotonic()
            if now - looked > LOOK:
                looked = now
                _enforce(name, process, now - begun, options)
            if process.poll() is None:
                ended = now
                continue
            _end_group(process)  # whoever it left behind has the stream open
            if now - ended > LEAVE:
                break
        try:
            status = process.wait(LEAVE)
        except subprocess.TimeoutExpired:
            status = 0  # it hangs, with everything said
    if not told:
        raise endings.died(name, status, options, log.kept)
    return told


def _read(process: subprocess.Popen[bytes]) -> queue.SimpleQueue[bytes | None]:
    """Read what a process says in a thread; None is the end."""
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="engine", daemon=True).start()
    return lines


def _next(lines: queue.SimpleQueue[bytes | None]) -> bytes | None:
    try:
        return lines.get(timeout=LOOK)
    except queue.Empty:
        return b""


def _take(line: bytes, mirror: Mirror) -> dict[str, Any] | None:
    """Show what a process says; what it says last is returned."""
    try:
        message = json.loads(line)
    except ValueError:
        return None  # nothing, or cut in the middle
    if "bar" in message:
        mirror.show(message["bar"])
    elif "level" in message:
        logging.getLogger(message["logger"]).log(message["level"], "%s", message["text"])
    else:
        found: dict[str, Any] = message
        return found
    return None


def _enforce(name: str, process: subprocess.Popen[bytes], seconds: float, options: Options) -> None:
    """End a process that uses more than it may, with an error."""
    if options.hours is not None and seconds > options.hours * 3600:
        raise EngineError(
            f"{name} was stopped after {options.hours:g} h, which is what custom.engine_hours allows; allow more, or "
            "use a machine that is faster."
        )
    if options.memory_gb is not None and memory.more_than(int(options.memory_gb * 1e9), process.pid):
        raise EngineError(
            f"{name} was stopped because it used more than the {options.memory_gb:g} GB of memory that "
            "custom.engine_memory_gb allows; allow more, or use a machine with more memory."
        )


@contextmanager
def _started(name: str, path: Path, options: Options, log: Log) -> Iterator[subprocess.Popen[bytes]]:
    """Start the process; at the end it is not there any more, nor is anything that it started."""
    with open(log.written, "ab") as written:
        try:
            process = subprocess.Popen(
                [options.python, start.__file__, path],
                # the process ends when nobody holds the other end of its input
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=written,
                env=_environment(options, path.parent),
                # Ctrl-C is for this process alone, which ends that one or lets it finish
                start_new_session=True,
            )
        except OSError as error:
            raise endings.not_started(name, error, options) from None
    try:
        yield process
    finally:
        _end_group(process)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        return
    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        below = []
    process.kill()
    for one in below:
        try:
            one.kill()
        except psutil.Error:
            pass


def _environment(options: Options, scratch: Path) -> dict[str, str]:
    variables = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))}
    if options.foreign:
        # packages of this environment are of no use in that one
        for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
            variables.pop(name, None)
        variables["PATH"] = os.pathsep.join([str(options.python.parent), variables.get("PATH", "")])
    return variables


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _log(name: str, folder: Path, scratch: Path) -> Iterator[Log]:
    """Give a file for what the process prints; it stays only where there is something to look for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stays = folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())
    except OSError:
        stays = Path(tempfile.gettempdir())
    log = Log(scratch / "log", stays / f"{date.today()}_{name}_{secrets.token_hex(4)}.log")
    try:
        yield log
    except EngineError as error:
        if str(log.kept) in str(error) and log.written.exists():
            _keep(log)
        raise


def _keep(log: Log) -> None:
    try:
        shutil.move(log.written, log.kept)
    except OSError:
        log.kept.unlink(missing_ok=True)  # what made the engine fail is more to the point than a full disk
