"""``workflow-miniscope curate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="Folder of a result, or the result file.")],
    curator: Annotated[str | None, typer.Option(help="Who decides; by default the name of the user.")] = None,
    decisions: Annotated[
        Path | None, typer.Option(help="Folder for the file of decisions; by default the result's own.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page; by default one that fits the result.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Look at the components of a result in the browser, and decide which are cells.

    Decisions are saved at once, in a file beside the result; the result is never changed.
    """
    from ..web.start import curate

    curate(result, curator, decisions, port, browser)
