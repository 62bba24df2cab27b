"""Reduced-rank ridge regression from sums over frames, so that many fits read the frames once.

With X = motion and Y = activity, centred, the ridge's weights are (X'X + r)^-1 X'Y; projecting them on the leading
right singular vectors Q of (X'X + r)^-1/2 X'Y gives the best fit of each rank under the same penalty (Mukherjee and
Zhu 2011, Stat Anal Data Min 4:612-622). Fit and error need no more than the sums of X, X'X, Y, Y*Y and X'Y over the
frames that are fitted and over those that are predicted; these are added up from groups of frames that are disjoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..movies.types import Bools, Floats, Ints

#: of singular values, found as roots of eigenvalues, weaker ones are rounding error
NULL = 1e-6
#: part of a cell's mean square below which its variance is rounding error: it is silent
SILENT = 1e-12
#: frames that are added up at a time
AT_ONCE = 4096


class MotionSums:
    """Sums over groups of frames of what is predicted from.

    Parameters
    ----------
    X : ndarray of float64 [frame, component]
        Motion.
    groups : sequence of ndarray of int
        Frames of each group.
    """

    def __init__(self, X: Floats, groups: Sequence[Ints]):
        self.X, self.groups = X, groups
        self.n = np.array([len(group) for group in groups])
        self.x = np.array([X[group].sum(axis=0) for group in groups])
        self.xx = np.array([X[group].T @ X[group] for group in groups])


class ActivitySums:
    """The same of activity, perhaps of another time.

    Parameters
    ----------
    motion : MotionSums
        Of the same groups.
    Y : ndarray [frame, cell]
        Activity.
    offset : int
        Frames to shift it by, circularly.
    """

    def __init__(self, motion: MotionSums, Y: Floats, offset: int = 0):
        self.motion = motion
        n_groups, n_cells = len(motion.groups), Y.shape[1]
        self.y, self.yy = np.zeros((2, n_groups, n_cells))
        self.xy = np.zeros((n_groups, motion.X.shape[1], n_cells))
        for number, frames in _pieces(motion.groups):
            moved = Y[(frames - offset) % len(Y)].astype(np.float64, copy=False)
            self.y[number] += moved.sum(axis=0)
            self.yy[number] += np.einsum("tc,tc->c", moved, moved)
            self.xy[number] += motion.X[frames].T @ moved


def _pieces(groups: Sequence[Ints]) -> Iterator[tuple[int, Ints]]:
    for number, group in enumerate(groups):
        for first in range(0, len(group), AT_ONCE):
            yield number, group[first : first + AT_ONCE]


class Motion:
    """Motion of the frames that are fitted, and its principal directions.

    Parameters
    ----------
    sums : MotionSums
        Of all groups.
    chosen : ndarray of bool [group]
        Those that are fitted.
    """

    def __init__(self, sums: MotionSums, chosen: Bools):
        self.chosen, self.n = chosen, int(sums.n[chosen].sum())
        self.total = sums.x[chosen].sum(axis=0)
        self.mean = self.total / self.n
        spread = sums.xx[chosen].sum(axis=0) - self.n * np.outer(self.mean, self.mean)
        variances, self.directions = np.linalg.eigh(spread)
        self.variances = np.maximum(variances, 0)

    def whitened(self, ridge: float) -> Floats:
        """Return the directions, each by how strongly a ridge of this part of the largest variance lets it in."""
        whiten = 1 / np.sqrt(self.variances + ridge * max(self.variances[-1], 1e-300))
        directions: Floats = self.directions * whiten
        return directions


class Fit:
    """What models of every strength and rank share: the sums over the frames that are fitted.

    Parameters
    ----------
    motion : Motion
        Of these frames.
    activity : ActivitySums
        Of all groups.

    Attributes
    ----------
    x_mean, y_mean : ndarray
        Of each component and each cell.
    y_scale : ndarray [cell]
        Standard deviation of each cell; 1 for one that is silent, which is predicted to stay so.
    shared : ndarray [component, cell]
        Sums of products of the motion and the activity, both less their means, the activity in standard deviations.
    """

    def __init__(self, motion: Motion, activity: ActivitySums):
        self.motion, self.x_mean = motion, motion.mean
        y, yy = activity.y[motion.chosen].sum(axis=0), activity.yy[motion.chosen].sum(axis=0)
        self.y_mean = y / motion.n
        variance = yy / motion.n - self.y_mean**2
        silent = variance <= SILENT * yy / motion.n
        self.y_scale = np.where(silent, 1.0, np.sqrt(np.where(silent, 1.0, variance)))
        products = activity.xy[motion.chosen].sum(axis=0) - np.outer(motion.total, self.y_mean)
        self.shared = products / self.y_scale


class Tested:
    """Sums over frames that are predicted, less the means and in the units of a fit.

    Parameters
    ----------
    fit : Fit
        Of other frames.
    activity : ActivitySums
        Of all groups.
    groups : ndarray of bool [group]
        Those that are predicted.

    Attributes
    ----------
    squares : ndarray [cell]
        Of the activity.
    products : ndarray [component, cell]
        Of motion and activity.
    spread : ndarray [component, component]
        Of motion and motion.
    """

    def __init__(self, fit: Fit, activity: ActivitySums, groups: Bools):
        motion = activity.motion
        n, x = int(motion.n[groups].sum()), motion.x[groups].sum(axis=0)
        y, yy, xy = (part[groups].sum(axis=0) for part in (activity.y, activity.yy, activity.xy))
        between = n * fit.x_mean - x
        self.squares = (yy - 2 * fit.y_mean * y + n * fit.y_mean**2) / fit.y_scale**2
        self.products = (xy - np.outer(fit.x_mean, y) + np.outer(between, fit.y_mean)) / fit.y_scale
        self.spread = motion.xx[groups].sum(axis=0) - np.outer(x, fit.x_mean) + np.outer(fit.x_mean, between)


class Model:
    """A fit of one strength of the ridge and every rank.

    Parameters
    ----------
    fit : Fit
        What is fitted.
    ridge : float
        Its strength, as part of the largest variance of a direction.

    Attributes
    ----------
    to_shared : ndarray [component, rank]
        From motion, less its mean, to what the cells share.
    Q : ndarray [rank, cell]
        From there to activity, in standard deviations from its mean.
    """

    def __init__(self, fit: Fit, ridge: float):
        self.fit = fit
        directions = fit.motion.whitened(ridge)
        whitened = directions.T @ fit.shared
        self.Q = right_singular(whitened)
        self.to_shared = directions @ (whitened @ self.Q.T)

    def predict(self, X: Floats, rank: int) -> Floats:
        """Return the activity [frame, cell] for motion [frame, component]."""
        shared = (X - self.fit.x_mean) @ self.to_shared[:, :rank]
        found: Floats = shared @ self.Q[:rank] * self.fit.y_scale + self.fit.y_mean
        return found

    def errors(self, tested: Tested, max_rank: int) -> Floats:
        """Return the sum of squared errors for each rank from 0 to the largest, in variances of the cells."""
        Q, W = self.Q[:max_rank], self.to_shared[:, : min(max_rank, len(self.Q))]
        # the directions are orthogonal: each adds its own part, and beyond the last nothing does
        gains = 2 * (W * (tested.products @ Q.T)).sum(axis=0) - (W * (tested.spread @ W)).sum(axis=0)
        gains = np.pad(np.cumsum(gains), (1, max_rank - len(Q)), mode="edge" if len(Q) else "constant")
        gains[0] = 0
        left: Floats = tested.squares.sum() - gains
        return left

    def residual(self, tested: Tested, rank: int) -> Floats:
        """Return the sum of squared errors of each cell, in its own unit; float64 [cell]."""
        weights = self.to_shared[:, :rank] @ self.Q[:rank]
        left = (
            tested.squares - 2 * (weights * tested.products).sum(axis=0) + (weights * (tested.spread @ weights)).sum(0)
        )
        found: Floats = np.maximum(left, 0) * self.fit.y_scale**2
        return found


def right_singular(matrix: Floats) -> Floats:
    """Return the right singular vectors as rows, strongest first; by eigenvectors, much faster than by the SVD."""
    tall = matrix.shape[0] > matrix.shape[1]
    squares, vectors = np.linalg.eigh(matrix.T @ matrix if tall else matrix @ matrix.T)
    strengths, vectors = np.sqrt(np.maximum(squares[::-1], 0)), vectors[:, ::-1]
    kept = strengths > NULL * strengths.max(initial=0)
    if tall:
        rows: Floats = vectors[:, kept].T
    else:
        rows = (vectors[:, kept] / strengths[kept]).T @ matrix
    return rows
