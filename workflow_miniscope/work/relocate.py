"""Tell the database where a renamed or moved folder of recordings is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import daq
from ..elements.stored_values import naive_utc
from ..errors import NothingMatched, RecordingError, nearest
from ..paths import find_full_path, get_facemap_root_data_dir, get_miniscope_root_data_dir, to_relative
from ..spelling import composed
from .change import Change

#: Tables with paths of raw data, and their columns.
_PATHS = (
    ("session", "SessionDirectory", "session_dir"),
    ("miniscope", "RecordingInfo.File", "file_path"),
    ("facemap", "VideoRecording.File", "file_path"),
)


def plan(old: str, new: str) -> Change:
    """Say what telling the new place would do.

    Parameters
    ----------
    old : str
        The folder as the database has it: of a session, or one above sessions, such as an animal's.
    new : str
        Where it is now, below a root directory or relative to one.

    Raises
    ------
    NothingMatched
        No session lies in the old folder.
    RecordingError
        The new folder is not there, or holds other recordings.
    """
    before = _as_stored(old)
    after = to_relative(get_miniscope_root_data_dir(), find_full_path(get_miniscope_root_data_dir(), new))
    moved = _moved(before, after)
    if not moved[0][1]:
        raise NothingMatched(_no_session(before))
    _check_sessions(moved[0][1])
    _check_files([row for _, rows, _ in moved[1:] for row in rows])
    sentences = [f"{row['session_dir']} is now {row['new']}." for row in moved[0][1]]
    files = sum(len(rows) for _, rows, _ in moved[1:])

    def make() -> None:
        for table, rows, column in moved:
            for row in rows:
                key = {name: row[name] for name in table.primary_key}
                table.update1({**key, column: row["new"]})

    return Change((*sentences, f"{files} files get their new paths."), make)


def _as_stored(path: str) -> str:
    """Return a path as the database has it, whether it is there any more or not."""
    text = composed(path.replace("\\", "/")).rstrip("/")
    for root in get_miniscope_root_data_dir():
        for form in (str(root), str(root.resolve())):
            if text.startswith(composed(form).replace("\\", "/") + "/"):
                return text[len(form) + 1 :]
    return text.removeprefix("./")


def _moved(before: str, after: str) -> list[tuple[Any, list[dict[str, Any]], str]]:
    """Return for each table the rows below a folder, with their new path as ``new``."""
    from .. import pipeline

    found = []
    for schema, name, column in _PATHS:
        table: Any = getattr(pipeline, schema)
        for part in name.split("."):
            table = getattr(table, part)
        table = table()
        rows = table.proj(column).to_dicts()
        inside = [row for row in rows if row[column] == before or row[column].startswith(before + "/")]
        found.append((table, [{**row, "new": after + row[column][len(before) :]} for row in inside], column))
    return found


def _no_session(before: str) -> str:
    from ..pipeline import session

    there = session.SessionDirectory.to_arrays("session_dir").tolist()
    near = nearest(before, there)
    hint = f"; did you mean '{near}'?" if near else "; `workflow-miniscope list --csv` shows the folders that are."
    return f"No session of the database lies in '{before}'{hint}"


def _check_sessions(rows: list[dict[str, Any]]) -> None:
    """Refuse a folder that holds another recording than the one that was there."""
    roots = get_miniscope_root_data_dir()
    for row in rows:
        recorded = daq.open_session(find_full_path(roots, row["new"]), allow_broken=True)
        start = naive_utc(recorded.start_utc)
        if start is not None and start != row["session_datetime"]:
            raise RecordingError(
                f"{row['new']} started at {start} UTC, but {row['session_dir']} at {row['session_datetime']}: it is "
                "another recording."
            )


def _check_files(rows: list[dict[str, Any]]) -> None:
    roots: list[Path] = [*get_miniscope_root_data_dir(), *get_facemap_root_data_dir()]
    for row in rows:
        find_full_path(roots, row["new"])
