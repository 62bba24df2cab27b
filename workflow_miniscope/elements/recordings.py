"""From rows to the recordings that they are of: the folder of a session, a scope, a camera."""

from __future__ import annotations

from pathlib import Path

from .. import daq
from ..errors import RecordingError
from ..paths import find_full_path, get_facemap_root_data_dir, get_miniscope_root_data_dir


def find_session_folder(session_dir: str) -> Path:
    """Return the folder of a session from its path in the database."""
    return find_full_path(get_miniscope_root_data_dir(), session_dir)


def find_videos(files: list[str]) -> list[Path]:
    """Return the full paths of a camera's files from those in the database."""
    roots = get_facemap_root_data_dir()
    return [find_full_path(roots, path) for path in files]


def open_scope(folder: Path, acq_software: str, device: str) -> daq.Device:
    """Open a session and give one of its scopes; other devices may be broken.

    Raises
    ------
    RecordingError
        The session or the scope is not there, or cannot be read.
    """
    recorded = daq.open_session(folder, acq_software, allow_broken=True)
    for broken in recorded.broken:
        if broken.name == device:
            raise RecordingError(broken.problem)
    return recorded.device(device)


def open_camera(paths: list[Path]) -> tuple[daq.Session, daq.Device]:
    """Open the session that some files are of, and give it with the camera that recorded them.

    Raises
    ------
    RecordingError
        No camera recorded exactly these.
    """
    recorded = daq.open_session(paths[0].parent)
    return recorded, recorded.device_with(paths)
