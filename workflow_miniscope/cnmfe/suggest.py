"""Parameters suggested from the recording."""

from __future__ import annotations

import logging
from copy import copy

import numpy as np

from .deconvolution import noise
from .prepare import invalid

logger = logging.getLogger(__name__)

# light of a cell is followed this many gSig away from its middle
REACH = 4.5


def suggest(params, first, full, n_frames: int, fps: float):
    """Fill in what is None; gives a copy."""
    params = copy(params)
    if params.gSig is None:
        params.gSig = [5, 5]
    gSig = float(np.mean(params.gSig))
    if params.gSiz is None:
        params.gSiz = [int(4 * side + 1) for side in params.gSig]
    if params.gSig_filt is None:
        params.gSig_filt = [4, 4]
    if params.ssub is None:
        params.ssub = int(np.clip(round(gSig / 2.5), 1, 4))
    if params.ssub_B is None:
        params.ssub_B = 2 * params.ssub
    params.ssub_B = params.ssub * max(1, round(params.ssub_B / params.ssub))
    if params.ring_size_factor is None:
        params.ring_size_factor = 24 / float(np.mean(params.gSiz))
    if params.min_corr is None:
        params.min_corr = 0.6
    if params.min_pnr is None:
        params.min_pnr = float(round(1.3 * np.sqrt(2 * np.log(n_frames)), 2))
    return params


def working_noise(movie) -> np.ndarray:
    """Noise of each pixel of the working grid, float32 [pixels], from a few blocks."""
    some = np.unique(np.linspace(0, movie.blocks - 1, min(4, movie.blocks)).astype(int))
    values = [noise(movie.read(block)) for block in some if movie.read(block).shape[1] > 2]
    return np.median(values, axis=0).astype(np.float32)


def coverage(prepared, full, size) -> np.ndarray:
    """Fraction of the frames that cover each pixel of the working grid, float64 [height, width]."""
    shape = prepared.movie.shape
    gone = np.zeros(shape)
    for shift in prepared.shifts:
        if shift.any():
            gone += invalid(shift, shape, full, size)
    return 1 - gone / len(prepared.shifts)
