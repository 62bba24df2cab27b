"""``workflow-miniscope nwb``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def command(
    key: Annotated[str, typer.Argument(help="Restriction that chooses one session, such as subject=m1.")],
    file: Annotated[Path, typer.Argument(help="File to write, such as m1.nwb.")],
    project: Annotated[
        Path | None, typer.Option(help="TOML file that says who and what; by default project.toml.")
    ] = None,
    analysis: Annotated[
        list[str] | None, typer.Option(help="Which results, such as paramset_id=1; by default all.")
    ] = None,
    motion_corrected: Annotated[
        bool, typer.Option("--motion-corrected", help="Write the motion-corrected movies into the file too.")
    ] = False,
    embed: Annotated[bool, typer.Option("--embed", help="Write the scopes' frames into the file.")] = False,
    videos: Annotated[str, typer.Option(help="copy the videos beside the file, or link to them.")] = "copy",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Write one session, with all that was computed of it, into an NWB file."""
    from ..publish.dataset import export_nwb, options

    for note in export_nwb(key, file, project, options(videos, embed, motion_corrected, overwrite, analysis)):
        print(f"Note: {note}", file=sys.stderr)
    print(file)
