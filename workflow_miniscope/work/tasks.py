"""Parameter sets, tasks and curations: the rows that say what is to be computed, made where they are missing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal, overload

from .. import engines
from ..database import locks
from ..elements.facemap import check_names, default_output_dir, task_params
from ..elements.miniscope import find_paramset
from ..elements.reference import device_folder_name
from ..engines import facemap as facemap_engine
from ..errors import EngineError, ParameterError
from .params_file import DEFAULT_ENGINE, read_params

logger = logging.getLogger(__name__)


@overload
def choose_paramset(paramset: str | int | None, engine: str | None, insert: Literal[True] = True) -> int: ...
@overload
def choose_paramset(paramset: str | int | None, engine: str | None, insert: bool) -> int | None: ...
def choose_paramset(paramset: str | int | None, engine: str | None, insert: bool = True) -> int | None:
    """Return the number of the parameter set to use.

    Parameters
    ----------
    paramset : str or int, optional
        Number of a set in the database, or a JSON file of parameters, which becomes a new set unless its content is
        there already. By default the engine's own default parameters.
    engine : str, optional
        Processing method; by default the native engine.
    insert : bool
        Whether a new set may be inserted; if not, None is returned for one.

    Raises
    ------
    ParameterError
        There is no such set, it belongs to another engine, or a parameter is wrong.
    EngineError
        The engine of a new set cannot run on this machine.
    """
    from ..pipeline import miniscope

    if paramset is not None and str(paramset).lstrip("-").isdigit():
        found = (miniscope.ProcessingParamSet.proj("processing_method") & {"paramset_id": int(paramset)}).to_dicts()
        if not found:
            known = miniscope.ProcessingParamSet.to_arrays("paramset_id").tolist()
            raise ParameterError(f"There is no paramset {paramset}; the database has {known or 'none'}.")
        if engine and found[0]["processing_method"] != engine:
            raise ParameterError(
                f"Paramset {paramset} is for the engine '{found[0]['processing_method']}', not for '{engine}'."
            )
        return int(paramset)

    method = engines.get(engine or DEFAULT_ENGINE, "cells")
    if paramset is None:
        params, description = method.parse(None).plain(), f"{method.name} default"
    else:
        # stored as it was given: what is not in it follows the engine's defaults of the day it is run
        path = Path(str(paramset))
        params, description = read_params(path), path.stem
        method.parse(params)
    same = find_paramset(method.name, params)
    if same is not None or not insert:
        return same
    reason = engines.unavailable(method)
    if reason:  # or the set would stay behind, and nothing could use it here
        raise EngineError(reason)
    with locks.filling(miniscope.ProcessingParamSet):
        same = find_paramset(method.name, params)
        if same is not None:  # another process was faster
            return same
        number = int(max(miniscope.ProcessingParamSet.to_arrays("paramset_id"), default=-1)) + 1
        miniscope.ProcessingParamSet.insert_new_params(method.name, number, description[:128], params)
    return number


def require_engine(paramset_id: int) -> None:
    """Refuse a parameter set whose engine cannot run on this machine, before tasks are made that can only fail.

    Raises
    ------
    EngineError
        The sentence says what is missing.
    """
    from ..pipeline import miniscope

    method = (miniscope.ProcessingParamSet & {"paramset_id": paramset_id}).fetch1("processing_method")
    reason = engines.unavailable(engines.get(method, "cells"))
    if reason:
        raise EngineError(reason)


def create_processing_tasks(recordings: Any, paramset_id: int | None = None) -> int:
    """Create a task for each recording that has none with a parameter set. Returns how many were made.

    Parameters
    ----------
    recordings : table or restriction
        Which recordings.
    paramset_id : int, optional
        By default the set with the default engine's default parameters, which is made where it is missing.
    """
    from ..pipeline import miniscope, session

    if paramset_id is None:
        paramset_id = choose_paramset(None, None)
    chosen = {"paramset_id": paramset_id}
    method = (miniscope.ProcessingParamSet & chosen).fetch1("processing_method")
    rows = []
    with locks.filling(miniscope.ProcessingTask):
        for key in (miniscope.RecordingInfo.proj() & recordings).keys():
            if miniscope.ProcessingTask & key & chosen:
                continue
            device = device_folder_name((miniscope.Recording & key).fetch1("device"))
            folder = (session.SessionDirectory & key).fetch1("session_dir")
            output = f"{folder}/{device}/{method}_{paramset_id}"
            rows.append({**key, **chosen, "processing_output_dir": output, "task_mode": "trigger"})
        miniscope.ProcessingTask.insert(rows)
    return len(rows)


def read_facemap_params(path: Path | str) -> facemap_engine.Parameters:
    """Read parameters of Facemap from a JSON file, or from a ``_proc.npy`` with regions drawn in Facemap's window.

    Raises
    ------
    ParameterError, ResultError
        The file cannot be read, or a parameter is wrong.
    """
    path = Path(path)
    drawn = path.suffix == ".npy"
    params = facemap_engine.drawn_params(path) if drawn else facemap_engine.Parameters.parse(read_params(path))
    check_names(params)
    return params


def create_facemap_tasks(
    videos: Any, params: facemap_engine.Parameters | None = None, description: str = "default parameters"
) -> int:
    """Create Facemap tasks. Returns how many were made.

    Parameters
    ----------
    videos : table or restriction
        Which recordings of cameras.
    params : facemap.Parameters, optional
        As :func:`read_facemap_params` gives them: each video gets a task with these unless it has one. By default
        each video without any task gets one with the default parameters.
    description : str
        What to call the tasks.
    """
    from ..pipeline import facemap

    chosen = facemap.RecordingInfo.proj() & videos
    if params is None:
        chosen, params = chosen - facemap.FacemapTask.proj(), facemap_engine.Parameters()
    with locks.filling(facemap.FacemapTask):
        rows = [row for key in chosen.keys() if (row := _facemap_task(key, params, description)) is not None]
        facemap.FacemapTask.insert(rows)
    return len(rows)


def _facemap_task(key: dict[str, Any], params: facemap_engine.Parameters, description: str) -> dict[str, Any] | None:
    """Give the next task of a video, or None where it has one with these parameters."""
    from ..pipeline import facemap

    tasks = (facemap.FacemapTask & key).to_dicts(order_by="facemap_task_id")
    if any(_same_params(task, params) for task in tasks):
        return None
    number = tasks[-1]["facemap_task_id"] + 1 if tasks else 0
    files = (facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id").tolist()
    return {
        **key,
        "facemap_task_id": number,
        "facemap_output_dir": default_output_dir(files, number),
        "task_mode": "trigger",
        "facemap_params": params.plain(),
        "do_mot_svd": params.motSVD,
        "do_mov_svd": params.movSVD,
        "task_description": description[:128],
    }


def _same_params(task: dict[str, Any], params: facemap_engine.Parameters) -> bool:
    try:
        return task_params(task["facemap_params"], bool(task["do_mot_svd"]), bool(task["do_mov_svd"])) == params
    except ParameterError:
        return False


def create_curations(recordings: Any) -> int:
    """Create a first, uncurated curation for each processing without one. Returns how many were made."""
    from ..pipeline import miniscope

    made = 0
    for key in ((miniscope.Processing.proj() & recordings) - miniscope.Curation.proj()).keys():
        with locks.filling(miniscope.Curation):
            if not miniscope.Curation & key:
                miniscope.Curation.create1_from_processing_task(key, curation_note="as processed")
                made += 1
    return made
