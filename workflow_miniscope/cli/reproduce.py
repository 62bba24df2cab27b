"""``workflow-miniscope reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    file: Annotated[Path, typer.Argument(help="NWB file of ours, with its videos beside it.")],
) -> None:
    """Compute the cells of an NWB file again, from its videos, and say whether every number is bit-identical.

    Needs no database. The exit status is 1 where something differs.
    """
    from ..publish.reproduce import reproduce

    found = reproduce(file)
    for analysis in found:
        print(analysis)
    if not all(analysis.identical for analysis in found):
        raise typer.Exit(1)
