"""Facemap on a camera's video: motion, its decomposition, pupil and blinks.

>>> from workflow_miniscope.engines import facemap
>>> facemap.run_facemap(["0.avi", "1.avi"], {"sbin": 4}, "out")  # doctest: +SKIP
PosixPath('out/0_proc.npy')

Facemap's signals of a running wheel are not offered: in 1.0.8 the result of their Fourier transform is
discarded, so they mean nothing.
"""

from .drawn import drawn_params, is_drawn
from .engine import ENGINE, run_facemap
from .note import RUN_NAME, read_run
from .parameters import Parameters
from .video import open_video

__all__ = [
    "ENGINE",
    "RUN_NAME",
    "Parameters",
    "drawn_params",
    "is_drawn",
    "open_video",
    "read_run",
    "run_facemap",
]
