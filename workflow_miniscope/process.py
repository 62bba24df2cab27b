"""The populate calls, in order.

    python -m workflow_miniscope.process
    python -m workflow_miniscope.process --restrict "subject='m1'" --engine caiman --paramset params.json

Recordings without a task get one with a default parameter set. What is done is never done again; a recording that
fails does not stop the others, and is tried again at the next run.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import bars
from .database import jobs
from .database.connection import dj
from .database.restriction import choose
from .errors import NothingMatched
from .work import tasks
from .work.by_hand import BY_HAND, Choices
from .work.exclude import included
from .work.outcome import ProcessReport, describe, name_of_key
from .work.steps import INGESTED, Step, chosen_steps, waiting

logger = logging.getLogger(__name__)


def process(
    restrict: Any = None,
    paramset: str | int | None = None,
    engine: str | None = None,
    reserve_jobs: bool = False,
    progress: bool = True,
    facemap_params: str | Path | None = None,
) -> ProcessReport:
    """Compute everything that is not computed yet, for scopes and cameras.

    Parameters
    ----------
    restrict : str, dict or list of them, optional
        Which recordings: text such as ``subject=m1``, the name of a recording, or a DataJoint restriction on
        recordings (:mod:`.database.conditions`).
    paramset : int or str, optional
        Number of a parameter set, or a JSON file of parameters: every chosen recording is processed with it. By
        default recordings without a task get one with the engine's default parameters.
    engine : str, optional
        ``cnmfe`` (default) or ``caiman``.
    reserve_jobs : bool
        Share the work with other processes and machines: each key is computed by one of them, and one that failed is
        left alone until it is processed without this option.
    progress : bool
        Show progress bars on a terminal.
    facemap_params : str or Path, optional
        A JSON file of Facemap's parameters, or a ``_proc.npy`` with regions drawn in Facemap's window: every chosen
        camera is processed with them. By default cameras without a task get one with the default parameters.

    Returns
    -------
    ProcessReport

    Raises
    ------
    ParameterError
        The restriction or parameter set is wrong.
    NothingMatched
        The restriction chooses no recording.
    EngineError
        There is no such engine, or it cannot run on this machine.
    """

    recordings, videos = _chosen(restrict)
    choices = Choices(recordings, videos, paramset, engine, facemap_params)
    report = ProcessReport()
    begin = time.monotonic()
    with bars.tqdm(desc="process", bar_format="{desc} [{elapsed}]", disable=None if progress else True) as line:
        for step, chosen in chosen_steps(recordings, videos):
            line.say(step.name)
            if hasattr(step.table, "forget_unreadable"):
                step.table.forget_unreadable(chosen)
            if step.name in BY_HAND:
                report.count(step.name, BY_HAND[step.name].fill(choices))
            elif step.computed:
                _populate(step, chosen, reserve_jobs, line, report)
    report.seconds = time.monotonic() - begin
    logger.info("Processed: %s", report.summary())
    return report


def preview(
    restrict: Any = None, paramset: str | int | None = None, engine: str | None = None
) -> list[tuple[str, int]]:
    """Return what :func:`process` would begin with, as (table, keys to do), without changing anything."""
    tasks.choose_paramset(paramset, engine, insert=False)
    recordings, videos = _chosen(restrict)
    found = []
    for step, chosen in chosen_steps(recordings, videos):
        if step.name in INGESTED:
            continue
        todo = step.table().progress(chosen)[0] if step.computed else len(waiting(step.name, chosen))
        found.append((step.name, int(todo)))
    return found


def _chosen(restrict: Any) -> tuple[Any, Any]:
    """Return the recordings of scopes and cameras that a restriction chooses and nobody has excluded."""
    from .pipeline import facemap, miniscope

    chosen = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    recordings, videos = included(*chosen)
    if any(len(query) for query in chosen) and not (len(recordings) or len(videos)):
        raise NothingMatched("All of these recordings are excluded; `workflow-miniscope include` takes them in again.")
    return recordings, videos


def _populate(step: Step, chosen: Any, reserve_jobs: bool, line: bars.tqdm, report: ProcessReport) -> None:
    table = step.table()
    if reserve_jobs:
        outcomes = _populate_reserved(table, chosen)
    else:
        keys = (table._jobs_to_do([chosen]) - table.proj()).keys()
        outcomes = _populate_each(table, _told(step, keys, line))
    for key, error in outcomes:
        if isinstance(error, KeyboardInterrupt):
            raise error
        name = name_of_key(step.name, key)
        if error is None:
            logger.info("%s is done for %s.", step.name, name)
            report.count(step.name)
            _count_cells(step.name, key, report)
        else:
            cause = describe(error)
            logger.debug("%s failed for %s: %s", step.name, name, cause, exc_info=error)
            report.errors.append((step.name, key, cause))


def _told(step: Step, keys: list[dict[str, Any]], line: bars.tqdm) -> Iterator[dict[str, Any]]:
    """Give keys one by one, and say on the bar which is computed."""
    for number, key in enumerate(keys, start=1):
        of = f" ({number} of {len(keys)})" if len(keys) > 1 else ""
        line.say(f"{name_of_key(step.name, key)} · {step.name}{of}")
        logger.debug("%s begins for %s.", step.name, name_of_key(step.name, key))
        yield key


def _count_cells(step: str, key: dict[str, Any], report: ProcessReport) -> None:
    """Note which recording something was made for, and of a finished analysis how many cells it has."""
    from .pipeline import miniscope

    if not {"subject", "session_datetime", "recording_id"} <= key.keys():
        return
    report.names.add(name_of_key(step, {name: key[name] for name in ("subject", "session_datetime", "recording_id")}))
    if step == "miniscope.Fluorescence":
        found = len(miniscope.Segmentation.Mask & key)
        classified = miniscope.MaskClassification & key
        report.found += found
        report.accepted += len(miniscope.MaskClassification.MaskType & key) if classified else found


@contextmanager
def _without_datajoints_report() -> Iterator[None]:
    """Keep DataJoint from printing an error that is reported here."""
    before, dj.logger.disabled = dj.logger.disabled, True
    try:
        yield
    finally:
        dj.logger.disabled = before


def _populate_each(table: Any, keys: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], BaseException | None]]:
    for key in keys:
        with _without_datajoints_report():
            done = table.populate(key, suppress_errors=True, return_exception_objects=True)
        error = done["error_list"][0][1] if done["error_list"] else None
        if error is None:
            jobs.clear_error(table, key)
        elif not isinstance(error, KeyboardInterrupt):
            jobs.record_error(table, key, describe(error), "".join(traceback.format_exception(error)))
        if error is not None or done["success_count"]:
            yield key, error


def _populate_reserved(table: Any, chosen: Any) -> Iterator[tuple[dict[str, Any], BaseException | None]]:
    jobs.release_dead_reservations(table)
    while True:
        with _without_datajoints_report():
            done = table.populate(
                chosen, reserve_jobs=True, suppress_errors=True, return_exception_objects=True, max_calls=1
            )
        yield from done["error_list"]
        for _ in range(done["success_count"]):
            yield {}, None
        if not done["success_count"] and not done["error_list"]:
            # nothing pending, or another worker was faster; in that case there may be more
            if not len(table.jobs.pending.restrict(table._jobs_to_do([chosen]), semantic_check=False)):
                return


if __name__ == "__main__":
    from .cli import console
    from .cli.process import command

    console.run_one(command)
