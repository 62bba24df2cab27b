"""The populate calls, in order.

    python -m workflow_miniscope.process
    python -m workflow_miniscope.process --restrict "subject='m1'" --engine caiman --paramset params.json

Recordings without a task get one with a default parameter set. What is done is never done again; a recording that
fails does not stop the others, and is tried again at the next run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from . import bars
from .database.restriction import choose
from .database.workers import Heart
from .errors import NothingMatched
from .work import tasks
from .work.by_hand import BY_HAND, Choices
from .work.compute import Outcome, compute
from .work.exclude import included
from .work.outcome import NO_RECORDING, ProcessReport, describe, name_of_key
from .work.room import Room
from .work.steps import INGESTED, Step, chosen_steps, waiting
from .work.stopping import ends_on_sigterm

logger = logging.getLogger(__name__)


def process(
    restrict: Any = None,
    paramset: str | int | None = None,
    engine: str | None = None,
    reserve_jobs: bool = False,
    progress: bool = True,
    facemap_params: str | Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    room: Room | None = None,
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
    stop : function, optional
        Asked before each computation whether to begin no more.
    room : Room, optional
        The memory there is on this machine: what does not fit now is left for later. By default everything fits.

    Returns
    -------
    ProcessReport

    Raises
    ------
    ParameterError
        The restriction or parameter set is wrong.
    NothingMatched
        The restriction chooses no recording, or there is none.
    EngineError
        There is no such engine, or it cannot run on this machine.
    """
    from .pipeline import connection

    recordings, videos = _chosen(restrict)
    choices = Choices(recordings, videos, paramset, engine, facemap_params)
    report = ProcessReport()
    begin = time.monotonic()
    bar = bars.tqdm(desc="process", bar_format="{desc} [{elapsed}]", disable=None if progress else True)
    with ends_on_sigterm(), Heart(connection) as heart, bar as line:
        for step, chosen in chosen_steps(recordings, videos):
            if stop():
                break
            line.say(step.name)
            bars.work_on()
            if hasattr(step.table, "forget_unreadable"):
                step.table.forget_unreadable(chosen)
            if step.name in BY_HAND:
                report.count(step.name, BY_HAND[step.name].fill(choices))
            elif step.computed:
                tell = _teller(step, line)
                _report(step, compute(step, chosen, heart, not reserve_jobs, tell, stop, room), report)
    bars.work_on()
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
    if not any(len(query) for query in chosen):
        raise NothingMatched(NO_RECORDING)
    recordings, videos = included(*chosen)
    if any(len(query) for query in chosen) and not (len(recordings) or len(videos)):
        raise NothingMatched("All of these recordings are excluded; `workflow-miniscope include` takes them in again.")
    return recordings, videos


def _report(step: Step, outcomes: Iterable[Outcome], report: ProcessReport) -> None:
    for outcome in outcomes:
        name = name_of_key(step.name, outcome.key)
        if outcome.worker is not None:
            report.elsewhere.append((step.name, outcome.key, outcome.worker))
        elif outcome.error is None:
            logger.info("%s is done for %s.", step.name, name)
            report.count(step.name)
            _count_cells(step.name, outcome.key, report)
        else:
            cause = describe(outcome.error)
            logger.debug("%s failed for %s: %s", step.name, name, cause, exc_info=outcome.error)
            report.errors.append((step.name, outcome.key, cause))


def _teller(step: Step, line: bars.tqdm) -> Callable[[dict[str, Any], int, int], None]:
    """Return the function that says on the bar which key is computed."""

    def tell(key: dict[str, Any], number: int, of: int) -> None:
        among = f" ({number} of {of})" if of > 1 else ""
        name = name_of_key(step.name, key)
        bars.work_on(name)
        line.say(f"{name} · {step.name}{among}")
        logger.debug("%s begins for %s.", step.name, name)

    return tell


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


if __name__ == "__main__":
    from .cli import console
    from .cli.process import command

    console.run_one(command)
