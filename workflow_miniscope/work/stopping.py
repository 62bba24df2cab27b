"""How a computation is stopped: what it has reserved is given back, or finished first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ends_on_sigterm() -> Iterator[None]:
    """Let SIGTERM (docker stop, SLURM, a shutdown) end the process as an exception does, which gives back its keys."""
    if not _in_main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def finishes_on_interrupt(say: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C be a wish to stop after what is being computed; a second Ctrl-C interrupts as usual.

    Parameters
    ----------
    say : function
        Tells the user that the wish was heard.

    Yields
    ------
    function
        Returns whether somebody wishes to stop.
    """
    wished = threading.Event()
    if not _in_main_thread():
        yield wished.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def wish(number: int, frame: FrameType | None) -> None:
        if wished.is_set():
            raise KeyboardInterrupt
        wished.set()
        # not here: this may have interrupted a print, in which a second one is an error
        threading.Thread(target=say).start()

    signal.signal(signal.SIGINT, wish)
    try:
        yield wished.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
