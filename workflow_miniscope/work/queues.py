"""What people do with jobs that failed: try them again, leave them alone, or empty the queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..database import jobs
from ..database.restriction import choose
from ..errors import ParameterError, did_you_mean
from .steps import all_steps, chosen_steps

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
    from ..pipeline import facemap, miniscope

    names = [step.name for step in all_steps() if step.computed]
    if table is not None and table not in names:
        raise ParameterError(f"'{table}' is no table that is computed; {did_you_mean(table, names, ', '.join(names))}")
    chosen: list[Any] = [None, None]
    if restrict is not None:
        chosen = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    done = {}
    for step, rows in chosen_steps(*chosen):
        if step.computed and table in (None, step.name):
            number = _ACTIONS[action](step.table(), rows)
            if number:
                done[step.name] = number
    return done
