"""How far each recording is with each step, and what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ..database import jobs
from ..database.conditions import name_of
from ..database.connection import dj
from ..database.restriction import choose
from .steps import Step, chosen_steps, kind_of, waiting

#: Of a step: all rows are there; the last try failed; it can be computed; something before it must be computed first.
#: Of a recording also: nobody wants it processed.
State = Literal["done", "failed", "to do", "waiting", "excluded"]
#: Animal, start, number of a recording; without the number, a session's.
Key = tuple[Any, ...]

RECORDING = ("subject", "session_datetime", "recording_id")


@dataclass(frozen=True)
class Failure:
    """What failed when it was last tried.

    Attributes
    ----------
    step : str
        The table, such as "miniscope.Processing".
    name : str
        The recording or analysis.
    cause : str
        One sentence.
    time : datetime
        When, by the clock of the database.
    """

    step: str
    name: str
    cause: str
    time: datetime


def key_of(row: Mapping[str, Any]) -> Key:
    """Return the recording's part of a row's key, or the session's."""
    return tuple(row[name] for name in RECORDING if name in row)


def progress(step: Step, chosen: Any) -> dict[Key, State]:
    """Return the state of a step for each recording that it can say something about; failures aside.

    Parameters
    ----------
    step : Step
        A table that is computed, or filled with tasks or curations.
    chosen : DataJoint restriction or None
        Of which recordings.
    """
    table = step.table()
    if step.computed:
        todo = (table._jobs_to_do([] if chosen is None else [chosen]) - table.proj()).keys()
    else:
        todo = waiting(step.name, chosen)
    names = [name for name in RECORDING if name in table.primary_key]
    done = (dj.U(*names) & (table if chosen is None else table & chosen)).to_dicts()
    return {**{key_of(row): "done" for row in done}, **{key_of(row): "to do" for row in todo}}


def step_failures(step: Step, chosen: Any) -> dict[Key, list[Failure]]:
    """Return what failed of a step when it was last tried, by recording."""
    found: dict[Key, list[Failure]] = defaultdict(list)
    if not step.computed:
        return found
    table = step.table()
    for job in jobs.errors(table, chosen):
        key = {name: job[name] for name in table.primary_key if name in job}
        name = name_of(key, camera=kind_of(step.name) == "camera")
        found[key_of(job)].append(
            Failure(step.name, name, job["error_message"] or "no cause is known", job["completed_time"])
        )
    return found


def failures(restrict: Any = None) -> list[Failure]:
    """Return everything that failed when it was last tried, in the order of the workflow.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong or chooses no recording.
    """
    from ..pipeline import facemap, miniscope

    chosen: list[Any] = [None, None]
    if restrict is not None:
        chosen = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    return [
        failure
        for step, rows in chosen_steps(*chosen)
        for of_one in step_failures(step, rows).values()
        for failure in of_one
    ]
