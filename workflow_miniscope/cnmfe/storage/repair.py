"""Frames as the camera should have given them: blind and flashing pixels are filled, bands of rows levelled."""

from __future__ import annotations

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
            flat = frames.reshape(len(frames), -1).astype(np.float32)
            flat[:, (self.stuck | self.flickering).ravel()] = (self.weights @ flat.T).T
            frames = as_type(flat.reshape(frames.shape), frames.dtype)
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
    changes = np.abs(np.diff(frames.astype(np.float32), axis=0)).mean(axis=0)
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
    for y, x in np.argwhere(most[-1] > FLASH_NOISE * noise):
        marked[y, x] = _flashes(frames, int(y), int(x), noise) >= LEAST_FLASHES
    return marked


def _flashes(frames: Numbers, y: int, x: int, noise: float) -> int:
    """Count the frames in which a pixel flashes and those around do not."""
    height, width = frames.shape[1:]
    around = [(y + dy, x + dx) for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    beside = np.median([frames[:, a, b] for a, b in around if 0 <= a < height and 0 <= b < width], axis=0)
    own, other = (values - np.median(values) for values in (frames[:, y, x].astype(np.float64), beside))
    spread = max(MAD_TO_SD * float(np.median(np.abs(other))), noise)
    return int(np.count_nonzero((np.abs(own) > FLASH_NOISE * spread) & (np.abs(other) < SHARED_FLASH * np.abs(own))))


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
