"""The populate calls, in order.

    python -m workflow_miniscope.process
    python -m workflow_miniscope.process --restrict "subject='m1'" --engine caiman --paramset params.json

Recordings without a task get one with a default parameter set. What is done is never done again; a recording that
fails does not stop the others, and is tried again at the next run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from .database import jobs
from .database.restriction import choose
from .errors import WorkflowError
from .work import tasks
from .work.steps import INGESTED, Step, chosen_steps, waiting
from .work.text_table import format_table

logger = logging.getLogger(__name__)


@dataclass
class ProcessReport:
    """What a run did: rows made for each table, and what failed as (table, key, cause)."""

    done: dict[str, int] = field(default_factory=dict)
    errors: list[tuple[str, dict, str]] = field(default_factory=list)

    def count(self, name: str, n: int = 1) -> None:
        """Add to what was made for a table."""
        self.done[name] = self.done.get(name, 0) + n

    def __str__(self) -> str:
        made = [(name, n) for name, n in self.done.items() if n]
        text = format_table(("table", "made"), made) if made else "Everything is done already."
        if self.errors:
            failed = [f"  {name}, {format_key(key)}: {cause}" for name, key, cause in self.errors]
            text = "\n".join([text if made else "Nothing was made.", "", f"{len(failed)} failed:", *failed])
        return text


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
    from .pipeline import facemap, miniscope

    recordings, videos = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    explicit = paramset is not None or engine is not None
    paramset_id = tasks.choose_paramset(paramset, engine) if explicit else None
    if explicit:
        tasks.require_engine(paramset_id)
    face_params = None if facemap_params is None else tasks.read_facemap_params(facemap_params)
    report = ProcessReport()

    def fill_facemap_tasks() -> int:
        if face_params is None:
            return tasks.create_facemap_tasks(videos)
        return tasks.create_facemap_tasks(videos, face_params, Path(facemap_params).stem)

    def fill_processing_tasks() -> int:
        # Without an explicit choice, a recording that somebody has given a task keeps to that
        chosen = recordings if explicit else recordings - miniscope.ProcessingTask.proj()
        if not miniscope.RecordingInfo & chosen.proj():
            return 0
        return tasks.create_processing_tasks(
            chosen, tasks.choose_paramset(None, None) if paramset_id is None else paramset_id
        )

    by_hand: dict[str, Callable[[], int]] = {
        "miniscope.ProcessingTask": fill_processing_tasks,
        "miniscope.Curation": lambda: tasks.create_curations(recordings),
        "facemap.FacemapTask": fill_facemap_tasks,
    }
    for step, chosen in chosen_steps(recordings, videos):
        if hasattr(step.table, "forget_unreadable"):
            step.table.forget_unreadable(chosen)
        if step.name in by_hand:
            report.count(step.name, by_hand[step.name]())
        elif step.computed:
            _populate(step, chosen, reserve_jobs, progress, report)
    return report


def preview(
    restrict: Any = None, paramset: str | int | None = None, engine: str | None = None
) -> list[tuple[str, int]]:
    """Return what :func:`process` would begin with, as (table, keys to do), without changing anything."""
    from .pipeline import facemap, miniscope

    tasks.choose_paramset(paramset, engine, insert=False)
    recordings, videos = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    found = []
    for step, chosen in chosen_steps(recordings, videos):
        if step.name in INGESTED:
            continue
        todo = step.table().progress(chosen)[0] if step.computed else len(waiting(step.name, chosen))
        found.append((step.name, int(todo)))
    return found


def _populate(step: Step, chosen: Any, reserve_jobs: bool, progress: bool, report: ProcessReport) -> None:
    table = step.table()
    if reserve_jobs:
        outcomes = _populate_reserved(table, chosen)
    else:
        keys = (table._jobs_to_do([chosen]) - table.proj()).keys()
        outcomes = _populate_each(table, tqdm(keys, desc=step.name, disable=None if progress else True, leave=False))
    for key, error in outcomes:
        if isinstance(error, KeyboardInterrupt):
            raise error
        if error is None:
            report.count(step.name)
        else:
            cause = describe(error)
            logger.debug("%s failed for %s", step.name, key, exc_info=error)
            report.errors.append((step.name, key, cause))


def _populate_each(table: Any, keys: Any) -> Iterator[tuple[dict, BaseException | None]]:
    for key in keys:
        done = table.populate(key, suppress_errors=True, return_exception_objects=True)
        error = done["error_list"][0][1] if done["error_list"] else None
        if error is None:
            jobs.clear_error(table, key)
        elif not isinstance(error, KeyboardInterrupt):
            jobs.record_error(table, key, describe(error))
        if error is not None or done["success_count"]:
            yield key, error


def _populate_reserved(table: Any, chosen: Any) -> Iterator[tuple[dict, BaseException | None]]:
    jobs.release_dead_reservations(table)
    while True:
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


def describe(error: BaseException) -> str:
    """Return the cause of an error as one line; ours are sentences, others get their kind in front."""
    text = " ".join(str(error).split())
    return text if isinstance(error, WorkflowError) and text else f"{type(error).__name__}: {text}".rstrip(": ")


def format_key(key: dict[str, Any]) -> str:
    """Return a key as short text, such as ``subject=m1 recording_id=0``."""
    return " ".join(f"{name}={value}" for name, value in key.items()) or "(no key)"


if __name__ == "__main__":
    from .cli import console
    from .cli.process import command

    console.run_one(command)
