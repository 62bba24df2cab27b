"""Light that changes with the brain's position and with nothing else.

The lens lights and shows the field unevenly, and the brain moves under it: a place gets brighter and darker with the
shift of the frame, most at the border. What of that the ring does not predict, and what an imprecise registration
leaves, looks like the activity of faint cells. As in the analysis of functional magnetic resonance imaging (Friston
et al. 1996, Magn Reson Med 35:346), it is estimated in each pixel by regression on the motion,

    sum_j beta_j(p) z_j(t),    z = dy, dx, dy^2, dx^2, dy dx,

here of what the model leaves, so that activity counts as little as possible: only a cell that has not been found yet
loses what the motion explains of its activity.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...movies.types import Floats
from ..arrays.workers import Workers
from ..storage.scratch import Scratch
from .fit import Fit

#: shifts beyond these quantiles count as they do there: single frames must not decide about all of them
SHIFT_QUANTILES = (0.002, 0.998)
#: pixels, or their square: a standard deviation of the motion that is none
NO_MOTION = 1e-3
#: added to the diagonal of products of the regressors, relative to it: along a line some of them are the same
MOTION_RIDGE = 1e-6


def regressors(shifts: Floats) -> Floats:
    """Functions of the motion, of mean zero and variance 1.

    Parameters
    ----------
    shifts : float64 [frames, 2]
        Of each frame, pixels.

    Returns
    -------
    float32 [n, frames]
        Five, or fewer if the brain does not move in both directions.
    """
    y, x = np.clip(shifts, *np.quantile(shifts, SHIFT_QUANTILES, axis=0)).T
    z = np.stack([y, x, y * y, x * x, y * x])
    z -= z.mean(axis=1, keepdims=True)
    z = z[z.std(axis=1) > NO_MOTION]
    standard: Floats = (z / z.std(axis=1, keepdims=True)).astype(np.float32)
    return standard


class MotionLocked:
    """Frames of the light that is locked to the motion, in what a model leaves.

    Parameters
    ----------
    fit : Fit
        The model, as it is now.
    A : scipy.sparse.csr_matrix [pixels, components]
        Its footprints.
    shifts : float64 [frames, 2]
        Of each frame, pixels.
    """

    def __init__(self, fit: Fit, A: sp.csr_matrix, shifts: Floats):
        self.shape, self.z = fit.movie.shape, regressors(shifts)
        self.beta = _regress(fit, A, self.z)

    def frames(self, first: int, n: int) -> Floats:
        """``n`` frames of the movie from frame ``first`` on, float32 [n, height, width]."""
        light: Floats = (self.z[:, first : first + n].T @ self.beta).reshape(n, *self.shape)
        return light


def _regress(fit: Fit, A: sp.csr_matrix, z: Floats) -> Floats:
    """``beta``, float32 [n, pixels], of the regressors ``z``, float32 [n, frames].

    Every product is one with the movie, with the footprints and the ring's weights applied afterwards.
    """
    if not len(z):
        return np.zeros((0, fit.movie.pixels), np.float32)
    activity = fit.components.C @ z.T
    around = _products(fit.small, z, fit.workers) - fit.down @ (A @ activity)
    left = _products(fit.movie, z, fit.workers) - A @ activity - fit.up @ (fit.W @ around)
    among = z.astype(np.float64) @ z.T
    among.flat[:: len(z) + 1] *= 1 + MOTION_RIDGE
    beta: Floats = np.linalg.solve(among, left.T).astype(np.float32)
    return beta


def _products(movie: Scratch, z: Floats, workers: Workers) -> Floats:
    """``sum_t Y(p, t) z_j(t)`` of all pixels, float64 [pixels, n]."""
    every = np.tile(np.arange(movie.pixels, dtype=np.int32), len(z))
    starts = np.arange(len(z) + 1, dtype=np.int32) * np.int32(movie.pixels)
    return movie.correlate(z, starts, every, workers).reshape(len(z), -1).T
