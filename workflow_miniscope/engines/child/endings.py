"""How an engine's process ended, in one sentence that says what to do."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from ... import errors
from ...errors import EngineError, WorkflowError
from .options import Options
from .start import OLDEST

# What pip calls the packages that are imported under other names
_PACKAGES = {"cv2": "opencv-python-headless"}

_CRASHES = {
    "SIGSEGV": "segmentation fault",
    "SIGBUS": "bus error: a disk is full, or a file was cut while it was read",
    "SIGABRT": "abort",
    "SIGFPE": "arithmetic error",
    "SIGILL": "illegal instruction: a library was built for another processor",
}
# The same on Windows
_CODES = {0xC0000005: "SIGSEGV", 0xC0000409: "SIGABRT", 0xC000001D: "SIGILL"}


def told(name: str, message: dict[str, Any], options: Options, log: Path) -> WorkflowError:
    """Return the error that an engine's process told.

    Parameters
    ----------
    name : str
        The engine.
    message : dict
        What was told: ``error`` and ``text``, or that it could not begin: ``missing`` or ``python``.
    options : Options
        How the process was run.
    log : Path
        Its log.
    """
    if "python" in message:
        return EngineError(
            f"custom.engines names {options.python} for {name}, which is Python {message['python']}; it must be "
            f"{'.'.join(map(str, OLDEST))} or newer."
        )
    if "missing" in message:
        missing = message["missing"]
        if not missing or missing.startswith("workflow_miniscope"):
            return EngineError(f"{name} does not import with {options.python} ({message['text']}); its log is {log}.")
        package = missing.split(".")[0]
        return EngineError(
            f"The Python of {name}, {options.python}, lacks {package}, without which nothing can be run there: install "
            f"it with `{options.python} -m pip install {_PACKAGES.get(package, package)}`."
        )
    kind = getattr(errors, message["error"], EngineError)
    if message.get("unexpected"):
        return EngineError(f"{message['text']} (its log is {log})")
    error: WorkflowError = kind(message["text"])
    return error


def died(name: str, status: int, options: Options, log: Path) -> EngineError:
    """Return the error about a process that ended without a result and without a word.

    Parameters
    ----------
    name : str
        The engine.
    status : int
        Its exit status; of a signal, the negative number.
    options : Options
        How the process was run.
    log : Path
        Its log.
    """
    signalled = _signal(status)
    if signalled == "SIGKILL":
        return EngineError(
            f"{name} was killed from outside (SIGKILL), as the system does when memory runs out: end other programs, "
            f"compute fewer recordings at a time, or use a machine with more memory; its log is {log}."
        )
    if signalled in _CRASHES:
        return EngineError(f"{name} crashed ({_CRASHES[signalled]}); its log, which shows where, is {log}.")
    if signalled:
        return EngineError(f"{name} was stopped from outside ({signalled}); its log is {log}.")
    if options.foreign and not status:
        return EngineError(
            f"custom.engines names {options.python} for {name}, which ended without a word: is it a Python? Its log is "
            f"{log}."
        )
    return EngineError(f"{name} ended with exit status {status} and without a result; its log is {log}.")


def not_started(name: str, error: OSError, options: Options) -> EngineError:
    """Return the error about an interpreter that cannot be run."""
    return EngineError(
        f"{options.python}, the Python of {name}, cannot be run ({error.strerror or error}); correct custom.engines."
        if options.foreign
        else f"The process of {name} cannot be started ({error.strerror or error})."
    )


def _signal(status: int) -> str:
    if sys.platform == "win32":
        return _CODES.get(status & 0xFFFFFFFF, "")
    # a shell or a launcher in between adds the signal's number to 128
    number = -status if status < 0 else status - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
