"""Frames as the camera should have given them: blind and flashing pixels are filled, bands of rows levelled."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse as sp

from ...movies.types import Bools, Floats, Ints, Numbers
from ..arrays.robust import MAD_TO_SD
from .bands import Bands, as_type
from .left_out import MOST_REPEATED, repeated

#: a pixel that varies by less than this fraction of what is typical does not see
STUCK_FRACTION = 0.05
#: noise (standard deviations) of a flash at least
FLASH_NOISE = 8.0
#: part of a flash that the four pixels around it may share: the light of a cell falls on all of them
SHARED_FLASH = 0.4
#: flashes in the frames that are looked at, from which on a pixel flickers
LEAST_FLASHES = 2
#: pixels that are looked at for flashes at a time: a movie of blocks has edges everywhere
PIXELS_AT_A_TIME = 4096


@dataclass(frozen=True, eq=False)
class Repair:
    """What is wrong with a camera's frames, and what mends it.

    Attributes
    ----------
    stuck, flickering : bool [height, width]
        Pixels that hardly ever change, and such that flash alone.
    weights : scipy.sparse.csr_matrix, float32 [marked, pixels], or None
        Of the pixels that fill each; None where nothing is to be filled, or nothing is left to fill it from.
    bands : tuple of Bands
        Of the rows and of the columns.
    """

    stuck: Bools
    flickering: Bools
    weights: sp.csr_matrix | None
    bands: tuple[Bands, Bands]

    @classmethod
    def find(cls, frames: Numbers, indices: Ints) -> Repair:
        """Find what is wrong in frames [n, height, width] of a movie; ``indices``: which of its frames they are."""
        still, flashing = stuck(frames), flickering(frames)
        pixels = cls(still, flashing, _filling(still | flashing), (Bands.none(0), Bands.none(1)))
        filled, indices = _without_repeats(pixels.apply(frames), indices)
        return cls(still, flashing, pixels.weights, (Bands.find(filled, indices, 0), Bands.find(filled, indices, 1)))

    def apply(self, frames: Numbers) -> Numbers:
        """Give mended frames [n, height, width] of frames that follow each other; the same where nothing is wrong."""
        if self.weights is not None:
            # few pixels fill the marked ones: nothing is done to the others
            around = np.unique(self.weights.indices)
            flat = frames.reshape(len(frames), -1).copy()
            filled = self.weights[:, around] @ np.ascontiguousarray(flat[:, around].T, np.float32)
            flat[:, (self.stuck | self.flickering).ravel()] = as_type(filled.T, frames.dtype)
            frames = flat.reshape(frames.shape)
        for bands in self.bands:
            frames = bands.remove(frames)
        return frames


def _without_repeats(frames: Numbers, indices: Ints) -> tuple[Numbers, Ints]:
    """Leave out the frames that are the one before again, in which nothing changes.

    ``indices``: which frames of a movie they are. They come back so that what lay together still does.
    """
    follows = np.diff(indices, prepend=indices[:1] - 2) == 1
    again = repeated(frames) & follows
    if not again.any() or again.mean() > MOST_REPEATED:
        return frames, indices
    # one number is free before each run
    numbers = np.cumsum(~again) + np.cumsum(~follows)
    return frames[~again], numbers[~again]


def stuck(frames: Numbers) -> Bools:
    """Mark the pixels that hardly ever change, bool [height, width], in frames [n, height, width]."""
    changes: Floats = np.zeros(frames.shape[1:], np.float32)
    for before, after in itertools.pairwise(frame.astype(np.float32) for frame in frames):
        changes += np.abs(after - before)
    changes /= max(1, len(frames) - 1)
    typical = float(np.median(changes))
    marked: Bools = changes < STUCK_FRACTION * typical
    return marked if typical > 0 else np.zeros(frames.shape[1:], bool)


def flickering(frames: Numbers) -> Bools:
    """Mark the pixels that are at times much brighter or darker than those around, bool [height, width].

    ``frames`` [n, height, width]: some frames of a movie. A single cell, however small, lights more than one pixel.
    """
    most = [np.zeros(frames.shape[1:], np.float32) for _ in range(LEAST_FLASHES)]
    total: Floats = np.zeros(frames.shape[1:], np.float32)
    for frame in frames:
        image = frame.astype(np.float32)
        apart = np.abs(image - np.asarray(cv2.medianBlur(image, 3), np.float32))
        total += apart
        for i, largest in enumerate(most):
            # the next one gets what is pushed out
            most[i], apart = np.maximum(largest, apart), np.minimum(largest, apart)
    noise = float(np.median(total)) / max(1, len(frames))
    marked = np.zeros(frames.shape[1:], bool)
    if not noise > 0:
        return marked
    rows, columns = np.nonzero(most[-1] > FLASH_NOISE * noise)
    for some in (slice(first, first + PIXELS_AT_A_TIME) for first in range(0, len(rows), PIXELS_AT_A_TIME)):
        y, x = rows[some], columns[some]
        marked[y, x] = _flashes(frames, y, x, noise) >= LEAST_FLASHES
    return marked


def _flashes(frames: Numbers, y: Ints, x: Ints, noise: float) -> Ints:
    """Count the frames in which pixels (y, x) flash and those around do not."""
    last_row, last_column = np.subtract(frames.shape[1:], 1)
    # at the border the opposite neighbour stands for the one outside
    beside = np.array(
        [
            frames[:, np.abs(y - 1), x],
            frames[:, last_row - np.abs(last_row - y - 1), x],
            frames[:, y, np.abs(x - 1)],
            frames[:, y, last_column - np.abs(last_column - x - 1)],
        ],
        np.float32,
    )
    # the median of four
    other = (beside.sum(axis=0) - beside.max(axis=0) - beside.min(axis=0)) / 2
    own = frames[:, y, x].astype(np.float32)
    own -= np.median(own, axis=0)
    other -= np.median(other, axis=0)
    np.abs(own, out=own)
    np.abs(other, out=other)
    spread = np.maximum(MAD_TO_SD * np.median(other, axis=0), noise)
    counts: Ints = np.count_nonzero((own > FLASH_NOISE * spread) & (other < SHARED_FLASH * own), axis=0)
    return counts


def _filling(mask: Bools) -> sp.csr_matrix | None:
    """Weights that fill the pixels of a mask from the nearest ones around; see :class:`Repair`."""
    marked = np.flatnonzero(mask)
    if not len(marked) or mask.all():
        return None
    height, width = mask.shape
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    rows, columns, weights = [], [], []
    for i, pixel in enumerate(marked):
        y, x = divmod(int(pixel), width)
        reach = int(np.ceil(distance[y, x])) + 1
        yy, xx = np.mgrid[max(0, y - reach) : min(height, y + reach + 1), max(0, x - reach) : min(width, x + reach + 1)]
        good = ~mask[yy, xx]
        weight = 1 / ((yy[good] - y) ** 2 + (xx[good] - x) ** 2)
        rows.append(np.full(len(weight), i))
        columns.append(yy[good] * width + xx[good])
        weights.append(weight / weight.sum())
    return sp.csr_matrix(
        (np.concatenate(weights).astype(np.float32), (np.concatenate(rows), np.concatenate(columns))),
        shape=(len(marked), height * width),
    )
