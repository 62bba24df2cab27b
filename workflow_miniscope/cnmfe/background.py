"""The ring model of the background (Zhou et al. 2018, eLife 7:e28728, equations 4 to 6).

The background of a pixel is a constant and a weighted sum of the fluctuations on a ring around it, so far
away that no cell under the pixel reaches it,

    B(p, t) = b0(p) + sum_{q on the ring of p} W(p, q) [ Y(q, t) - (A C)(q, t) - b0(q) ].

What is out of focus is smooth: the weights are fitted, and the sum is taken, on a grid of ``ssub_B`` pixels and
interpolated back, as in CaImAn. A vessel above dims it with an edge that the grid does not show; therefore each pixel
has a gain, by which the interpolated background is multiplied (:meth:`Fit.background_gain`). The model is linear in
the movie. Therefore nothing here ever computes the background movie: every product with the background is a product
with the movie, with W applied afterwards.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.linalg
import scipy.sparse as sp

# added to the diagonal of each regression, relative to its mean: keeps the weights of pixels that
# carry the same signal from growing against each other
RIDGE = 1e-3


def reduction(shape: tuple[int, int], factor: int) -> sp.csr_matrix:
    """Matrix that takes the mean of ``factor`` x ``factor`` pixels; pixels row after row."""

    def along(n):
        index = np.arange(n)
        values = np.full(n, 1 / factor, np.float32)
        return sp.csr_matrix((values, (index // factor, index)), shape=(n // factor, n))

    return sp.kron(along(shape[0]), along(shape[1])).tocsr()


def interpolation(shape: tuple[int, int], factor: int) -> sp.csr_matrix:
    """Matrix that interpolates linearly from the grid of :func:`reduction` back to the pixels."""

    def along(n):
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


def ring(radius: float) -> np.ndarray:
    """Offsets (rows, columns) of the pixels whose distance is at least ``radius`` and less than 1 more."""
    reach = int(np.ceil(radius + 1))
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(rows, columns)
    on = (distance >= radius) & (distance < radius + 1)
    return np.stack([rows[on], columns[on]], axis=1)


def fit_ring(
    fluctuations: np.ndarray,
    shape: tuple[int, int],
    radius: float,
    pool: ThreadPoolExecutor,
) -> sp.csr_matrix:
    """Weights of the ring model: for each pixel the least squares fit of its ring to it.

    Parameters
    ----------
    fluctuations : float32 [pixels, frames]
        ``Y - A C - b0`` on the background grid; frames may be averages of several.
    shape : tuple of int
        (height, width) of the grid.
    radius : float
        Of the ring, in pixels of the grid.
    pool : ThreadPoolExecutor
        Rows of the grid are shared out over its threads.

    Returns
    -------
    scipy.sparse.csr_matrix, float32 [pixels, pixels]
    """
    height, width = shape
    offsets = ring(radius)

    def row(y):
        rows, columns, weights = [], [], []
        for x in range(width):
            yy, xx = y + offsets[:, 0], x + offsets[:, 1]
            inside = (yy >= 0) & (yy < height) & (xx >= 0) & (xx < width)
            around = yy[inside] * width + xx[inside]
            if not len(around):
                continue
            values = fluctuations[around]
            gram = values @ values.T
            diagonal = float(np.trace(gram)) / len(around)
            if not diagonal > 0:
                continue
            gram.flat[:: len(around) + 1] += RIDGE * diagonal
            right = values @ fluctuations[y * width + x]
            # LAPACK itself: the checks of scipy.linalg.solve take several times as long as the solution
            _, solution, failed = scipy.linalg.lapack.sposv(gram, right, overwrite_a=True, overwrite_b=True)
            if failed:
                continue
            rows.append(np.full(len(around), y * width + x))
            columns.append(around)
            weights.append(solution)
        return rows, columns, weights

    parts = [part for result in pool.map(row, range(height)) for part in zip(*result, strict=True)]
    pixels = height * width
    if not parts:
        return sp.csr_matrix((pixels, pixels), dtype=np.float32)
    rows, columns, weights = (np.concatenate(items) for items in zip(*parts, strict=True))
    return sp.csr_matrix((weights.astype(np.float32), (rows, columns)), shape=(pixels, pixels))
