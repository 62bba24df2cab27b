"""What every command shares: errors as one sentence, tables as aligned text."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer

from .errors import WorkflowError


def run(command: Callable[..., Any] | typer.Typer) -> None:
    """Run a command line, turning the errors a user can cause into one sentence and exit status 1."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    # DataJoint announces each connection, every deprecated table and each error, which our own reports have anyway
    logging.getLogger("datajoint").setLevel(logging.CRITICAL)
    if not isinstance(command, typer.Typer):
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command()(command)
        command = app
    try:
        command()
    except WorkflowError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


def format_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as text with aligned columns, numbers to the right."""
    rows = [list(row) for row in rows]
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    numeric = [all(isinstance(row[column], (int, float)) for row in rows) for column in range(len(header))]

    def line(row: list[str]) -> str:
        parts = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        return "  ".join(parts).rstrip()

    return "\n".join([line(cells[0]), line(["-" * width for width in widths]), *map(line, cells[1:])])
