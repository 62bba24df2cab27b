"""The layout of the legacy Miniscope program ("Miniscope-DAQ-V3").

A session's folder, such as data/10_5_2018/H14_M3_S7, holds msCam1.avi, msCam2.avi, ..., behavCam1.avi, ...,
timestamp.dat and settings_and_notes.dat. Its name is the rig's clock at the start; nothing says in which zone,
so ``start_utc`` is None.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import RecordingError
from . import avi
from .metadata import number, text
from .model import Device, Note, Session
from .table import Table, read_table, to_number
from .text import find_file, read_text
from .timestamps import TimeStamps

ACQ_SOFTWARE = "Miniscope-DAQ-V3"

_STAMPS = "timestamp.dat"
_SETTINGS = "settings_and_notes.dat"
_COLUMNS = ("camnum", "framenum", "sysclock", "buffer")
_VIDEO = re.compile(r"(msCam|behavCam)(\d{1,9})\.avi", re.IGNORECASE | re.ASCII)
_KINDS: dict[str, Literal["scope", "camera"]] = {"msCam": "scope", "behavCam": "camera"}
_FRAMES_PER_FILE = 1000
# Times are kept as unsigned 32-bit numbers, so one shortly before the start becomes a very large one
_WRAP = 2**32


class LegacyDevice(Device):
    """The scope or the camera of a session, in the folder both share."""

    @property
    def frames_per_file(self) -> int | None:
        """Frames in each video but the last: the program has no setting for it."""
        return _FRAMES_PER_FILE

    def time_stamps(self, n_frames: int) -> TimeStamps:
        """Read this camera's rows of timestamp.dat."""
        other = "behavCam" if self.name == "msCam" else "msCam"
        files = _videos(self.folder).get(other)
        n_other = sum(avi.scan(file).n_frames for file in files) if files else None
        return read_time_stamps(find_file(self.folder, _STAMPS), self.name, n_frames, n_other)


def is_session_folder(folder: Path) -> bool:
    """Whether a folder is a session of the legacy program."""
    return any(_VIDEO.fullmatch(path.name) or path.name.lower() == _STAMPS for path in folder.iterdir())


def parts(session: Path) -> set[Path]:
    """Give the folders that belong to a session: the program makes none, and what is there was put there."""
    return {path for path in session.iterdir() if path.is_dir()}


def open_session(folder: Path) -> Session:
    """Describe a session.

    Raises
    ------
    RecordingError
        There is no video, or one is missing between others.
    """
    videos = _videos(folder)
    if not videos:
        raise RecordingError(f"{folder} holds no AVI file; were the videos moved or converted?")
    settings, notes, problems = read_settings(find_file(folder, _SETTINGS))
    devices = tuple(
        LegacyDevice(
            name=name,
            kind=kind,
            folder=folder,
            device_type=None,
            files=videos[name],
            metadata=settings if kind == "scope" else {},
            led_power=number(settings.get("excitation")) if kind == "scope" else None,
        )
        for name, kind in _KINDS.items()
        if name in videos
    )
    return Session(
        folder=folder,
        acq_software=ACQ_SOFTWARE,
        start_utc=None,
        start_local=_start(folder),
        animal=text(settings.get("animal")),
        experimenter=None,
        experiment=None,
        devices=devices,
        metadata=settings,
        notes=notes,
        warnings=(*problems, f"{folder} does not say in which time zone it was recorded, so UTC is unknown."),
    )


def _videos(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Give the videos of each camera, msCam1.avi, msCam2.avi, ..., msCam10.avi."""
    names = {name.lower(): name for name in _KINDS}
    found: dict[str, dict[int, Path]] = {}
    for path in folder.iterdir():
        match = _VIDEO.fullmatch(path.name)
        if match and path.is_file():
            found.setdefault(names[match[1].lower()], {})[int(match[2])] = path
    for name, numbered in found.items():
        for expected, index in enumerate(sorted(numbered), 1):
            if index != expected:
                raise RecordingError(
                    f"{folder} has {name}{index}.avi but no {name}{expected}.avi; copy the missing video."
                )
    return {name: tuple(numbered[i] for i in sorted(numbered)) for name, numbered in found.items()}


def _start(folder: Path) -> datetime | None:
    """Read the rig's clock from the folders' names, such as 10_5_2018/H14_M3_S7."""
    time = re.fullmatch(r"H(\d{1,2})_M(\d{1,2})_S(\d{1,2})", folder.name)
    day = re.fullmatch(r"(\d{1,2})_(\d{1,2})_(\d{4})", folder.parent.name)
    if not time or not day:
        return None
    try:
        return datetime(int(day[3]), int(day[1]), int(day[2]), int(time[1]), int(time[2]), int(time[3]))
    except ValueError:
        return None


def read_time_stamps(path: Path, name: str, n_frames: int, n_other: int | None) -> TimeStamps:
    """Read one camera's rows of a timestamp.dat.

    Cameras have the numbers the operating system gave them that day; the number of frames tells which is which.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        ``msCam`` or ``behavCam``.
    n_frames : int
        Frames of its video.
    n_other : int or None
        Frames of the other camera's video, if there is one.

    Raises
    ------
    RecordingError
        The file is missing or wrong, or has more cameras than the program can record.
    """
    table = read_table(path, 4)
    if table.header and table.header[:4] != _COLUMNS:
        raise RecordingError(f"{path} has no columns camNum, frameNum, sysClock; is it the program's file?")
    warnings = []
    if table.cut:
        warnings.append(f"The last row of {path.name} is cut off and was left out.")
    camera, ambiguous = _choose(table, name, n_frames, n_other)
    if ambiguous:
        warnings.append(f"Both cameras of {path.name} fit the videos as well; camera {camera} is taken for {name}.")
    chosen = table.integers(0, "camera number") == camera
    times, problem = _repair_first(table.times(2)[chosen])
    if problem:
        warnings.append(problem)
    numbers = table.integers(1, "frame number")[chosen] - 1
    return TimeStamps(path, times / 1000, numbers, None, tuple(warnings))


def _choose(table: Table, name: str, n_frames: int, n_other: int | None) -> tuple[int, bool]:
    """Find a video's camera number by the number of its rows, and whether it could as well be the other."""
    known, rows = np.unique(table.integers(0, "camera number"), return_counts=True)
    if len(known) > 2:
        raise RecordingError(f"{table.path} has rows of {len(known)} cameras; the program records two at most.")
    if len(known) == 1:
        return int(known[0]), False
    off = np.abs(rows - n_frames)
    if n_other is not None:
        off = off + np.abs(rows[::-1] - n_other)
    if off[0] == off[1]:
        return int(known[0 if name == "msCam" else 1]), True
    return int(known[np.argmin(off)]), False


def _repair_first(times: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Correct a first time (ms) that is garbage: the frame was taken before Record was pressed."""
    if len(times) < 3 or times[0] <= times[1]:
        return times, None
    recorded, interval = times[0], float(np.median(np.diff(times[1:])))
    wrapped = recorded - _WRAP
    repaired = times.copy()
    repaired[0] = wrapped if 0 < times[1] - wrapped < 10 * interval else times[1] - interval
    return repaired, (
        f"The first time stamp, {recorded:.0f} ms, is garbage, as often in this program; {repaired[0]:.0f} ms is used."
    )


def read_settings(path: Path) -> tuple[dict[str, str], tuple[Note, ...], list[str]]:
    """Read a settings_and_notes.dat.

    Returns
    -------
    settings : dict of str
        animal, excitation, msCamExposure, recordLength, as far as they are there.
    notes : tuple of Note
        The notes; their time is in whole seconds.
    problems : list of str
        What is missing or not certain, a sentence each. The file is not needed to use a recording.
    """
    try:
        content, problems = read_text(path)
    except RecordingError as error:
        return {}, (), [f"{str(error).split('; ')[0].rstrip('.')}, so animal and settings are unknown."]
    lines = [line.split("\t") for line in content.splitlines()]
    if len(lines) < 2 or lines[0][0].strip() != "animal":
        return {}, (), [f"{path} is not the program's file of settings, so animal and settings are unknown."]
    settings = {name.strip(): value.strip() for name, value in zip(lines[0], lines[1], strict=False) if name.strip()}
    notes = tuple(
        Note(time, "\t".join(fields[1:]).strip())
        for fields in lines[2:]
        if len(fields) > 1 and (time := to_number(fields[0])) is not None
    )
    return settings, notes, problems
