"""Sessions found below a folder, proposed for the manifests: nothing that somebody has written there is changed."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import daq
from ..errors import ManifestError, RecordingError
from ..paths import get_miniscope_root_data_dir, to_relative
from ..spelling import composed
from ..whole_files import whole
from .manifests import (
    SESSION_COLUMNS,
    SESSION_DIR_LENGTH,
    SESSION_OPTIONAL,
    SUBJECT_COLUMNS,
    SUBJECT_LENGTH,
    SUBJECT_OPTIONAL,
    read_manifest,
    read_text,
    separator,
    too_long,
)


@dataclass(frozen=True)
class Merged:
    """What became of a manifest.

    Attributes
    ----------
    path : Path
        The file.
    added : int
        Rows that were added at its end.
    there : int
        Rows that had been there and stay as they are.
    """

    path: Path
    added: int
    there: int

    def __str__(self) -> str:
        return f"{self.path}: {self.added} new rows, {self.there} there already and left as they are"


def merge(
    path: Path,
    rows: Sequence[Mapping[str, str]],
    by: str,
    required: Sequence[str],
    optional: Sequence[str] = (),
) -> Merged:
    """Add rows to the end of a manifest, or make it; all at once, or not at all.

    Parameters
    ----------
    path : Path
        CSV file; it keeps its separator, columns, order and everything that is in it.
    rows : sequence of mapping
        Values by column.
    by : str
        The column that tells whether a row is there already.
    required, optional : sequence of str
        Columns as :func:`.manifests.read_manifest` takes them; a new file gets the required ones.

    Raises
    ------
    ManifestError
        The file is there and is no manifest with these columns, or it cannot be written.
    """
    text, header, there = "", list(required), []
    if path.exists() and path.stat().st_size:
        there = read_manifest(path, required, optional)
        text = read_text(path)
        header = [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=separator(text)))]
    known = {row.values.get(by) for row in there}
    new = [row for row in rows if composed(row[by]) not in known]
    if new or not text:
        _write(path, text, header, new)
    return Merged(path, len(new), len(there))


def _write(path: Path, text: str, header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    end = "\r\n" if "\r\n" in text else "\n"
    added = io.StringIO()
    writer = csv.writer(added, delimiter=separator(text) if text else ",", lineterminator=end)
    if not text:
        writer.writerow(header)
    elif not text.endswith("\n"):
        added.write(end)
    writer.writerows([row.get(name, "") for name in header] for row in rows)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            partial.write_bytes((text + added.getvalue()).encode("utf-8"))
    except OSError as error:
        raise ManifestError(f"{path} cannot be written ({error.strerror or error}).") from None


def walk(root: Path) -> pd.DataFrame:
    """Find the sessions below a folder.

    Parameters
    ----------
    root : Path
        A folder anywhere above session folders.

    Returns
    -------
    pandas.DataFrame
        Columns subject, session_dir, acq_software, one row a session: what ``sessions.csv`` needs. session_dir is
        relative to the root directory it lies below. Where a recording does not name its animal, subject is empty.
        Names that the tables do not take are said on standard error, with their rows.

    Raises
    ------
    RecordingError
        The folder does not exist, holds no session, or lies outside the root directories.
    """
    rows = []
    roots = get_miniscope_root_data_dir() or [root]
    for folder in daq.find_sessions(root):
        try:
            recorded = daq.open_session(folder)
        except RecordingError as error:
            print(f"Skipped: {error}", file=sys.stderr)
            continue
        rows.append((recorded.animal or "", to_relative(roots, folder), recorded.acq_software))
    if not rows:
        raise RecordingError(f"No Miniscope-DAQ session is found below {root}; is it the folder the recordings are in?")
    for line, (animal, session_dir, _) in enumerate(rows, 2):  # line 1 is the header
        for name, value, longest in (
            ("subject", animal, SUBJECT_LENGTH),
            ("session_dir", session_dir, SESSION_DIR_LENGTH),
        ):
            if len(value) > longest:
                print(f"Line {line}: {too_long(name, value, longest)}", file=sys.stderr)
    return pd.DataFrame(rows, columns=["subject", "session_dir", "acq_software"])


def propose(
    root: Path, sessions_csv: Path, subjects_csv: Path | None = None, ask: Callable[[str], dict[str, str]] | None = None
) -> list[Merged]:
    """Add the sessions below a folder to a manifest, and their animals to another; what is in them stays as it is.

    Parameters
    ----------
    root : Path
        A folder anywhere above session folders.
    sessions_csv, subjects_csv : Path
        Files to make, or to add to; animals only where the second is given.
    ask : callable, optional
        Is given the name of a new animal, and gives what is known of it: ``sex``, ``subject_birth_date``,
        ``subject_description``. What is left out is empty, for somebody to fill in.

    Raises
    ------
    RecordingError
        As :func:`walk`; no file is touched then.
    ManifestError
        A file that is there is no such manifest, or cannot be written.
    """
    found = walk(root)
    rows = [{str(name): str(value) for name, value in row.items()} for row in found.to_dict("records")]
    merged = []
    if subjects_csv is not None:
        there = _subjects_of(subjects_csv)
        animals = [name for name in dict.fromkeys(row["subject"] for row in rows) if name and name not in there]
        told = [{"subject": name, **(ask(name) if ask else {})} for name in animals]
        merged.append(merge(subjects_csv, told, "subject", SUBJECT_COLUMNS, SUBJECT_OPTIONAL))
    merged.append(merge(sessions_csv, rows, "session_dir", SESSION_COLUMNS, SESSION_OPTIONAL))
    return merged


def _subjects_of(path: Path) -> set[str]:
    if not path.exists() or not path.stat().st_size:
        return set()
    return {row.values.get("subject", "") for row in read_manifest(path, SUBJECT_COLUMNS, SUBJECT_OPTIONAL)}
