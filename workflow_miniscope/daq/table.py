"""Tables of numbers as the acquisition programs write them: with or without a header, commas or tabs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordingError

# Integers up to here are exact as float64
_MAX_INTEGER = 2.0**53


@dataclass(frozen=True)
class Table:
    """Rows of text fields.

    Attributes
    ----------
    path : Path
        The file.
    header : tuple of str or None
        Column names in lower case, if the first line is no row of numbers.
    rows : list of list of str
        Fields of each row.
    lines : list of int
        Line number of each row, from 1.
    cut : bool
        Whether the last row was cut off, and left out.
    """

    path: Path
    header: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]
    cut: bool

    def column(self, index: int, what: str) -> np.ndarray:
        """Give a column as float64 [n], or raise RecordingError with the line that is no number."""
        values = [to_number(row[index]) for row in self.rows]
        self._refuse([value is None for value in values], index, what)
        return np.array(values, np.float64)

    def times(self, index: int) -> np.ndarray:
        """Give a column of milliseconds as float64 [n], or raise RecordingError with the line that is no time."""
        values = self.column(index, "time stamp")
        self._refuse(np.abs(values) > _MAX_INTEGER, index, "time stamp")
        return values

    def integers(self, index: int, what: str) -> np.ndarray:
        """Give a column as int64 [n], or raise RecordingError with the line that is no integer."""
        values = self.column(index, what)
        self._refuse((values != np.round(values)) | (np.abs(values) > _MAX_INTEGER), index, what)
        return values.astype(np.int64)

    def _refuse(self, wrong: Sequence[bool], index: int, what: str) -> None:
        """Raise RecordingError for the first row that is wrong, if any."""
        rows = np.flatnonzero(wrong)
        if len(rows):
            shown = self.rows[rows[0]][index][:40]
            raise RecordingError(f"{self.path} line {self.lines[rows[0]]}: '{shown}' is no {what}.")


def read_text(path: Path) -> str:
    """Read a text file, or raise RecordingError where it is missing or no text."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise RecordingError(f"{path} is missing; copy it from the recording computer.") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror or error}).") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecordingError(f"{path} is not a text file; copy it from the recording computer again.") from None


def read_table(path: Path, min_fields: int) -> Table:
    """Read a table of numbers.

    A last row with too few fields was cut off by a full disk or a crash and is left out.

    Raises
    ------
    RecordingError
        The file is missing or no text, holds no row, or a row other than the last has too few fields.
    """
    lines = [(i, line) for i, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    delimiter = "\t" if lines and "\t" in lines[0][1] else ","
    table = [(i, [field.strip() for field in line.split(delimiter)]) for i, line in lines]
    header = None
    if table and to_number(table[0][1][0]) is None:
        header = tuple(name.lower() for name in table.pop(0)[1])
        min_fields = max(min_fields, len(header))
    cut = bool(table) and len(table[-1][1]) < min_fields
    if cut:
        table.pop()
    for line, fields in table:
        if len(fields) < min_fields:
            raise RecordingError(f"{path} line {line} has {len(fields)} fields instead of {min_fields}.")
    if not table:
        raise RecordingError(f"{path} holds no row; copy it from the recording computer again.")
    return Table(path, header, [fields for _, fields in table], [line for line, _ in table], cut)


def to_number(text: str) -> float | None:
    """Give the finite number a field holds, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
