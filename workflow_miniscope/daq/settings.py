"""What the metadata files say, without what is only true on the computer that recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .model import Device, Session

#: Names in metaData.json that mean something on the recording computer only.
MACHINE_LOCAL = ("baseDirectory", "deviceDirectory", "deviceID")


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

    def __str__(self) -> str:
        place = "" if self.device is None else f"{self.device}: "
        return f"{place}{self.setting} was {_said(self.before)}, is {_said(self.after)}"


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


def changes(before: dict[str | None, dict[str, Any]], after: dict[str | None, dict[str, Any]]) -> list[Change]:
    """Tell what changed between two recordings.

    Parameters
    ----------
    before, after : dict of dict
        The settings of each device by its name, and those of the session under None.

    Returns
    -------
    list of Change
        In the order of the names; when the recordings were made is no setting. A device of only one of them is one
        change, whatever its settings are.
    """
    found = []
    for device in sorted({*before, *after}, key=lambda name: name or ""):
        if device not in before or device not in after:
            found.append(
                Change(None, f"device {device}", *("recorded" if device in of else None for of in (before, after)))
            )
            continue
        first, second = before.get(device, {}), after.get(device, {})
        for name in sorted({*first, *second}):
            if device is None and _is_clock(name):
                continue
            if first.get(name) != second.get(name):
                found.append(Change(device, name, first.get(name), second.get(name)))
    return found


def all_settings(session: Session) -> dict[str | None, dict[str, Any]]:
    """Return the settings of a session and of its devices, as :func:`changes` takes them."""
    return {None: portable_settings(session), **{device.name: portable_settings(device) for device in session.devices}}


# Before v1.10 of Miniscope-DAQ-QT the start's fields lie beside the settings
_CLOCK = {"year", "month", "day", "hour", "minute", "second", "msec", "msecSinceEpoch"}


def _is_clock(name: str) -> bool:
    return name in _CLOCK or name.startswith("recordingStartTime.")


def _said(value: Any) -> str:
    return "not there" if value is None else repr(value)
