"""The folders of Miniscope-DAQ-QT-Software, v0.1 to v2.0 ("Miniscope-DAQ-V4", whichever scope was recorded).

    <session>/metaData.json  notes.csv
    <session>/<device>/0.avi 1.avi ...  timeStamps.csv  metaData.json  [headOrientation.csv]

The devices can lie one folder deeper. A device folder on its own can be opened too.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import RecordingError
from .model import Device, Note, Session
from .orientation import FILE_NAME as ORIENTATION
from .timestamps import TimeStamps, number, read_csv, read_text
from .video import numbered

SOFTWARE = "Miniscope-DAQ-V4"
METADATA, TIMES, NOTES = "metaData.json", "timeStamps.csv", "notes.csv"

# A V4 scope's gain is written as a word until it is changed in the window, then as the number that stands for it.
_GAINS = {"low": 1.0, "medium": 2.0, "high": 3.5}
_CLOCK = ("year", "month", "day", "hour", "minute", "second", "msec")


def is_device(folder: Path) -> bool:
    """Whether a folder is one device's: of its videos or time stamps, or of its metadata alone."""
    names = list_names(folder)
    if TIMES in names or any(re.fullmatch(r"[0-9]+\.avi", name, re.IGNORECASE) for name in names):
        return True
    if METADATA not in names:
        return False
    try:
        return "deviceType" in _read_json(folder / METADATA)
    except RecordingError:
        return False


def device_folders(folder: Path) -> list[Path]:
    """Give the device folders in a session folder, or one level deeper, sorted by name."""
    found = []
    for child in subfolders(folder):
        if is_device(child):
            found.append(child)
        else:
            found += [grandchild for grandchild in subfolders(child) if is_device(grandchild)]
    return found


def list_names(folder: Path) -> set[str]:
    """Give the names in a folder; none if it cannot be listed."""
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return set()


def subfolders(folder: Path) -> list[Path]:
    """Give the folders in a folder that are not hidden, sorted by name."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def open_session(folder: Path) -> Session:
    """Describe a session folder with its devices.

    Raises
    ------
    RecordingError
        A file of metadata is missing or damaged, or a device has no video.
    """
    metadata = _read_json(folder / METADATA)
    return _session(folder, metadata, folder / NOTES, device_folders(folder))


def open_device_session(folder: Path) -> Session:
    """Describe a device folder as a session of this one device; the session's metadata may be missing.

    Raises
    ------
    RecordingError
        As for a session folder.
    """
    for parent in list(folder.absolute().parents)[:2]:
        # only a session's own: a folder above may belong to anything
        if (parent / METADATA).is_file() and not is_device(parent):
            return _session(folder, _read_json(parent / METADATA), parent / NOTES, [folder])
    return _session(folder, {}, folder / NOTES, [folder])


def open_device(folder: Path) -> Device:
    """Describe one device folder."""
    return open_device_session(folder).devices[0]


def _session(folder: Path, metadata: dict[str, Any], notes: Path, folders: list[Path]) -> Session:
    listed = {"scope": _device_names(metadata, "miniscopes"), "camera": _device_names(metadata, "cameras")}
    devices = [_device(path, listed) for path in folders]
    warnings = []
    if len(devices) > 1 or folder not in folders:
        there = {spelling for device in devices for spelling in _spellings(device.name, device.metadata)}
        for names in listed.values():
            missing = sorted(name for name in names if _spell(name) not in there)
            warnings += [f"{folder} lists {name}, but there is no folder of it." for name in missing]
    start_utc, start_local = _start(metadata)
    names = {name for device in devices for name in _spellings(device.name, device.metadata)}
    names |= {_spell(name) for group in listed.values() for name in group}
    return Session(
        folder=folder,
        acq_software=SOFTWARE,
        start_utc=start_utc,
        start_local=start_local,
        animal=_text(metadata, "animalName"),
        experimenter=_text(metadata, "researcherName"),
        experiment=_text(metadata, "experimentName"),
        devices=tuple(sorted(devices, key=lambda device: (device.kind != "scope", device.name))),
        metadata=metadata,
        notes=_read_notes(notes, names),
        warnings=tuple(warnings),
    )


def _device(folder: Path, listed: dict[str, set[str]]) -> Device:
    metadata = _read_json(folder / METADATA)
    files = numbered(folder.iterdir(), "", first=0)
    if not files:
        raise RecordingError(f"{folder} holds no video 0.avi, 1.avi, ...; copy the whole recording.")
    if not (folder / TIMES).is_file():
        raise RecordingError(
            f"{folder / TIMES} is missing; copy it from the recording computer: it holds the times of the frames."
        )
    device_type = _text(metadata, "deviceType")
    return Device(
        name=folder.name,
        kind=_kind(folder, metadata, device_type, listed),
        folder=folder,
        device_type=device_type,
        files=files,
        metadata=metadata,
        gain=_gain(metadata.get("gain")),
        led_power=_setting(metadata.get("led0")),
        frame_rate_setting=_setting(metadata.get("frameRate")),
        read_times=partial(_read_times, folder / TIMES),
    )


def _read_times(path: Path, n_video: int) -> TimeStamps:
    return read_csv(path)


def _kind(
    folder: Path, metadata: dict[str, Any], device_type: str | None, listed: dict[str, set[str]]
) -> str:
    """Tell scopes from cameras: by the session's lists, else the model, else by what only scopes have."""
    spellings = _spellings(folder.name, metadata)
    for kind, names in listed.items():
        if spellings & {_spell(name) for name in names}:
            return kind
    model = (device_type or "").lower()
    if "cam" in model:  # WebCam, Minicam
        return "camera"
    if "scope" in model or (folder / ORIENTATION).is_file() or {"led0", "ewl"} & metadata.keys():
        return "scope"
    return "camera" if "cam" in folder.name.lower() else "scope"


def _spell(name: str) -> str:
    """Spell a device's name as its folder's is: the software replaces spaces."""
    return name.strip().replace(" ", "_").casefold()


def _spellings(folder_name: str, metadata: dict[str, Any]) -> set[str]:
    names = {_spell(folder_name)}
    if isinstance(metadata.get("deviceName"), str):
        names.add(_spell(metadata["deviceName"]))
    return names


def _device_names(metadata: dict[str, Any], key: str) -> set[str]:
    value = metadata.get(key)
    if isinstance(value, str):
        value = [value]
    return {name for name in value if isinstance(name, str)} if isinstance(value, list | dict) else set()


def _read_json(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise RecordingError(
            f"{path} is no valid JSON{where}; copy it again from the recording computer."
        ) from None
    if not isinstance(content, dict):
        raise RecordingError(f"{path} does not hold settings; copy it again from the recording computer.")
    return content


def _text(metadata: dict[str, Any], key: str) -> str | None:
    value = metadata.get(key)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip() or None
    return None


def _setting(value: Any) -> float | None:
    """Give the number of a control: 20, 20.0, "20", "20FPS", "20 Hz", "10%"."""
    if isinstance(value, bool) or value is None:
        return None
    match = re.match(r"\s*([-+]?[0-9]{1,15}(\.[0-9]*)?)\s*[A-Za-z%]*\s*$", str(value))
    return number(match[1]) if match else None


def _gain(value: Any) -> float | None:
    if isinstance(value, str) and value.strip().lower() in _GAINS:
        return _GAINS[value.strip().lower()]
    return _setting(value)


def _start(metadata: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Give the start in UTC and on the rig's clock. Before v1.10 its fields lie flat among the others."""
    nested = metadata.get("recordingStartTime")
    fields = nested if isinstance(nested, dict) else metadata
    utc = local = None
    epoch = fields.get("msecSinceEpoch")
    epoch = None if isinstance(epoch, bool | list | dict | None) else number(str(epoch))
    try:
        if epoch is not None:
            utc = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=round(epoch))
        year, month, day, hour, minute, second, msec = (int(fields[name]) for name in _CLOCK)
        local = datetime(year, month, day, hour, minute, second, msec * 1000)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass  # the clock was not written; a session without a start is still a session
    return utc, local


def _read_notes(path: Path, device_names: set[str]) -> tuple[Note, ...]:
    """Read notes of any version. Rows are ragged: free text holds commas, changes of controls four fields."""
    if not path.is_file():
        return ()
    notes = []
    for line in read_text(path).split("\n"):
        first, _, rest = line.strip().replace("\t", ",", 1).partition(",")
        milliseconds, text = number(first), rest.strip()
        if milliseconds is None:
            if first.strip().lower() == "time stamp (ms)" or not line.strip():
                continue
            notes.append(Note(None, line.strip()))
            continue
        fields = [field.strip() for field in text.split(",")]
        change = fields if len(fields) == 3 and _spell(fields[0]) in device_names else (None, None, None)
        notes.append(Note(milliseconds / 1000, text, *change))
    return tuple(notes)
