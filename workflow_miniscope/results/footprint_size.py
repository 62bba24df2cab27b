"""How large a footprint is: as far as it shines at least half as bright as at its brightest."""

from __future__ import annotations

import numpy as np

from ..movies.types import Floats, Real


def half_maximum_area(weights: Floats) -> int:
    """Count the pixels whose weight is at least half of the largest one.

    A footprint's tails hold several times as many pixels as a person would call the cell.

    Parameters
    ----------
    weights : float [pixels]
        Of one cell.

    Returns
    -------
    int
        Area, pixels; 0 of an empty footprint.
    """
    weights = np.asarray(weights)
    highest = weights.max(initial=0)
    return int(np.count_nonzero(weights >= highest / 2)) if highest > 0 else 0


def diameter(area: Real | Floats) -> Floats:
    """Return the diameter of the disc that has an area, in the unit of its side."""
    found: Floats = 2 * np.sqrt(np.asarray(area, float) / np.pi)
    return found
