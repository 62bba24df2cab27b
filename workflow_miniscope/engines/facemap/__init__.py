"""Facemap on a camera's video: motion, its decomposition, pupil and blinks.

>>> from workflow_miniscope.engines import facemap
>>> facemap.run_facemap(["0.avi", "1.avi"], {"sbin": 4}, "out")  # doctest: +SKIP
PosixPath('out/0_proc.npy')

Facemap's signals of a running wheel are not offered: in 1.0.8 the result of their Fourier transform is
discarded, so they mean nothing.
"""

from .drawn import drawn_params, is_drawn
from .params import check_params, default_params
from .run import RUN_NAME, read_run, run_facemap, unavailable, version

__all__ = [
    "RUN_NAME",
    "check_params",
    "default_params",
    "drawn_params",
    "is_drawn",
    "read_run",
    "run_facemap",
    "unavailable",
    "version",
]
