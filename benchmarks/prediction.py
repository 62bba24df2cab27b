"""Activity predicted from the motion of the face: our reduced-rank regression beside scikit-learn's regressions.

    python benchmarks/prediction.py
    python benchmarks/prediction.py --proc FaceCam_proc.npy

All predict the same blocks of time from the same others, and choose their strength within these in the same way; one
thread. Prints a table of the variance explained, of cells that the face drives and of others, and of CPU seconds.

Measured on 2026-11-29, 80 cells, 4 minutes and 100 components of simulated motion, a minute of Facemap's of a simulated
face: Ridge explains as much as ours (within 0.03), but for 0.14 instead of 0.32 where the cells share few directions of
the motion; with the shifts that tell chance it takes 6 to 15 times the CPU time. PLSRegression explains between 0.06
less and 0.02 more, at 50 to 160 times. RidgeCV, which chooses by single frames, explains much less than nothing of
cells that are not driven. None of them serves as well, and ours stays.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from workflow_miniscope.analysis import prediction

FPS, MINUTES, CELLS = 20.0, 4.0, 80
FOLDS, BLOCK_S, GAP_S, SHIFTS = 5, 10.0, 2.0, 20
#: part of a driven cell's variance that is the face's
DRIVEN, WEAK = 0.4, 0.05
#: strengths of the ridge that all try, as parts of the motion's largest variance
RIDGES = (1e-6, 1e-4, 1e-2, 1.0)
#: numbers of components that PLS tries
COMPONENTS = (1, 2, 4, 8, 16, 32)

Splits = list[tuple[np.ndarray, np.ndarray]]


def standard(rows: np.ndarray) -> np.ndarray:
    """Give each row the mean 0 and the standard deviation 1."""
    return (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)


def smooth(rng: np.random.Generator, n: int, frames: int, seconds: float) -> np.ndarray:
    """Make courses of a rhythm, [n, frame]."""
    return standard(gaussian_filter1d(rng.normal(size=(n, frames)), seconds * FPS, axis=1))


def worlds(proc: Path | None) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield name, motion [component, frame], activity [cell, frame], and which cells the face drives."""
    frames = int(MINUTES * 60 * FPS)
    rng = np.random.default_rng(0)
    face = smooth(rng, 100, frames, 0.5) * 0.95 ** np.arange(100)[:, None]
    motions = {"simulated": face}
    if proc is not None:
        from workflow_miniscope.results.facemap import read_proc

        found = np.asarray(read_proc(proc).regions[0].motion_svd.time_courses, float)
        motions["Facemap's"] = found[:100]
    for name, motion in motions.items():
        n = motion.shape[1]
        directions = {
            "share 5 directions": rng.normal(size=(CELLS, 5)) @ rng.normal(size=(5, len(motion[:30]))) @ motion[:30],
            "have each their own": rng.normal(size=(CELLS, len(motion[:30]))) @ motion[:30],
        }
        for how, drive in directions.items():
            for part in (DRIVEN, WEAK):
                driven = np.arange(CELLS) < CELLS // 2
                own = standard(smooth(rng, CELLS, n, 1.0) + 0.5 * rng.normal(size=(CELLS, n)))
                activity = np.where(
                    driven[:, None], np.sqrt(part) * standard(drive) + np.sqrt(1 - part) * own, own
                ).astype(np.float32)
                yield f"{name} motion, cells {how}, {part:.0%}", motion, activity, driven


def splits(times: np.ndarray, fold: np.ndarray, fitted: np.ndarray | None = None) -> Splits:
    """Return for each fold the frames that are fitted and those that are predicted, as numbers within ``fitted``."""
    there = np.ones(len(times), bool) if fitted is None else fitted
    number = np.cumsum(there) - 1
    found = []
    for one in np.unique(fold[there]):
        tested = (fold == one) & there
        found.append((number[prediction.apart(times, fold == one, GAP_S) & there], number[tested]))
    return found


def ridge(X: np.ndarray, Y: np.ndarray, inner: Splits) -> Callable[[np.ndarray], np.ndarray]:
    """Fit Ridge, its strength chosen on blocks of time."""
    strengths = [r * np.linalg.norm(X - X.mean(0), 2) ** 2 for r in RIDGES]
    found = GridSearchCV(Ridge(), {"alpha": strengths}, scoring="neg_mean_squared_error", cv=inner).fit(X, Y)
    return found.predict


def ridge_cv(X: np.ndarray, Y: np.ndarray, inner: Splits) -> Callable[[np.ndarray], np.ndarray]:
    """Fit RidgeCV, whose strength is chosen by leaving out single frames, for each cell."""
    strengths = [r * np.linalg.norm(X - X.mean(0), 2) ** 2 for r in RIDGES]
    return RidgeCV(strengths, alpha_per_target=True).fit(X, Y).predict


def pls(X: np.ndarray, Y: np.ndarray, inner: Splits) -> Callable[[np.ndarray], np.ndarray]:
    """Fit PLSRegression, its number of components chosen on blocks of time."""
    numbers = {"n_components": [n for n in COMPONENTS if n <= min(X.shape[1], Y.shape[1])]}
    model = PLSRegression(scale=False)
    return GridSearchCV(model, numbers, scoring="neg_mean_squared_error", cv=inner).fit(X, Y).predict


OTHERS = {"Ridge": ridge, "RidgeCV": ridge_cv, "PLSRegression": pls}


def explained(motion: np.ndarray, activity: np.ndarray, times: np.ndarray, method: Callable) -> np.ndarray:
    """Return the variance of each cell that a method explains in blocks of time that it has not seen."""
    fold, _ = prediction._distribute(times, FOLDS, BLOCK_S, GAP_S)
    Y = activity.T.astype(float)
    found = np.empty_like(Y)
    X = motion.T
    for fitted, tested in splits(times, fold):
        chosen = np.zeros(len(times), bool)
        chosen[fitted] = True
        mean, scale = Y[fitted].mean(0), Y[fitted].std(0)
        predict = method(X[fitted], (Y[fitted] - mean) / scale, splits(times, fold, chosen))
        found[tested] = np.asarray(predict(X[tested])) * scale + mean
    return 1 - ((Y - found) ** 2).sum(0) / (len(Y) * Y.var(0))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proc", type=Path, help="a _proc.npy of Facemap, whose motion drives cells too")
    options = parser.parse_args()
    print("| Cells | Method | Driven cells | Other cells | CPU s | CPU s with shifts |\n|---|---|---|---|---|---|")
    with threadpool_limits(1):
        for name, motion, activity, driven in worlds(options.proc):
            times = np.arange(motion.shape[1]) / FPS
            fixed = {"folds": FOLDS, "block_s": BLOCK_S, "gap_s": GAP_S}
            begin = time.process_time()
            found = prediction.predict_activity(motion, activity, times, shifts=0, **fixed).variance_explained
            took = time.process_time() - begin
            prediction.predict_activity(motion, activity, times, shifts=SHIFTS, **fixed)
            row(name, "ours", found, driven, took, time.process_time() - begin - took)
            for other, method in OTHERS.items():
                begin = time.process_time()
                found = explained(motion, activity, times, method)
                took = time.process_time() - begin
                row(name, other, found, driven, took, took * (1 + SHIFTS))


def row(world: str, method: str, found: np.ndarray, driven: np.ndarray, took: float, shifted: float) -> None:
    """Print a row; what shifts would take is counted from one run where it was not measured."""
    parts = f"{found[driven].mean():.3f} | {found[~driven].mean():.3f} | {took:.1f} | {shifted:.0f}"
    print(f"| {world} | {method} | {parts} |", flush=True)


if __name__ == "__main__":
    main()
