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
import scipy.sparse as sp

# added to the diagonal of each regression, relative to its mean: keeps the weights of pixels that
# carry the same signal from growing against each other
RIDGE = 1e-3
# pixels whose regressions are solved together; their rings fit into the cache
TOGETHER = 8


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
        rows, columns = y + offsets[:, 0], np.arange(width)[:, None] + offsets[:, 1]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        around = rows.clip(0, height - 1) * width + columns.clip(0, width - 1)
        weights = np.empty(around.shape, np.float32)
        for first in range(0, width, TOGETHER):
            some = slice(first, min(first + TOGETHER, width))
            values = fluctuations[around[some]]
            # what is not there has no weight
            values[~inside[some]] = 0
            gram = values @ values.transpose(0, 2, 1)
            diagonal = np.einsum("kii->ki", gram)
            typical = diagonal.sum(axis=1) / np.maximum(inside[some].sum(axis=1), 1)
            diagonal += np.where(typical > 0, RIDGE * typical, 1)[:, None]
            centers = fluctuations[y * width + first : y * width + some.stop]
            weights[some] = np.linalg.solve(gram, values @ centers[:, :, None])[:, :, 0]
        return weights[inside], around[inside], inside.sum(axis=1)

    # threads that call numpy for each pixel wait for each other: a few pixels at a time
    weights, around, counts = (np.concatenate(parts) for parts in zip(*pool.map(row, range(height)), strict=True))
    starts = np.concatenate([[0], np.cumsum(counts)])
    return sp.csr_matrix((weights, around, starts), shape=(height * width, height * width))
