"""The folders of the legacy Miniscope_DAQ_Software ("Miniscope-DAQ-V3").

    <session>/msCam1.avi msCam2.avi ...  behavCam1.avi ...  timestamp.dat  settings_and_notes.dat

One folder holds both devices, and one file both devices' times.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import RecordingError
from .model import Device, Note, Session
from .timestamps import TimeStamps, number, read_rows, read_text
from .video import Movie, numbered

SOFTWARE = "Miniscope-DAQ-V3"
TIMES, SETTINGS = "timestamp.dat", "settings_and_notes.dat"
PREFIXES = {"scope": "msCam", "camera": "behavCam"}


def is_session(names: set[str]) -> bool:
    """Whether the names in a folder are those of a session."""
    return TIMES in names or any(
        re.fullmatch(r"(msCam|behavCam)[0-9]+\.avi", name, re.IGNORECASE) for name in names
    )


def open_session(folder: Path) -> Session:
    """Describe a session folder.

    Raises
    ------
    RecordingError
        There is no video, or no file of time stamps.
    """
    files = {kind: numbered(folder.iterdir(), prefix, first=1) for kind, prefix in PREFIXES.items()}
    if not any(files.values()):
        raise RecordingError(
            f"{folder} holds no video msCam1.avi, msCam2.avi, ...; copy the whole recording."
        )
    if not (folder / TIMES).is_file():
        raise RecordingError(
            f"{folder / TIMES} is missing; copy it from the recording computer: it holds the times of the frames."
        )
    settings, notes = _read_settings(folder / SETTINGS)
    devices = []
    for kind, own in files.items():
        if own:
            other = next((paths for name, paths in files.items() if name != kind), ())
            devices.append(
                Device(
                    name=PREFIXES[kind],
                    kind=kind,
                    folder=folder,
                    device_type="Miniscope_V3" if kind == "scope" else "WebCam",
                    files=own,
                    metadata=settings,
                    gain=None,
                    led_power=number(settings.get("excitation", "")) if kind == "scope" else None,
                    frame_rate_setting=None,
                    read_times=partial(_read_times, folder / TIMES, kind, other),
                )
            )
    return Session(
        folder=folder,
        acq_software=SOFTWARE,
        start_utc=None,
        start_local=_start(folder),
        animal=settings.get("animal") or None,
        experimenter=None,
        experiment=None,
        devices=tuple(devices),
        metadata=settings,
        notes=notes,
    )


def _read_times(path: Path, kind: str, other: tuple[Path, ...], n_video: int) -> TimeStamps:
    """Read the times of one of two cameras, which the file knows by numbers the operating system gave them."""
    cameras, warnings = _read_dat(path)
    number_, doubt = _which(path, {key: len(rows) for key, rows in cameras.items()}, kind, other, n_video)
    times = np.array([clock for _, clock in cameras[number_]]) / 1000
    warnings += doubt
    frames = np.array([frame for frame, _ in cameras[number_]])
    irregular = np.flatnonzero(np.diff(frames) != 1)
    if len(irregular):
        row = int(irregular[0])
        warnings.append(
            f"{path.name}: frameNum goes from {frames[row]:g} to {frames[row + 1]:g}; rows are missing or repeated."
        )
    if len(times) > 2:
        # The clock is read before it is set for the first frame of a camera.
        interval = float(np.median(np.diff(times[1:])))
        if not -interval < times[1] - times[0] - interval < max(20 * interval, 1):
            warnings.append(
                f"The first time of {PREFIXES[kind]}, {times[0]:g} s, is no time; one interval is used."
            )
            times[0] = times[1] - interval
    return TimeStamps(times, None, tuple(warnings))


def _which(
    path: Path, rows: dict[int, int], kind: str, other: tuple[Path, ...], n_video: int
) -> tuple[int, list[str]]:
    """Choose the camera number whose rows fit the video's frames, and the other's if need be."""
    if len(rows) == 1:
        return next(iter(rows)), []
    by_fit = sorted(rows, key=lambda key: (abs(rows[key] - n_video), key))
    if abs(rows[by_fit[0]] - n_video) == abs(rows[by_fit[1]] - n_video) or not other:
        closest = [key for key in by_fit if abs(rows[key] - n_video) == abs(rows[by_fit[0]] - n_video)]
        if len(closest) == 1:
            return closest[0], []
        # Both fit: in nearly all recordings the scope was plugged in first, and got the lower number.
        chosen = min(closest) if kind == "scope" else max(closest)
        return chosen, [
            f"{path.name}: {len(closest)} cameras have {n_video} frames; number {chosen} is taken for {PREFIXES[kind]}."
        ]
    n_other = Movie(other).n_frames
    pairs = [(a, b) for a in sorted(rows) for b in sorted(rows) if a != b]
    best = min(pairs, key=lambda pair: abs(rows[pair[0]] - n_video) + abs(rows[pair[1]] - n_other))
    return best[0], []


def _read_dat(path: Path) -> tuple[dict[int, list[tuple[float, float]]], list[str]]:
    """Read (frameNum, sysClock in ms) by camNum."""
    names, lines = read_rows(path)
    columns = names or ["camNum", "frameNum", "sysClock", "buffer"]
    try:
        camera, frame, clock = (columns.index(name) for name in ("camNum", "frameNum", "sysClock"))
    except ValueError:
        raise RecordingError(
            f"{path} has no columns camNum, frameNum, sysClock; is it of Miniscope-DAQ?"
        ) from None
    cameras: dict[int, list[tuple[float, float]]] = {}
    warnings = []
    for line, fields in lines:
        # the field after the clock says that the clock was written to its end
        values = [number(fields[i]) for i in (camera, frame, clock)] if len(fields) > clock + 1 else [None]
        if None in values or not float(values[0]).is_integer():
            if line != lines[-1][0]:
                raise RecordingError(f"{path} line {line} cannot be read as a time stamp.")
            warnings.append(f"The last line of {path.name} is incomplete and is left out.")
            continue
        cameras.setdefault(int(values[0]), []).append((values[1], values[2]))
    if not cameras:
        raise RecordingError(f"{path} holds no time stamp.")
    return cameras, warnings


def _read_settings(path: Path) -> tuple[dict[str, str], tuple[Note, ...]]:
    """Read the settings, and the notes after them, whose times are whole seconds."""
    if not path.is_file():
        return {}, ()
    lines = [line.rstrip("\r").split("\t") for line in read_text(path).split("\n")]
    settings: dict[str, str] = {}
    if len(lines) > 1 and lines[0][0].strip() == "animal":
        settings = {name.strip(): value.strip() for name, value in zip(lines[0], lines[1], strict=False)}
        lines = lines[2:]
    notes = []
    for fields in lines:
        text = " ".join(field.strip() for field in fields[1:]).strip()
        if text and fields[0].strip() != "elapsedTime":
            notes.append(Note(number(fields[0]), text))
    return settings, tuple(notes)


def _start(folder: Path) -> datetime | None:
    """Read the rig's clock from the folders' names, such as 10_5_2018/H14_M3_S7: month, day, year."""
    folder = folder.absolute()
    date = re.fullmatch(r"(\d{1,2})_(\d{1,2})_(\d{4})", folder.parent.name)
    time = re.fullmatch(r"H(\d{1,2})_M(\d{1,2})_S(\d{1,2})", folder.name)
    if not date or not time:
        return None
    month, day, year = map(int, date.groups())
    try:
        return datetime(year, month, day, *map(int, time.groups()))
    except ValueError:
        return None
