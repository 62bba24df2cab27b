"""Rows as aligned text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TextTable:
    """Rows to be shown; as text they are aligned.

    Attributes
    ----------
    header : sequence of str
        Name of each column.
    rows : sequence of sequences
        Cells, as many as the header has.
    key : str or None
        The column that users copy into other commands: it is shown whole, on one line, however narrow the terminal is.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    key: str | None = None

    def __str__(self) -> str:
        return format_table(self.header, self.rows)


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
