"""From the folder a user names to the recordings in it. Needs no database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import daq
from ..errors import RecordingError
from ..paths import find_full_path, get_miniscope_root_data_dir
from ..spelling import on_disk


@dataclass(frozen=True)
class Opened:
    """A folder whose recordings were opened.

    Attributes
    ----------
    folder : Path
        The folder: that of a recording, or one above.
    sessions : list of daq.Session
        In the order of their starts.
    problems : list of str
        Why others cannot be opened, a sentence each.
    split : bool
        Whether the folder is above them.
    """

    folder: Path
    sessions: list[daq.Session]
    problems: list[str]
    split: bool


def find_folder(folder: Path) -> Path:
    """Return a folder as it is named, or below a root directory, as the database names it.

    Raises
    ------
    RecordingError
        It is relative, and neither here nor below a root directory.
    """
    folder = on_disk(folder.expanduser())
    if folder.exists():
        return folder.resolve() if ".." in folder.parts else folder
    if folder.is_absolute():  # opening it says what is wrong
        return folder
    roots = get_miniscope_root_data_dir()
    if any(on_disk(root / folder).exists() for root in roots):
        return find_full_path(roots, folder)
    hints = [hint for base in (Path.cwd(), *roots) if (hint := daq.nearest_folder(base / folder))]
    where = (
        f"nor below the root directories ({', '.join(map(str, roots))})"
        if roots
        else "and no root directory is configured"
    )
    told = f"did you mean {hints[0]}?" if hints else "check its spelling and whether the drive is connected."
    raise RecordingError(f"{folder} is not in the current folder, {where}; {told}")


def open_folder(folder: str | Path, acq_software: str | None = None) -> Opened:
    """Open the recordings of a folder, without reading their frames.

    Parameters
    ----------
    folder : path
        A session's folder, or one device's; or any folder above those of recordings, such as a day's or an animal's.
    acq_software : str, optional
        The layout they must have; by default any.

    Raises
    ------
    RecordingError
        It holds no recording, or none that can be opened.
    """
    folders = [] if daq.is_recording(folder) else daq.find_sessions(folder)
    if not folders:
        session = daq.open_session(folder, acq_software, allow_broken=True)
        return Opened(session.folder, [session], [], False)
    opened, problems = [], []
    for part in folders:
        try:
            opened.append(daq.open_session(part, acq_software, allow_broken=True))
        except RecordingError as error:
            problems.append(str(error))
    if not opened:
        raise RecordingError(problems[0])
    # by the rig's clock where UTC is not known; the names of the folders are times, too
    opened.sort(key=lambda session: (str(session.start_utc or session.start_local or ""), session.folder.as_posix()))
    return Opened(on_disk(Path(folder).expanduser().absolute()), opened, problems, True)
