"""What CaImAn is doing, for a person who waits: its log as ours and on a progress bar, its patches one by one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ...bars import tqdm

logger = logging.getLogger(__name__)

_SHOWN = 60  # characters of a message that a bar has room for
# CaImAn's functions whose calls, distributed over its processes, take long, and what they do
_COUNTED = {"cnmf_patches": "patches", "tile_and_correct_wrapper": "parts registered"}


@contextmanager
def follow(n_steps: int, pool: Any, progress: bool = True) -> Iterator[Callable[[str], None]]:
    """Follow a run of CaImAn.

    Its messages go to the log of this module instead of to that of the whole program: each warning once, the rest for
    debugging. The last one is shown behind the bar, because most of the time passes within one step.

    Parameters
    ----------
    n_steps : int
        How many steps the run has.
    pool : multiprocessing.pool.Pool or None
        CaImAn's processes; a second bar counts their patches.
    progress : bool
        Show the bars, if there is a terminal.

    Yields
    ------
    callable
        Takes the name of each step as it begins.
    """
    # no time left: the steps differ by orders of magnitude
    look = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
    with tqdm(total=n_steps, desc="CaImAn", disable=None if progress else True, bar_format=look) as bar:
        begun: list[str] = []

        def begin(step: str) -> None:
            bar.update(len(begun) - bar.n)
            begun.append(step)
            bar.set_postfix_str(step)
            logger.info("CaImAn: %s", step)

        def show(message: str) -> None:
            bar.set_postfix_str(f"{begun[-1] if begun else 'start'}: {message}")

        with _forwarded(show), _counted(pool, progress):
            yield begin
        bar.update(len(begun) - bar.n)
        bar.set_postfix_str("done")


class _Forward(logging.Handler):
    """Takes CaImAn's messages of this process; those of its children would be written over one another."""

    def __init__(self, show: Callable[[str], None]):
        super().__init__()
        self._show, self._process, self._patch = show, os.getpid(), 0
        self._warned: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if os.getpid() != self._process:
            return
        message = " ".join(record.getMessage().split())
        if record.levelno < logging.INFO:
            # with one process there is no pool to count patches by
            self._patch += record.funcName == "cnmf_patches" and message.endswith("START")
            return
        level = logging.DEBUG if record.levelno < logging.WARNING or message in self._warned else record.levelno
        if level > logging.DEBUG:
            self._warned.add(message)  # said of every patch, it is said once
        if message.startswith("Elapsed time for processing patches"):
            self._patch = 0
        if self._patch:
            message = f"patch {self._patch}: {message}"
        logger.log(level, "CaImAn: %s", message)
        self._show(message[:_SHOWN])


@contextmanager
def _forwarded(show: Callable[[str], None]) -> Iterator[None]:
    theirs, handler = logging.getLogger("caiman"), _Forward(show)
    before = theirs.level, theirs.propagate
    theirs.addHandler(handler)
    theirs.setLevel(logging.DEBUG)
    theirs.propagate = False
    try:
        yield
    finally:
        theirs.removeHandler(handler)
        theirs.setLevel(before[0])
        theirs.propagate = before[1]


@contextmanager
def _counted(pool: Any, progress: bool) -> Iterator[None]:
    """Have a pool count the pieces of the long jobs that CaImAn gives it."""
    if pool is None:
        yield
        return
    original = pool.map_async

    def map_async(function: Callable[..., Any], items: Iterable[Any], *args: Any, **options: Any) -> Any:
        if function.__name__ not in _COUNTED:
            return original(function, items, *args, **options)
        return _Counting(pool, function, list(items), _COUNTED[function.__name__], progress)

    pool.map_async = map_async
    try:
        yield
    finally:
        del pool.map_async


class _Counting:
    """The part of ``multiprocessing.pool.AsyncResult`` that CaImAn uses, with a bar."""

    def __init__(self, pool: Any, function: Callable[..., Any], items: list[Any], name: str, progress: bool):
        self._found = pool.imap(function, items)
        self._name, self._total, self._progress = name, len(items), progress

    def get(self, timeout: float | None = None) -> list[Any]:
        """Wait for all results, in order."""
        hide = None if self._progress else True
        return list(tqdm(self._found, self._name, self._total, leave=False, disable=hide))
