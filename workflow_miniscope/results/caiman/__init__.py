"""CaImAn's result file: HDF5 as ``CNMF.save`` writes it, with the Elements' group ``motion_correction``.

Both engines write it, and any file of CaImAn >= 1.9 is read; CaImAn is needed for neither.
"""

from .blocks import shift_blocks
from .dff import Dff, background, compute_dff
from .evaluation import Evaluation
from .find import find_result
from .frames import FrameQuality, Reason
from .model import CaimanResult, Mask, PiecewiseShifts, RigidShifts, centers
from .opened import OpenedResult, Traces
from .raw import RawTraces
from .reader import MovieModel, read_result
from .search import Fate, Search, SearchImages
from .verdict import Verdict
from .writer import RESULT_NAME, write_motion_correction, write_provenance, write_result

__all__ = [
    "RESULT_NAME",
    "CaimanResult",
    "Dff",
    "Evaluation",
    "Fate",
    "FrameQuality",
    "Mask",
    "MovieModel",
    "OpenedResult",
    "PiecewiseShifts",
    "RawTraces",
    "Reason",
    "RigidShifts",
    "Search",
    "SearchImages",
    "Traces",
    "Verdict",
    "background",
    "centers",
    "compute_dff",
    "find_result",
    "read_result",
    "shift_blocks",
    "write_motion_correction",
    "write_provenance",
    "write_result",
]
