"""What a fitted model says that the frames of the scratch movie show, ``M = A C + B``."""

from __future__ import annotations

import numpy as np

from ..arrays import kernels


class Expected:
    """Frames as the model has them.

    The background comes from the small movie, ``B = U W (D Y - D A C)``, and a constant: the traces have mean zero, and
    what the background lacks to the mean of the movie does not change.

    Parameters
    ----------
    fit : Fit
        The model, as it is now.

    Attributes
    ----------
    A : scipy.sparse.csr_matrix [pixels, components]
        Footprints.
    """

    def __init__(self, fit):
        self.shape, self.small, self.C, self.up, self.W = fit.movie.shape, fit.small, fit.components.C, fit.up, fit.W
        self.A = fit.components.matrix().T.tocsr()
        self.down_A = (fit.down @ self.A).tocsr()
        mean = movie_mean(fit.movie)
        self.constant = mean - fit.up @ (fit.W @ (fit.down @ mean))

    def frames(self, rough: np.ndarray, start: int, first: int, n: int) -> np.ndarray:
        """``n`` frames of a block, from its frame ``first`` on.

        Parameters
        ----------
        rough : int16 [small pixels, frames]
            The block of the small movie, as :meth:`Scratch.chunk` gives it.
        start : int
            First frame of the block.
        first, n : int
            Frames of the block.

        Returns
        -------
        float32 [n, height, width]
        """
        traces = np.ascontiguousarray(self.C[:, start + first : start + first + n])
        rest = rough[:, first : first + n] * np.float32(1 / self.small.scale)
        A, W, up = self.down_A, self.W, self.up
        kernels.subtract_model(rest, A.indptr, A.indices, A.data, traces, 0, len(rest))
        around = np.zeros_like(rest)
        kernels.add_weighted_rows(rest, W.indptr, W.indices, W.data, 0, len(rest), around)
        out = np.empty((n, len(self.constant)), np.float32)
        A = self.A
        kernels.expect_frames(
            *(self.constant, up.indptr, up.indices, up.data, around),
            *(A.indptr, A.indices, A.data, traces, out),
        )
        return out.reshape(n, *self.shape)


def movie_mean(movie) -> np.ndarray:
    """Mean of every pixel over time, float32 [pixels]."""
    total = np.zeros(movie.pixels)
    for _, chunk in movie:
        total += chunk.sum(axis=1, dtype=np.float64)
    return (total / (movie.n_frames * movie.scale)).astype(np.float32)
