"""``workflow-miniscope status``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .options import Restrict


def command(
    restrict: Restrict = None,
    errors: Annotated[bool, typer.Option("--errors", help="Show what failed instead, each cause once.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show what is ingested, done, pending and failed."""
    if errors:
        _print_errors(restrict, as_json)
        return
    from ..work.status import format_status, status, warned

    counts = status(restrict)
    if as_json:
        print(json.dumps({"tables": counts, "warnings": warned(restrict)}, indent=2))
        return
    print(format_status(counts))
    for line in warned(restrict):
        print(line)


def _print_errors(restrict: list[str] | None, as_json: bool) -> None:
    from ..work.listing import as_causes
    from ..work.progress import failures

    found = failures(restrict)
    if as_json:
        print(json.dumps({"errors": [{**vars(one), "time": one.time.isoformat()} for one in found]}, indent=2))
        return
    print(as_causes(found) or "Nothing has failed.")
