"""How much of the cells' activity the motion of the face explains, told on time that the model has not seen.

The activity is regressed on the strongest components of the motion, as in Stringer et al. 2019 (Science 364:eaav7893)
and Syeda et al. 2024 (Nat Neurosci 27:187-195), by reduced-rank ridge regression (Mukherjee and Zhu 2011, Stat Anal
Data Min 4:612-622): cells share a few directions of motion, and weak components get little weight.

Two slow signals are alike by chance more often than two fast ones. What chance gives is told by shifting the activity
in time against the motion, so that both keep their own rhythm and only their relation is lost (Harris 2020,
bioRxiv 2020.11.29.402719).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError, ResultError
from ..movies.types import Bools, Floats, Ints

# Strengths of the ridge that are tried, as parts of the motion's largest variance. The rank is tried with each, so that
# finer steps gain next to nothing.
_RIDGES = (1e-6, 1e-4, 1e-2, 1.0)
# Of singular values, found as roots of eigenvalues, weaker ones are rounding error
_NULL = 1e-6


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
    shifted : ndarray of float64 [shift, cell]
        The same with the activity shifted in time, circularly, by at least a block: what chance explains.
    ranks : ndarray of int64 [fold]
        Directions of motion that each fold's model uses.
    ridges : ndarray of float64 [fold]
        Strength of each fold's ridge, as part of the largest variance of a component.
    n_frames : int
        Frames that were predicted.
    block_s : float
        Length of the blocks of time that were left out, in seconds.
    """

    predicted: Floats
    variance_explained: Floats
    shifted: Floats
    ranks: Ints
    ridges: Floats
    n_frames: int
    block_s: float

    @property
    def p_values(self) -> Floats:
        """Part of the shifts, the true alignment among them, that explain a cell at least as well; float64 [cell]."""
        as_good = np.count_nonzero(self.shifted >= self.variance_explained, axis=0)
        values = (1 + as_good) / (1 + len(self.shifted))
        return np.where(np.isfinite(self.variance_explained), values, np.nan)


def predict_activity(
    motion: Floats,
    activity: Floats,
    times: Floats,
    *,
    components: int = 100,
    max_rank: int = 32,
    folds: int = 5,
    block_s: float = 10.0,
    gap_s: float = 2.0,
    lags_s: Sequence[float] = (0.0,),
    shifts: int = 20,
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
    lags_s : sequence of float
        Predict from the motion this long before each frame, all lags together; below 0 from the motion after it. The
        largest is added to ``gap_s``.
    shifts : int
        How many times to repeat everything with the activity shifted in time; 0 for no control.

    Raises
    ------
    ParameterError
        A parameter is out of range.
    ResultError
        The arrays do not belong together, or too little time is left to predict.
    """
    motion, activity, times = (np.asarray(part, float) for part in (motion, activity, times))
    _check(motion, activity, times, components, max_rank, folds, block_s, gap_s, lags_s, shifts)
    motion = np.concatenate([_earlier(motion[:components], times, lag) for lag in lags_s])
    gap_s += max(map(abs, lags_s))
    used = np.isfinite(motion).all(axis=0)
    X, Y, t = motion[:, used].T, activity[:, used].T, times[used]
    fold, block_s = _distribute(t, folds, block_s, gap_s)
    offsets = [0, *_offsets(len(t), shifts, folds, block_s / (t[-1] - t[0]))]

    predicted, residual, ranks, ridges = _cross_validated(X, Y, offsets, t, fold, max_rank, gap_s)
    explained = _explained(Y, residual)
    everywhere = np.full(activity.shape, np.nan, np.float32)
    everywhere[:, used] = predicted.T
    return Prediction(
        predicted=everywhere,
        variance_explained=explained[0],
        shifted=explained[1:],
        ranks=ranks,
        ridges=ridges,
        n_frames=len(t),
        block_s=block_s,
    )


def _cross_validated(
    X: Floats, Y: Floats, offsets: Sequence[int], times: Floats, fold: Ints, max_rank: int, gap_s: float
) -> tuple[Floats, Floats, Ints, Floats]:
    """Predict each fold from the others, once for each offset of the activity.

    Parameters
    ----------
    X, Y : ndarray [frame, component], [frame, cell]
        Motion and activity.
    offsets : sequence of int
        Frames to shift the activity by; 0 is one of them.
    times, fold : ndarray [frame]
        Seconds; number of the fold, each has frames.
    max_rank : int
        Largest rank to try.
    gap_s : float
        Seconds to stay away from the predicted frames.

    Returns
    -------
    predicted : ndarray [frame, cell]
        Of the activity as it is.
    residual : ndarray [offset, cell]
        Sum of squared errors.
    ranks, ridges : ndarray [fold]
        What was chosen for the activity as it is.
    """
    folds = int(fold.max()) + 1
    predicted = np.full_like(Y, np.nan)
    residual = np.zeros((len(offsets), Y.shape[1]))
    ranks, ridges = np.zeros(folds, int), np.zeros(folds)
    for number in range(folds):
        test = fold == number
        train = ~test & apart(times, test, gap_s)
        chosen = _choose(X, Y, offsets, times, fold, train, max_rank, gap_s)
        motion = _Motion(X[train])
        for i, (offset, (ridge, rank)) in enumerate(zip(offsets, chosen, strict=True)):
            moved = np.roll(Y, offset, axis=0)
            found = _Activity(motion, moved[train]).model(ridge).predict(X[test], rank)
            residual[i] += ((moved[test] - found) ** 2).sum(axis=0)
            if offset == 0:
                predicted[test], ridges[number], ranks[number] = found, ridge, rank
    return predicted, residual, ranks, ridges


def _explained(Y: Floats, residual: Floats) -> Floats:
    """Return the variance explained, [offset, cell], from the sums of squared errors; nan for a cell without change."""
    total = ((Y - Y.mean(axis=0)) ** 2).sum(axis=0)
    changes = np.ptp(Y, axis=0) > 0  # the sum of squares is not exactly 0 where nothing changes
    parts: Floats = np.divide(residual, total, out=np.full(residual.shape, np.nan), where=changes)
    return 1 - parts


def _check(
    motion: Floats,
    activity: Floats,
    times: Floats,
    components: int,
    max_rank: int,
    folds: int,
    block_s: float,
    gap_s: float,
    lags_s: Sequence[float],
    shifts: int,
) -> None:
    whole = (("components", components, 1), ("max_rank", max_rank, 1), ("folds", folds, 3), ("shifts", shifts, 0))
    for name, value, least in whole:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ParameterError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if not 0 < block_s < np.inf or not 0 <= gap_s < np.inf:
        raise ParameterError(f"block_s must be above 0 and gap_s at least 0, not {block_s} and {gap_s}.")
    try:
        listed = len(lags_s) > 0 and all(np.isfinite(lag) for lag in lags_s) and not isinstance(lags_s, (str, bytes))
    except TypeError:
        listed = False
    if not listed:
        raise ParameterError(f"lags_s must be a list of at least one number of seconds, not {lags_s!r}.")
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


def _distribute(times: Floats, folds: int, block_s: float, gap_s: float) -> tuple[Ints, float]:
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


def apart(times: Floats, chosen: Bools, gap: float) -> Bools:
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
    far: Bools = np.minimum(np.abs(there[after] - times), np.abs(times - there[before])) > gap
    return far


def _earlier(motion: Floats, times: Floats, lag: float) -> Floats:
    """Return the motion a lag before each frame, interpolated between frames; nan beyond the first and the last."""
    if lag == 0:
        return motion
    if len(times) < 2:
        return np.full_like(motion, np.nan)
    return np.stack([np.interp(times - lag, times, course, left=np.nan, right=np.nan) for course in motion])


def _offsets(n: int, shifts: int, folds: int, block: float) -> list[int]:
    """Return how many frames to shift by: evenly, at least a block, as a part of the recording, in both directions."""
    least = int(np.ceil(n * min(block, 1 / folds)))
    return [int(offset) for offset in np.linspace(least, n - least, shifts)]


def _choose(
    X: Floats,
    Y: Floats,
    offsets: Sequence[int],
    times: Floats,
    fold: Ints,
    train: Bools,
    max_rank: int,
    gap_s: float,
) -> list[tuple[float, int]]:
    """Return the ridge and the rank that predict the frames for fitting best, each fold from the others, per offset."""
    errors = np.zeros((len(offsets), len(_RIDGES), max_rank + 1))
    for number in np.unique(fold[train]):
        test = train & (fold == number)
        fit = train & ~test & apart(times, test, gap_s)
        if fit.sum() < 2:
            continue
        motion = _Motion(X[fit])
        for i, offset in enumerate(offsets):
            moved = np.roll(Y, offset, axis=0)
            activity = _Activity(motion, moved[fit])
            for j, ridge in enumerate(_RIDGES):
                errors[i, j] += activity.model(ridge).errors(X[test], moved[test], max_rank)
    # rank 0, no prediction, is the first of each row: where motion tells nothing, nothing is said
    best = [np.unravel_index(np.argmin(each), each.shape) for each in errors]
    return [(_RIDGES[j], int(rank)) for j, rank in best]


class _Motion:
    """Motion to fit on, [frame, component], and its principal directions."""

    def __init__(self, X: Floats):
        self.mean = X.mean(axis=0)
        self.centred = X - self.mean
        variances, self.directions = np.linalg.eigh(self.centred.T @ self.centred)
        self.variances = np.maximum(variances, 0)


class _Activity:
    """Activity to fit, [frame, cell], along the directions of the motion."""

    def __init__(self, motion: _Motion, Y: Floats):
        self.motion, self.mean, scale = motion, Y.mean(axis=0), Y.std(axis=0)
        # a cell that is silent while the model is fitted is predicted to stay so
        self.scale = np.where(scale > 0, scale, 1.0)
        shared = motion.centred.T @ ((Y - self.mean) / self.scale)
        self.along = motion.directions.T @ shared

    def model(self, ridge: float) -> _Model:
        return _Model(self, ridge)


class _Model:
    """Ridge regression, whose fit is then restricted to the directions that explain most of it.

    With X = motion and Y = activity, centred, the ridge's weights are (X'X + r)^-1 X'Y; projecting them on the leading
    right singular vectors Q of (X'X + r)^-1/2 X'Y gives the best fit of each rank under the same penalty.
    """

    def __init__(self, activity: _Activity, ridge: float):
        motion = activity.motion
        self.x_mean, self.y_mean, self.y_scale = motion.mean, activity.mean, activity.scale
        whiten = 1 / np.sqrt(motion.variances + ridge * max(motion.variances[-1], 1e-300))
        whitened = whiten[:, None] * activity.along
        self.Q = _right_singular(whitened)
        self.to_shared = (motion.directions * whiten) @ (whitened @ self.Q.T)

    def predict(self, X: Floats, rank: int) -> Floats:
        shared = (X - self.x_mean) @ self.to_shared[:, :rank]
        found: Floats = shared @ self.Q[:rank] * self.y_scale + self.y_mean
        return found

    def errors(self, X: Floats, Y: Floats, max_rank: int) -> Floats:
        """Return the sum of squared errors for each rank from 0 to the largest, in variances of the cells."""
        Y = (Y - self.y_mean) / self.y_scale
        Q = self.Q[:max_rank]
        shared = (X - self.x_mean) @ self.to_shared[:, : len(Q)]
        # the directions are orthogonal: each adds its own part, and beyond the last nothing does
        gains = (2 * (Y @ Q.T) * shared - shared**2).sum(axis=0)
        gains = np.pad(np.cumsum(gains), (1, max_rank - len(Q)), mode="edge" if len(Q) else "constant")
        gains[0] = 0
        left: Floats = (Y**2).sum() - gains
        return left


def _right_singular(matrix: Floats) -> Floats:
    """Return the right singular vectors as rows, strongest first; by eigenvectors, much faster than by the SVD."""
    tall = matrix.shape[0] > matrix.shape[1]
    squares, vectors = np.linalg.eigh(matrix.T @ matrix if tall else matrix @ matrix.T)
    strengths, vectors = np.sqrt(np.maximum(squares[::-1], 0)), vectors[:, ::-1]
    kept = strengths > _NULL * strengths.max(initial=0)
    if tall:
        rows: Floats = vectors[:, kept].T
    else:
        rows = (vectors[:, kept] / strengths[kept]).T @ matrix
    return rows
