"""What people do with jobs that failed: try them again, leave them alone, or empty the queues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..database import jobs
from ..database.restriction import choose
from ..errors import ParameterError, did_you_mean
from .steps import Step, all_steps, chosen_steps

_ACTIONS: dict[str, Callable[[Any, Any], int]] = {"retry": jobs.retry, "ignore": jobs.ignore, "clear": jobs.clear}


def change_jobs(action: str, restrict: Any = None, table: str | None = None) -> dict[str, int]:
    """Change the jobs of some recordings. Returns how many of each table there were.

    Parameters
    ----------
    action : "retry", "ignore" or "clear"
        Let what failed or is ignored be computed again; leave alone what failed; forget all jobs, but for those that
        living workers are at work on.
    restrict : str, dict or list of them, optional
        Which recordings; by default all.
    table : str, optional
        Of which table alone, such as "miniscope.Processing".

    Raises
    ------
    ParameterError, NothingMatched
        The restriction or the table is wrong, or no recording is chosen.
    """
    return {step.name: n for step, rows in _chosen(restrict, table) if (n := _ACTIONS[action](step.table(), rows))}


def prioritize(priority: int, restrict: Any = None, table: str | None = None) -> dict[str, int]:
    """Give what waits now a priority: the smallest is computed first, 5 is the usual one.

    Returns how many keys of each table there were. ``restrict``, ``table`` and errors: see :func:`change_jobs`.
    """
    done = {}
    for step, rows in _chosen(restrict, table):
        waits = step.table()._jobs_to_do([] if rows is None else [rows]) - step.table.proj()
        number = jobs.prioritize(step.table(), waits.keys(), priority)
        if number:
            done[step.name] = number
    return done


def _chosen(restrict: Any, table: str | None) -> Iterator[tuple[Step, Any]]:
    """Give the steps that are computed, each with what restricts it to the chosen recordings."""
    from ..pipeline import facemap, miniscope

    names = [step.name for step in all_steps() if step.computed]
    if table is not None and table not in names:
        raise ParameterError(f"'{table}' is no table that is computed; {did_you_mean(table, names, ', '.join(names))}")
    chosen: list[Any] = [None, None]
    if restrict is not None:
        chosen = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    for step, rows in chosen_steps(*chosen):
        if step.computed and table in (None, step.name):
            yield step, rows
