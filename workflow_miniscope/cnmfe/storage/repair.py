"""Pixels that do not see: stuck or always saturated ones are filled from their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse as sp

from ...movies.types import Bools, Numbers

#: a pixel that varies by less than this fraction of what is typical does not see
STUCK_FRACTION = 0.05


@dataclass(frozen=True, eq=False)
class StuckPixels:
    """Pixels of a camera that do not see, and what fills them.

    Attributes
    ----------
    mask : bool [height, width]
        Which they are.
    weights : scipy.sparse.csr_matrix, float32 [marked, pixels], or None
        Of the pixels that fill each; None where nothing is to be filled, or nothing is left to fill it from.
    """

    mask: Bools
    weights: sp.csr_matrix | None

    @classmethod
    def find(cls, frames: Numbers) -> StuckPixels:
        """Find the pixels that hardly ever change, in frames [n, height, width] of a movie that does."""
        mask = stuck(frames)
        return cls(mask, _filling(mask))

    def fill(self, frames: Numbers) -> Numbers:
        """Give frames [n, height, width] with these pixels filled; the same frames where there are none."""
        if self.weights is None:
            return frames
        flat = frames.reshape(len(frames), -1).astype(np.float32)
        flat[:, self.mask.ravel()] = (self.weights @ flat.T).T
        if np.issubdtype(frames.dtype, np.integer):
            flat = np.rint(flat)
        return flat.astype(frames.dtype).reshape(frames.shape)


def stuck(frames: Numbers) -> Bools:
    """Mark the pixels that hardly ever change, bool [height, width], in frames [n, height, width]."""
    changes = np.abs(np.diff(frames.astype(np.float32), axis=0)).mean(axis=0)
    typical = float(np.median(changes))
    marked: Bools = changes < STUCK_FRACTION * typical
    return marked if typical > 0 else np.zeros(frames.shape[1:], bool)


def _filling(mask: Bools) -> sp.csr_matrix | None:
    """Weights that fill the pixels of a mask from the nearest ones around; see :class:`StuckPixels`."""
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
