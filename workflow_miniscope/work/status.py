"""What is ingested, done, pending and failed, for each table."""

from __future__ import annotations

from ..database import jobs
from .steps import BOTH, FACEMAP, INGESTED, MINISCOPE, SESSION, Step, steps, waiting
from .text_table import format_table


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


def warned() -> list[str]:
    """Say of each result that is not to be trusted, or only with warnings, which one it is and why."""
    from ..pipeline import extraction

    rows = (extraction.Verdict & "verdict in ('usable with warnings', 'not to be trusted')").to_dicts()
    lines = []
    for row in sorted(rows, key=lambda row: row["verdict"]):
        key = " ".join(f"{name}={row[name]}" for name in extraction.Verdict.primary_key)
        lines.append(f"{key}: {row['verdict']}. {' '.join(row['reasons'])}")
    return lines


def format_status(counts: dict[str, dict[str, int]]) -> str:
    """Return what :func:`status` counted as a table of text."""
    rows = [(name, entry["rows"], entry["todo"], entry["errors"]) for name, entry in counts.items()]
    return format_table(("table", "rows", "to do", "errors"), rows)
