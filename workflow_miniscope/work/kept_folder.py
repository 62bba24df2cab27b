"""A temporary folder that the next one removes if its program was killed: an hour's recording in it has 13 GB."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import fasteners

#: the file that is locked while its folder is used
IN_USE = ".in_use"
#: s: a younger folder may be one whose lock is about to be taken
YOUNG = 60.0

# a process does not see its own locks
_own: set[Path] = set()


class KeptFolder:
    """A temporary folder, until it is closed or the program ends; those of programs that were killed are removed.

    Parameters
    ----------
    prefix : str
        How its name begins, and the names of those that are looked for.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self, prefix: str) -> None:
        _remove_left(prefix)
        self._folder = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        _own.add(self.path)
        self._lock = fasteners.InterProcessLock(self.path / IN_USE)
        self._lock.acquire()

    def close(self) -> None:
        """Remove it."""
        if self._lock.acquired:
            self._lock.release()
        self._folder.cleanup()
        _own.discard(self.path)


def _remove_left(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            if folder not in _own and time.time() - (folder / IN_USE).stat().st_mtime > YOUNG:
                _remove_unless_used(folder)
        except OSError:  # it is no such folder, or another user's
            continue


def _remove_unless_used(folder: Path) -> None:
    lock = fasteners.InterProcessLock(folder / IN_USE)
    if lock.acquire(blocking=False):
        lock.release()  # Windows removes no file that is open
        shutil.rmtree(folder, ignore_errors=True)
