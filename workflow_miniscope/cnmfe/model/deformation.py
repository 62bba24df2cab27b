"""Displacement of a field that moves, turns and stretches a little: what a shift of the whole frame leaves.

Tissue under a lens turns with the head mount and is pressed and sheared: the borders of the field then move by
fractions of a pixel when its middle does not, and the rims of bright cells light up with it, which looks like cells
that are active together. In each frame the displacement is

    e(y, x) = e_0 + L (v, u),        v, u: the place in the field, -1 to 1,

and the normal equations of a shift alone (:mod:`refinement`), summed over each tile of the field, give ``e_0`` and
``L`` by least squares. How much of ``L`` is true is asked of the recording: the black and the white tiles of the
chessboard must agree on it (split-half reliability: Spearman 1910, Br J Psychol 3:271; Brown 1910, ibid. 296). ``L``
is taken as far as they do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ...movies.types import Bools, Floats, Real, Shape

#: tiles along each side of the field
TILES = 4
#: a coefficient of L that is less reliable is not used
LEAST_RELIABILITY = 0.5
#: added to the diagonal of normal equations, relative to its mean: where nothing has an edge nothing can be said
RIDGE = 1e-6


@njit(nogil=True, cache=True, fastmath=True)
def tile_equations(rest: Floats, dy: Floats, dx: Floats, root: Floats, bound: Real, out: Floats) -> None:
    """Weighted products of two gradients with each other (yy, yx, xx) and with the residual (y, x), for each tile.

    rest, dy, dx, root: float32 [height, width]; residuals are clipped at ``bound``; out: float64 [TILES, TILES, 5].
    """
    height, width = rest.shape
    out[:] = 0
    for y in range(height):
        tile = y * TILES // height
        for k in range(TILES):
            first, last = -(-k * width // TILES), -(-(k + 1) * width // TILES)
            # summed in float32 along a row, which the processor does side by side
            yy, yx, xx, ry, rx = _row_products(
                rest[y, first:last], dy[y, first:last], dx[y, first:last], root[y, first:last], bound
            )
            into = out[tile, k]
            into[0] += yy
            into[1] += yx
            into[2] += xx
            into[3] += ry
            into[4] += rx


# inlined: see :func:`.background._solve`
@njit(inline="always")
def _row_products(rest: Floats, dy: Floats, dx: Floats, root: Floats, bound: Real) -> tuple[Any, Any, Any, Any, Any]:
    # float32, which numpy's scalars and Python's float name differently
    yy = yx = xx = ry = rx = np.float32(0)
    for i in range(len(rest)):
        wy, wx = root[i] * dy[i], root[i] * dx[i]
        r = min(max(rest[i] * root[i], -bound), bound)
        yy += wy * wy
        yx += wy * wx
        xx += wx * wx
        ry += wy * r
        rx += wx * r
    return yy, yx, xx, ry, rx


class _Unknowns:
    """Makes and solves the equations of e_0 and L from those of some tiles.

    design: float64 [tiles, 2, 6], the displacement of each tile for each unknown; used: bool [tiles].
    """

    def __init__(self, design: Floats, used: Bools):
        down, right = (design[:, i] * used[:, None] for i in range(2))
        products = [np.einsum("tk,tl->tkl", *pair) for pair in ((down, down), (down, right), (right, right))]
        products[1] = products[1] + products[1].swapaxes(1, 2)
        # sums over tiles and products as one product of matrices: they are made for every frame
        self._normal: Floats = np.stack(products, axis=1).reshape(-1, 36)
        self._right: Floats = np.stack([down, right], axis=1).reshape(-1, 6)

    def solve(self, equations: Floats) -> Floats:
        """Give e_0 and L, float64 [frames, 6]; equations: float64 [frames, TILES, TILES, 5]."""
        n = len(equations)
        normal = (equations[..., :3].reshape(n, -1) @ self._normal).reshape(n, 6, 6)
        right = equations[..., 3:].reshape(n, -1) @ self._right
        trace = np.trace(normal, axis1=1, axis2=2)
        normal += (RIDGE * trace + 1e-12)[:, None, None] * np.eye(6)
        solved: Floats = np.linalg.solve(normal, right[..., None])[..., 0]
        return np.where(np.isfinite(solved), solved, 0)


class Deformations:
    """Solves the normal equations of tiles for displacements.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the field.
    inside : tuple of slice
        Rows and columns that the tiles cover.

    Attributes
    ----------
    reliability : float64 [2, 2]
        Of each coefficient of L, 0 to 1; 0 until :meth:`ask` has been told.
    """

    def __init__(self, shape: Shape, inside: tuple[slice, slice]):
        self._rows, self._columns = (_places(n, np.arange(n)) for n in shape)
        self.reliability: Floats = np.zeros((2, 2))
        middles = []
        for n, part in zip(shape, inside, strict=True):
            ends = np.linspace(part.start, part.stop, TILES + 1)
            middles.append(_places(n, (ends[:-1] + ends[1:] - 1) / 2))
        v, u = np.meshgrid(*middles, indexing="ij")
        # displacement (down, right) of each tile for each unknown: e_0 and L, float64 [tiles, 2, 6]
        one, none = np.ones(v.size), np.zeros(v.size)
        v, u = v.ravel(), u.ravel()
        design: Floats = np.stack(
            [np.stack([one, none, v, u, none, none], axis=1), np.stack([none, one, none, none, v, u], axis=1)], axis=1
        )
        self._bent: Floats = design[..., 2:]
        white = np.add.outer(np.arange(TILES), np.arange(TILES)).ravel() % 2 == 0
        self._all = _Unknowns(design, np.ones(len(design), bool))
        self._halves = _Unknowns(design, white), _Unknowns(design, ~white)

    def ask(self, equations: Floats) -> None:
        """Find how reliable L is.

        equations: float64 [frames, TILES, TILES, 5], of some frames of the whole recording.
        """
        a, b = (half.solve(equations)[:, 2:] for half in self._halves)
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        together = 2 * np.mean(a * b, axis=0) / np.maximum(np.mean(a * a + b * b, axis=0), 1e-300)
        reliability = 2 * together / np.maximum(1 + together, 1e-300)
        reliability[~(reliability >= LEAST_RELIABILITY)] = 0
        self.reliability = reliability.reshape(2, 2)

    def displacement(self, equations: Floats, limit: float) -> tuple[Floats, Floats]:
        """Give ``e_0``, float64 [2], and ``L``, float64 [2, 2], of a frame; 0 where nothing can be said.

        equations: float64 [TILES, TILES, 5]; limit: pixels, at most so much of each.
        """
        flat = equations.reshape(-1, 5)
        bend = np.zeros((2, 2))
        if self.reliability.any():
            bend = np.clip(self._all.solve(equations[None])[0, 2:].reshape(2, 2) * self.reliability, -limit, limit)
        yy, yx, xx, ry, rx = flat.sum(axis=0)
        if bend.any():
            # what the rest of the displacement does not explain
            by, bx = (self._bent @ bend.ravel()).T
            ry -= float(flat[:, 0] @ by + flat[:, 1] @ bx)
            rx -= float(flat[:, 1] @ by + flat[:, 2] @ bx)
        ridge = RIDGE * (yy + xx) + 1e-12
        yy, xx = yy + ridge, xx + ridge
        middle = np.array([xx * ry - yx * rx, yy * rx - yx * ry]) / (yy * xx - yx * yx)
        if not np.all(np.isfinite(middle)):
            return np.zeros(2), np.zeros((2, 2))
        return np.clip(middle, -limit, limit), bend

    def everywhere(self, middle: Floats, bend: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Give a displacement as sums of a number for the row and one for the column.

        Returns
        -------
        tuple of float32
            Down [height], [width], and right [height], [width].
        """
        v, u = self._rows, self._columns
        parts = (middle[0] + bend[0, 0] * v, bend[0, 1] * u, middle[1] + bend[1, 0] * v, bend[1, 1] * u)
        down_rows, down_columns, right_rows, right_columns = (part.astype(np.float32) for part in parts)
        return down_rows, down_columns, right_rows, right_columns


def _places(n: int, at: Any) -> Floats:
    """Where rows or columns of ``n`` lie, from -1 to 1."""
    places: Floats = (np.asarray(at, np.float64) - (n - 1) / 2) / max((n - 1) / 2, 0.5)
    return places
