"""What happens in an engine's process: it works off its order, and tells the other process how it goes."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from ... import bars
from ...errors import WorkflowError
from ..failures import explain, is_disk_full
from ..run_notes import write_environment
from . import order

#: When memory runs out, the system is to kill this process, and not the one that waits for it (Linux: up to 1000)
KILLED_FIRST = 800

logger = logging.getLogger(__name__)


class Telling:
    """The stream to the other process: one JSON object a line."""

    def __init__(self, stream: int):
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, **message: Any) -> None:
        """Send a message."""
        line = (json.dumps(message, default=_plain) + "\n").encode()
        with self._lock:
            while line:
                line = line[os.write(self._stream, line) :]


def _plain(value: Any) -> Any:
    """Give Python's number for one of numpy's, which engines count with, too."""
    return value.item()


class _Messages(logging.Handler):
    """Sends the program's messages to the other process, which has the log file and the terminal."""

    def __init__(self, tell: Telling) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Send one."""
        self._tell(level=record.levelno, logger=record.name, text=record.getMessage())


def work(path: str, stream: int) -> None:
    """Work off an order.

    Parameters
    ----------
    path : str
        The order's file.
    stream : int
        Descriptor of the stream on which to tell how it goes.
    """
    tell = Telling(stream)
    faulthandler.enable()
    _be_killed_first()
    _log(tell)
    bars.tell(lambda state: tell(bar=state))
    told = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        engine = order.find(told)
    except ImportError as error:
        logger.debug("The engine does not import.", exc_info=error)
        tell(missing=error.name, text=str(error))
        return
    reason = engine.unavailable()
    if told.get("ask"):
        tell(unavailable=reason)
    elif reason:
        tell(error="EngineError", text=reason)
    else:
        _run(engine.name, Path(path), Path(told["output"]), tell)


def _run(name: str, path: Path, output: Path, tell: Telling) -> None:
    try:
        given = order.read(path)
        result = given.engine.run(given.movie, given.params, given.output, given.times, progress=given.progress)
        write_environment(output)
        tell(result=str(result))
    except Exception as error:
        logger.debug("Ended by an error.", exc_info=error)
        if isinstance(error, WorkflowError) and not is_disk_full(error):
            tell(error=type(error).__name__, text=str(error))
            return
        text, known = explain(name, error, output)
        tell(error="EngineError", text=text, unexpected=not known)


def _be_killed_first() -> None:
    try:
        Path("/proc/self/oom_score_adj").write_text(str(KILLED_FIRST))
    except OSError:
        pass  # not Linux


def _log(tell: Telling) -> None:
    """Send messages to the other process, and write them to this one's log, which shows how far it came."""
    written = logging.StreamHandler(sys.stderr)
    written.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    written.addFilter(lambda record: record.levelno >= logging.INFO or record.name.startswith("workflow_miniscope"))
    root = logging.getLogger()
    root.addHandler(written)
    ours = logging.getLogger("workflow_miniscope")
    ours.setLevel(logging.DEBUG)
    ours.addHandler(_Messages(tell))
