"""Finding recordings below a folder."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import RecordingError
from . import legacy, qt


def find_sessions(root: Path | str) -> list[Path]:
    """Find the folders of sessions below a folder, itself included.

    A device folder that no session's ``metaData.json`` is above counts as a session. Hidden folders are left out.

    Parameters
    ----------
    root : Path or str
        Where to look.

    Returns
    -------
    list of Path
        In the order of a person's counting: ``H9_M5_S1`` before ``H10_M1_S1``.

    Raises
    ------
    RecordingError
        There is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise RecordingError(f"{root} is no folder; name the folder that holds the recordings.")
    found: list[Path] = []
    seen: set[Path] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        real = folder.resolve()
        if real in seen:  # a link to a folder above would never end
            continue
        seen.add(real)
        names = qt.list_names(folder)
        if (
            legacy.is_session(names)
            or qt.is_device(folder)
            or (qt.METADATA in names and qt.device_folders(folder))
        ):
            found.append(folder)
        else:
            waiting += qt.subfolders(folder)
    return sorted(found, key=_counting)


def _counting(path: Path) -> list[tuple]:
    return [
        tuple(
            (0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in re.split(r"([0-9]+)", part)
        )
        for part in path.parts
    ]
