"""Whether a recording can be used: a verdict, the figures behind it, and a picture. Needs no database.

workflow-miniscope check /data/miniscope/m1/2026_01_15/10_20_30
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from . import console, daq
from .errors import RecordingError
from .paths import find_full_path, get_miniscope_root_data_dir

#: Of one device; what a verdict needs beyond these is in the sentences.
JSON_FIGURES = {
    "frames": "n_frames",
    "height": "height",
    "width": "width",
    "rate_hz": "rate_hz",
    "duration_s": "duration_s",
    "dropped_frames": "dropped_frames",
}


@dataclass(frozen=True)
class SessionCheck:
    """What was found out about a session.

    Attributes
    ----------
    session : daq.Session
        The session.
    devices : tuple of daq.Check
        Its devices, also those that cannot be opened; scopes first.
    """

    session: daq.Session
    devices: tuple[daq.Check, ...]

    @property
    def verdict(self) -> daq.Verdict:
        """The worst of the devices' verdicts; not good where a device left no video."""
        verdicts = [device.quality.verdict for device in self.devices]
        return daq.worst([*verdicts, "usable with warnings"] if self.session.missing else verdicts)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict and the figures as plain values; None where a figure could not be had."""
        start = self.session.start_utc
        return {
            "start_utc": None if start is None else start.isoformat(),
            "layout": self.session.acq_software,
            "verdict": self.verdict,
            "devices": [
                {
                    "name": device.name,
                    "kind": device.kind,
                    **{name: getattr(device.quality, figure) for name, figure in JSON_FIGURES.items()},
                    "verdict": device.quality.verdict,
                    "warnings": list(device.quality.reasons),
                }
                for device in self.devices
            ],
        }

    def __str__(self) -> str:
        start = self.session.start_utc
        when = "start in UTC unknown" if start is None else f"{start:%Y-%m-%d %H:%M:%S} UTC"
        lines = [f"{self.session.folder}: {self.verdict} ({self.session.acq_software}, {when})"]
        lines += [f"  Note: {warning}" for warning in self.session.warnings]
        for device in self.devices:
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
) -> SessionCheck:
    """Read all recordings of a session, each frame once, and judge them.

    Parameters
    ----------
    folder : path
        A session's folder, or one device's.
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
    return _check(daq.open_session(folder, acq_software, allow_broken=True), frames, progress)


def _check(session: daq.Session, frames: bool = True, progress: bool = True) -> SessionCheck:
    checked = [daq.check_device(device, frames, progress) for device in session.devices]
    broken = [daq.Check(device.name, device.kind, daq.unreadable(device.problem)) for device in session.broken]
    devices = sorted([*checked, *broken], key=lambda device: (device.kind != "scope", device.name))
    return SessionCheck(session, tuple(devices))


def draw(checked: SessionCheck, path: Path) -> Path:
    """Draw a picture of a session that was checked into a PNG file."""
    from . import figures  # matplotlib takes long to import

    title = f"{checked.session.folder.parent.name}/{checked.session.folder.name}: {checked.verdict}"
    return figures.save(figures.recording_check(list(map(_picture, checked.devices)), title), path)


def _picture(device: daq.Check):
    from .figures import DevicePicture

    told = {"title": describe(device), "verdict": device.quality.verdict, "reasons": device.quality.reasons}
    if device.recording is None:
        return DevicePicture(**told)
    if device.survey is not None:
        names = ("first frame", "middle frame", "last frame")
        told["brightness"] = device.survey.brightness
        told["images"] = [
            (f"{name} ({index})", image)
            for name, index, image in zip(names, device.survey.frames, device.survey.images, strict=True)
        ]
    if device.orientation is not None:
        told["orientation"] = (device.orientation.times, device.orientation.valid)
    lost = {gap.index: gap.missing for gap in device.recording.timing.gaps}
    return DevicePicture(**told, times=device.recording.times, lost=lost)


def find_folder(folder: Path) -> Path:
    """Return a folder as it is named, or below a root directory, as the database names it."""
    roots = [] if folder.exists() else get_miniscope_root_data_dir()
    return find_full_path(roots, folder) if roots else folder


def picture_path(session: daq.Session, output: Path | None) -> Path:
    """Return the file to draw into: as named, in the folder that is named, or in the current one.

    Raises
    ------
    RecordingError
        It would be in the folder of the recording.
    """
    name = "check_" + "_".join(part for part in session.folder.parts[-3:] if part != session.folder.anchor) + ".png"
    if output is None:
        path = Path.cwd() / name
    else:
        path = output if output.suffix.lower() == ".png" else output / name
    if path.resolve().is_relative_to(session.folder.resolve()):
        raise RecordingError(
            f"The picture would be written into the recording's folder {session.folder}, where nothing is ever "
            "written; name another place with --output."
        )
    return path


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of a session or of one device.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="PNG file or folder for the picture; by default the current folder."),
    ] = None,
    picture: Annotated[bool, typer.Option(help="Draw the picture.")] = True,
    require_good: Annotated[
        bool, typer.Option("--require-good", help="Also fail where the verdict is 'usable with warnings'.")
    ] = False,
) -> None:
    """Say whether a recording can be used, and draw a picture of it. Needs no database.

    The exit status is 0 where it can be used (good, or usable with warnings) and 1 where it cannot: a device is
    unusable, or the folder holds no recording.
    """
    session = daq.open_session(find_folder(folder), allow_broken=True)
    path = picture_path(session, output) if picture else None  # before the frames are read
    checked = _check(session)
    if as_json:
        print(json.dumps(checked.as_json(), indent=2, ensure_ascii=False))
        for warning in session.warnings:
            print(f"Note: {warning}", file=sys.stderr)
    else:
        print(checked)
    if path is not None:
        draw(checked, path)
        print(f"Picture: {path}", file=sys.stderr if as_json else sys.stdout)
    if checked.verdict == "unusable" or (require_good and checked.verdict != "good"):
        raise typer.Exit(1)


if __name__ == "__main__":
    console.run(command)
