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
    _change("retry", which, table, "will be tried again")


@app.command()
def ignore(
    which: changing.Which,
    table: Table = None,
) -> None:
    """Leave alone what failed, until `jobs retry`. (To leave out a whole recording: `exclude`.)"""
    _change("ignore", which, table, "will be left alone")


@app.command()
def clear(which: Which = None, table: Table = None) -> None:
    """Forget all jobs, their errors and priorities, but for those that living workers are at work on."""
    _change("clear", which, table, "are forgotten")


def _change(action: str, which: str | None, table: str | None, what: str) -> None:
    from ..work.queues import change_jobs
    from ..work.text_table import format_table

    done = change_jobs(action, which, table)
    if done:
        print(format_table(("table", "jobs"), list(done.items())))
    print(f"{sum(done.values())} jobs {what}.")
