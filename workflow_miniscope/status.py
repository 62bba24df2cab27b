"""What is ingested, done, pending and failed, for each table."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from . import console, jobs
from .steps import BOTH, FACEMAP, INGESTED, MINISCOPE, SESSION, Step, steps, waiting


def status() -> dict[str, dict[str, int]]:
    """Count each table's rows, what it still has to do, and what failed.

    Returns
    -------
    dict
        ``{"miniscope.Processing": {"rows": 1, "todo": 0, "errors": 0}, ...}`` in the order of the workflow. Tasks and
        curations are to do for each recording or processing that has none.
    """
    return {step.name: _count(step) for step in steps(INGESTED + SESSION + MINISCOPE + FACEMAP + BOTH)}


def _count(step: Step) -> dict[str, int]:
    errors = 0
    if step.computed:
        todo, _ = step.table().progress()
        errors = jobs.count_errors(step.table())
    else:
        todo = len(waiting(step.name))
    return {"rows": len(step.table()), "todo": int(todo), "errors": errors}


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show what is ingested, done, pending and failed."""
    counts = status()
    if as_json:
        print(json.dumps({"tables": counts}, indent=2))
        return
    rows = [(name, entry["rows"], entry["todo"], entry["errors"]) for name, entry in counts.items()]
    print(console.format_table(("table", "rows", "to do", "errors"), rows))


if __name__ == "__main__":
    console.run(command)
