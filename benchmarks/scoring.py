"""How well an estimate agrees with the truth of a simulated recording.

An engine's estimate is an ``.npz`` of what it accepts as cells: ``A`` [component, height, width] footprints, ``C``
[component, frame] traces, ``S`` [component, frame] activity, and ``shifts`` [frame, 2], the correction (dy, dx) that it
applied to each frame, in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

# least cosine of the angle between two footprints, as images, for one to be the other
MATCH = 0.7


@dataclass(frozen=True)
class Score:
    """Agreement with the truth.

    Attributes
    ----------
    cells, accepted, matched : int
        Detectable cells, components that the engine accepts, and pairs of the two.
    recall, precision, f1 : float
        Matched of the cells, matched of the accepted, and their harmonic mean.
    trace_r, activity_r : float
        Median over the matched pairs of Pearson's r between estimated and true calcium, and between deconvolved
        activity and true spikes, at the frame rate; NaN without a pair.
    registration_px : float
        Root mean square, over frames and both axes, of correction plus true displacement, pixels, without the
        constant that the choice of the template makes.
    """

    cells: int
    accepted: int
    matched: int
    recall: float
    precision: float
    f1: float
    trace_r: float
    activity_r: float
    registration_px: float


def score(estimate: Path, truth: Path) -> Score:
    """Compare two files.

    Footprints are paired one to one so that the sum of their cosines is largest (Hungarian method), after the offset
    between the engine's template and the true one, known from the shifts, is taken away. A pair counts from a cosine
    of 0.7 on. Cells whose transients drown in the noise of their pixels are not expected to be found. Frames that the
    truth calls ``spoiled`` [frame] count in no comparison.
    """
    from minisim import metrics

    with np.load(estimate) as file:
        found = {name: file[name] for name in ("A", "C", "S", "shifts")}
    with np.load(truth) as file:
        shifts, detectable = file["shifts"], file["detectable"]
        A, C, S = (file[name][detectable] for name in ("A", "C", "S"))
        good = ~file["spoiled"] if "spoiled" in file else np.ones(len(shifts), bool)
    C, S, shifts = C[:, good], S[:, good], shifts[good]
    found |= {"C": found["C"][:, good], "S": found["S"][:, good], "shifts": found["shifts"][good]}
    pairs = []
    if len(found["A"]) and len(A):
        offset = metrics.global_shift_from_trajectories(found["shifts"], shifts, correction=True)
        pairs = metrics.hungarian_match(found["A"], A, metric="cosine", shift=offset).matched_pairs(MATCH)
    recall, precision = len(pairs) / max(len(A), 1), len(pairs) / max(len(found["A"]), 1)
    trace = metrics.trace_pearson(found["C"], C, pairs)
    activity = metrics.activity_similarity(found["S"], S, pairs).correlation
    return Score(
        cells=len(A),
        accepted=len(found["A"]),
        matched=len(pairs),
        recall=recall,
        precision=precision,
        f1=2 * recall * precision / max(recall + precision, 1e-9),
        trace_r=_median(trace),
        activity_r=_median(activity),
        registration_px=metrics.shift_rmse(found["shifts"], shifts, correction=True, align=True),
    )


def _median(values: np.ndarray) -> float:
    # a constant trace has no correlation: it explains nothing
    return float(np.median(np.nan_to_num(values))) if len(values) else float("nan")
