"""``workflow-miniscope redo``."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import FAILED
from .changing import DryRun, Which, Yes, carry_out


def command(
    which: Which,
    paramset: Annotated[
        str | None, typer.Option(help="Number of another parameter set, or a JSON file of parameters.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="Another engine: cnmfe or caiman.")] = None,
    later: Annotated[bool, typer.Option("--later", help="Prepare it only; the next `process` computes it.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Compute analyses again: with other parameters, or with the same after an upgrade. Old results are kept aside."""
    from ..process import process
    from ..work.redo import plan
    from ..work.tasks import choose_paramset

    other = paramset is not None or engine is not None
    if other:
        if later:
            raise typer.BadParameter("--later keeps the parameters; leave out --paramset and --engine.")
        choose_paramset(paramset, engine, insert=False)  # refused before anything is deleted
    change, names = plan(which, tasks_too=other)
    if not carry_out(change, "redo", dry_run, yes) or later:
        return
    failed = False
    for name in names:
        report = process(name, paramset, engine)
        print(report)
        failed |= bool(report.errors)
    if failed:
        raise typer.Exit(FAILED)
