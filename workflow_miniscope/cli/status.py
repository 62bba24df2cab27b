"""``workflow-miniscope status``."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from .options import Restrict
from .show import show


def command(
    restrict: Restrict = None,
    errors: Annotated[bool, typer.Option("--errors", help="Show what failed instead, each cause once.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show what goes on, again and again: tables, workers, times, failures.")
    ] = False,
    interval: Annotated[float, typer.Option(min=0.5, help="With --watch: seconds between two looks.")] = 5.0,
) -> None:
    """Show what is ingested, done, pending and failed."""
    if watch:
        _watch(restrict, as_json, interval)
        return
    if errors:
        _print_errors(restrict, as_json)
        return
    from ..work.status import changed_files, format_status, status, warned

    counts = status(restrict)
    if as_json:
        found = {"tables": counts, "warnings": warned(restrict), "raw_files": changed_files(restrict)}
        print(json.dumps(found, indent=2))
        return
    show(format_status(counts))
    for line in (*warned(restrict), *changed_files(restrict)):
        print(line)


def _print_errors(restrict: list[str] | None, as_json: bool) -> None:
    from ..work.listing import as_causes
    from ..work.progress import failures

    found = failures(restrict)
    if as_json:
        print(json.dumps({"errors": [{**vars(one), "time": one.time.isoformat()} for one in found]}, indent=2))
        return
    print(as_causes(found) or "Nothing has failed.")


def _watch(restrict: list[str] | None, as_json: bool, interval: float) -> None:
    """Show what goes on until Ctrl-C, on a terminal in place of what was shown before."""
    from ..work import monitor
    from ..work.stopping import finishes_on_interrupt

    def say(found: monitor.Snapshot) -> None:
        if as_json:
            print(json.dumps(found.as_json()), flush=True)
        else:
            print("\x1b[2J\x1b[H" if sys.stdout.isatty() else "", end="")
            show(*found.parts(), "Ctrl-C ends.")
            sys.stdout.flush()

    with finishes_on_interrupt(lambda: None) as stopping:
        monitor.watch(lambda: monitor.snapshot(restrict), say, interval, stopping)
