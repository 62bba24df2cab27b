"""``workflow-miniscope report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Restrict


def command(
    output: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("figures"),
    restrict: Restrict = None,
    html: Annotated[
        bool, typer.Option("--html", help="Write one page for each session instead: a file that stands alone.")
    ] = False,
) -> None:
    """Draw what is in the database: footprints, traces, shifts, intervals, faces.

    With --html, everything that is known of a session is on one page, which a browser shows and prints without network.
    """
    if html:
        from ..reports.html import write
    else:
        from ..reports.report import write

    for path in write(output, restrict):
        print(path)
