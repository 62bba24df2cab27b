"""Traces in every frame of a recording, where the fit has seen only those that are used."""

from __future__ import annotations

import numpy as np

from ...movies.types import Bools, Floats, Ints
from . import gaps
from .deconvolution import TimeConstants, spike_response
from .timebase import TimeBase


def decay(fps: float, times: TimeConstants) -> float:
    """Part of the calcium of a frame that is left in the next one."""
    return float(np.exp(-1 / (fps * times.decay)))


def rows(base: TimeBase, seen: TimeBase, used: Bools) -> Ints | None:
    """Places of all frames from the first to the last that is used; None where all are, or were left out in turn."""
    if used.all() or seen.fps != base.fps:
        return None
    at = np.flatnonzero(used)
    rows: Ints = base.places[at[0] : at[-1] + 1] - base.places[at[0]]
    return rows


def in_all_frames(
    C: Floats, S: Floats, YrA: Floats, used: Bools, base: TimeBase, times: TimeConstants
) -> tuple[Floats, Floats, Floats]:
    """Traces in all frames; those that were left out have what the frames around say, and no rest."""
    if used.all():
        return C, S, YrA
    at = np.flatnonzero(used)
    known = used
    if C.shape[1] != len(at):
        known = np.zeros(len(used), bool)
        known[at[0] : at[-1] + 1] = True
    longest = len(spike_response(base.fps, *times))
    return gaps.between(C, known, decay(base.fps, times), longest), gaps.spread(S, known), gaps.spread(YrA, used)
