"""The blocks of piecewise-rigid registration, and the field of displacement between their middles."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from ...movies.types import Floats, Ints, Shape
from ...results.caiman.blocks import grid

#: strides over which the correlation of the deviations of two blocks falls to 1/e: tissue moves smoothly
CORRELATION_STRIDES = 2.0
#: part of the deviations' variance that blocks do not share, so that their correlation can be inverted
UNCORRELATED_PART = 1e-3


class Blocks:
    """The grid of blocks, and the fields of displacement between their middles.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of a frame.
    strides, overlaps : pairs of int
        (rows, columns): distance between blocks, and how far they overlap; a block has the sum of both. As CaImAn
        lays them, the last ones pushed back inside the field, which one block covers if they are larger.

    Attributes
    ----------
    blocks : int64 [blocks, 4]
        (first row, end row, first column, end column), ends excluded, row by row.
    shape : tuple of int
        Number of blocks (down, across).
    size : tuple of int
        (height, width) of a frame.
    middles : list of float64
        Row of the middle of each block down, and column of that of each block across.
    """

    def __init__(self, shape: Shape, strides: Sequence[int], overlaps: Sequence[int]):
        self._lay(shape, strides, grid(shape, strides, overlaps))

    @classmethod
    def laid(cls, shape: Shape, blocks: Ints) -> Blocks:
        """Give the grid of blocks that were laid before, int64 [blocks, 4]."""
        new = cls.__new__(cls)
        new._lay(shape, [int(np.diff(np.unique(blocks[:, i]), append=shape[i // 2])[0]) for i in (0, 2)], blocks)
        return new

    def _lay(self, shape: Shape, strides: Sequence[int], blocks: Ints) -> None:
        self.size, self.strides = shape, strides
        self.blocks: Ints = blocks
        middles = [(self.blocks[:, i] + self.blocks[:, i + 1] - 1) / 2 for i in (0, 2)]
        self.middles: list[Floats] = [np.unique(middle) for middle in middles]
        self.shape: Shape = (len(self.middles[0]), len(self.middles[1]))

    def weights(self, size: Shape, bin: int = 1) -> list[Floats]:
        """Of ``B = B_rows x B_columns`` the two factors, float64 [blocks, pixels], for pixels of ``bin`` x ``bin``."""
        at = [np.arange(n) * bin + (bin - 1) / 2 for n in size]
        return [_hats(x, middle) for x, middle in zip(at, self.middles, strict=True)]

    def correlation(self) -> Floats:
        """Correlation of the deviations that is expected between blocks, float64 [blocks, blocks]."""
        factors = []
        for middle, stride in zip(self.middles, self.strides, strict=True):
            distance = np.abs(middle[:, None] - middle) / (CORRELATION_STRIDES * stride)
            factors.append(np.exp(-distance))
        shared = np.kron(factors[0], factors[1])
        correlation: Floats = (1 - UNCORRELATED_PART) * shared + UNCORRELATED_PART * np.eye(len(self.blocks))
        return correlation

    def edges(self, shifts: Floats, deviations: Floats) -> Floats:
        """How far the borders of the field move inwards, for :meth:`Grid.uncovered`.

        Parameters
        ----------
        shifts : float64 [frames, 2]
            Rigid shifts, pixels.
        deviations : float64 [frames, blocks, 2]
            Of each block, pixels.

        Returns
        -------
        float64 [frames, 2, 2]
            For rows and for columns: the largest shift along the first border, the smallest along the last one.
        """
        # along a border the field is largest in a corner or at the middle of a block
        at = [np.r_[0, middle, n - 1] for middle, n in zip(self.middles, self.size, strict=True)]
        rows, columns = (_hats(x, middle) for x, middle in zip(at, self.middles, strict=True))
        field = np.einsum("tabk,ai,bj->tijk", deviations.reshape(len(shifts), *self.shape, 2), rows, columns)
        first = np.stack([field[:, 0, :, 0].max(axis=1), field[:, :, 0, 1].max(axis=1)], axis=1)
        last = np.stack([field[:, -1, :, 0].min(axis=1), field[:, :, -1, 1].min(axis=1)], axis=1)
        edges: Floats = shifts[:, :, None] + np.stack([first, last], axis=2)
        return edges


def _hats(x: Floats, middle: Floats) -> Floats:
    """Weights of linear interpolation between ``middle`` [n] at ``x`` [m], float64 [n, m]."""
    if len(middle) == 1:
        return np.ones((1, len(x)))
    x = np.clip(x, middle[0] - (middle[1] - middle[0]) / 2, middle[-1] + (middle[-1] - middle[-2]) / 2)
    left = np.clip(np.searchsorted(middle, x) - 1, 0, len(middle) - 2)
    part = (x - middle[left]) / (middle[left + 1] - middle[left])
    weights = np.zeros((len(middle), len(x)))
    weights[left, np.arange(len(x))] = 1 - part
    weights[left + 1, np.arange(len(x))] = part
    return weights


def interpolate(frame: Floats, y: Floats, x: Floats) -> Floats:
    """Give the values of a frame, float32 [height, width], at rows ``y`` and columns ``x``, cubically interpolated."""
    moved = cv2.remap(frame, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


class Mover:
    """Moves images of one size by a shift and the deviations of blocks, with cubic interpolation, once.

    Parameters
    ----------
    blocks : Blocks
        The grid.
    shape : tuple of int
        (height, width) of the images.
    bin : int
        Pixels of a frame in one of the images; shifts and deviations are in pixels of the images.
    """

    def __init__(self, blocks: Blocks, shape: Shape, bin: int = 1):
        self.grid = blocks.shape
        self.rows, self.columns = (w.astype(np.float32) for w in blocks.weights(shape, bin))
        self.y, self.x = (np.arange(n, dtype=np.float32) for n in shape)

    def sources(self, shift: ArrayLike, deviations: Floats) -> tuple[Floats, Floats]:
        """Where in the frame each pixel of the registered image comes from: row and column, float32 [h, w] both."""
        dy, dx = np.moveaxis(np.asarray(deviations, np.float32).reshape(*self.grid, 2), 2, 0)
        down, right = np.asarray(shift, np.float32)
        y = (self.y - down)[:, None] - self.rows.T @ (dy @ self.columns)
        x = (self.x - right)[None, :] - (self.rows.T @ dx) @ self.columns
        return y, x

    def __call__(self, frame: Floats, shift: ArrayLike, deviations: Floats) -> Floats:
        """Move an image by ``shift`` (2) and ``deviations`` [blocks, 2], down and to the right."""
        y, x = self.sources(shift, deviations)
        return interpolate(frame, y, x)
