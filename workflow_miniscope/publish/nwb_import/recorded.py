"""What an NWB file says was recorded: of which animal, when, by which scopes and cameras."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ... import daq
from ...errors import RecordingError, ResultError
from ...movies.types import Bools, Floats
from ..nwb.devices import safe
from .happened import Happened, read_happened


@dataclass(frozen=True)
class Animal:
    """The animal, in the words of the table ``subject.Subject`` and of ``description.SubjectDescription``."""

    subject: str
    sex: str
    subject_birth_date: date
    subject_description: str
    described: dict[str, str]


@dataclass(frozen=True)
class Recorded:
    """A scope's or camera's recording.

    Attributes
    ----------
    device : daq.Device
        What recorded it: name, kind, type and videos; these are none where the frames are in the NWB file or left out.
    series : str
        Name of its series in the file.
    height, width : int
        Pixels.
    times : float64 [frames]
        Seconds from the start of the session.
    in_order : bool [frames]
        False for frames whose time is wrong.
    n_video : int
        Frames of the videos, of which the last may have no time.
    settings : dict
        By their names.
    quality : dict
        Verdict and figures, by their columns in ``recording.RecordingQuality``; empty where the file has none.
    orientation : dict
        Columns of ``recording.HeadOrientation``; empty where it was not measured.
    note : str
        What was noted of the recording.
    """

    device: daq.Device
    series: str
    height: int
    width: int
    times: Floats
    in_order: Bools
    n_video: int
    settings: dict[str, Any] = field(default_factory=dict)
    quality: dict[str, Any] = field(default_factory=dict)
    orientation: dict[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class RecordedSession:
    """What was recorded at once.

    Attributes
    ----------
    start : datetime
        With its zone.
    acq_software : str
        One of ``daq.ACQ_SOFTWARE``.
    note : str
        The session's note.
    notes : tuple of (float, str)
        What was written down, with its time in seconds.
    settings : dict
        The session's own.
    happened : Happened
        Events and trials.
    scopes, cameras : tuple of Recorded
    """

    start: datetime
    acq_software: str
    note: str
    notes: tuple[tuple[float, str], ...]
    settings: dict[str, Any]
    happened: Happened
    scopes: tuple[Recorded, ...]
    cameras: tuple[Recorded, ...]


# Animal ----------------------------------------------------------------------


def read_animal(file: Any, path: Path) -> Animal:
    """Read the animal of a file.

    Raises
    ------
    ResultError
        The file names none, or does not say when it was born.
    """
    animal = file.subject
    if animal is None or not animal.subject_id:
        raise ResultError(
            f"{path} does not name its animal; name one that is in the database with --subject, such as --subject m1."
        )
    return Animal(
        subject=animal.subject_id,
        sex=animal.sex if animal.sex in ("M", "F") else "U",
        subject_birth_date=_born(animal, file.session_start_time, path),
        subject_description=animal.description or "",
        described={
            name: value for name in ("species", "strain", "genotype") if (value := getattr(animal, name) or "").strip()
        },
    )


def _born(animal: Any, start: datetime, path: Path) -> date:
    if animal.date_of_birth is not None:
        born: date = animal.date_of_birth.astimezone(UTC).date()
        return born
    age = re.match(r"P(\d+)([DW])", animal.age or "")
    if age is None:
        raise ResultError(
            f"{path} has neither a date of birth nor an age in days of its animal {animal.subject_id}; put the animal "
            "into the database with subjects.csv, and name it with --subject."
        )
    return start.astimezone(UTC).date() - timedelta(days=int(age[1]) * (7 if age[2] == "W" else 1))


# Session ---------------------------------------------------------------------


def read_recorded(file: Any, path: Path, videos: bool = True) -> RecordedSession:
    """Read what was recorded.

    Parameters
    ----------
    file : NWBFile
        The opened file.
    path : Path
        Where it is; its videos are found from there.
    videos : bool
        Whether the videos that it names must be there. Otherwise the recordings have none.

    Raises
    ------
    ResultError
        It has no recording of a scope or camera, or frames without times.
    RecordingError
        A video is missing or cannot be read.
    """
    from pynwb.image import ImageSeries
    from pynwb.ophys import OnePhotonSeries

    found = sorted(file.acquisition.values(), key=lambda item: item.name)
    series = [item for item in found if isinstance(item, ImageSeries) and item.device is not None]
    series += [item for item in found if isinstance(item, OnePhotonSeries) and item not in series]
    if not series:
        raise ResultError(f"{path} has no frames of a scope or camera: no OnePhotonSeries, and no ImageSeries.")
    settings = _settings(file)
    scopes = [one for one in series if isinstance(one, OnePhotonSeries)]
    read = {one.name: _Reader(file, path, one, settings, videos).read() for one in series}
    own = settings.get("session", {})
    return RecordedSession(
        start=file.session_start_time,
        acq_software=_acq_software(file),
        note=file.notes or "",
        notes=tuple(_notes(file)),
        settings=own,
        happened=read_happened(file),
        scopes=tuple(read[one.name] for one in scopes),
        cameras=tuple(recorded for recorded in read.values() if recorded.device.kind == "camera"),
    )


def _acq_software(file: Any) -> str:
    """Return the layout that was recorded, as the file says; other programs' files do not, but can read one only."""
    for name in daq.ACQ_SOFTWARE:
        if name in (file.data_collection or ""):
            return name
    return daq.ACQ_SOFTWARE[-1]


def _notes(file: Any) -> Iterator[tuple[float, str]]:
    table = (file.events or {}).get("notes")
    if table is not None and "annotation" in table.colnames:
        yield from zip(map(float, table["timestamp"][:]), map(str, table["annotation"][:]), strict=True)


def _settings(file: Any) -> dict[str, dict[str, Any]]:
    """Return the settings of all devices by their names, and of the session under "session"."""
    table = file.acquisition.get("device_settings")
    found: dict[str, dict[str, Any]] = {}
    if table is not None:
        for device, name, value in zip(table["device"][:], table["setting"][:], table["value"][:], strict=True):
            found.setdefault(str(device), {})[str(name)] = json.loads(value)
    return found


# One device ------------------------------------------------------------------


@dataclass(frozen=True)
class _Reader:
    """Reads the recording of a series."""

    file: Any
    path: Path
    series: Any
    settings: dict[str, dict[str, Any]]
    videos: bool

    def read(self) -> Recorded:
        from pynwb.ophys import OnePhotonSeries

        is_scope = isinstance(self.series, OnePhotonSeries)
        device = self.series.imaging_plane.device if is_scope else self.series.device
        name = self._name(device.name)
        files = self._files()
        movie = daq.Movie(files, decode_first=False) if files else None
        n_video = movie.n_frames if movie else self._n_stored()
        times = self._times(n_video)
        height, width = (movie.height, movie.width) if movie else self._size()
        settings = self.settings.get(name) or _attributes(device)
        return Recorded(
            device=daq.Device(
                name=name,
                kind="scope" if is_scope else "camera",
                folder=self.path.parent,
                device_type=_device_type(device, settings),
                files=files,
            ),
            series=self.series.name,
            height=height,
            width=width,
            times=times,
            in_order=self._in_order(times),
            n_video=n_video or len(times),
            settings=settings,
            quality=self._quality(name),
            orientation=self._orientation(device.name) if is_scope else {},
            note=self.series.description.partition("at the times that were recorded.")[2].strip(),
        )

    def _name(self, stored: str) -> str:
        """Return the name that a device had before it was one in the file."""
        judged = self.file.acquisition.get("recording_quality")
        names = [*self.settings, *(judged["device"][:] if judged is not None else [])]
        return next((str(name) for name in names if name != "session" and safe(str(name)) == stored), stored)

    def _files(self) -> tuple[Path, ...]:
        if self.series.external_file is None or not self.videos:
            return ()
        files = tuple(self.path.parent / str(name) for name in self.series.external_file)
        gone = [file for file in files if not file.is_file()]
        if gone:
            more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
            raise RecordingError(
                f"{self.path} names the video {gone[0]}{more}, which is not there; put it there, or import what was "
                "computed without the videos: --without-videos."
            )
        return files

    def _n_stored(self) -> int:
        data = self.series.data
        return int(data.shape[0]) if self.series.external_file is None and data is not None else 0

    def _size(self) -> tuple[int, int]:
        """Return height and width as the file has them: images are [x, y]."""
        if self._n_stored():  # before the dimension, which neuroconv gives the other way round
            return int(self.series.data.shape[2]), int(self.series.data.shape[1])
        if self.series.dimension is not None:
            width, height = (int(n) for n in self.series.dimension[:2])
            return height, width
        raise ResultError(f"{self.path} does not say how large the frames of {self.series.name} are.")

    def _times(self, n_frames: int) -> Floats:
        if self.series.timestamps is not None:
            times = np.asarray(self.series.timestamps[:], np.float64)
            if n_frames and len(times) > n_frames:
                raise ResultError(f"{self.path} has {len(times)} times and {n_frames} frames of {self.series.name}.")
            if len(times):
                return times
        elif self.series.rate and n_frames:
            # how other programs write times that are regular
            first = float(self.series.starting_time or 0)
            regular: Floats = first + np.arange(n_frames) / float(self.series.rate)
            return regular
        raise ResultError(f"{self.path} does not say when the frames of {self.series.name} were taken.")

    def _in_order(self, times: Floats) -> Bools:
        if self.series.control is not None and len(self.series.control) == len(times):
            trusted: Bools = np.asarray(self.series.control[:]) == 0
            return trusted
        return daq.in_order(times)

    def _quality(self, name: str) -> dict[str, Any]:
        table = self.file.acquisition.get("recording_quality")
        row = {}
        if table is not None:
            for values in table.to_dataframe().to_dict("records"):
                if values["device"] == name:
                    row = {column: value for column, value in values.items() if column != "device" and value == value}
        end = self._suffix if self.series.name.startswith("OnePhotonSeries") else f"_{safe(name)}"
        brightness = self.file.acquisition.get(f"frame_brightness{end}")
        if row:
            row["reasons"] = row["reasons"].splitlines()
            row["frame_brightness"] = None if brightness is None else np.asarray(brightness.data[:])
        return row

    @property
    def _suffix(self) -> str:
        return str(self.series.name).removeprefix("OnePhotonSeries")

    def _orientation(self, device: str) -> dict[str, Any]:
        module = self.file.processing.get("behavior")
        named = {} if module is None else module.data_interfaces
        ours, other = f"head_orientation{self._suffix}", f"HeadOrientation{device}"  # of neuroconv
        found = [series for name, series in named.items() if name == ours or other in name]
        if not found or np.ndim(found[0].data) != 2 or found[0].data.shape[1] != 4:
            return {}
        quaternions = np.asarray(found[0].data[:], np.float64)
        if found[0].timestamps is not None:
            times = np.asarray(found[0].timestamps[:], np.float64)
        else:
            times = float(found[0].starting_time or 0) + np.arange(len(quaternions)) / float(found[0].rate)
        valid = daq.are_rotations(quaternions)
        return {
            "n_samples": len(times),
            "n_invalid": int(np.count_nonzero(~valid)),
            "times": times,
            "quaternions": quaternions,
            "valid": valid,
            "euler": daq.euler_degrees(quaternions, valid),
        }


def _device_type(device: Any, settings: dict[str, Any]) -> str | None:
    """Return a device's type as the acquisition program names it, or None where the file does not know it."""
    if isinstance(settings.get("deviceType"), str):
        return str(settings["deviceType"])
    if getattr(device, "model", None) is not None:
        return str(device.model.name)
    told = re.fullmatch(r"(?:Miniscope|Behaviour camera): (.+)\.", device.description or "")
    return told[1] if told and told[1] != "type not known" else None


def _attributes(device: Any) -> dict[str, Any]:
    """Return the settings that ndx-miniscope has a place for."""
    names = ("compression", "deviceType", "frameRate", "gain", "framesPerFile", "led0", "excitation", "msCamExposure")
    found = {name: getattr(device, name, None) for name in names}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in found.items()}
    size = getattr(device, "ROI", None)
    sides: dict[str, Any] = {} if size is None else {"ROI.height": int(size[0]), "ROI.width": int(size[1])}
    return {name: value for name, value in (plain | sides).items() if value is not None}
