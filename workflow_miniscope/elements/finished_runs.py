"""Results of runs that ended but were killed before the database knew: found, and taken if they are what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..engines import facemap
from ..engines.base import forget_killed_run
from ..errors import ResultError
from ..movies.fingerprint import changed
from ..movies.types import Floats
from ..parameters import Model
from ..results.cache import read_once
from ..results.caiman import find_result, read_result
from ..results.facemap import find_proc


def find_cells(
    folder: Path, engine: str, params: Model, files: Sequence[Path], times: Floats | None = None
) -> Path | None:
    """Return the result that an engine left in a task's folder, or None where it left none.

    Parameters
    ----------
    folder : Path
        Where the task writes.
    engine : str
        Its name.
    params : Model
        Its parameters.
    files : sequence of Path
        The movie's files.
    times : float64 [frames], optional
        The time of each frame (s), as the engine is given it.

    Raises
    ------
    ResultError
        The folder holds the result of something else.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    path = find_result(folder)
    return _wanted(folder, path, _cells_differ(path, engine, params) or changed(path, files, times))


def find_face(folder: Path, files: list[Path], params: facemap.Parameters) -> Path | None:
    """Return the result that Facemap left in a task's folder, or None where it left none.

    Parameters
    ----------
    folder : Path
        Where the task writes.
    files : list of Path
        The camera's videos.
    params : facemap.Parameters
        What was asked for.

    Raises
    ------
    ResultError
        The folder holds the result of something else.
    """
    about = facemap.read_run(folder)
    if about is None:
        return None
    path = find_proc(folder)
    return _wanted(folder, path, _face_differs(about, files, params) or changed(path, files))


def _wanted(folder: Path, path: Path, difference: str | None) -> Path:
    if difference is not None:
        raise ResultError(
            f"{folder} holds another result ({difference}); move it away, or name another output directory: a result "
            "is never overwritten."
        )
    forget_killed_run(folder)
    return path


def _cells_differ(path: Path, engine: str, params: Model) -> str | None:
    """Say in what a result differs from what an engine would compute with some parameters, or None."""
    result = read_once(read_result, path)
    if result.method != engine:
        return f"engine {result.method} differs"
    # what was asked for, where the file says it: engines choose some of the values they use, and round others
    groups = (result.requested or result.params).values()
    before = {name: value for group in groups for name, value in group.items()}
    for name, value in params.plain().items():
        # None asks the engine to choose, and then the value it chose is in the file
        if name in before and value is not None and not np.array_equal(np.asarray(before[name]), np.asarray(value)):
            return f"parameter {name} differs"
    return None


def _face_differs(about: dict[str, Any], files: list[Path], params: facemap.Parameters) -> str | None:
    """Say in what a run, by its note, differs from what is wanted, or None."""
    names = [Path(file).name for file in about["files"]]
    # an empty last file, which some recordings end with, is not among those that were used
    if names != [file.name for file in files][: len(names)] or len(files) - len(names) > 1:
        return "it is of other files"
    return "its parameters differ" if about["params"] != params.plain() else None
