"""Opening a folder of either layout."""

from __future__ import annotations

from pathlib import Path

from ..errors import RecordingError
from . import legacy, qt
from .model import Device, Session

QT, LEGACY = qt.SOFTWARE, legacy.SOFTWARE


def open_session(folder: Path | str, acq_software: str | None = None) -> Session:
    """Describe a session folder, or a device folder on its own. Reads metadata only.

    Parameters
    ----------
    folder : Path or str
        A session's folder, with the devices' folders in it or one level deeper; or one device's folder, which
        gives the session with this one device (its metadata is looked for in the folders above).
    acq_software : str, optional
        Layout that the folder is expected to have: ``Miniscope-DAQ-V4`` or ``Miniscope-DAQ-V3``.

    Raises
    ------
    RecordingError
        The folder is missing or holds no recording, a file is missing or damaged, or ``acq_software`` is unknown
        or does not fit.
    """
    folder = Path(folder)
    if acq_software is not None and acq_software not in (QT, LEGACY):
        raise RecordingError(f"acq_software '{acq_software}' is unknown; write {QT} or {LEGACY}.")
    found = layout(folder)
    if found is None:
        raise RecordingError(_nothing(folder))
    if acq_software not in (None, found):
        raise RecordingError(
            f"{folder} has the layout of {found}, not of {acq_software}; correct its acq_software."
        )
    if found == LEGACY:
        return legacy.open_session(folder)
    return qt.open_device_session(folder) if qt.is_device(folder) else qt.open_session(folder)


def open_device(folder: Path | str) -> Device:
    """Describe one device's folder; of a legacy session, its scope.

    Raises
    ------
    RecordingError
        As for :func:`open_session`; or the folder is a session's, with several devices.
    """
    session = open_session(folder)
    if session.acq_software == QT and len(session.devices) > 1:
        names = ", ".join(device.name for device in session.devices)
        raise RecordingError(f"{folder} is the folder of a session; name one device's in it: {names}.")
    return session.devices[0]


def layout(folder: Path) -> str | None:
    """Give the software that wrote a folder, None if it is no session's or device's.

    Raises
    ------
    RecordingError
        There is no such folder.
    """
    if not folder.exists():
        raise RecordingError(f"{folder} does not exist.")
    if not folder.is_dir():
        raise RecordingError(f"{folder} is a file; name the folder of a recording.")
    if legacy.is_session(qt.list_names(folder)):
        return LEGACY
    return QT if qt.is_device(folder) or qt.device_folders(folder) else None


def _nothing(folder: Path) -> str:
    if not qt.list_names(folder):
        return f"{folder} is empty."
    return f"{folder} holds no recording: no AVI video of Miniscope-DAQ is in it or in the folders in it."
