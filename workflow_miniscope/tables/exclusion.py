"""Recordings that are left out of processing: broken ones that would fail again at each run."""

from __future__ import annotations

from ..database.connection import dj
from ..elements.facemap import facemap  # noqa: F401 - the definition refers to it
from ..elements.miniscope import miniscope  # noqa: F401

schema = dj.Schema()


@schema
class ExcludedScope(dj.Manual):
    """A scope's recording that is not processed. What was computed before stays."""

    definition = """
    -> miniscope.Recording
    ---
    reason       : varchar(1000)
    excluded_at  : datetime       # UTC
    """


@schema
class ExcludedCamera(dj.Manual):
    """A camera's recording that is not processed. What was computed before stays."""

    definition = """
    -> facemap.VideoRecording
    ---
    reason       : varchar(1000)
    excluded_at  : datetime       # UTC
    """
