"""``workflow-miniscope init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; made if missing.")],
    recordings: Annotated[
        Path | None, typer.Option(help="Folder of your recordings; by default 'recordings' in the new folder.")
    ] = None,
) -> None:
    """Write what you start from: configuration, columns of the CSV files, notebooks. Overwrites nothing."""
    from ..work.starting_files import write_starting_files

    for path in write_starting_files(folder, recordings):
        print(path)
