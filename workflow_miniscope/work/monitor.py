"""What goes on: how far each table is, what each worker computes and since when, what it costs, and what failed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ..database import jobs, workers
from ..database.conditions import name_of
from ..database.connection import dj
from ..database.restriction import choose
from . import needs
from .exclude import included
from .needs import LONG
from .outcome import duration, name_of_key
from .progress import Failure, step_failures
from .steps import Step, chosen_steps, waiting
from .text_table import TextTable

#: Failures that are listed
MOST_FAILURES = 20


@dataclass(frozen=True)
class TableState:
    """A table: rows that are there, keys that are computed now, failed, are left alone, and wait."""

    name: str
    done: int
    running: int
    failed: int
    ignored: int
    waiting: int


@dataclass(frozen=True)
class Task:
    """What a worker computes.

    Attributes
    ----------
    host, pid : str, int
        Its machine and process.
    step, name : str
        The table and the recording or analysis.
    seconds : float
        Since when.
    expected_s : float or None
        How long it takes in all, by finished runs of the step and the size of the movie; None before any is known.
    alive : bool
        Whether the worker was heard of lately; if not, another one takes it over.
    """

    host: str
    pid: int
    step: str
    name: str
    seconds: float
    expected_s: float | None
    alive: bool


@dataclass(frozen=True)
class Cost:
    """A session, and the time (s) that engines have spent on it."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Snapshot:
    """What goes on at a moment.

    Attributes
    ----------
    time : datetime
        When, by the clock of this machine.
    tables : tuple of TableState
        In the order of the workflow.
    tasks : tuple of Task
        The longest first.
    workers : int
        Processes that were heard of lately.
    costs : tuple of Cost
        The dearest first.
    left_s : float or None
        Time (s) until the long steps are done with the workers there are; None where it cannot be told.
    failures : tuple of Failure
        The latest first, at most MOST_FAILURES.
    """

    time: datetime
    tables: tuple[TableState, ...]
    tasks: tuple[Task, ...]
    workers: int
    costs: tuple[Cost, ...]
    left_s: float | None
    failures: tuple[Failure, ...]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        plain = asdict(self)
        plain["time"] = self.time.isoformat()
        for failure in plain["failures"]:
            failure["time"] = failure["time"].isoformat()
        return plain

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.parts()))

    def parts(self) -> list[TextTable | str]:
        """Return what is shown: a line about all of it, tables, and what failed."""
        rows = [(one.name, one.done, one.running, one.failed, one.waiting) for one in self.tables]
        parts: list[TextTable | str] = [f"{self.time.astimezone():%Y-%m-%d %H:%M:%S}   {self.summary()}"]
        parts.append(TextTable(("table", "done", "running", "failed", "waiting"), rows, key="table"))
        if self.tasks:
            shown = [(f"{one.host}, process {one.pid}", one.step, one.name, _since(one)) for one in self.tasks]
            parts.append(TextTable(("worker", "computes", "of", "for"), shown, key="of"))
        if self.costs:
            spent = [(one.name, duration(one.seconds)) for one in self.costs[:MOST_FAILURES]]
            parts.append(TextTable(("session", "time spent by engines"), spent, key="session"))
        if self.failures:
            lines = [f"  {one.step}, {one.name}: {one.cause}" for one in self.failures]
            parts.append("\n".join(["Failed, the latest first:", *lines]))
        return parts

    def summary(self) -> str:
        """Return one line: workers, time left, time spent."""
        count = len(self.tasks)
        said = [f"{self.workers} worker{'s' * (self.workers != 1)}, {count} computation{'s' * (count != 1)} running"]
        if self.left_s:
            said.append(f"about {duration(self.left_s)} left")
        spent = sum(one.seconds for one in self.costs)
        if spent:
            said.append(f"{duration(spent)} spent by engines so far")
        return ", ".join(said) + "."


def _since(task: Task) -> str:
    if not task.alive:
        return f"{duration(task.seconds)}, not heard of any more"
    if not task.expected_s:
        return duration(task.seconds)
    return f"{duration(task.seconds)} of about {duration(task.expected_s)}"


def snapshot(restrict: Any = None) -> Snapshot:
    """Look at the database once.

    Parameters
    ----------
    restrict : str, dict or list of them, optional
        Which recordings, such as ``subject=m1``; by default all.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong or chooses no recording.
    """
    from ..pipeline import connection, facemap, miniscope, provenance

    recordings, videos = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    left = included(recordings, videos)
    if restrict is None:
        recordings = videos = None
    todo = {step.name: chosen for step, chosen in chosen_steps(*left)}
    tables: list[TableState] = []
    failures: list[Failure] = []
    tasks: list[tuple[int, Task]] = []
    left_s: float | None = 0.0
    for step, chosen in chosen_steps(recordings, videos):
        mine = jobs.reserved(step.table(), chosen) if step.computed else []
        failures += [failure for of_one in step_failures(step, chosen).values() for failure in of_one]
        tables.append(_state(step, chosen, todo[step.name], len(mine)))
        if step.name in LONG and (tables[-1].waiting or mine):
            pace = needs.pace(step.name)
            found = [_task(step, job, pace) for job in mine]
            left_s = _sum(left_s, _left(step, todo[step.name], pace, [task for _, task in found]))
        else:
            found = [_task(step, job, None) for job in mine]
        tasks += found
    beating = workers.beating(connection)
    living = workers.alive(connection, {number for number, _ in tasks}) if tasks else set()
    shown = [task if number in living else replace(task, alive=False) for number, task in tasks]
    return Snapshot(
        datetime.now(UTC),
        tuple(tables),
        tuple(sorted(shown, key=lambda task: -task.seconds)),
        beating,
        _costs(((provenance.ScopeRun, recordings), (provenance.FaceRun, videos))),
        None if left_s is None else left_s / max(beating, 1),
        tuple(sorted(failures, key=lambda one: one.time, reverse=True)[:MOST_FAILURES]),
    )


def watch(
    look: Callable[[], Snapshot], say: Callable[[Snapshot], None], pause: float, stop: Callable[[], bool]
) -> None:
    """Look again and again, until somebody stops it.

    Parameters
    ----------
    look : function
        Returns what goes on.
    say : function
        Shows it.
    pause : float
        Seconds between two looks.
    stop : function
        Returns whether to end.
    """
    while not stop():
        say(look())
        until = time.monotonic() + pause
        while not stop() and time.monotonic() < until:
            time.sleep(0.1)


def _state(step: Step, chosen: Any, todo: Any, running: int) -> TableState:
    table = step.table()
    rows = len(table if chosen is None else table & chosen)
    if not step.computed:
        return TableState(step.name, rows, 0, 0, 0, len(waiting(step.name, todo)))
    remaining, _ = table.progress(todo)
    failed, ignored = (jobs.count(table, status, chosen) for status in ("error", "ignore"))
    # what is excluded is not to do, and may have failed before
    return TableState(step.name, rows, running, failed, ignored, max(int(remaining) - running - failed - ignored, 0))


def _task(step: Step, job: Mapping[str, Any], pace: float | None) -> tuple[int, Task]:
    """Return the number of a worker and what it computes."""
    key = {name: job[name] for name in step.table.primary_key}
    expected = pace * needs.samples(step.name, step.table().key_source & key) if pace else None
    name = name_of_key(step.name, key)
    return job["connection_id"], Task(job["host"], job["pid"], step.name, name, job["seconds"], expected, True)


def _left(step: Step, todo: Any, pace: float | None, tasks: Sequence[Task]) -> float | None:
    """Return the seconds that one worker would need for the rest of a step."""
    if pace is None:
        return None
    table = step.table()
    rest = pace * needs.samples(step.name, table._jobs_to_do([] if todo is None else [todo]) - table.proj())
    return max(rest - sum(min(task.seconds, task.expected_s or 0.0) for task in tasks), 0.0)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _costs(runs: Sequence[tuple[Any, Any]]) -> tuple[Cost, ...]:
    """Return the seconds that engines took for each session, as their runs noted them."""
    spent: dict[str, float] = defaultdict(float)
    for table, chosen in runs:
        rows = (table if chosen is None else table & chosen) & "duration_s is not null"
        sums = dj.U("subject", "session_datetime").aggr(rows, seconds="sum(duration_s)")
        for row in sums.to_dicts():
            spent[name_of({name: row[name] for name in ("subject", "session_datetime")})] += float(row["seconds"])
    return tuple(Cost(name, seconds) for name, seconds in sorted(spent.items(), key=lambda item: -item[1]))
