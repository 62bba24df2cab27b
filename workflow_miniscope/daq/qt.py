"""The layout of Miniscope-DAQ-QT, v0.1 to v2.0 ("Miniscope-DAQ-V4").

A session's folder holds metaData.json and notes.csv, and a folder for each device with 0.avi, 1.avi, ...,
timeStamps.csv, metaData.json and, for scopes that measure it, headOrientation.csv. The devices' folders may lie
some folders deeper, such as in experiment/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from ..errors import RecordingError
from ..spelling import composed
from .metadata import clock_problems, number, read_json, start_time, text
from .model import BrokenDevice, Device, Note, Session
from .orientation import HeadOrientation, read_head_orientation
from .table import read_table, to_number
from .text import find_file, read_text
from .timestamps import TimeStamps

ACQ_SOFTWARE = "Miniscope-DAQ-V4"

_METADATA = "metaData.json"
_STAMPS = "timeStamps.csv"
_ORIENTATION = "headOrientation.csv"
_NOTES = "notes.csv"
# Folders of a session that are no device
_OTHER_FOLDERS = {"behaviortracker", "imagecaptures"}
#: Folders that may lie between a session's and its devices', such as experiment/
MAX_BETWEEN = 3
_COLUMNS = ("frame number", "time stamp (ms)", "buffer index")
_DAQ_COLUMN = "daq frame number"
# The control's texts stand for these; once it was touched, the number itself is written
_GAINS = {"low": 1.0, "medium": 2.0, "high": 3.5}
_GAINS_OF_V3_SCOPE = {**_GAINS, "high": 4.0}


class QtDevice(Device):
    """A device folder of Miniscope-DAQ-QT."""

    @property
    def frames_per_file(self) -> int | None:
        """Frames in each video but the last, as the program was told."""
        size = number(self.metadata.get("framesPerFile"))
        return int(size) if size and size > 0 else None

    def time_stamps(self, n_frames: int) -> TimeStamps:
        """Read timeStamps.csv."""
        return read_time_stamps(find_file(self.folder, _STAMPS))

    def head_orientation(self) -> HeadOrientation | None:
        """Read headOrientation.csv, or give None where there is none."""
        path = find_file(self.folder, _ORIENTATION)
        return read_head_orientation(path) if path.is_file() else None


def is_device_folder(folder: Path) -> bool:
    """Whether a folder is one device's: it has numbered videos or time stamps in it."""
    names = [path.name.lower() for path in folder.iterdir()]
    return _STAMPS.lower() in names or any(_video_number(name) is not None for name in names)


def has_metadata(folder: Path) -> bool:
    """Whether a folder has metadata of its own: a session's or a device's."""
    return find_file(folder, _METADATA).is_file()


def device_folders(session: Path) -> list[Path]:
    """Give the device folders of a session, sorted by name within a folder; those without video or times too.

    Folders between are only looked into below the session's own metadata: without, they are sessions of a day.
    """
    return _devices_below(session, MAX_BETWEEN if has_metadata(session) else 0)


def _devices_below(folder: Path, between: int) -> list[Path]:
    children = sorted(path for path in folder.iterdir() if path.is_dir() and path.name.lower() not in _OTHER_FOLDERS)
    found = [path for path in children if _may_be_device(path)]
    if between:
        for path in children:
            # a folder with metadata is another session, and a link may lead around in a circle
            if path not in found and not path.name.startswith(".") and not path.is_symlink() and not has_metadata(path):
                found += _devices_below(path, between - 1)
    return found


def parts(session: Path) -> set[Path]:
    """Give the folders that belong to a session and can't hold another one: its devices', and the program's others."""
    others = {path for path in session.iterdir() if path.name.lower() in _OTHER_FOLDERS}
    return {*device_folders(session), *others}


def session_folder(device: Path) -> Path:
    """Give the folder of the session that a device folder is of: the one above, or one above that with metadata."""
    above = device.parent
    for folder in (above, *list(above.parents)[:MAX_BETWEEN]):
        if has_metadata(folder):
            return folder if folder == above or device in device_folders(folder) else above
    return above


def _may_be_device(folder: Path) -> bool:
    return is_device_folder(folder) or "deviceName" in _peek(folder)


def _peek(folder: Path) -> dict[str, Any]:
    try:
        return read_json(find_file(folder, _METADATA))
    except RecordingError:
        return {}


def open_session(folder: Path, only: Path | None = None, allow_broken: bool = False) -> Session:
    """Describe a session.

    Parameters
    ----------
    folder : Path
        The session's folder.
    only : Path, optional
        The one device folder to describe; by default all.
    allow_broken : bool
        List devices that cannot be opened under ``broken`` instead of raising.
    """
    warnings = []
    missing = []
    broken = []
    metadata = {}
    about = find_file(folder, _METADATA)
    if about.exists():
        metadata = read_json(about)
        warnings += read_text(about)[1]
    else:
        warnings.append(f"{about} is missing, so animal and time of the recording are unknown.")
    devices = []
    folders = [only] if only else device_folders(folder)
    for path in folders:
        try:
            devices.append(open_device(path, metadata))
        except _NothingRecorded as nothing:
            if only:
                raise
            warnings.append(str(nothing))
            missing.append(composed(path.name))
        except RecordingError as error:
            if not allow_broken:
                raise
            kind = _kind(path, _peek(path), metadata)
            broken.append(BrokenDevice(composed(path.name), kind, path, str(error)))
    twice = [path.name for path in folders if [other.name for other in folders].count(path.name) > 1]
    if twice:
        raise RecordingError(f"{folder} holds several folders {twice[0]}; open each of them on its own.")
    if not devices and not broken:
        raise RecordingError(f"{folder} holds no AVI file; were the videos moved or converted?")
    if not only:
        for name in _missing_devices(metadata, [*devices, *broken]):
            warnings.append(f"{_METADATA} lists the device '{name}', of which no video is there.")
            missing.append(name)
    utc, local = start_time(metadata)
    if metadata and utc is None:
        warnings.append(f"{about} has no msecSinceEpoch, so the time of the recording in UTC is unknown.")
    warnings += clock_problems(utc, local)
    warnings += _unread(folder, devices, folders)
    notes, problems = read_notes(find_file(folder, _NOTES))
    return Session(
        folder=folder,
        acq_software=ACQ_SOFTWARE,
        start_utc=utc,
        start_local=local,
        animal=text(metadata.get("animalName")),
        experimenter=text(metadata.get("researcherName")),
        experiment=text(metadata.get("experimentName")),
        devices=tuple(sorted(devices, key=lambda device: (device.kind != "scope", device.name))),
        metadata=metadata,
        notes=notes,
        warnings=(*warnings, *problems),
        missing=tuple(missing),
        broken=tuple(broken),
    )


class _NothingRecorded(RecordingError):
    """A camera that was connected but gave no frame."""


def open_device(folder: Path, session_metadata: dict[str, Any]) -> QtDevice:
    """Describe a device folder.

    Raises
    ------
    RecordingError
        It has no video, a video is missing between others, or its metadata are missing or wrong.
    """
    metadata = read_json(find_file(folder, _METADATA))
    device_type = text(metadata.get("deviceType"))
    kind = _kind(folder, metadata, session_metadata)
    return QtDevice(
        name=composed(folder.name),
        kind=kind,
        folder=folder,
        device_type=device_type,
        files=_videos(folder, kind),
        metadata=metadata,
        gain=sensor_gain(device_type, metadata.get("gain")),
        led_power=number(metadata.get("led0")),
        frame_rate_setting=number(metadata.get("frameRate")),
    )


def sensor_gain(device_type: str | None, setting: Any) -> float | None:
    """Return the gain of a scope's image sensor, times its lowest, by its type and setting; None: not known."""
    gains = _GAINS_OF_V3_SCOPE if device_type == "Miniscope_V3" else _GAINS
    if isinstance(setting, str):
        return gains.get(setting.strip().lower(), number(setting))
    return number(setting)


def _kind(folder: Path, metadata: dict[str, Any], session_metadata: dict[str, Any]) -> Literal["scope", "camera"]:
    """Tell scopes from cameras: by the session's lists, then the type, the files and settings, the name."""
    names = {_folder_name(text(metadata.get("deviceName")) or folder.name), _folder_name(folder.name)}
    kinds: tuple[tuple[str, Literal["scope", "camera"]], ...] = (("miniscopes", "scope"), ("cameras", "camera"))
    for key, kind in kinds:
        if names & set(map(_folder_name, _listed(session_metadata, key))):
            return kind
    device_type = str(metadata.get("deviceType", "")).lower()
    if "scope" in device_type:
        return "scope"
    if "cam" in device_type:
        return "camera"
    if find_file(folder, _ORIENTATION).exists() or {"led0", "ewl"} & metadata.keys() or "scope" in folder.name.lower():
        return "scope"
    return "camera"


def _listed(session_metadata: dict[str, Any], key: str) -> list[str]:
    listed = session_metadata.get(key)
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, (list, dict)) else []


def _folder_name(name: str) -> str:
    return composed(name).replace(" ", "_")


def _missing_devices(metadata: dict[str, Any], devices: list[QtDevice | BrokenDevice]) -> list[str]:
    found = {device.name for device in devices}
    for device in devices:
        told = device.metadata if isinstance(device, QtDevice) else _peek(device.folder)
        found.add(_folder_name(text(told.get("deviceName")) or device.name))
    listed = _listed(metadata, "miniscopes") + _listed(metadata, "cameras")
    return [name for name in listed if _folder_name(name) not in found]


def _videos(folder: Path, kind: str) -> tuple[Path, ...]:
    """Give a folder's videos in the order they were recorded: 0.avi, 1.avi, ..., 9.avi, 10.avi."""
    numbered: dict[int, Path] = {}
    for path in folder.iterdir():
        index = _video_number(path.name)
        if index is None or not path.is_file():
            continue
        if index in numbered:
            raise RecordingError(f"{folder} has {numbered[index].name} and {path.name}; remove the wrong one.")
        numbered[index] = path
    if not numbered:
        if kind == "camera" and not _has_rows(find_file(folder, _STAMPS)):
            raise _NothingRecorded(f"{folder} holds no AVI file and no time stamps: the camera gave no frame.")
        raise RecordingError(f"{folder} holds no AVI file; were the videos moved or converted?")
    for expected, index in enumerate(sorted(numbered)):
        if index != expected:
            raise RecordingError(f"{folder} has {index}.avi but no {expected}.avi; copy the missing video.")
    return tuple(numbered[i] for i in sorted(numbered))


def _unread(session: Path, devices: list[QtDevice], folders: list[Path]) -> Iterator[str]:
    """Say what looks like a part of the recording and is not read."""
    for device in devices:
        others = [
            path.name
            for path in sorted(device.folder.iterdir())
            if path.suffix.lower() == ".avi" and path not in device.files and not path.name.startswith(".")
        ]
        if others:
            yield f"{device.folder} also holds {', '.join(others)}, which the program did not write and is not read."
    for path in sorted(session.iterdir()):
        inside = path.is_dir() and path not in folders and path not in [folder.parent for folder in folders]
        if inside and not path.name.startswith(".") and find_file(path, _METADATA).is_file() and device_folders(path):
            yield f"{path} is another recording and is not read with this one."


def _video_number(name: str) -> int | None:
    match = re.fullmatch(r"(\d{1,9})\.avi", name, re.IGNORECASE | re.ASCII)
    return int(match[1]) if match else None


def _has_rows(path: Path) -> bool:
    return path.is_file() and len(path.read_bytes().splitlines()) > 1


def read_time_stamps(path: Path) -> TimeStamps:
    """Read a timeStamps.csv.

    v0.1 of the program writes tabs and no header, later ones commas and a header, v2.0 also the DAQ's counter.

    Raises
    ------
    RecordingError
        It is missing or empty, or a row is wrong.
    """
    table = read_table(path, 3)
    columns = {name: i for i, name in enumerate(table.header or _COLUMNS)}
    for name in _COLUMNS[:2]:
        if name not in columns:
            raise RecordingError(f"{path} has no column '{name}'; is it the file the program wrote?")
    warnings = []
    if table.cut:
        warnings.append(f"The last row of {path.name} is cut off and was left out.")
    numbers = table.integers(columns["frame number"], "frame number")
    times = table.times(columns["time stamp (ms)"]) / 1000
    daq_frames = table.integers(columns[_DAQ_COLUMN], "DAQ frame number") if _DAQ_COLUMN in columns else None
    return TimeStamps(path, times, numbers, daq_frames, tuple(warnings)).without_repeated_rows()


def read_notes(path: Path) -> tuple[tuple[Note, ...], list[str]]:
    """Read a notes.csv, whose free text may hold commas and line breaks.

    Returns
    -------
    notes : tuple of Note
        The notes; a line without a time goes on with the note before.
    problems : list of str
        What could not be read, a sentence each. Notes are no reason to refuse a recording.
    """
    if not path.exists():
        return (), []
    try:
        content, problems = read_text(path)
    except RecordingError as error:
        return (), [str(error)]
    notes: list[Note] = []
    for line_number, line in enumerate(content.splitlines(), 1):
        match = re.match(r"([^,\t]*)[,\t](.*)", line)
        time = to_number(match[1]) if match else None
        if match and time is not None:
            notes.append(Note(time / 1000, match[2].strip()))
        elif not line.strip() or (line_number == 1 and line.lower().startswith(_COLUMNS[1])):
            continue
        elif notes:
            notes[-1] = Note(notes[-1].time, f"{notes[-1].text}\n{line.strip()}")
        else:
            problems.append(f"{path.name} line {line_number} has no time and was left out.")
    return tuple(notes), problems
