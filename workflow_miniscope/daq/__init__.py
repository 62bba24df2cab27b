"""Miniscope-DAQ recordings, as both acquisition programs write them. No database.

session = daq.open_session(folder)      # metadata only: fast
recording = session.scopes[0].read()    # counts the frames by reading them: slow
"""

from .model import Device, Note, Session
from .orientation import HeadOrientation
from .recording import Recording
from .sessions import LEGACY, QT, open_device, open_session
from .video import Movie
from .walk import find_sessions

__all__ = [
    "LEGACY",
    "QT",
    "Device",
    "HeadOrientation",
    "Movie",
    "Note",
    "Recording",
    "Session",
    "find_sessions",
    "open_device",
    "open_session",
]
