"""``workflow-miniscope relocate``."""

from __future__ import annotations

from typing import Annotated

import typer

from .changing import DryRun, Yes, carry_out


def command(
    old: Annotated[str, typer.Argument(help="Folder as the database has it: of a session, or one above sessions.")],
    new: Annotated[str, typer.Argument(help="The folder as it is now.")],
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Tell the database where a renamed or moved folder of recordings is now."""
    from ..work.relocate import plan

    carry_out(plan(old, new), "relocate", dry_run, yes)
