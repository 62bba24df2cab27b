"""The result that was read last: several tables in a row are filled from one file."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


def read_once(read: Callable[[Path], Result], path: Path) -> Result:
    """Read a result file, unless it is the one that was read last and has not changed since.

    One is kept, because one of an hour takes gigabytes. It is shared: nobody may change what is in it.

    Parameters
    ----------
    read : function of a path
        Reads a file of this kind.
    path : Path
        The file.
    """
    about = path.stat()
    result: Result = _read(read, path, about.st_mtime_ns, about.st_size)
    return result


@lru_cache(maxsize=1)
def _read(read: Callable[[Path], Any], path: Path, modified: int, size: int) -> Any:
    return read(path)
