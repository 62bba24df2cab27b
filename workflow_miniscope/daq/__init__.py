"""Miniscope-DAQ recordings as they lie on disk: sessions, devices, time stamps and video.

Knows both layouts, that of the legacy program ("Miniscope-DAQ-V3") and that of Miniscope-DAQ-QT
("Miniscope-DAQ-V4"), and nothing of a database. Nothing is ever written into a recording's folder::

    session = daq.open_session("/data/mouse1/2026_01_15/10_20_30")
    for device in session.scopes:
        recording = device.read()
        print(device.name, recording.n_frames, recording.fps, recording.warnings)
"""

from .find import find_sessions, open_device, open_session
from .model import ACQ_SOFTWARE, Device, Note, Session
from .orientation import HeadOrientation
from .recording import MAX_LENGTH_DIFFERENCE, Recording
from .timestamps import Gap, TimeStamps, Timing, examine
from .video import Movie

__all__ = [
    "ACQ_SOFTWARE",
    "MAX_LENGTH_DIFFERENCE",
    "Device",
    "Gap",
    "HeadOrientation",
    "Movie",
    "Note",
    "Recording",
    "Session",
    "TimeStamps",
    "Timing",
    "examine",
    "find_sessions",
    "open_device",
    "open_session",
]
