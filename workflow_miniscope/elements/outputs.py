"""What both Elements need of results: where they lie, whether they are those that are wanted, when they were made."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..engines import Engine
from ..errors import ParameterError, ResultError
from ..results.caiman import CaimanResult, find_result, read_result


def naive_utc(moment: datetime | None) -> datetime | None:
    """Return a moment as the database holds it: UTC without a zone, in whole seconds (MySQL would round up)."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def hash_params(processing_method: str, params: dict[str, Any]) -> str:
    """Return a hash of a parameter set, as the text of a UUID.

    It depends on the content alone, not on the order of the keys.
    """
    text = json.dumps([processing_method, params], sort_keys=True, separators=(",", ":"), default=_plain)
    return str(uuid.UUID(hashlib.md5(text.encode()).hexdigest()))


def _plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise ParameterError(f"A parameter of type {type(value).__name__} cannot be stored; use numbers, text and lists.")


def find_finished(
    folder: Path, find: Callable[[Path], Path | None], difference: Callable[[Path], str | None]
) -> Path | None:
    """Return the result of a run that ended but was killed before the database knew, or None.

    Parameters
    ----------
    folder : Path
        Where the task writes.
    find : function of a folder
        Gives the result in it, or None.
    difference : function of a result
        Says what differs from what is wanted, or None.

    Raises
    ------
    ResultError
        The folder holds the result of something else.
    """
    path = find(folder)
    what = None if path is None else difference(path)
    if what is not None:
        raise ResultError(
            f"{folder} holds another result ({what}); move it away, or name another output directory: a result is "
            "never overwritten."
        )
    return path


def find_run(folder: Path) -> Path | None:
    """Return the result that an engine left in a folder, or None where the folder is not there or empty."""
    return find_result(folder) if folder.is_dir() and any(folder.iterdir()) else None


def difference(path: Path, engine: Engine, params: dict[str, Any]) -> str | None:
    """Say in what a result differs from what an engine would compute with some parameters, or None."""
    result = load_result(path)
    if result.method != engine.name:
        return f"engine {result.method} differs"
    # what was asked for, where the file says it: engines choose some of the values they use, and round others
    groups = (result.requested or result.params).values()
    before = {name: value for group in groups for name, value in group.items()}
    for name, value in engine.check_params(params).items():
        # None asks the engine to choose, and then the value it chose is in the file
        if name in before and value is not None and not np.array_equal(np.asarray(before[name]), np.asarray(value)):
            return f"parameter {name} differs"
    return None


def load_result(path: Path) -> CaimanResult:
    """Read a result file, once for all the tables that are filled from it."""
    return _read_cached(str(path), path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read_cached(path: str, modified: int) -> CaimanResult:
    return read_result(Path(path))
