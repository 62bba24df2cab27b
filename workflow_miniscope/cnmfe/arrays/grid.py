"""The grids that a recording is analysed on: bins of its pixels, and bins of those for the background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...movies.types import Bools, Floats, Shape
from .filtering import bin_frame

#: px: shifts within this are rounded away when it is asked what a frame covers
COVER_TOLERANCE = 0.01


@dataclass(frozen=True)
class Grid:
    """Where the bins of the working grid and of the background's grid lie in the field of a recording.

    Attributes
    ----------
    field : tuple of int
        (height, width) of the recording, px.
    bin : int
        Side of a bin of the working grid, px (``ssub``).
    factor : int
        Side of a bin of the background's grid, in bins of the working grid.
    """

    field: Shape
    bin: int
    factor: int

    @property
    def shape(self) -> Shape:
        """(height, width) of the working grid: whole bins of the background's grid, which reach beyond the field."""
        height, width = (-(-side // (self.bin * self.factor)) * self.factor for side in self.field)
        return height, width

    @property
    def coarse_shape(self) -> Shape:
        """(height, width) of the background's grid."""
        return self.shape[0] // self.factor, self.shape[1] // self.factor

    @property
    def extent(self) -> Shape:
        """Rows and columns of the working grid that the recording fills."""
        return self.field[0] // self.bin, self.field[1] // self.bin

    def bin_frame(self, frame: Floats) -> Floats:
        """Put a frame, float32 [field], on the working grid, float32 [height, width]; its border goes on beyond it."""
        beyond = [(0, side * self.bin - px) for side, px in zip(self.shape, self.field, strict=True)]
        return bin_frame(np.pad(frame, beyond, mode="edge") if any(after for _, after in beyond) else frame, self.bin)

    def enlarge(self, image: Floats) -> Floats:
        """Interpolate an image on the working grid to the pixels of the field."""
        if self.bin > 1:
            size = (image.shape[1] * self.bin, image.shape[0] * self.bin)
            image = np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_LINEAR), np.float32)
        return image[: self.field[0], : self.field[1]]

    def uncovered(self, shifts: Floats) -> tuple[Bools, Bools]:
        """Find the rows and columns of the working grid that shifted frames do not cover.

        Parameters
        ----------
        shifts : float64 [n, 2] or [n, 2, 2]
            (dy, dx) of each frame, px, or, if the field was not moved as a whole, two of each: those of the first and
            of the last border.

        Returns
        -------
        tuple of bool
            [n, height] and [n, width].
        """

        def along(n: int, extent: int, moves: Floats) -> Bools:
            first = np.arange(n) * self.bin
            start, end = np.broadcast_to(moves.T, (2, len(moves)))[:, :, None]
            last = np.minimum(first + self.bin, extent) - 1
            gone: Bools = (first < start - COVER_TOLERANCE) | (last > extent - 1 + end + COVER_TOLERANCE)
            return gone

        rows = along(self.shape[0], self.field[0], shifts[:, 0])
        return rows, along(self.shape[1], self.field[1], shifts[:, 1])

    def coverage(self, shifts: Floats) -> Floats:
        """Give the fraction of the frames that cover each bin of the working grid, float64 [height, width].

        ``shifts`` are those of :meth:`uncovered`.
        """
        n = len(shifts)
        rows, columns = self.uncovered(shifts)
        # counts, which float32 holds exactly
        covered = (~rows).T.astype(np.float32) @ (~columns).astype(np.float32)
        padding = np.ones(self.shape, bool)
        padding[: self.extent[0], : self.extent[1]] = False
        return np.where(padding, 0, 1 - (n - covered.astype(np.float64)) / n)
