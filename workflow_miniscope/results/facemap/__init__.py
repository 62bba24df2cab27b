"""Facemap's result file, ``_proc.npy``: read without running what it holds, and what Facemap leaves wrong put right."""

from .model import Blink, Components, FacemapResult, Pupil, Region
from .reader import find_proc, read_proc
from .unpickle import load_pickled_npy

__all__ = [
    "Blink",
    "Components",
    "FacemapResult",
    "Pupil",
    "Region",
    "find_proc",
    "load_pickled_npy",
    "read_proc",
]
