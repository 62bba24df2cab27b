"""Whether a recording can be used: a verdict, the figures behind it, and a picture. Needs no database.

workflow-miniscope check /data/miniscope/m1/2026_01_15/10_20_30
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import daq
from ..errors import RecordingError
from .folders import Opened, open_folder

if TYPE_CHECKING:
    from ..figures import DevicePicture

#: Of one device; what a verdict needs beyond these is in the sentences.
JSON_FIGURES = {
    "frames": "n_frames",
    "height": "height",
    "width": "width",
    "rate_hz": "rate_hz",
    "duration_s": "duration_s",
    "dropped_frames": "dropped_frames",
}

# Seconds by which a recording may seem to end after the next one starts: its own start is noted a moment late
_OVERLAP = 1.0
# A picture of more devices is higher than viewers, and some formats, allow
_MOST_DRAWN = 12


@dataclass(frozen=True)
class SessionCheck:
    """What was found out about a session.

    Attributes
    ----------
    session : daq.Session
        The session.
    devices : tuple of daq.Check
        Its devices, also those that cannot be opened; scopes first.
    relations : tuple of str
        What is wrong between its devices, a sentence each.
    """

    session: daq.Session
    devices: tuple[daq.Check, ...]
    relations: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The session's folder."""
        return self.session.folder

    @property
    def start_utc(self) -> datetime | None:
        """When it started."""
        return self.session.start_utc

    @property
    def layout(self) -> str:
        """Whose layout it has."""
        return self.session.acq_software

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is missing, unusual or wrong of the session as a whole, a sentence each."""
        return (*self.relations, *self.session.warnings)

    @property
    def verdict(self) -> daq.Verdict:
        """The worst of the devices' verdicts; not good where a device left no video, or devices do not fit together."""
        verdicts = [device.quality.verdict for device in self.devices]
        flawed = self.session.missing or self.relations
        return daq.worst([*verdicts, "usable with warnings"] if flawed else verdicts)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict and the figures as plain values; None where a figure could not be had."""
        return _as_json(self)

    def __str__(self) -> str:
        return _as_text(self)


@dataclass(frozen=True)
class SplitCheck:
    """What was found out about several recordings: of a session that was stopped and started again, or of an animal.

    Attributes
    ----------
    folder : Path
        The folder they are below.
    parts : tuple of SessionCheck
        The recordings, in the order of their starts.
    relations : tuple of str
        What is wrong between those of an animal, a sentence each.
    changes : tuple of str
        Which settings changed from one of an animal to the next, a sentence for each change, however often it is made.
    unreadable : tuple of str
        Why some of the folders cannot be opened, a sentence each.
    """

    folder: Path
    parts: tuple[SessionCheck, ...]
    relations: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def start_utc(self) -> datetime | None:
        """When the first recording started."""
        return self.parts[0].start_utc

    @property
    def layout(self) -> str:
        """Whose layout they have."""
        return self.parts[0].layout

    @property
    def devices(self) -> tuple[daq.Check, ...]:
        """The devices of all recordings, named after the recording's folder, too."""
        return tuple(
            replace(device, name=f"{part_name(self.folder, part)}/{device.name}")
            for part in self.parts
            for device in part.devices
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What concerns a recording as a whole, or several of them, a sentence each."""
        of_parts = (f"{part_name(self.folder, part)}: {warning}" for part in self.parts for warning in part.warnings)
        return (*self.unreadable, *self.relations, *of_parts, *self.changes)

    @property
    def verdict(self) -> daq.Verdict:
        """The worst of the recordings' verdicts; not good where two overlap, unusable where one cannot be opened."""
        verdicts = [part.verdict for part in self.parts]
        verdicts += ["usable with warnings"] if self.relations else []
        return daq.worst([*verdicts, "unusable"] if self.unreadable else verdicts)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict and the figures as plain values, as of one session."""
        return _as_json(self)

    def __str__(self) -> str:
        return _as_text(self)


def _as_json(checked: SessionCheck | SplitCheck) -> dict[str, Any]:
    return {
        "start_utc": None if checked.start_utc is None else checked.start_utc.isoformat(),
        "layout": checked.layout,
        "verdict": checked.verdict,
        "warnings": list(checked.warnings),
        "devices": [
            {
                "name": device.name,
                "kind": device.kind,
                **{name: getattr(device.quality, figure) for name, figure in JSON_FIGURES.items()},
                "verdict": device.quality.verdict,
                "warnings": list(device.quality.reasons),
            }
            for device in checked.devices
        ],
    }


def _as_text(checked: SessionCheck | SplitCheck) -> str:
    start = checked.start_utc
    when = "start in UTC unknown" if start is None else f"{start:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"{checked.folder}: {checked.verdict} ({checked.layout}, {when})"]
    lines += [f"  Note: {warning}" for warning in checked.warnings]
    for device in checked.devices:
        lines.append(f"  {describe(device)}")
        lines += [f"    - {reason}" for reason in device.quality.reasons]
    return "\n".join(lines)


def describe(device: daq.Check) -> str:
    """Return a device's verdict and main figures in one line."""
    quality = device.quality
    line = f"{device.name} ({device.kind}): {quality.verdict}"
    if quality.n_frames is not None:
        line += (
            f"; {quality.n_frames} frames of {quality.width} x {quality.height} in {quality.duration_s:.1f} s, "
            f"{quality.rate_hz:.2f} frames/s, {quality.dropped_frames} dropped"
        )
    return line


def check_folder(
    folder: str | Path, acq_software: str | None = None, frames: bool = True, progress: bool = True
) -> SessionCheck | SplitCheck:
    """Read all recordings of a session, each frame once, and judge them.

    Parameters
    ----------
    folder : path
        A session's folder, or one device's; or a folder above those of several recordings, such as a
        day's or an animal's.
    acq_software : str, optional
        The layout it must have; by default any.
    frames : bool
        Look at each frame; without, only times and lengths are judged, which takes a moment.
    progress : bool
        Show a progress bar on a terminal.

    Raises
    ------
    RecordingError
        The folder holds no recording.
    """
    return check_opened(open_folder(folder, acq_software), frames, progress)


def check_opened(opened: Opened, frames: bool = True, progress: bool = True) -> SessionCheck | SplitCheck:
    """Judge recordings that were opened; see :func:`check_folder`."""
    parts = tuple(_check_session(session, frames, progress) for session in opened.sessions)
    if not opened.split:
        return parts[0]
    relations: list[str] = []
    changed: dict[str, list[str]] = {}
    for before, after in _successive(parts):
        names = [part_name(opened.folder, part) for part in (before, after)]
        relations += _overlap(before, after, *names)
        found = daq.changes(daq.all_settings(before.session), daq.all_settings(after.session))
        for told in daq.told_changes(found):
            changed.setdefault(told, []).append(f"From {names[0]} to {names[1]}: {told}.")
    told_once = [
        f"{first} The same later from {len(others)} recording{'s' * (len(others) > 1)} to the next."
        if others
        else first
        for first, *others in changed.values()
    ]
    return SplitCheck(opened.folder, parts, tuple(relations), tuple(told_once), tuple(opened.problems))


def _successive(parts: tuple[SessionCheck, ...]) -> Iterator[tuple[SessionCheck, SessionCheck]]:
    """Give each recording of an animal with the next one."""
    before: dict[str | None, SessionCheck] = {}
    for part in parts:
        animal = part.session.animal
        if animal in before:
            yield before[animal], part
        before[animal] = part


def part_name(folder: Path, part: SessionCheck) -> str:
    """Return what a recording is called among others of a folder: its own folder's path below that one."""
    return part.folder.relative_to(folder).as_posix()


def _check_session(session: daq.Session, frames: bool, progress: bool) -> SessionCheck:
    checked = [daq.check_device(device, frames, progress) for device in session.devices]
    broken = [daq.Check(device.name, device.kind, daq.unreadable(device.problem)) for device in session.broken]
    devices = sorted([*checked, *broken], key=lambda device: (device.kind != "scope", device.name))
    return SessionCheck(session, tuple(devices), daq.relate(devices))


def _overlap(before: SessionCheck, after: SessionCheck, first_name: str, second_name: str) -> list[str]:
    """Say where a recording starts while the one before it still runs."""
    lengths = [device.quality.duration_s for device in before.devices if device.quality.duration_s is not None]
    starts = [(part.session.start_utc, part.session.start_local) for part in (before, after)]
    first, second = next(((a, b) for a, b in zip(*starts, strict=True) if a and b), (None, None))
    if not lengths or first is None:
        return []
    over = max(lengths) - (second - first).total_seconds()
    if over <= _OVERLAP:
        return []
    return [
        f"{second_name} starts {over:.1f} s before {first_name} ends: the clock of the computer was set, "
        "or one is a copy."
    ]


def draw(checked: SessionCheck | SplitCheck, path: Path) -> Path:
    """Draw a picture of a session that was checked into a PNG file."""
    from .. import figures  # matplotlib takes long to import

    title = f"{checked.folder.parent.name}/{checked.folder.name}: {checked.verdict}"
    shown = checked.devices[:_MOST_DRAWN]
    notes = list(checked.warnings)
    if len(shown) < len(checked.devices):
        notes.append(f"The first {len(shown)} of {len(checked.devices)} devices are drawn.")
    return figures.save(figures.recording_check(list(map(_picture, shown)), title, notes), path)


def _picture(device: daq.Check) -> DevicePicture:
    from ..figures import DevicePicture

    picture = DevicePicture(describe(device), device.quality.verdict, reasons=device.quality.reasons)
    if device.recording is None:
        return picture
    timing = device.recording.timing
    picture = replace(
        picture,
        times=device.recording.times,
        lost={gap.index: gap.missing for gap in timing.gaps},
        pauses={gap.index: gap.interval for gap in timing.pauses},
    )
    if device.survey is not None:
        names = ("first frame", "middle frame", "last frame")
        images = [
            (f"{name} ({index})", image)
            for name, index, image in zip(names, device.survey.frames, device.survey.images, strict=True)
        ]
        picture = replace(picture, brightness=device.survey.brightness, images=images)
    if device.orientation is not None:
        picture = replace(picture, orientation=(device.orientation.times, device.orientation.valid))
    return picture


def picture_path(folder: Path, output: Path | None) -> Path:
    """Return the file to draw into: as named, in the folder that is named, or in the current one.

    Raises
    ------
    RecordingError
        It would be in the folder of the recording.
    """
    name = "check_" + "_".join(part for part in folder.parts[-3:] if part != folder.anchor) + ".png"
    if output is None:
        path = Path.cwd() / name
    else:
        path = output if output.suffix.lower() == ".png" else output / name
    if path.resolve().is_relative_to(folder.resolve()):
        raise RecordingError(
            f"The picture would be written into the recording's folder {folder}, where nothing is ever "
            "written; name another place with --output."
        )
    return path
