"""``workflow-miniscope demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("demo"),
    remove: Annotated[bool, typer.Option("--clean", help="Stop the demo's database and remove the folder.")] = False,
) -> None:
    """Show the whole workflow on a synthetic recording."""
    from ..demo.run import clean, run

    if remove:
        clean(folder)
    elif not run(folder):
        raise typer.Exit(1)
