"""Compute analyses again: with other parameters, or with the same after an upgrade."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ..database.conditions import name_of
from ..errors import ParameterError
from .change import Change, analyses_of, count_below, delete, forget_errors
from .remove import result_folders


def plan(restrict: Any, tasks_too: bool = False) -> tuple[Change, list[str]]:
    """Say what preparing analyses to be computed again would do.

    Their rows are deleted, and their folders get another name: a result is never overwritten.

    Parameters
    ----------
    restrict : str, dict or list of them
        Which analyses, or recordings with all their analyses.
    tasks_too : bool
        Whether the tasks are deleted, because others will be made with other parameters.

    Returns
    -------
    change : Change
    names : list of str
        The recordings to process then.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong, or chooses no analysis that was computed.
    """
    from ..pipeline import facemap, miniscope

    tasks, face_tasks = analyses_of(restrict)
    if tasks_too and len(face_tasks):
        face_tasks = face_tasks & "1 = 0"  # another paramset or engine is for scopes
    done = [miniscope.Processing & tasks.proj(), facemap.FacemapProcessing & face_tasks.proj()]
    if not any(len(query) for query in done):
        raise ParameterError("None of these analyses has been computed: `workflow-miniscope process` does it.")
    names = [*map(name_of, tasks.keys()), *(name_of(key, camera=True) for key in face_tasks.keys())]
    aside = [(folder, _free_name(folder)) for folder in result_folders(tasks, face_tasks)]
    sentences = [f"Computes again: {', '.join(names)}. Curations by hand of these are lost."]
    sentences += [f"What is in {folder} is kept as {kept.name}." for folder, kept in aside]
    queries = [tasks, done[1]] if tasks_too else done

    def make() -> None:
        forget_errors(tasks, face_tasks)
        for query in queries:
            delete(query)
        _rename_all(aside)

    recordings = [_recording(key) for key in tasks.keys()]
    cameras = [_recording(key, camera=True) for key in face_tasks.keys()]
    return Change(tuple(sentences), make, count_below(queries)), list(dict.fromkeys([*recordings, *cameras]))


def _recording(key: dict[str, Any], camera: bool = False) -> str:
    return name_of({name: key[name] for name in ("subject", "session_datetime", "recording_id")}, camera)


def _free_name(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.replaced-{datetime.now():%Y%m%d-%H%M%S}")


def _rename_all(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Rename folders, all or none."""
    renamed: list[tuple[Path, Path]] = []
    try:
        for old, new in pairs:
            old.rename(new)
            renamed.append((old, new))
    except OSError as error:
        for old, new in reversed(renamed):
            new.rename(old)
        raise ParameterError(
            f"{old} cannot be renamed ({error.strerror or error}), and nothing is changed: is a program using it?"
        ) from None
