"""``workflow-miniscope report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Restrict


def command(
    output: Annotated[Path, typer.Option(help="Folder to draw into.")] = Path("figures"),
    restrict: Restrict = None,
) -> None:
    """Draw what is in the database: footprints, traces, shifts, intervals, faces."""
    from ..reports.report import write

    for path in write(output, restrict):
        print(path)
