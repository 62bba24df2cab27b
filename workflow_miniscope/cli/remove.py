"""``workflow-miniscope remove``."""

from __future__ import annotations

from typing import Annotated

import typer

from .changing import DryRun, Which, Yes, carry_out


def command(
    which: Which,
    animals: Annotated[bool, typer.Option("--animals", help="Also the animals that have no session then.")] = False,
    files: Annotated[bool, typer.Option("--files", help="Also delete the results' files.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Remove analyses or recordings from the database, with all that was computed of them. Raw data stay."""
    from ..work.remove import plan

    carry_out(plan(which, animals, files), "remove", dry_run, yes)
