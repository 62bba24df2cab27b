"""Find sessions and open them, whatever their layout."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ..errors import RecordingError
from ..spelling import on_disk
from . import legacy, qt
from .model import ACQ_SOFTWARE, Device, Session

logger = logging.getLogger(__name__)


def open_session(folder: str | Path, acq_software: str | None = None, allow_broken: bool = False) -> Session:
    """Describe the recording in a folder, without reading its videos.

    Parameters
    ----------
    folder : path
        A session's folder, or one device's folder of Miniscope-DAQ-QT: then the session has that device only, and its
        metadata come from the folder above, where they are.
    acq_software : str, optional
        The layout it must have, one of ``ACQ_SOFTWARE``; by default either.
    allow_broken : bool
        List devices of a session that cannot be opened under its ``broken``, so that they do not hide the others.

    Returns
    -------
    Session
        Its ``warnings`` say what is missing or unusual.

    Raises
    ------
    RecordingError
        The folder is missing or empty, is no recording, or of another layout; metadata or videos are missing or wrong.
    """
    if acq_software is not None and acq_software not in ACQ_SOFTWARE:
        raise RecordingError(f"acq_software is '{acq_software}'; write {' or '.join(ACQ_SOFTWARE)}.")
    folder = on_disk(Path(folder).expanduser().absolute())
    if not folder.exists():
        raise RecordingError(f"{folder} does not exist; check its spelling and whether the drive is connected.")
    if not folder.is_dir():
        raise RecordingError(f"{folder} is a file; name the folder of the recording.")
    try:
        layout = _layout(folder)
        if layout is None:
            raise RecordingError(_no_recording(folder))
        if acq_software not in (None, layout):
            raise RecordingError(
                f"{folder} is in the layout of {layout}, not {acq_software} (which names the program, not the scope); "
                f"write {layout} as its acq_software."
            )
        if layout == legacy.ACQ_SOFTWARE:
            return legacy.open_session(folder)
        if qt.is_device_folder(folder):
            return qt.open_session(qt.session_folder(folder), folder, allow_broken)
        return qt.open_session(folder, allow_broken=allow_broken)
    except OSError as error:
        raise RecordingError(f"{folder} cannot be read ({error}).") from None


def recording_folders(folder: str | Path) -> list[Path]:
    """Give the recordings of a session that was stopped and started again: the folders in it, sorted by name.

    Parameters
    ----------
    folder : path
        The folder they are in, such as that of a day.

    Returns
    -------
    list of Path
        Empty where the folder is itself a recording, or holds none.
    """
    folder = on_disk(Path(folder).expanduser().absolute())
    try:
        if not folder.is_dir() or _layout(folder):
            return []
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        return [path for path in inside if _layout(path)]
    except OSError as error:
        raise RecordingError(f"{folder} cannot be read ({error}).") from None


def open_device(folder: str | Path) -> Device:
    """Describe the one device in a folder.

    Parameters
    ----------
    folder : path
        A device's folder, or that of a session with one scope: then that scope.

    Raises
    ------
    RecordingError
        As ``open_session``; or there are several scopes to choose from.
    """
    session = open_session(folder)
    if len(session.devices) == 1:
        return session.devices[0]
    if len(session.scopes) == 1:
        return session.scopes[0]
    names = ", ".join(str(device.folder.name) for device in session.scopes or session.devices)
    raise RecordingError(f"{session.folder} holds several devices ({names}); name the folder of one of them.")


def find_sessions(root: str | Path) -> list[Path]:
    """Find the session folders below a folder.

    Parameters
    ----------
    root : path
        Any folder; a session's folder finds itself.

    Returns
    -------
    list of Path
        Sorted. Folders that start with a dot are not entered.

    Raises
    ------
    RecordingError
        The folder is missing.
    """
    root = on_disk(Path(root).expanduser().absolute())
    if not root.is_dir():
        raise RecordingError(f"{root} is no folder; check its spelling and whether the drive is connected.")
    found = []
    for name, below, _ in os.walk(root):
        folder = Path(name)
        try:
            layout = _layout(folder)
        except OSError as error:
            logger.warning("%s cannot be read (%s); recordings in it are not found.", folder, error)
            continue
        if layout:
            found.append(folder)
            below.clear()
        below[:] = sorted(entry for entry in below if not entry.startswith("."))
    return sorted(found)


def _layout(folder: Path) -> str | None:
    """Tell a session's layout, or None where the folder is no session."""
    if legacy.is_session_folder(folder):
        return legacy.ACQ_SOFTWARE
    if qt.is_device_folder(folder) or any(map(qt.is_device_folder, qt.device_folders(folder))):
        return qt.ACQ_SOFTWARE
    return None


def _no_recording(folder: Path) -> str:
    if not any(folder.iterdir()):
        return f"{folder} is empty; name the folder of a recording."
    below = recording_folders(folder)
    if below:
        return f"{folder} holds {len(below)} recordings, such as {below[0].name}; name the folder of one of them."
    return f"{folder} holds no recording (no folder of AVI files and time stamps); name the folder of one session."
