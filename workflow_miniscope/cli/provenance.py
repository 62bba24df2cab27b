"""``workflow-miniscope provenance``."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def command(
    key: Annotated[list[str], typer.Argument(help="Restriction that chooses one analysis, such as subject=m1.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Say what the traces of an analysis come from, step by step, back to the videos.

    The exit status is 1 where a video is gone, or is not what it was when the analysis was computed.
    """
    from ..publish.chain import trace_back

    chain = trace_back(key)
    print(json.dumps(chain.as_json(), indent=2, ensure_ascii=False) if as_json else chain)
    if chain.changed:
        raise typer.Exit(1)
