"""Find sessions and open them, whatever their layout."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ..errors import RecordingError, nearest
from ..spelling import on_disk
from . import legacy, qt
from .model import ACQ_SOFTWARE, Device, Session

logger = logging.getLogger(__name__)

#: Folders that may lie between the one that is searched and a session. The program makes five (researcher, experiment,
#: animal, date, time), laboratories put some above.
MAX_DEPTH = 12


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
    folder = _absolute(folder)
    if not folder.exists():
        raise RecordingError(_missing(folder))
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


def is_recording(folder: str | Path) -> bool:
    """Whether a folder is there and is that of a session or device, not one above those.

    Raises
    ------
    RecordingError
        It cannot be read.
    """
    folder = _absolute(folder)
    try:
        return folder.is_dir() and _layout(folder) is not None
    except OSError as error:
        raise RecordingError(f"{folder} cannot be read ({error}).") from None


def nearest_folder(folder: Path) -> Path | None:
    """Give the folder that may have been meant by one that is missing: where only its last name is a little other."""
    there = folder.parent
    if not there.is_dir():
        return None
    try:
        near = nearest(folder.name, [path.name for path in there.iterdir() if path.is_dir()])
    except OSError:
        return None
    return None if near is None else there / near


def _missing(folder: Path) -> str:
    near = nearest_folder(folder)
    told = "check its spelling and whether the drive is connected." if near is None else f"did you mean {near}?"
    return f"{folder} does not exist; {told}"


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
    folder = _absolute(folder)
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
        Sorted; down to ``MAX_DEPTH`` folders below. Folders that start with a dot are not entered, nor are links to
        folders, which may lead outside or around in circles. Within a session, another one is found by its own
        metadata.

    Raises
    ------
    RecordingError
        The folder is missing.
    """
    root = _absolute(root)
    if not root.exists():
        raise RecordingError(_missing(root))
    if not root.is_dir():
        raise RecordingError(f"{root} is a file; name a folder.")
    found: list[Path] = []
    within: set[Path] = set()  # sessions with metadata and what is in them, where videos alone may be anything
    parts: set[Path] = set()  # folders that are of a session
    for name, below, _ in os.walk(root):
        folder = Path(name)
        try:
            if folder.parent in within:
                within.add(folder)
            if _layout(folder) and (folder not in within or qt.has_metadata(folder)):
                found.append(folder)
                parts |= legacy.parts(folder) if legacy.is_session_folder(folder) else qt.parts(folder)
                within |= {folder} if qt.has_metadata(folder) else set()
        except OSError as error:
            logger.warning("%s cannot be read (%s); recordings in it are not found.", folder, error)
            below.clear()
        if len(folder.relative_to(root).parts) >= MAX_DEPTH:
            below.clear()
        below[:] = sorted(entry for entry in below if not entry.startswith(".") and folder / entry not in parts)
        for entry in below:
            _tell_link(folder / entry, root)
    return sorted(found)


def _tell_link(folder: Path, root: Path) -> None:
    """Say that a folder elsewhere is not searched; what is below the root is found without its links."""
    if folder.is_symlink() and not (there := folder.resolve()).is_relative_to(root.resolve()):
        logger.warning(
            "%s is a link to %s, and is not searched for recordings: name that folder itself.", folder, there
        )


def _absolute(folder: str | Path) -> Path:
    return on_disk(Path(folder).expanduser().absolute())


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
    below = find_sessions(folder)
    if below:
        such = below[0].relative_to(folder)
        held = "a recording" if len(below) == 1 else f"{len(below)} recordings, such as"
        return f"{folder} holds {held} {such}; name the folder of {'it' if len(below) == 1 else 'one of them'}."
    return f"{folder} holds no recording (no folder of AVI files and time stamps); name the folder of one session."
