"""CSV manifests: what the user lists in ``subjects.csv`` and ``sessions.csv``."""

from __future__ import annotations

import codecs
import io
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..errors import ManifestError, did_you_mean
from ..spelling import composed

SUBJECT_COLUMNS = ("subject", "sex", "subject_birth_date", "subject_description")
#: What archives ask for; it may be filled in later
DESCRIPTION_COLUMNS = ("species", "strain", "genotype")
SUBJECT_OPTIONAL = ("subject_nickname", *DESCRIPTION_COLUMNS)
SESSION_COLUMNS = ("subject", "session_dir", "acq_software")
SESSION_OPTIONAL = (
    "session_datetime",
    "session_note",
    "recording_notes",
    "user",
    "project",
    "recording_location_id",
)

#: Characters that the tables take in a database that is declared by this version (see ``elements.translation.WIDER``).
SUBJECT_LENGTH, SESSION_DIR_LENGTH = 32, 256

logger = logging.getLogger(__name__)

# How files of spreadsheets begin
_SPREADSHEETS = {b"PK\x03\x04": "a spreadsheet (Excel, LibreOffice or Numbers)", b"\xd0\xcf\x11\xe0": "Excel"}


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
        CSV file with a header; commas, semicolons or tabs between the cells. UTF-8, UTF-16, or what Windows writes in
        western Europe, which is warned of.
    required, optional : sequence of str
        Columns it must have, and those it may have besides.

    Raises
    ------
    ManifestError
        The file is missing or is no CSV, or has columns too few or ones that no table knows; all of them are named.
    """
    if not path.is_file():
        raise ManifestError(f"{path} does not exist; make it with the columns {','.join(required)}.")
    table = _parse(path, read_text(path))
    missing = [column for column in required if column not in table]
    known = [*required, *optional]
    problems = []
    if missing:
        problems.append(f"{path} has no column {_quoted(missing)}; it needs {','.join(required)}.")
    for column in table.columns:
        if column not in known:
            hint = did_you_mean(column, known, f"known are {', '.join(known)}.")
            problems.append(f"{path} has the unknown column '{column}'; {hint}")
    if problems:
        raise ManifestError(" ".join(problems))
    return list(_rows(path, table))


def read_text(path: Path) -> str:
    """Return the text of a CSV file, whatever wrote it.

    Raises
    ------
    ManifestError
        It cannot be read, or is a spreadsheet's own file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path} cannot be read ({error.strerror}).") from None
    for mark, program in _SPREADSHEETS.items():
        if content.startswith(mark):
            raise ManifestError(
                f"{path} is a file of {program}, not CSV; save it as CSV there (in Excel: 'CSV UTF-8'), and name that."
            )
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        raise ManifestError(f"{path} is no text in UTF-8; save it as 'CSV UTF-8'.") from None
    word = next((word for word in re.findall(r"\w+", text) if not word.isascii()), "")
    logger.warning("%s is not in UTF-8 and is read as Windows writes it: is '%s' right?", path, word)
    return text


def separator(text: str) -> str:
    """Return what separates the cells, by the header: spreadsheets differ by country."""
    header = text.partition("\n")[0]
    return max((",", ";", "\t"), key=header.count)


def _parse(path: Path, text: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(
            io.StringIO(text),
            dtype=str,
            keep_default_na=False,
            sep=separator(text),
            skip_blank_lines=False,
            index_col=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ManifestError(f"{path} is not a readable CSV file ({str(error).strip()}).") from None
    table.columns = pd.Index([str(column).strip() for column in table.columns])
    return table


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _rows(path: Path, table: pd.DataFrame) -> Iterator[Row]:
    for number, record in enumerate(table.to_dict("records"), start=2):  # line 1 is the header
        values = {
            str(name): composed(str(cell)).strip()
            for name, cell in record.items()
            if str(cell).strip() not in ("", "nan")
        }
        if values:
            yield Row(path, number, values)


def too_long(name: str, value: str, longest: int) -> str:
    """Say that a text is longer than its column, and what to do."""
    what_to_do = {
        "subject": "write a shorter name for the animal, the same in both manifests",
        "session_dir": "move the session's folder nearer to its root directory, or add a root directory nearer to it",
    }.get(name, "shorten it")
    if name == "subject" and longest < SUBJECT_LENGTH:
        what_to_do += f" (a database declared by this version takes {SUBJECT_LENGTH})"
    return f"{name} '{value}' has {len(value)} characters, the table takes {longest}; {what_to_do}."
