"""The ring model of the background (Zhou et al. 2018, eLife 7:e28728, equations 4 to 6).

The background of a pixel is a constant and a weighted sum of the fluctuations on a ring around it, so far
away that no cell under the pixel reaches it,

    B(p, t) = b0(p) + sum_{q on the ring of p} W(p, q) [ Y(q, t) - (A C)(q, t) - b0(q) ].

What is out of focus is smooth: the weights are fitted, and the sum is taken, on a grid of ``ssub_B`` pixels and
interpolated back, as in CaImAn. Each pixel of the grid is averaged with the eight around it, and of the ring every
second row and column counts: as much light with fewer weights, which are fitted to less of the noise. A vessel above
dims the background with an edge that the grid does not show; therefore each pixel has a gain, by which the interpolated
background is multiplied (:meth:`Fit.background_gain`). The model is linear in the movie. Therefore nothing here ever
computes the background movie: every product with the background is a product with the movie, with W applied afterwards.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numba import njit

from ...movies.types import Bools, Floats, Ints, Real, Shape
from ..arrays.workers import Workers

#: added to the diagonal of each regression of a pixel on its ring, relative to its mean: keeps the weights of pixels
#: that carry the same signal from growing against each other
RING_RIDGE = 1e-3
#: rows and columns of the background's grid from one that a ring uses to the next: as much light with fewer weights
RING_EVERY = 2
#: rows of the background's grid whose regressions are solved before the products of the next ones are needed
STRIP_ROWS = 8
#: pixels of a row that are multiplied with those around them together; always the same, so that sums are the same
ROW_PIXELS = 16
#: products of pixels that are kept in memory at a time
MOST_PRODUCTS = 2**26


def reduction_matrix(shape: Shape, factor: int) -> sp.csr_matrix:
    """Matrix that takes the mean of ``factor`` x ``factor`` pixels; pixels row after row."""

    def along(n: int) -> sp.csr_matrix:
        index = np.arange(n)
        values = np.full(n, 1 / factor, np.float32)
        return sp.csr_matrix((values, (index // factor, index)), shape=(n // factor, n))

    return sp.kron(along(shape[0]), along(shape[1])).tocsr()


def box_mean_matrix(shape: Shape) -> sp.csr_matrix:
    """Matrix that takes the mean of a pixel and the eight around it, as :func:`filtering.box_mean` does."""

    def along(n: int) -> sp.csr_matrix:
        mean = sp.diags([1 / 3, 1 / 3, 1 / 3], [-1, 0, 1], shape=(n, n), dtype=np.float32).tolil()
        for end in (0, n - 1):
            mean[end] = 0
            mean[end, end] = 1
        return mean

    return sp.kron(along(shape[0]), along(shape[1])).tocsr()


def interpolation_matrix(shape: Shape, factor: int) -> sp.csr_matrix:
    """Matrix that interpolates linearly from the grid of :func:`reduction_matrix` back to the pixels."""

    def along(n: int) -> sp.csr_matrix:
        if n // factor < 2:
            return sp.csr_matrix(np.ones((n, n // factor), np.float32))
        position = (np.arange(n) + 0.5) / factor - 0.5
        left = np.clip(np.floor(position).astype(int), 0, n // factor - 2)
        weight = np.clip(position - left, 0, 1).astype(np.float32)
        rows = np.arange(n)
        return sp.csr_matrix(
            (np.r_[1 - weight, weight], (np.r_[rows, rows], np.r_[left, left + 1])), shape=(n, n // factor)
        )

    return sp.kron(along(shape[0]), along(shape[1])).tocsr()


def ring(radius: float) -> Ints:
    """Offsets (rows, columns), all even, of the pixels whose distance is at least ``radius`` and less than 2 more."""
    reach = RING_EVERY * int(np.ceil((radius + RING_EVERY) / RING_EVERY))
    rows, columns = np.mgrid[-reach : reach + 1 : RING_EVERY, -reach : reach + 1 : RING_EVERY]
    distance = np.hypot(rows, columns)
    on = (distance >= radius) & (distance < radius + RING_EVERY)
    return np.stack([rows[on], columns[on]], axis=1)


def fit_ring(
    fluctuations: Floats,
    shape: Shape,
    radius: float,
    workers: Workers,
) -> sp.csr_matrix:
    """Weights of the ring model: for each pixel the least squares fit of its ring to it.

    Rings of pixels that are near each other have most of their products in common. Those of every pixel with the
    ones around it are therefore computed once, and put together for each ring.

    Parameters
    ----------
    fluctuations : float32 [pixels, frames]
        ``Y - A C - b0`` on the background grid; frames may be averages of several.
    shape : tuple of int
        (height, width) of the grid.
    radius : float
        Of the ring, in pixels of the grid.
    workers : Workers
        Rows of the grid are shared out over them.

    Returns
    -------
    scipy.sparse.csr_matrix, float32 [pixels, pixels]
    """
    height, width = shape
    offsets = ring(radius)
    reach = int(offsets.max())
    rows = fluctuations.reshape(height, width, -1)
    weights = np.empty((height, width, len(offsets)), np.float32)
    # columns at a time
    one = (STRIP_ROWS + 2 * reach) * (2 * reach // RING_EVERY + 1) * (ROW_PIXELS + 4 * reach)
    columns = max(MOST_PRODUCTS // one - 2 * reach, ROW_PIXELS)
    for left in range(0, width, columns):
        right, first = min(left + columns, width), max(left - reach, 0)
        _fit_columns(rows[:, first : right + reach], left - first, offsets, weights[:, left:right], workers)
    inside, indices, starts = _ring_pixels(shape, offsets)
    return sp.csr_matrix((weights[inside], indices, starts), shape=(height * width,) * 2)


def ring_means(shape: Shape, radius: float) -> sp.csr_matrix:
    """Weights that take the mean of each pixel's ring, float32 [pixels, pixels]; see :func:`fit_ring`.

    They know nothing of the movie: no cell is part of this background because its halo reaches the ring.
    """
    inside, indices, starts = _ring_pixels(shape, ring(radius))
    counts = np.diff(starts)
    weights = np.repeat(1 / np.maximum(counts, 1), counts).astype(np.float32)
    return sp.csr_matrix((weights, indices, starts), shape=(shape[0] * shape[1],) * 2)


def _ring_pixels(shape: Shape, offsets: Ints) -> tuple[Bools, Ints, Ints]:
    """Which pixels of each ring are inside the field, bool [height, width, ring], and the indices of a CSR matrix."""
    around = np.indices(shape).transpose(1, 2, 0)[:, :, None] + offsets
    inside = np.all((around >= 0) & (around < shape), axis=3)
    starts = np.concatenate([[0], np.cumsum(inside.sum(axis=2))])
    indices: Ints = (around[..., 0] * shape[1] + around[..., 1])[inside]
    return inside, indices, starts


def _fit_columns(rows: Floats, left: int, offsets: Ints, weights: Floats, workers: Workers) -> None:
    """Weights of the rings around some columns, the first of which is ``left``; the others are around them.

    rows: float32 [height, width, frames]; weights: float32 [height, columns, ring].
    """
    height, width, _ = rows.shape
    reach = int(offsets.max())
    # of the rows that the rings of a few rows lie on; a row takes the slot of one that is not needed any more
    slots = STRIP_ROWS + 2 * reach
    products = np.zeros((slots, 2 * reach // RING_EVERY + 1, width, ROW_PIXELS + 4 * reach), np.float32)
    # from the product of a pixel with itself to that with another one of the ring
    step = offsets[None] - offsets[:, None]
    ahead = step[:, :, 0] // RING_EVERY * products[0, 0].size + step[:, :, 1] + 2 * reach

    def multiply(y: int) -> None:
        _row_products(rows, y, reach, products[y % slots])

    def regress(y: int) -> None:
        _fit_row(products, y, height, left, offsets, ahead, reach, weights[y])

    known = 0
    for first in range(0, height, STRIP_ROWS):
        last = min(first + STRIP_ROWS, height)
        needed = min(last + reach, height)
        workers.map(multiply, range(known, needed))
        workers.map(regress, range(first, last))
        known = needed


def _row_products(rows: Floats, y: int, reach: int, out: Floats) -> None:
    """Products of the pixels of a row with those of this row and every second one of the next ``2 reach``.

    rows: float32 [height, width, frames]; out: float32 [reach + 1, width, ROW_PIXELS + 4 reach], rows down and columns
    from ``2 reach`` left of a multiple of ROW_PIXELS, as far as rings need them. Always the same ones are multiplied
    together: sums don't depend on the number of threads.
    """
    height, width, _ = rows.shape
    below = rows[y : min(y + 2 * reach + 1, height) : RING_EVERY]
    for first in range(0, width, ROW_PIXELS):
        start = first - 2 * reach
        left, right = max(start, 0), min(first + ROW_PIXELS + 2 * reach, width)
        values = rows[y, first : first + ROW_PIXELS] @ below[:, left:right].transpose(0, 2, 1)
        out[: len(below), first : first + ROW_PIXELS, left - start : right - start] = values
    out[len(below) :] = 0


@njit(nogil=True, cache=True, fastmath=True)
def _fit_row(
    products: Floats, y: int, height: int, left: int, offsets: Ints, ahead: Ints, reach: int, weights: Floats
) -> None:
    """Weights of the rings of pixels in row ``y``, from column ``left`` on; 0 for what is outside.

    products: float32 [slots, ...], of each row in its slot (see :func:`_row_products`); offsets: int [ring, 2], in
    order of the rows; ahead: int [ring, ring], from one product of a pixel to another; weights: float32
    [columns, ring].
    """
    slots, _, width, across = products.shape
    ring = len(offsets)
    gram = np.empty((ring, ring), np.float32)
    for x in range(left, left + len(weights)):
        against = weights[x - left]
        total, n = np.float32(0), 0
        for i in range(ring):
            row, column = y + offsets[i, 0], x + offsets[i, 1]
            if not (0 <= row < height and 0 <= column < width):
                against[i] = 0
                gram[i, i:] = 0
                continue
            flat, start = products[row % slots].reshape(-1), column * across + column % ROW_PIXELS
            # products with what is not there are 0
            for j in range(i, ring):
                gram[i, j] = flat[start + ahead[i, j]]
            if row <= y:
                down = (y - row) // RING_EVERY
                against[i] = products[row % slots, down, column, x - column + column % ROW_PIXELS + 2 * reach]
            else:
                down = (row - y) // RING_EVERY
                against[i] = products[y % slots, down, x, column - x + x % ROW_PIXELS + 2 * reach]
            total += gram[i, i]
            n += 1
        ridge = np.float32(RING_RIDGE) * total / np.float32(max(n, 1))
        if not ridge > 0:
            ridge = np.float32(1)
        for i in range(ring):
            gram[i, i] += ridge
        _solve(gram, against, ridge)


# inlined: as a function of its own it exists twice, and which one runs depends on numba's cache
@njit(inline="always")
def _solve(a: Floats, b: Floats, smallest: Real) -> None:
    """Solve ``A x = b`` by Cholesky's factorisation; numpy's and scipy's solvers take two to four times as long.

    a: float32 [n, n], the triangle above the diagonal, becomes its factor; b: float32 [n], becomes x; smallest: no
    eigenvalue of A is smaller, so no pivot is.
    """
    n = len(a)
    for first in range(0, n, 4):
        last = min(first + 4, n)
        for p in range(first, last):
            row = a[p, p:]
            for q in range(first, p):
                weight, other = a[q, p], a[q, p:]
                for j in range(len(row)):
                    row[j] -= weight * other[j]
                b[p] -= weight * b[q]
            scale = 1 / np.sqrt(max(row[0], smallest))
            for j in range(len(row)):
                row[j] *= scale
            b[p] *= scale
        # what four rows explain is taken from those below at once: they are read and written once for them
        for i in range(last, n):
            row = a[i, i:]
            s, t, u, v = a[first, i], a[first + 1, i], a[first + 2, i], a[first + 3, i]
            w, x, y, z = a[first, i:], a[first + 1, i:], a[first + 2, i:], a[first + 3, i:]
            for j in range(len(row)):
                row[j] -= s * w[j] + t * x[j] + u * y[j] + v * z[j]
            b[i] -= s * b[first] + t * b[first + 1] + u * b[first + 2] + v * b[first + 3]
    for p in range(n - 1, -1, -1):
        rest = b[p]
        for j in range(p + 1, n):
            rest -= a[p, j] * b[j]
        b[p] = rest / a[p, p]
