"""``workflow-miniscope check``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of a session, of one device, of a day or an animal.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="PNG file or folder for the picture; by default the current folder."),
    ] = None,
    picture: Annotated[bool, typer.Option(help="Draw the picture.")] = True,
    require_good: Annotated[
        bool, typer.Option("--require-good", help="Also fail where the verdict is 'usable with warnings'.")
    ] = False,
) -> None:
    """Say whether a recording can be used, and draw a picture of it. Needs no database.

    The exit status is 0 where it can be used (good, or usable with warnings) and 1 where it cannot: a device is
    unusable, or the folder holds no recording.
    """
    from ..work.check import check_opened, draw, picture_path
    from ..work.folders import find_folder, open_folder

    opened = open_folder(find_folder(folder))
    path = picture_path(opened.folder, output) if picture else None  # before the frames are read
    checked = check_opened(opened)
    print(json.dumps(checked.as_json(), indent=2, ensure_ascii=False) if as_json else checked)
    if path is not None:
        draw(checked, path)
        print(f"Picture: {path}", file=sys.stderr if as_json else sys.stdout)
    if checked.verdict == "unusable" or (require_good and checked.verdict != "good"):
        raise typer.Exit(1)
