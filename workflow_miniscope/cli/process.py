"""``workflow-miniscope process``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import FAILED
from . import logfile
from .options import Restrict


def command(
    restrict: Restrict = None,
    paramset: Annotated[
        str | None, typer.Option(help="Number of a parameter set, or a JSON file of parameters.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="cnmfe (native, the default) or caiman.")] = None,
    facemap_params: Annotated[
        Path | None,
        typer.Option(help="For cameras: a JSON file of parameters, or a _proc.npy with regions drawn in Facemap."),
    ] = None,
    reserve_jobs: Annotated[
        bool, typer.Option("--reserve-jobs", help="Share the work with other processes and machines.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is to be done, and do nothing.")] = False,
) -> None:
    """Compute everything that is not computed yet, for scopes and cameras."""
    from ..process import preview, process
    from ..work.text_table import TextTable
    from .show import show

    if dry_run:
        waits = [(table, n) for table, n in preview(restrict, paramset, engine) if n]
        if waits:
            show(TextTable(("table", "to do"), waits, key="table"))
            print("And what follows from these. `workflow-miniscope list` shows what each recording waits for.")
        else:
            print("Everything is done already.")
        return
    report = process(restrict, paramset, engine, reserve_jobs, facemap_params=facemap_params)
    show(*report.parts())
    if report.names or report.errors:
        print("Look: `workflow-miniscope list`, `workflow-miniscope report`.", end=" ")
        print(f"Everything that happened: {logfile.path()}" if logfile.path() else "")
    if report.errors:
        raise typer.Exit(FAILED)
