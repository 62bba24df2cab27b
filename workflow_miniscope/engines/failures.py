"""What went wrong in an engine, for people: the errors of libraries in one sentence."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


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
    if any(map(_is_full, _causes(error))):
        return disk_full(name, folder), True
    text = " ".join(str(error).split())
    return f"{name} failed: {type(error).__name__}{': ' * bool(text)}{text}", False


def disk_full(name: str, folder: Path) -> str:
    """Return the sentence about a full disk, naming the folder of those written to that has the least room."""
    places = [place for place in (folder, Path(tempfile.gettempdir())) if place.is_dir()]
    place = min(places, key=lambda one: shutil.disk_usage(one).free)
    shown = place.parent if place == folder else place  # the folder itself is gone when this is read
    return (
        f"{name} needs more room than there is: the disk that {shown} is on is full; free some of it, or choose "
        "another folder, and run it again."
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # HDF5 gives the system's words as part of its own
    return f"errno = {errno.ENOSPC}," in str(error)
