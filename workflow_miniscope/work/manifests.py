"""CSV manifests: what the user lists in ``subjects.csv`` and ``sessions.csv``."""

from __future__ import annotations

import codecs
import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

#: Columns of a file that may be a manifest: of one with thousands, nobody wants each unknown name told
MOST_COLUMNS = 100

logger = logging.getLogger(__name__)

# How files of spreadsheets begin
_SPREADSHEETS = {b"PK\x03\x04": "a spreadsheet (Excel, LibreOffice or Numbers)", b"\xd0\xcf\x11\xe0": "Excel"}


@dataclass(frozen=True)
class Row:
    """One line of a manifest.

    Attributes
    ----------
    path : Path
        The file.
    line : int
        Number of the line that it begins in, from 1.
    values : dict of str
        Text of the cells that are not empty, by column, letters composed.
    problem : str
        What is wrong with the row as a whole, as a sentence; empty where it can be read.
    """

    path: Path
    line: int
    values: dict[str, str]
    problem: str = ""


def read_manifest(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """Read a manifest, every cell as text.

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
    header, rows = _parse(path, read_text(path))
    missing = [column for column in required if column not in header]
    known = [*required, *optional]
    problems = []
    if len(header) > MOST_COLUMNS:
        raise ManifestError(f"{path} has {len(header)} columns, of which {len(known)} are known: is it another file?")
    if missing:
        problems.append(f"{path} has no column {_quoted(missing)}; it needs {','.join(required)}.")
    for column in dict.fromkeys(header):
        if header.count(column) > 1:
            problems.append(f"{path} has {header.count(column)} columns '{column}'; leave one.")
        if column not in known:
            hint = did_you_mean(column, known, f"known are {', '.join(known)}.")
            problems.append(f"{path} has the unknown column '{column}'; {hint}")
    if problems:
        raise ManifestError(" ".join(problems))
    return list(_rows(path, header, rows))


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


def _parse(path: Path, text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the names of the columns, and each row's first line and cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator(text))
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise ManifestError(f"{path} is not a readable CSV file ({error}).") from None
    while header and not header[-1]:
        header.pop()
    if not header:
        raise ManifestError(f"{path} is not a readable CSV file: its first line must name the columns.")
    return header, _cells(path, reader)


def _cells(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    while True:
        line = reader.line_num + 1  # where the row begins: text in quotes may have several lines
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ManifestError(f"{path} is not a readable CSV file (line {line}: {error}).") from None
        yield line, cells


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _rows(path: Path, header: Sequence[str], rows: Iterable[tuple[int, list[str]]]) -> Iterator[Row]:
    for line, cells in rows:
        texts = [composed(cell).strip() for cell in cells]
        values = {name: text for name, text in zip(header, texts, strict=False) if text not in ("", "nan")}
        problem = ""
        if any(texts[len(header) :]):
            problem = (
                f"the row has {len(texts)} cells, the header {len(header)}: put a text that holds the separator in "
                'quotes, such as "a, b".'
            )
        if values or problem:
            yield Row(path, line, values, problem)


def too_long(name: str, value: str, longest: int) -> str:
    """Say that a text is longer than its column, and what to do."""
    what_to_do = {
        "subject": "write a shorter name for the animal, the same in both manifests",
        "session_dir": "move the session's folder nearer to its root directory, or add a root directory nearer to it",
    }.get(name, "shorten it")
    if name == "subject" and longest < SUBJECT_LENGTH:
        what_to_do += f" (a database declared by this version takes {SUBJECT_LENGTH})"
    return f"{name} '{value}' has {len(value)} characters, the table takes {longest}; {what_to_do}."
