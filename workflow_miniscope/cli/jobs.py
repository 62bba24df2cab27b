"""``workflow-miniscope jobs``: what failed is tried again, left alone, or forgotten."""

from __future__ import annotations

from typing import Annotated

import typer

from . import changing

app = typer.Typer(no_args_is_help=True, help="Jobs that failed: try them again, leave them alone, forget them.")

Which = Annotated[
    str | None,
    typer.Argument(metavar="[WHICH]", help="A name that `list` prints, or a condition; by default all recordings."),
]
Table = Annotated[str | None, typer.Option(help="Of one table alone, such as miniscope.Processing.")]


@app.command()
def retry(which: Which = None, table: Table = None) -> None:
    """Let workers compute again what failed, or what was left alone."""
    _change("retry", which, table, "Tried again from now on")


@app.command()
def ignore(
    which: changing.Which,
    table: Table = None,
) -> None:
    """Leave alone what failed, until `jobs retry`. (To leave out a whole recording: `exclude`.)"""
    _change("ignore", which, table, "Left alone from now on")


@app.command()
def clear(which: Which = None, table: Table = None) -> None:
    """Forget all jobs, their errors and priorities, but for those that living workers are at work on."""
    _change("clear", which, table, "Forgotten")


@app.command()
def priority(
    number: Annotated[int, typer.Argument(min=0, max=255, help="0 is the most urgent; 5 is the usual one.")],
    which: Which = None,
    table: Table = None,
) -> None:
    """Let what waits now be computed earlier, or later, than the rest."""
    from ..work.queues import prioritize

    _print(prioritize(number, which, table), f"Given the priority {number}")


def _change(action: str, which: str | None, table: str | None, what: str) -> None:
    from ..work.queues import change_jobs

    _print(change_jobs(action, which, table), what)


def _print(done: dict[str, int], what: str) -> None:
    from ..work.text_table import TextTable
    from .show import show

    if done:
        show(TextTable(("table", "jobs"), list(done.items()), key="table"))
    print(f"{what}: {sum(done.values())}.")
