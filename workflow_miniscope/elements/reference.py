"""Tables the Elements refer to and leave to the workflow: recording devices and anatomical locations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

from .. import daq
from ..database.columns import text_length
from ..database.connection import dj

reference_schema = dj.Schema()

#: Characters of a device's name; databases of earlier versions have 32
LONGEST_NAME = 64

_MODALITIES = {"scope": "Miniscope", "camera": "Camera"}


@reference_schema
class Device(dj.Lookup):
    """A kind of scope or camera, by the name of its folders; where others have that name too, with its type."""

    definition = f"""
    device             : varchar({LONGEST_NAME})
    ---
    modality           : varchar(64)   # Miniscope or Camera
    description=''     : varchar(256)  # at first its type
    """


@reference_schema
class DeviceKind(dj.Manual):
    """By what a device is recognised in a recording, beside its modality. Rows of Device may lack one."""

    definition = """
    -> Device
    ---
    folder_name        : varchar(255)  # of its folders: what the user of the rig named it
    device_type        : varchar(255)  # as the acquisition software says; empty where it says nothing
    """


@reference_schema
class AnatomicalLocation(dj.Manual):
    """A brain region where recordings are made."""

    definition = """
    recording_location_id  : varchar(16)   # short name
    ---
    anatomical_description : varchar(256)  # full name
    """


class Kind(NamedTuple):
    """What a device is: the name of its folders, Miniscope or Camera, and its type; None where that is not known."""

    folder_name: str
    modality: str
    device_type: str | None

    def is_of(self, other: Kind) -> bool:
        """Whether it can be the same device as another."""
        types = {self.device_type, other.device_type}
        return self[:2] == other[:2] and (None in types or len(types) == 1)

    def __str__(self) -> str:
        return f"{self.folder_name} ({self.device_type or self.modality})"


def recorded_kind(device: daq.Device) -> Kind:
    """Return what a recorded device is."""
    device_type = (device.device_type or "")[: text_length(DeviceKind, "device_type")]
    return Kind(device.name, _MODALITIES[device.kind], device_type)


def stored_kinds() -> dict[str, Kind]:
    """Return what the device of each row of ``Device`` is."""
    kinds = {row["device"]: row for row in DeviceKind().to_dicts()}
    return {row["device"]: _stored_kind(row, kinds.get(row["device"])) for row in Device().to_dicts()}


def _stored_kind(row: dict[str, Any], kind: dict[str, Any] | None) -> Kind:
    if kind is not None:
        return Kind(kind["folder_name"], row["modality"], kind["device_type"])
    # a row of before: its description is the type, unless somebody wrote another
    said = row["description"]
    return Kind(row["device"], row["modality"], None if not said or " " in said else said)


def enter_device(device: daq.Device) -> tuple[str, str | None]:
    """Give the row of a recorded device, after inserting it where there is none.

    Rigs name their devices as they like, so that a name alone says nothing: a device is the one of a row where name,
    modality and type are those of the row.

    Parameters
    ----------
    device : daq.Device
        The scope or camera.

    Returns
    -------
    name : str
        Primary key of its row in ``Device``.
    note : str or None
        A sentence, where the row is new and cannot have the name of the folders.
    """
    _, modality, device_type = recorded_kind(device)
    device_type = device_type or ""
    # compared here and not by the server, because MySQL takes small and capital letters for the same
    rows = {row["device"]: row for row in Device().to_dicts()}
    kinds = {row["device"]: row for row in DeviceKind().to_dicts()}
    for name, kind in kinds.items():
        if (kind["folder_name"], kind["device_type"]) == (device.name, device_type):
            if rows[name]["modality"] == modality:
                return name, None
    kind = {"folder_name": device.name, "device_type": device_type}
    there = rows.get(device.name)
    description = device_type[: text_length(Device, "description")]
    if there is not None and device.name not in kinds:  # entered by hand, or before kinds were told apart
        if there["modality"] == modality and there["description"] in ("", description):
            DeviceKind.insert1({"device": device.name, **kind})
            return device.name, None
    name = next(_free_names(device.name, device_type, {row.lower() for row in rows}))
    Device.insert1({"device": name, "modality": modality, "description": description})
    DeviceKind.insert1({"device": name, **kind})
    return name, None if there is None else _why_new(name, modality, device_type, there)


def _free_names(folder_name: str, device_type: str, taken: set[str]) -> Iterator[str]:
    """Give names for a new row, as short as the column is and none of those taken."""
    longest = text_length(Device, "device") or LONGEST_NAME
    wanted = [folder_name[:longest]]
    named = f"{folder_name} ({device_type})"
    if device_type and len(named) <= longest:
        wanted.append(named)
    yield from (name for name in wanted if name.lower() not in taken)
    for number in count(2):
        ending = f" ({number})"
        name = folder_name[: longest - len(ending)] + ending
        if name.lower() not in taken:
            yield name


def _why_new(name: str, modality: str, device_type: str, there: dict[str, Any]) -> str:
    first, second = (
        f"{kind} of type {what}" if what else kind
        for kind, what in ((there["modality"], there["description"]), (modality, device_type))
    )
    return f"Device '{there['device']}' of the database is a {first}; the {second} of this name is device '{name}'."


def device_folder_name(device: str) -> str:
    """Return the name that the folders of a row of ``Device`` have."""
    kind = (DeviceKind() & {"device": device}).to_dicts()
    return str(kind[0]["folder_name"]) if kind else device
