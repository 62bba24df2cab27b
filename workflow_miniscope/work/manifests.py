"""CSV manifests: what the user lists in ``subjects.csv`` and ``sessions.csv``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..errors import ManifestError, did_you_mean
from ..spelling import composed


@dataclass(frozen=True)
class Row:
    """One line of a manifest. ``values`` holds the text of the cells that are not empty, letters composed."""

    path: Path
    line: int
    values: dict[str, str]


def read_manifest(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """Read a manifest with pandas, every cell as text.

    Parameters
    ----------
    path : Path
        CSV file with a header; commas or semicolons between the cells.
    required, optional : sequence of str
        Columns it must have, and those it may have besides.

    Raises
    ------
    ManifestError
        The file is missing or is no CSV, or has a column too few or one that no table knows.
    """
    if not path.is_file():
        raise ManifestError(f"{path} does not exist; make it with the columns {','.join(required)}.")
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        table = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            sep=";" if header.count(";") > header.count(",") else ",",  # spreadsheets differ by country
            skip_blank_lines=False,
            index_col=False,
        )
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ManifestError(f"{path} is not a readable CSV file ({str(error).strip()}).") from None
    table.columns = [str(column).strip() for column in table.columns]

    missing = [column for column in required if column not in table]
    if missing:
        raise ManifestError(f"{path} has no column '{missing[0]}'; it needs {','.join(required)}.")
    known = [*required, *optional]
    for column in table.columns:
        if column not in known:
            hint = did_you_mean(column, known, f"known are {', '.join(known)}.")
            raise ManifestError(f"{path} has the unknown column '{column}'; {hint}")
    return list(_rows(path, table))


def _rows(path: Path, table: pd.DataFrame) -> Iterator[Row]:
    for number, record in enumerate(table.to_dict("records"), start=2):  # line 1 is the header
        values = {
            str(name): composed(str(cell)).strip()
            for name, cell in record.items()
            if str(cell).strip() not in ("", "nan")
        }
        if values:
            yield Row(path, number, values)
