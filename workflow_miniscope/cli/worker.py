"""``workflow-miniscope worker``."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from ..errors import FAILED
from .options import Restrict


def command(
    restrict: Restrict = None,
    forever: Annotated[
        bool, typer.Option("--forever/--once", help="Wait for new recordings, or end when nothing is left.")
    ] = True,
) -> None:
    """Compute what there is to compute, beside any number of other workers on any number of machines.

    Each recording is computed by one of them; one that failed is left alone until `workflow-miniscope process` tries it
    again. Ctrl-C stops after what is being computed, Ctrl-C twice at once.
    """
    from ..process import process
    from ..work.worker import work

    def say(text: str) -> None:
        print(time.strftime("%Y-%m-%d %H:%M:%S"), text, sep="\n", flush=True)

    if not work(lambda stop: process(restrict, reserve_jobs=True, stop=stop), forever, say):
        raise typer.Exit(FAILED)
