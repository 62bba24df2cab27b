"""``workflow-miniscope facemap-params``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    path: Annotated[Path, typer.Argument(help="A _proc.npy that Facemap's window saved.")],
    camera: Annotated[int, typer.Option(help="Which of several cameras, from 0.")] = 0,
) -> None:
    """Print the regions drawn in Facemap's window as JSON, to be named and given to process --facemap-params."""
    from ..engines.facemap import drawn_params

    print(json.dumps(drawn_params(path, camera).plain(), indent=2))
