"""Pictures of a recording and its results, drawn from plain arrays.

Each function returns a :class:`matplotlib.figure.Figure` of its own, made without pyplot, so that a script, a
server and a notebook draw alike.
"""

from .comparison import comparison
from .eye import FaceRegion, eye, face_regions
from .facial_motion import facial_motion
from .footprints import footprints
from .intervals import frame_intervals
from .neural_prediction import neural_prediction
from .recording_check import DevicePicture, recording_check
from .shifts import motion_shifts
from .style import save
from .traces import clearest, traces

__all__ = [
    "DevicePicture",
    "FaceRegion",
    "clearest",
    "comparison",
    "eye",
    "face_regions",
    "facial_motion",
    "footprints",
    "frame_intervals",
    "motion_shifts",
    "neural_prediction",
    "recording_check",
    "save",
    "traces",
]
