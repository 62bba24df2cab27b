"""A worker: computes what anybody ingests, beside any number of others on any number of machines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from ..errors import DatabaseError, NothingMatched
from .stopping import ends_on_sigterm, finishes_on_interrupt

#: Seconds between two looks for new work
PAUSE = 30.0


class Round(Protocol):
    """What a round did: any object whose text says so, and that knows what it made and what failed."""

    @property
    def happened(self) -> bool:
        """Whether anything was made or failed."""


def work(one_round: Callable[[Callable[[], bool]], Round], forever: bool, say: Callable[[str], None]) -> bool:
    """Compute until nothing is left, or until somebody stops it.

    Ctrl-C ends it after what is being computed, a second one at once; SIGTERM ends it at once. What it had reserved is
    given back.

    Parameters
    ----------
    one_round : function
        Computes what is to be done now. It is given a function that returns whether to begin nothing more.
    forever : bool
        Wait for new work when nothing is left, also while the database does not answer.
    say : function
        Takes what happened, as text.

    Returns
    -------
    bool
        Whether everything that was begun succeeded.
    """
    succeeded, told = True, ""

    def heard() -> None:
        say("Stopping after what is being computed now; Ctrl-C again stops at once and gives it back.")

    with ends_on_sigterm(), finishes_on_interrupt(heard) as stopping:
        while not stopping():
            try:
                done = one_round(stopping)
            except (DatabaseError, NothingMatched) as error:
                if not forever:
                    raise
                if str(error) != told:
                    told = str(error)
                    say(told)
            else:
                told = ""
                if done.happened:
                    say(str(done))
                succeeded = succeeded and not getattr(done, "errors", None)
                if not forever:
                    break
            _wait(PAUSE, stopping)
    return succeeded


def _wait(seconds: float, stopping: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not stopping() and time.monotonic() < until:
        time.sleep(0.2)
