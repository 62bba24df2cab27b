"""How much of the cells' activity the motion of the face explains, told on time that the model has not seen.

The activity is regressed on the strongest components of the motion, as in Stringer et al. 2019 (Science 364:eaav7893)
and Syeda et al. 2024 (Nat Neurosci 27:187-195), by reduced-rank ridge regression (Mukherjee and Zhu 2011, Stat Anal
Data Min 4:612-622): cells share a few directions of motion, and weak components get little weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import ParameterError, ResultError

# Strengths of the ridge that are tried, as parts of the motion's largest variance
_RIDGES = tuple(10.0**power for power in range(-6, 1))


@dataclass(frozen=True)
class Prediction:
    """Activity as predicted from motion.

    Attributes
    ----------
    predicted : ndarray of float32 [cell, frame]
        Each frame is predicted by a model that was fitted without it and its surroundings, in the unit of the activity;
        nan where the motion is not known.
    variance_explained : ndarray of float64 [cell]
        ``1 - sum((activity - predicted)**2) / sum((activity - mean)**2)`` over the frames that were predicted: 1 is
        perfect, 0 is as good as the cell's mean, below 0 is worse than that. nan for a cell that never changes.
    ranks : ndarray of int64 [fold]
        Directions of motion that each fold's model uses.
    ridges : ndarray of float64 [fold]
        Strength of each fold's ridge, as part of the largest variance of a component.
    n_frames : int
        Frames that were predicted.
    block_s : float
        Length of the blocks of time that were left out, in seconds.
    """

    predicted: np.ndarray
    variance_explained: np.ndarray
    ranks: np.ndarray
    ridges: np.ndarray
    n_frames: int
    block_s: float


def predict_activity(
    motion: np.ndarray,
    activity: np.ndarray,
    times: np.ndarray,
    *,
    components: int = 100,
    max_rank: int = 32,
    folds: int = 5,
    block_s: float = 10.0,
    gap_s: float = 2.0,
) -> Prediction:
    """Predict the activity of cells from the motion of the face, cross-validated.

    Neighbouring frames are alike, in a face as in calcium, so frames drawn at random would be known from their
    neighbours. Time is divided into blocks instead: each fold predicts every ``folds``-th block and is fitted on the
    others, without the frames nearer than ``gap_s`` to a predicted one. Rank and ridge are chosen within the frames it
    is fitted on, in the same way, for the smallest error over all cells.

    Parameters
    ----------
    motion : ndarray [component, frame]
        Time courses of the motion's singular value decomposition at the scope's frames, strongest first; nan in frames
        where they are not known, which are left out.
    activity : ndarray [cell, frame]
        The cells' activity. Each cell counts the same, however bright it is.
    times : ndarray [frame]
        Times of the frames in seconds, ascending.
    components : int
        How many of the strongest components to use.
    max_rank : int
        Largest number of directions of motion that the cells may share.
    folds : int
        How many parts the blocks are distributed to, at least 3.
    block_s : float
        Length of a block; shorter where the recording is shorter than ``folds`` of them.
    gap_s : float
        Time on both sides of a block that is used for neither fitting nor testing; longer than the calcium takes to
        decay.

    Raises
    ------
    ParameterError
        A parameter is out of range.
    ResultError
        The arrays do not belong together, or too little time is left to predict.
    """
    motion, activity, times = (np.asarray(part, float) for part in (motion, activity, times))
    _check(motion, activity, times, components, max_rank, folds, block_s, gap_s)
    used = np.isfinite(motion).all(axis=0)
    X, Y, t = motion[:components, used].T, activity[:, used].T, times[used]
    fold, block_s = _distribute(t, folds, block_s, gap_s)

    predicted = np.full_like(Y, np.nan)
    ranks, ridges = np.zeros(folds, int), np.zeros(folds)
    for number in range(folds):
        test = fold == number
        train = ~test & apart(t, test, gap_s)
        ridges[number], ranks[number] = _choose(X, Y, t, fold, train, max_rank, gap_s)
        predicted[test] = _Model(X[train], Y[train], ridges[number]).predict(X[test], ranks[number])

    residual = ((Y - predicted) ** 2).sum(axis=0)
    total = ((Y - Y.mean(axis=0)) ** 2).sum(axis=0)
    changes = np.ptp(Y, axis=0) > 0  # the sum of squares is not exactly 0 where nothing changes
    everywhere = np.full(activity.shape, np.nan, np.float32)
    everywhere[:, used] = predicted.T
    return Prediction(
        predicted=everywhere,
        variance_explained=1 - np.divide(residual, total, out=np.full(len(total), np.nan), where=changes),
        ranks=ranks,
        ridges=ridges,
        n_frames=len(t),
        block_s=block_s,
    )


def _check(motion, activity, times, components, max_rank, folds, block_s, gap_s) -> None:
    for name, value, least in (("components", components, 1), ("max_rank", max_rank, 1), ("folds", folds, 3)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ParameterError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if not 0 < block_s < np.inf or not 0 <= gap_s < np.inf:
        raise ParameterError(f"block_s must be above 0 and gap_s at least 0, not {block_s} and {gap_s}.")
    if motion.ndim != 2 or activity.ndim != 2 or not motion.shape[1] == activity.shape[1] == len(times):
        raise ResultError(
            f"Motion {motion.shape}, activity {activity.shape} and {len(times)} times do not have the same frames."
        )
    if not len(motion):
        raise ResultError("There are no components of motion to predict from; run Facemap with motSVD.")
    if not np.isfinite(activity).all():
        raise ResultError("The activity is not a number in some frames.")
    if np.any(np.diff(times) <= 0):
        raise ResultError("The times of the frames are not ascending.")


def _distribute(times: np.ndarray, folds: int, block_s: float, gap_s: float) -> tuple[np.ndarray, float]:
    """Return each frame's fold, and the length of the blocks that make them."""
    duration = float(times[-1] - times[0]) * (1 + 1e-9) if len(times) > 1 else 0.0
    block_s = min(block_s, duration / folds)
    blocks = np.floor((times - times[0]) / block_s).astype(int) if block_s > 0 else np.zeros(0, int)
    fold = blocks % folds
    if block_s <= gap_s or np.bincount(fold, minlength=folds).min() < 2:
        raise ResultError(
            f"The {len(times)} frames with known motion, {duration:.1f} s, are too few to be divided into {folds} "
            f"parts more than {gap_s:g} s apart; take a longer recording, or smaller folds and gap_s."
        )
    return fold, block_s


def apart(times: np.ndarray, chosen: np.ndarray, gap: float) -> np.ndarray:
    """Tell which frames are more than a gap away from every chosen one.

    Parameters
    ----------
    times : ndarray [frame]
        Ascending, s.
    chosen : ndarray of bool [frame]
        At least one.
    gap : float
        Seconds.

    Returns
    -------
    ndarray of bool [frame]
    """
    there = times[chosen]
    after = np.minimum(np.searchsorted(there, times), len(there) - 1)
    before = np.maximum(after - 1, 0)
    return np.minimum(np.abs(there[after] - times), np.abs(times - there[before])) > gap


def _choose(X, Y, times, fold, train, max_rank, gap_s) -> tuple[float, int]:
    """Return the ridge and the rank that predict the frames for fitting best, each fold from the others."""
    errors = np.zeros((len(_RIDGES), max_rank + 1))
    for number in np.unique(fold[train]):
        test = train & (fold == number)
        fit = train & ~test & apart(times, test, gap_s)
        if fit.sum() < 2:
            continue
        for i, ridge in enumerate(_RIDGES):
            errors[i] += _Model(X[fit], Y[fit], ridge).errors(X[test], Y[test], max_rank)
    # rank 0, no prediction, is the first of each row: where motion tells nothing, nothing is said
    i, rank = np.unravel_index(np.argmin(errors), errors.shape)
    return _RIDGES[i], int(rank)


class _Model:
    """Ridge regression, whose fit is then restricted to the directions that explain most of it.

    With X = motion and Y = activity, centred, the ridge's weights are (X'X + r)^-1 X'Y; projecting them on the leading
    right singular vectors Q of (X'X + r)^-1/2 X'Y gives the best fit of each rank under the same penalty.
    """

    def __init__(self, X: np.ndarray, Y: np.ndarray, ridge: float):
        self.x_mean, self.y_mean, scale = X.mean(axis=0), Y.mean(axis=0), Y.std(axis=0)
        # a cell that is silent while the model is fitted is predicted to stay so
        self.y_scale = np.where(scale > 0, scale, 1.0)
        X, Y = X - self.x_mean, (Y - self.y_mean) / self.y_scale
        variances, directions = np.linalg.eigh(X.T @ X)
        whiten = directions / np.sqrt(np.maximum(variances, 0) + ridge * max(variances[-1], 1e-300))
        left, strengths, self.Q = np.linalg.svd(whiten.T @ (X.T @ Y), full_matrices=False)
        self.to_shared = whiten @ (left * strengths)

    def predict(self, X: np.ndarray, rank: int) -> np.ndarray:
        shared = (X - self.x_mean) @ self.to_shared[:, :rank]
        return shared @ self.Q[:rank] * self.y_scale + self.y_mean

    def errors(self, X: np.ndarray, Y: np.ndarray, max_rank: int) -> np.ndarray:
        """Return the sum of squared errors for each rank from 0 to the largest, in variances of the cells."""
        Y = (Y - self.y_mean) / self.y_scale
        Q = self.Q[:max_rank]
        shared = (X - self.x_mean) @ self.to_shared[:, : len(Q)]
        # the directions are orthogonal: each adds its own part, and beyond the last nothing does
        gains = (2 * (Y @ Q.T) * shared - shared**2).sum(axis=0)
        gains = np.pad(np.cumsum(gains), (1, max_rank - len(Q)), mode="edge" if len(Q) else "constant")
        gains[0] = 0
        return (Y**2).sum() - gains
