"""What went wrong in an engine, for people: the errors of libraries in one sentence."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: How the names of an engine's temporary folders begin
SCRATCH = "workflow-miniscope-"

#: A disk with less free than this (bytes) is full
FULL = 2**18


def explain(name: str, error: Exception, folder: Path) -> tuple[str, bool]:
    """Return what is said of an error that an engine did not expect, and whether its cause is known.

    Parameters
    ----------
    name : str
        The engine.
    error : Exception
        The error.
    folder : Path
        Where the engine writes.
    """
    if is_disk_full(error):
        return disk_full(name, folder), True
    text = " ".join(str(error).split())
    return f"{name} failed: {type(error).__name__}{': ' * bool(text)}{text}", False


def is_disk_full(error: BaseException) -> bool:
    """Whether a full disk is behind an error, whatever a library made of it."""
    return any(map(_is_full, _causes(error)))


def disk_full(name: str, folder: Path) -> str:
    """Return the sentence about a full disk, naming the folder of those written to that has the least room."""
    place = min(_places(folder), key=_free)
    # what is temporary is gone when this is read
    while place == folder or place.name.startswith(SCRATCH):
        place = place.parent
    return (
        f"{name} needs more room than there is: the disk of {place} is full; free some of it, or choose another "
        "folder, and run it again."
    )


def no_room(folder: Path) -> bool:
    """Whether a disk that an engine writes to is full: that of its result, or that of temporary files."""
    return min(map(_free, _places(folder))) < FULL


def _places(folder: Path) -> list[Path]:
    return [place for place in (folder, Path(tempfile.gettempdir())) if place.is_dir()]


def _free(place: Path) -> int:
    return shutil.disk_usage(place).free


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # HDF5 gives the system's words as part of its own, numpy none
    text = str(error)
    return f"errno = {errno.ENOSPC}," in text or bool(re.match(r"\d+ requested and \d+ written$", text))
