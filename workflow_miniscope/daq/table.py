"""Tables of numbers as the acquisition programs write them: with a header or without, between any delimiters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordingError
from .text import read_text

# Integers up to here are exact as float64
_MAX_INTEGER = 2.0**53


@dataclass(frozen=True)
class Table:
    """Rows of numbers.

    Attributes
    ----------
    path : Path
        The file.
    header : tuple of str or None
        Column names in lower case, if the first line is no row of numbers.
    lines : list of (int, str)
        Line number from 1, and text, of each row.
    delimiter : str
        What stands between two fields.
    cut : bool
        Whether the last row was cut off, and left out.
    values : ndarray of float64 [n, fields] or None
        All fields, where all are numbers and all rows have as many.
    """

    path: Path
    header: tuple[str, ...] | None
    lines: list[tuple[int, str]]
    delimiter: str
    cut: bool
    values: np.ndarray | None

    def column(self, index: int, what: str) -> np.ndarray:
        """Give a column as float64 [n], or raise RecordingError with the line that is no number."""
        if self.values is not None:
            return self.values[:, index]
        values = [to_number(text) for text in self._texts(index)]
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

    def _texts(self, index: int) -> list[str]:
        return [line.split(self.delimiter)[index].strip() for _, line in self.lines]

    def _refuse(self, wrong: Sequence[bool], index: int, what: str) -> None:
        """Raise RecordingError for the first row that is wrong, if any."""
        rows = np.flatnonzero(wrong)
        if len(rows):
            number, shown = self.lines[rows[0]][0], self._texts(index)[rows[0]][:40]
            raise RecordingError(f"{self.path} line {number}: '{shown}' is no {what}.")


def read_table(path: Path, min_fields: int) -> Table:
    """Read a table of numbers.

    A last row with too few fields was cut off by a full disk or a crash and is left out.

    Raises
    ------
    RecordingError
        The file is missing or no text, holds no row, or a row other than the last has too few fields.
    """
    lines = [(i, line) for i, line in enumerate(read_text(path)[0].split("\n"), 1) if line.strip()]
    # the programs write commas or tabs, spreadsheets of some countries semicolons
    delimiter = next((one for one in "\t;" if lines and one in lines[0][1]), ",")
    header = None
    if lines and to_number(lines[0][1].split(delimiter)[0]) is None:
        header = tuple(name.strip().lower() for name in lines.pop(0)[1].split(delimiter))
        min_fields = max(min_fields, len(header))
    values = _numbers([line for _, line in lines], delimiter)
    cut = False
    if values is None or values.shape[1] < min_fields:
        cut = bool(lines) and _n_fields(lines[-1][1], delimiter) < min_fields
        if cut:
            lines.pop()
        for number, line in lines:
            if _n_fields(line, delimiter) < min_fields:
                raise RecordingError(
                    f"{path} line {number} has {_n_fields(line, delimiter)} fields instead of {min_fields}."
                )
        values = _numbers([line for _, line in lines], delimiter)
    if not lines:
        raise RecordingError(f"{path} holds no row; copy it from the recording computer again.")
    return Table(path, header, lines, delimiter, cut, values)


def _numbers(lines: list[str], delimiter: str) -> np.ndarray | None:
    """Give rows as float64 [n, fields], or None where they are not all finite numbers: then they are gone through."""
    try:
        # ten times as fast as float() of each field
        values = np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2) if lines else None
    except ValueError:
        return None
    return values if values is not None and np.isfinite(values).all() else None


def _n_fields(line: str, delimiter: str) -> int:
    return line.count(delimiter) + 1


def to_number(text: str) -> float | None:
    """Give the finite number a field holds, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
