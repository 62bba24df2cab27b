"""The overview of the recordings as a table of text and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from .analyses import labels
from .overview import Overview
from .progress import Failure
from .text_table import TextTable

#: Of a line of CSV; several analyses of one recording are joined by semicolons.
COLUMNS = (
    "name", "subject", "kind", "device", "start_utc", "start_local", "duration_s", "verdict", "state", "excluded",
    "analyses", "paramsets", "cells_found", "cells_accepted", "result_verdicts", "last_error", "session_dir",
)  # fmt: skip


def as_parts(rows: Sequence[Overview]) -> list[TextTable | str]:
    """Return recordings as a table and, below, what failed, each cause once."""
    if not rows:
        return ["No recording is in the database yet: `workflow-miniscope ingest` puts them in."]
    # "check": what the command of that name says of the recording; "result": what the engine says of its own
    header = (
        "name",
        "device",
        "start (local)",
        "start (UTC)",
        "length",
        "check",
        "state",
        "cells",
        "result",
        "paramsets",
    )
    table = TextTable(header, [_cells(row) for row in rows], key="name")
    failed = as_causes([failure for row in rows for failure in row.failures])
    return [table, failed] if failed else [table]


def _cells(row: Overview) -> tuple[str, ...]:
    local = row.start_local
    return (
        row.name,
        row.device,
        "-" if local is None else f"{local:%Y-%m-%d %H:%M}",
        f"{row.start_utc:%Y-%m-%d %H:%M}",
        "-" if row.duration_s is None else _length(row.duration_s),
        row.verdict or "-",
        _state(row),
        ", ".join(f"{one.accepted} of {one.found}" for one in row.analyses if one.found is not None) or "-",
        ", ".join(one.verdict for one in row.analyses if one.verdict is not None) or "-",
        ", ".join(f"{one.paramset_id} ({said})" for one, said in zip(row.analyses, labels(row.analyses), strict=True))
        or "-",
    )


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def _state(row: Overview) -> str:
    if row.excluded is not None:
        return f"excluded: {row.excluded}"
    if row.state == "done":
        return "done"
    steps = [name.split(".")[1] for name, state in row.steps.items() if state == row.state]
    if row.state == "failed":
        return f"failed: {steps[0]}" + (f" and {len(steps) - 1} more" if len(steps) > 1 else "")
    return f"to do: {steps[0]}"


def as_causes(failures: Sequence[Failure]) -> str:
    """Return what failed, each cause once, with the recordings it stopped."""
    by_cause: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        by_cause.setdefault((failure.step, failure.cause), []).append(failure)
    parts = []
    for (step, cause), those in by_cause.items():
        names = ", ".join(dict.fromkeys(failure.name for failure in those))
        last = max(failure.time for failure in those)
        parts.append(f"{step}, last tried {last:%Y-%m-%d %H:%M}: {cause}\n    {names}")
    return "\n".join(["Failed:", *parts]) if parts else ""


def write_csv(rows: Sequence[Overview]) -> str:
    """Return recordings as CSV with the columns :data:`COLUMNS`."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values: dict[str, Any] = {
            **row.as_json(),
            "analyses": _joined(one.name for one in row.analyses),
            "paramsets": _joined(one.paramset_id for one in row.analyses),
            "cells_found": _joined(one.found for one in row.analyses),
            "cells_accepted": _joined(one.accepted for one in row.analyses),
            "result_verdicts": _joined(one.verdict for one in row.analyses),
            "last_error": row.failures[-1].cause if row.failures else None,
        }
        writer.writerow(["" if values[name] is None else values[name] for name in COLUMNS])
    return file.getvalue()


def _joined(values: Any) -> str:
    return ";".join("" if value is None else str(value) for value in values)
