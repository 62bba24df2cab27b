"""``workflow-miniscope report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    output: Annotated[Path, typer.Option(help="Folder to draw into.")] = Path("figures"),
    restrict: Annotated[
        list[str] | None, typer.Option(help="Which recordings, such as subject=m1; by default all.")
    ] = None,
) -> None:
    """Draw what is in the database: footprints, traces, shifts, intervals, faces."""
    from ..reports.report import write

    for path in write(output, restrict):
        print(path)
