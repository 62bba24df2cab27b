"""Parameters suggested from the recording."""

from __future__ import annotations

import logging
from copy import copy

import numpy as np

from ..errors import ParameterError
from .arrays.filtering import from_nearest
from .calcium import deconvolution
from .calcium.deconvolution import baseline, noise
from .cells import seeds
from .cells.soma import soma_size
from .prepare import uncovered

logger = logging.getLogger(__name__)

# light of a cell is followed this many gSig away from its middle
REACH = 6.0
# radius of the background's ring in units of gSiz, and at most in units of the field's shorter side
RING, RING_FIELD = 2.0, 0.4
# px: of registration, and of a soma under a V4 where the recording does not show it
GSIG_FILT, GSIG = 3, 5
# px: distance of the blocks of piecewise-rigid registration; gSig_filt: what a block must hold to be told from noise
STRIDE, BLOCK = 96, 12
# time constants where the search for those of the recording starts, s
RISE, DECAY = 0.05, 0.5
# traces, and frames of each, that the time constants come from
TRACES, FRAMES = 15, 2000
# frames that the noise of the pixels comes from
SAMPLE = 1024


def for_registration(params, full: tuple[int, int]):
    """Fill in what registration needs for a field of (height, width) pixels; gives a copy."""
    params = copy(params)
    if params.gSig_filt is None:
        # vessels and the edges of cells at the resolution of a miniscope; the exact size matters little
        params.gSig_filt = [GSIG_FILT, GSIG_FILT]
    # about 96 pixels, as in CaImAn's demo; in small fields less, so that there are three blocks along a side
    least = BLOCK * float(np.mean(params.gSig_filt))
    number = [max(1, round(side / STRIDE), min(3, int(side / least))) for side in full]
    if params.strides is None:
        params.strides = [max(1, int(3 * side / (3 * n + 1))) for side, n in zip(full, number, strict=True)]
        if params.overlaps is None:
            # what is left, so that the last block lies where it should
            params.overlaps = [side - n * stride for side, n, stride in zip(full, number, params.strides, strict=True)]
    if params.overlaps is None:
        params.overlaps = [stride // 3 for stride in params.strides]
    return params


def for_extraction(params, first: np.ndarray, shifts: np.ndarray, full: tuple[int, int], n_frames: int, pool):
    """Fill in the rest; gives a copy.

    Parameters
    ----------
    params : Parameters
        Those that are None are suggested.
    first : [n, height, width]
        The first frames, with their shifts (float64 [n, 2], pixels).
    full : tuple of int
        (height, width) of the recording.
    n_frames : int
        Length.
    pool : ThreadPoolExecutor
        Threads.

    Raises
    ------
    ParameterError
        If a soma does not fit the field.
    """
    params = copy(params)
    if params.gSig is None:
        sigma = soma_size(first, shifts, pool)
        if sigma is None:
            sigma = min(GSIG, min(full) / 6)
            logger.info("Too few cells are active at the beginning to see their size; gSig=%.0f is taken.", sigma)
        params.gSig = [max(1, round(sigma))] * 2
    if 4 * max(params.gSig) > min(full):
        raise ParameterError(
            f"gSig={params.gSig} is a soma of about {4 * max(params.gSig)} pixels, which does not fit the field of "
            f"{full[0]} x {full[1]} pixels."
        )
    gSig = float(np.mean(params.gSig))
    if params.gSiz is None:
        params.gSiz = [int(4 * side + 1) for side in params.gSig]
    if params.ssub is None:
        params.ssub = int(np.clip(round(gSig / 2.5), 1, 4))
    if params.ssub_B is None:
        params.ssub_B = 2 * params.ssub
    params.ssub_B = params.ssub * max(1, round(params.ssub_B / params.ssub))
    if params.ring_size_factor is None:
        # wider than the cells out of focus, but in a small field not so wide that few pixels have a whole ring
        widest = RING_FIELD * min(full) / float(np.mean(params.gSiz))
        params.ring_size_factor = float(np.clip(round(widest, 2), 1.0, RING))
    if params.min_corr is None:
        params.min_corr = 0.5
    if params.min_pnr is None:
        # the largest of so many independent normal numbers
        independent = n_frames * max(1.0, full[0] * full[1] / (4 * np.pi * (seeds.INNER * gSig) ** 2))
        params.min_pnr = float(round(np.sqrt(2 * np.log(independent)), 2))
    return params


def working_noise(movie, seen: np.ndarray) -> np.ndarray:
    """Noise of each pixel of the working grid, float32 [pixels], from a few blocks.

    What some frames do not cover is filled, and has no noise there: such pixels have that of the nearest one that is
    seen. ``seen``: fraction of the frames that cover each pixel, float [height, width].
    """
    values = [noise(block) for block in map(movie.read, movie.spread(SAMPLE)) if block.shape[1] > 2]
    image = np.median(values, axis=0).astype(np.float32).reshape(movie.shape)
    return from_nearest(image, seen >= seeds.SEEN).ravel()


def coverage(prepared, full, size) -> np.ndarray:
    """Fraction of the frames that cover each pixel of the working grid, float64 [height, width]."""
    shape, n = prepared.movie.shape, len(prepared.shifts)
    rows, columns = uncovered(prepared.edges, shape, full, size)
    # counts, which float32 holds exactly
    covered = (~rows).T.astype(np.float32) @ (~columns).astype(np.float32)
    padding = np.ones(shape, bool)
    padding[: full[0] // size, : full[1] // size] = False
    return np.where(padding, 0, 1 - (n - covered.astype(np.float64)) / n)


def time_constants(raw: np.ndarray, fps: float, params) -> tuple[float, float]:
    """(rise, decay) in s, from the traces with the highest signal to noise ratio."""
    level = np.array([baseline(y) for y in raw])
    sn = np.maximum(noise(raw), 1e-12)
    start = (RISE, params.decay_time or DECAY)
    if start[0] >= 0.8 * start[1]:
        start = (0.2 * start[1], start[1])
    best = np.argsort(-(raw.max(axis=1) - level) / sn, kind="stable")[:TRACES]
    # beginning and end of a trace count alike in a long recording: the middle
    first = max(0, (raw.shape[1] - FRAMES) // 2)
    traces = (raw[best] - level[best, None])[:, first : first + FRAMES].astype(np.float64)
    return deconvolution.time_constants(traces, fps, *start, fixed_decay=params.decay_time is not None)
