"""``workflow-miniscope include``."""

from __future__ import annotations

from .changing import DryRun, Which, Yes, carry_out


def command(which: Which, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Process recordings again that were excluded."""
    from ..work.exclude import plan_include

    carry_out(plan_include(which), "include", dry_run, yes)
