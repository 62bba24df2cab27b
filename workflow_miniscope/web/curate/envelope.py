"""A long trace in as many points as a screen has: smallest and largest value of each stretch of frames.

Stretches are powers of two, and begin at multiples of their length: they don't change while one scrolls. Computed
from the whole trace each time, which takes a fraction of a millisecond for an hour of frames.
"""

from __future__ import annotations

import numpy as np

from ...movies.types import Floats


def stretch_length(frames: int, points: int) -> int:
    """Give the frames of a stretch so that at most ``points`` stretches hold ``frames``: a power of two."""
    return 1 << max((-(-frames // max(points, 1)) - 1).bit_length(), 0)


def envelope(trace: Floats, start: int, stop: int, length: int) -> Floats:
    """Smallest and largest value of each stretch.

    Parameters
    ----------
    trace : float32 [frames]
        The whole trace.
    start, stop : int
        Frames that must be covered; whole stretches are given.
    length : int
        Frames of a stretch. A length of 1 gives the values themselves, once.

    Returns
    -------
    float32 [stretches * 2] or [frames]
        Smallest, largest, smallest, ...; NaN only for stretches without a number.
    """
    first, last = start // length * length, min(-(-stop // length) * length, len(trace))
    part = np.asarray(trace[first:last], np.float32)
    if length == 1 or not len(part):
        return part
    starts = np.arange(0, len(part), length)
    # fmin and fmax pass over frames that are not numbers
    return np.stack([np.fmin.reduceat(part, starts), np.fmax.reduceat(part, starts)], axis=1).ravel()
