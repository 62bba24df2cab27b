"""The log file: everything that the program did, warned of and failed with, to be read or sent afterwards."""

from __future__ import annotations

import logging
import platform
import sys
from datetime import date, timedelta
from pathlib import Path

from .. import __version__
from ..errors import WorkflowError

#: Days after which a log file is removed.
KEPT_DAYS = 60
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
_handler: logging.FileHandler | None = None


def path() -> Path | None:
    """Return the file that is written, or None where there is none."""
    return None if _handler is None else Path(_handler.baseFilename)


def start() -> Path | None:
    """Write a log file from now on: one for each day, in the folder ``logs`` of the workflow's home.

    Returns
    -------
    Path or None
        The file; None where it cannot be written, which stops nothing.
    """
    global _handler
    from ..settings import get_settings

    stop()
    try:
        folder = get_settings().home / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        _handler = logging.FileHandler(folder / f"{date.today()}.log", encoding="utf-8")
        _remove_old(folder)
    except (OSError, WorkflowError):
        return None  # a wrong configuration is told by the command itself
    _handler.setFormatter(logging.Formatter(_FORMAT))
    # what libraries say at this level fills pages
    _handler.addFilter(lambda record: record.levelno >= logging.INFO or record.name.startswith("workflow_miniscope"))
    logging.getLogger().addHandler(_handler)
    logging.getLogger(__name__).info(
        "workflow-miniscope %s, Python %s, %s: %s",
        __version__,
        platform.python_version(),
        platform.platform(),
        " ".join(sys.argv[1:]),
    )
    return path()


def stop() -> None:
    """Close the log file."""
    global _handler
    if _handler is not None:
        logging.getLogger().removeHandler(_handler)
        _handler.close()
        _handler = None


def _remove_old(folder: Path) -> None:
    oldest = f"{date.today() - timedelta(days=KEPT_DAYS)}.log"
    for file in folder.glob("????-??-??*.log"):  # and those of engines' processes
        if file.name < oldest:
            file.unlink(missing_ok=True)
