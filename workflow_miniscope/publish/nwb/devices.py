"""Scopes and cameras, how they were set, and how good their recordings are."""

from __future__ import annotations

import json
import re
from typing import Any

import ndx_miniscope
import numpy as np
import pynwb

from ...daq.metadata import number
from ...movies.fingerprint import PIECE, PIECES
from ..contents import Contents, Scope, Video
from .tables import table

# Attributes of ndx-miniscope's device, by what they hold
_TEXTS = ("compression", "deviceType", "frameRate", "gain")
_NUMBERS = ("framesPerFile", "led0", "excitation", "msCamExposure")

# Columns of the tables of quality that are figures
_FIGURES = {
    "n_frames": "Frames with a picture and a time.",
    "n_video": "Frames of the videos, before pictures and times were brought to one length.",
    "n_stamps": "Time stamps, before.",
    "rate_hz": "Frames a second, by the time stamps.",
    "duration_s": "Seconds.",
    "jitter_ms": "Standard deviation of the regular intervals, milliseconds.",
    "dropped_frames": "Frames that were lost.",
    "gaps": "Places where frames were lost.",
    "longest_gap_s": "The longest of them, seconds.",
    "duplicate_times": "Frames with the time of the frame before.",
    "backward_times": "Frames with an earlier time than the frame before.",
    "daq_resets": "Frames at which the counter of the DAQ did not advance.",
    "out_of_order": "Frames whose time is wrong.",
    "brightness": "Median of the means of the frames, grey levels.",
    "dark_frames": "Frames less than half as bright as the median.",
    "repeated_frames": "Frames equal to the frame before.",
    "saturated": "Part of all pixels at the highest value.",
}


def safe(name: str) -> str:
    """Return a name that an object in an NWB file may have."""
    return re.sub(r"[/:]", "_", name)


def add_devices(file: Any, contents: Contents) -> dict[str, Any]:
    """Add each scope and camera once; return them by their names."""
    devices: dict[str, Any] = {}
    for video in (*contents.scopes, *contents.cameras):
        if video.device in devices:
            continue
        name, text = safe(video.device), f"{video.description or 'type not known'}."
        if isinstance(video, Scope):
            described = ndx_miniscope.Miniscope(name=name, description=f"Miniscope: {text}", **_attributes(video))
        else:
            described = pynwb.device.Device(name=name, description=f"Behaviour camera: {text}")
        devices[video.device] = file.add_device(described) or described
    return devices


def _attributes(scope: Scope) -> dict[str, Any]:
    """Return the settings that ndx-miniscope has a place for, in the kind it wants."""
    settings = scope.settings
    found: dict[str, Any] = {}
    for name in _TEXTS:
        if settings.get(name) not in (None, ""):
            found[name] = str(settings[name])
    for name in _NUMBERS:
        value = number(settings.get(name))
        if value is not None and value == int(value):
            found[name] = int(value)
    size = [number(settings.get(f"ROI.{side}")) for side in ("height", "width")]
    if None not in size:
        found["ROI"] = [int(side) for side in size if side is not None]
    return found


def settings_table(contents: Contents) -> Any | None:
    """Return everything the metadata files say as a table of device, setting and value, or None."""
    of_all: list[tuple[str, dict[str, Any]]] = [("session", contents.settings)]
    of_all += [(video.device, video.settings) for video in (*contents.scopes, *contents.cameras)]
    rows = [
        (device, setting, json.dumps(value, ensure_ascii=False))
        for device, settings in of_all
        for setting, value in settings.items()
    ]
    if not rows:
        return None
    devices, settings, values = zip(*rows, strict=True)
    return table(
        "device_settings",
        "What the acquisition program's metadata files say, without folders, people and computers.",
        {
            "device": ("Device that a setting is of; session for those of all.", devices),
            "setting": ("Name; entries within entries by their path, such as ROI.width.", settings),
            "value": ("Value as JSON: text in quotes, numbers without.", values),
        },
    )


def quality_table(contents: Contents) -> Any | None:
    """Return the verdicts on all recordings as a table, or None where none was judged."""
    judged = [video for video in (*contents.scopes, *contents.cameras) if video.quality]
    if not judged:
        return None
    columns: dict[str, tuple[str, list[Any]]] = {
        "device": ("Scope or camera.", [video.device for video in judged]),
        "verdict": (
            "good, usable with warnings, or unusable.",
            [video.quality["verdict"] for video in judged],
        ),
        "reasons": ("What makes it so, a sentence a line.", ["\n".join(video.quality["reasons"]) for video in judged]),
    }
    for name, text in _FIGURES.items():
        values = [_figure(video.quality[name]) for video in judged]
        if not np.all(np.isnan(values)):
            columns[name] = (text, values)
    return table("recording_quality", "Verdict on each recording, and what it comes from.", columns)


def raw_files_table(contents: Contents) -> Any | None:
    """Return the videos that results were computed from as a table, or None where they were not noted."""
    noted = [file for file in contents.raw_files if file.n_bytes is not None]
    if not noted:
        return None
    columns: dict[str, tuple[str, list[Any]]] = {
        "file": ("Path below the session's folder.", [file.path for file in contents.raw_files]),
        "n_bytes": ("Length.", [file.n_bytes for file in contents.raw_files]),
        "checksum": (
            f"BLAKE2b, 16 bytes, of the length as text and of {PIECES} pieces of {PIECE} bytes at "
            f"(length - {PIECE}) * i // {PIECES - 1}.",
            [file.checksum for file in noted],
        ),
    }
    return table("raw_files", "Videos that the results were computed from.", columns)


def _figure(value: Any) -> float:
    return np.nan if value is None else float(value)


def wrong_times(video: Video) -> dict[str, Any]:
    """Return what marks the frames whose time is wrong, for a series on a device's clock; nothing where none is."""
    if video.in_order.all():
        return {}
    return {
        "control": np.where(video.in_order, 0, 1).astype(np.uint8),
        "control_description": [
            "the time can be trusted",
            "the time is wrong: it is out of order among those of the frames around it",
        ],
    }
