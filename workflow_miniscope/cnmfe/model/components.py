"""The components while they are being fitted: a window with a footprint, and a trace, for each."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...movies.types import Bools, Floats, Ints, Shape


class Components:
    """Footprints in square windows around their seeds, and traces of mean zero.

    Attributes
    ----------
    tops, lefts : int64 [n]
        First row and column of each window; it may reach beyond the field.
    footprints : float32 [n, side, side]
        Footprints.
    masks : bool [n, side, side]
        Pixels that the next spatial update may use; never outside the field.
    filled : float32 [n, side, side]
        The footprints at the time when pixels that a frame does not cover were last filled with what the model says; 0
        of components that were not there. See :func:`spatial.where_covered`.
    ids : int64 [n]
        Number of each component, which it keeps while others come and go.
    surround : bool [n]
        Those that are the light around a cell, see :mod:`.cells.surround`.
    C : float32 [n, frames]
        Traces, of mean zero. The array changes its length when components come and go: no view of it outlives that.
    """

    def __init__(self, shape: Shape, n_frames: int, radius: int, extent: Shape | None = None):
        self.shape, self.radius, self.side = shape, radius, 2 * radius + 1
        # bins at the end may reach beyond the recording: no component has light there
        self.extent = extent or shape
        self.tops: Ints = np.zeros(0, np.int64)
        self.lefts: Ints = np.zeros(0, np.int64)
        self.footprints: Floats = np.zeros((0, self.side, self.side), np.float32)
        self.masks: Bools = np.zeros((0, self.side, self.side), bool)
        self.filled: Floats = np.zeros((0, self.side, self.side), np.float32)
        self.ids: Ints = np.zeros(0, np.int64)
        self.surround: Bools = np.zeros(0, bool)
        self.numbered = 0
        #: of components that are gone, the number of the one that each was merged into; None: it faded
        self.gone: dict[int, int | None] = {}
        self.C: Floats = np.zeros((0, n_frames), np.float32)

    def __len__(self) -> int:
        return len(self.C)

    def append(self, centers: Ints, footprints: Floats, masks: Bools, C: Floats, surround: bool = False) -> None:
        """Add components; centers are (row, column) of the windows' middle pixels; ``surround``: of all of them."""
        self.tops = np.concatenate([self.tops, centers[:, 0] - self.radius])
        self.lefts = np.concatenate([self.lefts, centers[:, 1] - self.radius])
        self.footprints = np.concatenate([self.footprints, footprints.astype(np.float32, copy=False)])
        self.masks = np.concatenate([self.masks, masks])
        self.filled = np.concatenate([self.filled, np.zeros_like(footprints, np.float32)])
        self.ids = np.concatenate([self.ids, self.numbered + np.arange(len(C))])
        self.surround = np.concatenate([self.surround, np.full(len(C), surround)])
        self.numbered += len(C)
        before = len(self.C)
        self._resize(before + len(C))
        self.C[before:] = C

    def keep(self, which: Ints | Bools) -> None:
        """Keep the components of a boolean mask or an increasing index."""
        kept = np.arange(len(self))[which]
        for number in np.delete(self.ids, kept).tolist():
            self.gone.setdefault(number, None)
        for name in ("tops", "lefts", "footprints", "masks", "filled", "ids", "surround"):
            setattr(self, name, getattr(self, name)[kept])
        move_up(self.C, kept)
        self._resize(len(kept))

    def _resize(self, n: int) -> None:
        # in place: of an hour and two thousand components the traces take 0.6 GB, and a copy as much again
        self.C.resize((n, self.C.shape[1]), refcheck=False)

    def energy(self) -> Floats:
        """Sum of the squares of each trace, float64 [n], without a copy of the traces."""
        energy: Floats = np.einsum("kt,kt->k", self.C, self.C, dtype=np.float64)
        return energy

    def inside(self) -> Bools:
        """Which pixels of each window lie in the field, bool [n, side, side]."""
        rows, columns = self._coordinates()
        across, down = (columns >= 0) & (columns < self.extent[1]), (rows >= 0) & (rows < self.extent[0])
        inside: Bools = down[:, :, None] & across[:, None, :]
        return inside

    def at_border(self) -> Bools:
        """Which pixels of each window lie on the border of the field, bool [n, side, side]."""
        rows, columns = self._coordinates()
        ends = ((rows == 0) | (rows == self.extent[0] - 1))[:, :, None] | (
            (columns == 0) | (columns == self.extent[1] - 1)
        )[:, None, :]
        at_border: Bools = ends & self.inside()
        return at_border

    def pixels(self) -> Ints:
        """Index of each pixel of each window in the field, int64 [n, side, side]; only valid inside."""
        rows, columns = self._coordinates()
        pixels: Ints = rows[:, :, None] * self.shape[1] + columns[:, None, :]
        return pixels

    def _coordinates(self) -> tuple[Ints, Ints]:
        reach = np.arange(self.side)
        return self.tops[:, None] + reach, self.lefts[:, None] + reach

    def matrix(self, values: Floats | None = None, masks: Bools | None = None) -> sp.csr_matrix:
        """Footprints, or other values in the windows, as a matrix float32 [components, pixels].

        Entries are those of ``masks``; without it, those that are not zero.
        """
        values = self.footprints if values is None else values
        masks = values != 0 if masks is None else masks
        k, i, j = np.nonzero(masks)
        pixel = (self.tops[k] + i) * self.shape[1] + self.lefts[k] + j
        matrix = sp.csr_matrix(
            (values[k, i, j].astype(np.float32), (k, pixel)), shape=(len(self), self.shape[0] * self.shape[1])
        )
        matrix.sort_indices()
        return matrix


def move_up(traces: Floats, kept: Ints) -> Floats:
    """Move rows of traces to the front, in place: of an hour a copy takes 0.3 GB.

    Parameters
    ----------
    traces : float32 [n, frames]
        What is behind the rows that are kept is no longer valid.
    kept : int64 [m]
        Which rows, increasing.

    Returns
    -------
    float32 [m, frames]
        A view of the first rows.
    """
    for new, old in enumerate(kept):
        if new != old:
            traces[new] = traces[old]
    return traces[: len(kept)]
