"""What the metadata files say, without what is only true on the computer that recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .model import Device, Session

#: Names in metaData.json that mean something on the recording computer only.
MACHINE_LOCAL = ("baseDirectory", "deviceDirectory", "deviceID")
#: Of one device, so many changed settings are told; a new version of the program changes dozens.
MAX_TOLD = 4

#: Settings of the devices by their names, and of the session under None.
Settings = dict[str | None, dict[str, Any]]

_TYPE = "deviceType"
# The session's own lists of its devices
_LISTS = {"miniscopes", "cameras"}


@dataclass(frozen=True)
class Change:
    """A setting that differs between two recordings.

    Attributes
    ----------
    device : str or None
        The device it is of; None for the session itself.
    setting : str
        Its name.
    before, after : object
        Its values; None where it is not there.
    """

    device: str | None
    setting: str
    before: Any
    after: Any

    @property
    def said(self) -> str:
        """The setting and its values, without the device."""
        return f"{self.setting} was {_said(self.before)}, is {_said(self.after)}"

    def __str__(self) -> str:
        return self.said if self.device is None else f"{self.device}: {self.said}"


def portable_settings(described: Session | Device) -> dict[str, Any]:
    """Return everything in a metadata file that is not machine-local, as written.

    Parameters
    ----------
    described : Session or Device
        Whose file.

    Returns
    -------
    dict
        Nested entries by their path, such as ``ROI.width``; lists as they are.
    """
    return dict(_flatten(described.metadata))


def _flatten(entries: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in entries.items():
        if name in MACHINE_LOCAL:
            continue
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def changes(before: Settings, after: Settings) -> list[Change]:
    """Tell what changed between two recordings.

    Parameters
    ----------
    before, after : dict of dict
        The settings of each device by its name, and those of the session under None.

    Returns
    -------
    list of Change
        In the order of the names; when the recordings were made is no setting. Other devices are one change, whatever
        their settings are: of the session's list of them, or of the type that a device of the same name has.
    """
    found = []
    names = [sorted(name for name in settings if name is not None) for settings in (before, after)]
    listed = names[0] != names[1]
    if listed:
        found.append(Change(None, "list of devices", *names))
    for device in sorted({*before, *after}, key=lambda name: name or ""):
        if device is not None and not (device in before and device in after):
            continue
        first, second = before.get(device, {}), after.get(device, {})
        if device is not None and first.get(_TYPE) != second.get(_TYPE):
            found.append(Change(device, _TYPE, first.get(_TYPE), second.get(_TYPE)))
            continue
        for name in sorted({*first, *second}):
            if device is None and (_is_clock(name) or (listed and name in _LISTS)):
                continue
            if first.get(name) != second.get(name):
                found.append(Change(device, name, first.get(name), second.get(name)))
    return found


def told_changes(changed: Sequence[Change]) -> list[str]:
    """Put changes into sentences without a full stop: one for the session, and one for each device.

    Parameters
    ----------
    changed : sequence of Change
        As :func:`changes` gives them.
    """
    told = []
    for device, group in groupby(changed, key=lambda change: change.device):
        parts = [change.said for change in group]
        if len(parts) > MAX_TOLD:
            parts[MAX_TOLD:] = [f"and {len(parts) - MAX_TOLD} settings more"]
        told.append(("" if device is None else f"{device}: ") + ", ".join(parts))
    return told


def all_settings(session: Session) -> Settings:
    """Return the settings of a session and of its devices, as :func:`changes` takes them."""
    return {None: portable_settings(session), **{device.name: portable_settings(device) for device in session.devices}}


# Before v1.10 of Miniscope-DAQ-QT the start's fields lie beside the settings
_CLOCK = {"year", "month", "day", "hour", "minute", "second", "msec", "msecSinceEpoch"}


def _is_clock(name: str) -> bool:
    return name in _CLOCK or name.startswith("recordingStartTime.")


def _said(value: Any) -> str:
    return "not there" if value is None else repr(value)
