"""The largest transients of a trace: when each begins, is highest, and is over."""

from __future__ import annotations

import numpy as np

from ...movies.types import Floats

#: transients that are played
PLAYED = 5
#: s: before the peak and after it
BEFORE, AFTER = 1.5, 3.0


def largest(fitted: Floats, fps: float, most: int = PLAYED) -> list[tuple[int, int, int]]:
    """Find the largest transients that do not overlap, in their order in time.

    Parameters
    ----------
    fitted : float32 [frames]
        A denoised trace.
    fps : float
        Frames per second.

    Returns
    -------
    list of (int, int, int)
        First frame, frame of the peak, end.
    """
    n = len(fitted)
    before, after = round(BEFORE * fps), round(AFTER * fps)
    left, right = np.append(-np.inf, fitted[:-1]), np.append(fitted[1:], -np.inf)
    peaks = np.flatnonzero((fitted > left) & (fitted >= right) & (fitted > np.median(fitted)))
    chosen: list[int] = []
    for at in peaks[np.argsort(-fitted[peaks], kind="stable")].tolist():
        if len(chosen) < most and all(abs(at - other) >= before + after for other in chosen):
            chosen.append(at)
    return [(max(0, at - before), at, min(n, at + after)) for at in sorted(chosen)]
