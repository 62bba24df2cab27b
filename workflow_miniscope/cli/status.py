"""``workflow-miniscope status``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .options import Restrict


def command(
    restrict: Restrict = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show what is ingested, done, pending and failed."""
    from ..work.status import format_status, status, warned

    counts = status(restrict)
    if as_json:
        print(json.dumps({"tables": counts, "warnings": warned()}, indent=2))
        return
    print(format_status(counts))
    for line in warned():
        print(line)
