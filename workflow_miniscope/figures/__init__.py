"""Pictures of a recording and its results, drawn from plain arrays.

Each function returns a :class:`matplotlib.figure.Figure` of its own, made without pyplot, so that a script, a
server and a notebook draw alike.
"""

from .cell_quality import cell_quality
from .comparison import comparison
from .eye import FaceRegion, eye, face_regions, region_colours
from .facial_motion import facial_motion
from .footprints import footprints
from .intervals import frame_intervals
from .neural_prediction import neural_prediction
from .parameter_preview import parameter_preview
from .raster import raster
from .recording_check import DevicePicture, recording_check
from .registration import registration
from .shifts import motion_shifts
from .style import save
from .summary_images import summary_images
from .traces import clearest, traces

__all__ = [
    "DevicePicture",
    "FaceRegion",
    "cell_quality",
    "clearest",
    "comparison",
    "eye",
    "face_regions",
    "facial_motion",
    "footprints",
    "frame_intervals",
    "motion_shifts",
    "neural_prediction",
    "parameter_preview",
    "raster",
    "recording_check",
    "region_colours",
    "registration",
    "save",
    "summary_images",
    "traces",
]
