"""``workflow-miniscope reassign``."""

from __future__ import annotations

from typing import Annotated

import typer

from .changing import DryRun, Which, Yes, carry_out


def command(
    which: Which,
    animal: Annotated[str, typer.Option("--to", help="The animal that was recorded; it must be ingested.")],
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Give sessions to another animal, with everything that was computed of them."""
    from ..work.reassign import plan

    carry_out(plan(which, animal), "reassign", dry_run, yes)
