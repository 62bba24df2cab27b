"""``workflow-miniscope exclude``."""

from __future__ import annotations

from typing import Annotated

import typer

from .changing import DryRun, Which, Yes, carry_out


def command(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why, for those who ask later.")],
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Leave recordings out of processing, such as broken ones. What was computed of them stays."""
    from ..work.exclude import plan_exclude

    carry_out(plan_exclude(which, reason), "exclude", dry_run, yes)
