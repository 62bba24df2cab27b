"""``workflow-miniscope publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    restriction: Annotated[
        list[str] | None, typer.Argument(help="Which sessions, such as subject=m1; by default all.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder of the dataset.")] = Path("dandiset"),
    project: Annotated[
        Path | None, typer.Option(help="TOML file that says who and what; by default project.toml.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what archives will miss, and write nothing.")] = False,
    analysis: Annotated[
        list[str] | None, typer.Option(help="Which results, such as paramset_id=1; by default all.")
    ] = None,
    motion_corrected: Annotated[
        bool, typer.Option("--motion-corrected", help="Write the motion-corrected movies into the files too.")
    ] = False,
    embed: Annotated[bool, typer.Option("--embed", help="Write the scopes' frames into the files.")] = False,
    videos: Annotated[str, typer.Option(help="copy the videos beside the files, or link to them.")] = "copy",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write sessions again that are there.")] = False,
) -> None:
    """Write sessions as NWB files in the layout of the DANDI archive.

    The exit status is 1 where a session could not be written, or, with --check, would be refused.
    """
    from ..publish import dataset

    if check:
        found = dataset.check(restriction, project)
        print(dataset.format_check(found))
        refused = any(item.required for items in found.values() for item in items)
    else:
        done = dataset.publish(
            restriction, output, project, dataset.options(videos, embed, motion_corrected, overwrite, analysis)
        )
        print(done)
        refused = bool(done.problems)
    if refused:
        raise typer.Exit(1)
