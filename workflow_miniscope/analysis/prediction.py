"""How much of the cells' activity the motion of the face explains, told on time that the model has not seen.

The activity is regressed on the strongest components of the motion, as in Stringer et al. 2019 (Science 364:eaav7893)
and Syeda et al. 2024 (Nat Neurosci 27:187-195), by reduced-rank ridge regression (:mod:`.reduced_rank`): cells share
a few directions of motion, and weak components get little weight.

Two slow signals are alike by chance more often than two fast ones. What chance gives is told by shifting the activity
in time against the motion, so that both keep their own rhythm and only their relation is lost (Harris 2020,
bioRxiv 2020.11.29.402719).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from threadpoolctl import threadpool_limits

from ..bars import tqdm
from ..errors import ParameterError, ResultError
from ..movies.types import Bools, Floats, Ints
from .reduced_rank import ActivitySums, Fit, Model, Motion, MotionSums, Tested

# Strengths of the ridge that are tried, as parts of the motion's largest variance. The rank is tried with each, so that
# finer steps gain next to nothing.
_RIDGES = (1e-6, 1e-4, 1e-2, 1.0)
#: frames that a fit has at least
LEAST_FITTED = 2


class TooLittleTime(ResultError):
    """A recording is too short to be predicted from other parts of itself."""


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
    progress: bool = False,
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
    progress : bool
        Show a bar on a terminal.
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
    TooLittleTime
        Too little time is left to predict.
    ResultError
        The arrays do not belong together.
    """
    motion, times = np.asarray(motion, float), np.asarray(times, float)
    activity = np.asarray(activity) if np.asarray(activity).dtype == np.float32 else np.asarray(activity, float)
    _check(motion, activity, times, components, max_rank, folds, block_s, gap_s, lags_s, shifts)
    motion = np.concatenate([_earlier(motion[:components], times, lag) for lag in lags_s])
    gap_s += max(map(abs, lags_s))
    used = np.isfinite(motion).all(axis=0)
    # frames of the activity are taken one by one, in any order
    X, Y, t = motion[:, used].T, np.ascontiguousarray(activity[:, used].T), times[used]
    fold, block_s = _distribute(t, folds, block_s, gap_s)
    offsets = [0, *_offsets(len(t), shifts, folds, block_s / (t[-1] - t[0]))]

    groups = _Folds.of(t, fold, gap_s)
    # the matrices are small: several threads wait for each other, for minutes where other programs compute, too, and
    # add up in another order
    with threadpool_limits(1):
        predicted, residual, ranks, ridges = _cross_validated(
            X - X.mean(axis=0), Y, offsets, groups, max_rank, progress
        )
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


@dataclass(frozen=True)
class _Folds:
    """Frames in groups of which each lies in one fold and near the same folds.

    Attributes
    ----------
    groups : list of ndarray of int
        Frames of each group.
    fold : ndarray of int [group]
    near : ndarray of bool [fold, group]
        Whether the group lies in a fold or too near to be fitted where that is predicted.
    """

    groups: list[Ints]
    fold: Ints
    near: Bools

    @classmethod
    def of(cls, times: Floats, fold: Ints, gap_s: float) -> _Folds:
        n_folds = int(fold.max()) + 1
        near = np.array([~apart(times, fold == number, gap_s) for number in range(n_folds)])
        kinds, which = np.unique(np.concatenate([fold[None], near]), axis=1, return_inverse=True)
        groups: list[Ints] = [np.flatnonzero(which.ravel() == number) for number in range(kinds.shape[1])]
        return cls(groups, kinds[0], kinds[1:].astype(bool))

    def fitted(self, *predicted: int) -> Bools:
        """Which groups are fitted where some folds are predicted."""
        return np.asarray(~self.near[list(predicted)].any(axis=0), bool)


def _cross_validated(
    X: Floats, Y: Floats, offsets: Sequence[int], folds: _Folds, max_rank: int, progress: bool
) -> tuple[Floats, Floats, Ints, Floats]:
    """Predict each fold from the others, once for each offset of the activity.

    Parameters
    ----------
    X, Y : ndarray [frame, component], [frame, cell]
        Motion and activity.
    offsets : sequence of int
        Frames to shift the activity by; the first is 0.
    folds : _Folds
        What is fitted where.
    max_rank : int
        Largest rank to try.
    progress : bool
        Show a bar.

    Returns
    -------
    predicted : ndarray of float32 [frame, cell]
        Of the activity as it is.
    residual : ndarray [offset, cell]
        Sum of squared errors.
    ranks, ridges : ndarray [fold]
        What was chosen for the activity as it is.
    """
    sums, numbers = MotionSums(X, folds.groups), range(len(folds.near))
    motions = {number: Motion(sums, folds.fitted(number)) for number in numbers}
    pairs = [pair for pair in combinations(numbers, 2) if sums.n[folds.fitted(*pair)].sum() >= LEAST_FITTED]
    inner = {pair: Motion(sums, folds.fitted(*pair)) for pair in pairs}
    predicted = np.full(Y.shape, np.nan, np.float32)
    residual = np.zeros((len(offsets), Y.shape[1]))
    ranks, ridges = np.zeros(len(numbers), int), np.zeros(len(numbers))
    for i, offset in enumerate(tqdm(offsets, desc="predict", unit="shift", disable=None if progress else True)):
        activity = ActivitySums(sums, Y, offset)
        for number, (ridge, rank) in enumerate(_choose(inner, activity, folds, max_rank)):
            fit, left_out = Fit(motions[number], activity), folds.fold == number
            model = Model(fit, ridge)
            residual[i] += model.residual(Tested(fit, activity, left_out), rank)
            if not i:
                ridges[number], ranks[number] = ridge, rank
                for group in (folds.groups[k] for k in np.flatnonzero(left_out)):
                    predicted[group] = model.predict(X[group], rank)
    return predicted, residual, ranks, ridges


def _choose(
    inner: dict[tuple[int, int], Motion], activity: ActivitySums, folds: _Folds, max_rank: int
) -> list[tuple[float, int]]:
    """Return the ridge and the rank that predict best what each fold is fitted on, one part of it from the others.

    ``inner``: what is fitted where two folds are left out, of which the one or the other is predicted then.
    """
    errors = np.zeros((len(folds.near), len(_RIDGES), max_rank + 1))
    for pair, motion in inner.items():
        fit = Fit(motion, activity)
        tested = {
            left_out: Tested(fit, activity, (folds.fold == other) & ~folds.near[left_out])
            for left_out, other in (pair, pair[::-1])
        }
        for j, ridge in enumerate(_RIDGES):
            model = Model(fit, ridge)
            for left_out, sums in tested.items():
                errors[left_out, j] += model.errors(sums, max_rank)
    # rank 0, no prediction, is the first of each row: where motion tells nothing, nothing is said
    best = [np.unravel_index(np.argmin(each), each.shape) for each in errors]
    return [(_RIDGES[j], int(rank)) for j, rank in best]


def _explained(Y: Floats, residual: Floats) -> Floats:
    """Return the variance explained, [offset, cell], from the sums of squared errors; nan for a cell without change."""
    total = len(Y) * np.var(Y, axis=0, dtype=np.float64)
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
        raise TooLittleTime(
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
