"""``workflow-miniscope import-nwb``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    file: Annotated[Path, typer.Argument(help="NWB file below a root directory of recordings, its videos beside it.")],
    subject: Annotated[
        str | None, typer.Option(help="Animal in the database that it is of; by default the one that it names.")
    ] = None,
    without_videos: Annotated[
        bool, typer.Option("--without-videos", help="Import what is stored, though its videos are not there.")
    ] = False,
) -> None:
    """Read an NWB file into the database: one that was published, or neuroconv's of a Miniscope recording."""
    from ..publish.nwb_import.file import import_nwb

    print(import_nwb(file, subject, videos=not without_videos))
