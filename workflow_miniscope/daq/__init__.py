"""Miniscope-DAQ recordings as they lie on disk: sessions, devices, time stamps and video.

Knows both layouts, that of the legacy program ("Miniscope-DAQ-V3") and that of Miniscope-DAQ-QT
("Miniscope-DAQ-V4"), and nothing of a database. Nothing is ever written into a recording's folder::

    session = daq.open_session("/data/mouse1/2026_01_15/10_20_30")
    for device in session.scopes:
        recording = device.read()
        print(device.name, recording.n_frames, recording.fps, recording.warnings)
"""

from .alignment import Aligned, align, cleaned, in_order
from .find import find_sessions, is_recording, nearest_folder, open_device, open_session, recording_folders
from .model import ACQ_SOFTWARE, BrokenDevice, Device, Note, Session
from .orientation import HeadOrientation, are_rotations, euler_degrees
from .quality import VERDICTS, Check, Quality, Verdict, assess, begins_black, check_device, unreadable, worst
from .recording import MAX_LENGTH_DIFFERENCE, Recording
from .relations import relate
from .settings import Change, all_settings, changes, portable_settings, told_changes
from .source import MovieSource, open_movie
from .survey import Survey, survey_movie
from .timestamps import TimeStamps
from .timing import Gap, Timing, examine
from .video import Movie

__all__ = [
    "ACQ_SOFTWARE",
    "MAX_LENGTH_DIFFERENCE",
    "VERDICTS",
    "Aligned",
    "BrokenDevice",
    "Change",
    "Check",
    "Device",
    "Gap",
    "HeadOrientation",
    "Movie",
    "MovieSource",
    "Note",
    "Quality",
    "Recording",
    "Session",
    "Survey",
    "TimeStamps",
    "Timing",
    "Verdict",
    "align",
    "all_settings",
    "are_rotations",
    "assess",
    "begins_black",
    "changes",
    "check_device",
    "cleaned",
    "euler_degrees",
    "examine",
    "find_sessions",
    "in_order",
    "is_recording",
    "nearest_folder",
    "open_device",
    "open_movie",
    "open_session",
    "portable_settings",
    "recording_folders",
    "relate",
    "survey_movie",
    "told_changes",
    "unreadable",
    "worst",
]
