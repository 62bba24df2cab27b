"""Parameters suggested from the recording."""

from __future__ import annotations

import logging

import numpy as np

from ..errors import ParameterError
from ..movies.types import Floats, Numbers, Shape
from .arrays.filtering import from_nearest
from .arrays.workers import Workers
from .calcium.deconvolution import noise
from .cells import seeds
from .cells.soma import soma_size
from .parameters import Parameters
from .storage.scratch import Scratch

logger = logging.getLogger(__name__)

#: gSig: light of a cell is followed this far away from its middle
FOOTPRINT_REACH = 6.0
#: gSiz: radius of the background's ring, wider than the cells out of focus
RING_SIZE = 2.0
#: radius of the ring at most, in units of the field's shorter side: few pixels of a small field would have a whole ring
RING_OF_FIELD = 0.4
#: px: gSig_filt, vessels and the edges of cells at the resolution of a miniscope; the exact size matters little
REGISTRATION_SIZE = 3
#: px: gSig of a soma under a V4 Miniscope, where the recording does not show it
USUAL_GSIG = 5
#: gSig that the shorter side of the field holds at least, where the recording does not show it
FIELD_GSIG = 6
#: gSig in the diameter of a soma: it must fit the field, and gSiz is one more
SOMA_DIAMETER = 4
#: working pixels: gSig on the working grid; the shape of a soma is seen, and no more is computed than that takes
WORKING_GSIG = 2.5
#: px: side of a bin of the working grid at most
LARGEST_BIN = 4
#: seeds: least correlation with the neighbours
USUAL_MIN_CORR = 0.5
#: px: distance of the blocks of piecewise-rigid registration, as in CaImAn's demo
USUAL_STRIDE = 96
#: blocks along a side at least, if each then holds enough
LEAST_BLOCKS = 3
#: gSig_filt along the side of a block: what it must hold to be told from noise
BLOCK_SIZES = 12
#: frames, about, that the noise of the pixels comes from
PIXEL_NOISE_FRAMES = 1024


def for_registration(params: Parameters, full: Shape) -> Parameters:
    """Fill in what registration needs for a field of (height, width) pixels; gives a copy."""
    size = params.gSig_filt or [REGISTRATION_SIZE, REGISTRATION_SIZE]
    # about 96 pixels, as in CaImAn's demo; in small fields less, so that there are three blocks along a side
    least = BLOCK_SIZES * float(np.mean(size))
    number = [max(1, round(side / USUAL_STRIDE), min(LEAST_BLOCKS, int(side / least))) for side in full]
    strides, overlaps = params.strides, params.overlaps
    if strides is None:
        strides = [max(1, int(3 * side / (3 * n + 1))) for side, n in zip(full, number, strict=True)]
        if overlaps is None:
            # what is left, so that the last block lies where it should
            overlaps = [side - n * stride for side, n, stride in zip(full, number, strides, strict=True)]
    if overlaps is None:
        overlaps = [stride // 3 for stride in strides]
    return params.replaced(gSig_filt=size, strides=strides, overlaps=overlaps)


def for_extraction(
    params: Parameters, first: Numbers, shifts: Floats, full: Shape, n_frames: int, workers: Workers
) -> Parameters:
    """Fill in the rest; gives a copy.

    Parameters
    ----------
    params : Parameters
        Those that are None are suggested.
    first : [n, height, width]
        Frames of the recording, in short runs, with their shifts (float64 [n, 2], pixels).
    full : tuple of int
        (height, width) of the recording.
    n_frames : int
        Length.
    workers : Workers
        Threads.

    Raises
    ------
    ParameterError
        If a soma does not fit the field.
    """
    gSig = params.gSig
    if gSig is None:
        sigma = soma_size(first, shifts, workers)
        if sigma is None:
            sigma = min(USUAL_GSIG, min(full) / FIELD_GSIG)
            logger.info("Too few cells are active to see their size; gSig=%.0f is taken.", sigma)
        gSig = [max(1, round(sigma))] * 2
    diameter = SOMA_DIAMETER * max(gSig)
    if diameter > min(full):
        raise ParameterError(
            f"gSig={gSig} is a soma of about {diameter} pixels, which does not fit the field of "
            f"{full[0]} x {full[1]} pixels."
        )
    size = float(np.mean(gSig))
    gSiz = params.gSiz or [int(SOMA_DIAMETER * side + 1) for side in gSig]
    ssub = params.ssub or int(np.clip(round(size / WORKING_GSIG), 1, LARGEST_BIN))
    ring = params.ring_size_factor
    if ring is None:
        widest = RING_OF_FIELD * min(full) / float(np.mean(gSiz))
        ring = float(np.clip(round(widest, 2), 1.0, RING_SIZE))
    min_pnr = params.min_pnr
    if min_pnr is None:
        # the largest of so many independent normal numbers
        independent = n_frames * max(1.0, full[0] * full[1] / (4 * np.pi * (seeds.BAND_INNER * size) ** 2))
        min_pnr = float(round(np.sqrt(2 * np.log(independent)), 2))
    return params.replaced(
        gSig=gSig,
        gSiz=gSiz,
        ssub=ssub,
        ssub_B=ssub * max(1, round((params.ssub_B or 2 * ssub) / ssub)),
        ring_size_factor=ring,
        min_corr=USUAL_MIN_CORR if params.min_corr is None else params.min_corr,
        min_pnr=min_pnr,
    )


def working_noise(movie: Scratch, seen: Floats, workers: Workers) -> Floats:
    """Noise of each pixel of the working grid, float32 [pixels], from a few blocks.

    What some frames do not cover is filled, and has no noise there: such pixels have that of the nearest one that is
    seen. ``seen``: fraction of the frames that cover each pixel, float [height, width].
    """

    def of(block: Floats) -> Floats:
        return np.concatenate(workers.map(lambda span: noise(block[span]), workers.spans(len(block))))

    values = [of(block) for block in map(movie.read, movie.spread(PIXEL_NOISE_FRAMES)) if block.shape[1] > 2]
    image = np.median(values, axis=0).astype(np.float32).reshape(movie.shape)
    return from_nearest(image, seen >= seeds.NOISE_COVERAGE).ravel()
