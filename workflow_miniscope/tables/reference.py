"""Tables the Elements refer to and leave to the workflow: recording devices and anatomical locations."""

from __future__ import annotations

from ..database.connection import dj

reference_schema = dj.Schema()


@reference_schema
class Device(dj.Lookup):
    """A scope or camera of a rig, by the name the acquisition software saves its recordings under."""

    definition = """
    device             : varchar(32)
    ---
    modality           : varchar(64)   # Miniscope or Camera
    description=''     : varchar(256)
    """


@reference_schema
class AnatomicalLocation(dj.Manual):
    """A brain region where recordings are made."""

    definition = """
    recording_location_id  : varchar(16)   # short name
    ---
    anatomical_description : varchar(256)  # full name
    """
