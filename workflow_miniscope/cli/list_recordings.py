"""``workflow-miniscope list``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from .options import Restrict
from .show import show


class Far(StrEnum):
    """How far a recording is."""

    done = "done"
    todo = "to do"
    failed = "failed"
    excluded = "excluded"


class Result(StrEnum):
    """What the engine said of its result."""

    trusted = "trusted"
    usable = "usable with warnings"
    untrusted = "not to be trusted"


class Verdict(StrEnum):
    """What a check said."""

    good = "good"
    usable = "usable with warnings"
    unusable = "unusable"


def command(
    restrict: Restrict = None,
    state: Annotated[Far | None, typer.Option(help="Only recordings that are this far.")] = None,
    verdict: Annotated[Verdict | None, typer.Option(help="Only recordings of which a check said this.")] = None,
    result: Annotated[Result | None, typer.Option(help="Only recordings with a result of this verdict.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one line a recording.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with each step.")] = False,
) -> None:
    """List the recordings: when, how long, how good, how far, with how many cells, and what failed.

    "check" is how good the recording is, "result" how far what the engine found in it can be trusted.
    Every command takes the names it prints: process --restrict NAME, report --restrict NAME, compare NAME_p0 NAME_p1.
    """
    from ..work.listing import as_parts, write_csv
    from ..work.overview import overview

    found = overview(restrict, state and state.value, verdict and verdict.value, result and result.value)
    if as_json:
        print(json.dumps({"recordings": [row.as_json() for row in found]}, indent=2, ensure_ascii=False))
    elif as_csv:
        print(write_csv(found), end="")
    else:
        show(*as_parts(found))
