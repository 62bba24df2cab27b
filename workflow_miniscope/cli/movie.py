"""``workflow-miniscope movie``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RESULT",
            help="Name that `list` prints, a result file, its folder, or a restriction for one curation.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(help="File to write, .mp4 or .webp; by default here, named after the result.")
    ] = None,
    start: Annotated[float, typer.Option(help="Where it begins, seconds from the start of the recording.")] = 0.0,
    length: Annotated[float, typer.Option(help="How much of the recording, seconds.")] = 40.0,
    speed: Annotated[float, typer.Option(help="How many times as fast as it was recorded.")] = 2.0,
    outlines: Annotated[bool, typer.Option(help="Draw the outlines of the accepted cells.")] = True,
    movie: Annotated[
        Path | None, typer.Option(help="Folder of the scope's recording, if it is not where it was processed.")
    ] = None,
) -> None:
    """Write a short movie: as recorded, registered, and as the cells and their traces have it, side by side."""
    from ..reports.movie import Excerpt, write_movie

    print(write_movie(source, output, Excerpt(start, length, speed, outlines), movie))
