"""What a fitted model says that the frames of the scratch movie show, ``M = A C + B``."""

from __future__ import annotations

import numpy as np

from ...movies.types import Floats, Ints
from ..arrays import kernels
from ..storage.scratch import Scratch
from .fit import Fit


class PredictedFrames:
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
    C : float32 [components, frames]
        Traces, of mean zero.
    down_A : scipy.sparse.csr_matrix [small pixels, components]
        Footprints on the background's grid.
    constant : float32 [pixels]
        What the background lacks to the mean of the movie.
    """

    def __init__(self, fit: Fit):
        self.shape, self.small, self.C = fit.movie.shape, fit.small, fit.components.C
        self.up, self.W = fit.up, fit.W
        self.A = fit.components.matrix().T.tocsr()
        self.down_A = (fit.down @ self.A).tocsr()
        mean = movie_mean(fit.movie)
        self.constant: Floats = mean - fit.up @ (fit.W @ (fit.down @ mean))

    def frames(self, rough: Ints, start: int, first: int, n: int) -> Floats:
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
        rest: Floats = rough[:, first : first + n] * np.float32(1 / self.small.scale)
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


def movie_mean(movie: Scratch) -> Floats:
    """Mean of every pixel over time, float32 [pixels]."""
    total = np.zeros(movie.pixels)
    for _, chunk in movie:
        total += chunk.sum(axis=1, dtype=np.float64)
    mean: Floats = (total / (movie.n_frames * movie.scale)).astype(np.float32)
    return mean
