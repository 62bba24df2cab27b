"""Which cells can be found at all, by a rule that no engine has a part in.

A cell counts if an observer who knew its footprint and everything else would see its transients clearly: its matched
filter on one frame has a signal-to-noise ratio of at least 6 at the cell's height of calcium (between the median and
the 98th percentile of its frames), it fires in at least two frames, and at least half of its light falls into the
field.
"""

from __future__ import annotations

import numpy as np

RATIO, SPIKES, INSIDE = 6.0, 2, 0.5


def detectable(A: np.ndarray, C: np.ndarray, S: np.ndarray, noise: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Apply the rule.

    Parameters
    ----------
    A : float [cell, height, width]
        Footprints, grey levels per unit of calcium.
    C, S : float [cell, frame]
        Calcium and spikes.
    noise : float [height, width]
        Standard deviation of the noise of a pixel, grey levels.
    inside : float [cell]
        Fraction of the cell's light that falls into the field.

    Returns
    -------
    bool [cell]
    """
    return (ratio(A, C, noise) >= RATIO) & ((S > 0).sum(axis=1) >= SPIKES) & (inside >= INSIDE)


def ratio(A: np.ndarray, C: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Signal-to-noise ratio [cell] of the matched filter at the height of calcium; the rest as in `detectable`."""
    if not len(A):
        return np.zeros(0)
    height = np.percentile(C, 98, axis=1) - np.median(C, axis=1)
    return height * np.sqrt(np.sum((A / noise) ** 2, axis=(1, 2)))
