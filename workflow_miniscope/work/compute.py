"""The keys of one table, computed one after the other, each by one process only."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from ..database import jobs
from ..database.connection import DATABASE_ERRORS, dj
from ..database.renewal import is_lost
from ..database.workers import Heart
from .outcome import describe
from .room import Room
from .steps import Step


@dataclass(frozen=True)
class Outcome:
    """What became of a key: made, failed with an error, or left to the worker that is at work on it."""

    key: dict[str, Any]
    error: BaseException | None = None
    worker: str | None = None


def compute(
    step: Step,
    chosen: Any,
    heart: Heart,
    retry: bool = True,
    tell: Callable[[dict[str, Any], int, int], None] = lambda key, number, of: None,
    stop: Callable[[], bool] = lambda: False,
    room: Room | None = None,
) -> Iterator[Outcome]:
    """Compute what a table still lacks.

    Each key is reserved first: two processes never compute the same one, and what one was killed at, the next takes.

    Parameters
    ----------
    step : Step
        A table that fills itself.
    chosen : restriction
        Which keys.
    heart : Heart
        This process, as the others see it.
    retry : bool
        Try each key once, also those that failed before. Otherwise leave those alone, and go on until nothing is left
        that nobody has reserved.
    tell : function of a key, its number and how many there are
        Called before each computation.
    stop : function
        Asked before each key whether to begin no more.
    room : Room, optional
        The memory there is: what does not fit now is left for later. By default everything fits.
    """
    table = step.table()
    todo = _missing(table, chosen)
    if not todo:
        queue = jobs.find_jobs(table)
        if queue is not None:
            jobs.release_dead(queue)  # a worker may have been killed between its last row and the end of its job
        return
    queue = jobs.open_jobs(table)
    jobs.release_dead(queue)
    cut: list[dict[str, Any]] = []
    while True:
        keys = [key for key in jobs.open_keys(queue, todo, retry) if key not in cut]
        reserved = 0
        for number, key in enumerate(keys, start=1):
            if stop():
                return
            tell(key, number, len(keys))
            outcome = _compute_one(step, queue, key, heart, retry, room)
            if outcome is not None:
                reserved += 1
                if outcome.error is not None and is_lost(outcome.error):
                    cut.append(key)  # a server that takes no statement of this size cuts the connection each time
                if outcome.key:
                    yield outcome
        if retry or not reserved:
            break
        todo = _missing(table, chosen)
    for job in jobs.reservations(queue, todo, heart):
        yield Outcome({name: job[name] for name in queue.primary_key}, worker=f"{job['host']}, process {job['pid']}")


def _missing(table: Any, chosen: Any) -> list[dict[str, Any]]:
    return list((table._jobs_to_do([chosen]) - table.proj()).keys())


def _compute_one(
    step: Step, queue: Any, key: dict[str, Any], heart: Heart, retry: bool, room: Room | None
) -> Outcome | None:
    """Compute a key unless another process has it. The outcome has no key where there was nothing left to do."""
    try:
        with nullcontext(True) if room is None else room.claim(step.name, key) as fits:
            if not fits or not jobs.reserve(queue, key, heart, retry):
                return None
        made, error = _populate(step.table(), key)
        if error is None:
            jobs.finish(queue, key, heart)
            return Outcome(key if made else {})
        if is_lost(error):
            jobs.give_back(queue, key, heart)  # it says nothing of the key
        else:
            jobs.fail(queue, key, heart, describe(error), "".join(traceback.format_exception(error)))
        return Outcome(key, error)
    except BaseException:
        jobs.try_give_back(queue, key, heart)
        raise


def _populate(table: Any, key: dict[str, Any]) -> tuple[bool, BaseException | None]:
    """Return whether DataJoint made the row of a key, and with what error it failed."""
    error: BaseException | None
    made = False
    try:
        with _without_datajoints_report():
            done = table.populate(key, suppress_errors=True, return_exception_objects=True)
    except DATABASE_ERRORS as raised:  # when the connection is cut where DataJoint expects no error, such as a commit
        error = raised
    else:
        made, error = bool(done["success_count"]), done["error_list"][0][1] if done["error_list"] else None
    if isinstance(error, KeyboardInterrupt):
        raise error
    if error is not None and table & key:
        # somebody who reserves nothing made it meanwhile, or the server committed it and could not say so
        return is_lost(error), None
    return made, error


@contextmanager
def _without_datajoints_report() -> Iterator[None]:
    """Keep DataJoint from printing an error that is reported here."""
    before, dj.logger.disabled = dj.logger.disabled, True
    try:
        yield
    finally:
        dj.logger.disabled = before
