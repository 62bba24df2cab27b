"""``workflow-miniscope compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    first: Annotated[str, typer.Argument(help="Result file, its folder, or a restriction that chooses one curation.")],
    second: Annotated[str, typer.Argument(help="The same of the other analysis.")],
    figure: Annotated[Path, typer.Option(help="PNG file to write.")] = Path("comparison.png"),
    threshold: Annotated[
        float | None, typer.Option(help="Smallest cosine similarity of the footprints of one cell; by default 0.7.")
    ] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Compare rejected components, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Compare two analyses of one recording: cells matched by their footprints, trace correlations."""
    from .. import figures
    from ..analysis.matching import THRESHOLD
    from ..reports.compare import compare, draw, load, pixel_size

    (first_name, first_result), (second_name, second_result) = load(first), load(second)
    if first_name == second_name:  # folders of one name in different places
        first_name, second_name = first, second
    found = compare(
        first_result, second_result, (first_name, second_name), THRESHOLD if threshold is None else threshold, rejected
    )
    path = figures.save(draw(found, pixel_size(first)), figure)
    if as_json:
        print(json.dumps({**found.as_json(), "figure": str(path)}, indent=2))
    else:
        print(f"{found}\n\n{path}")
