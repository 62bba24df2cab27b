"""When the eye was closed, so that no pupil could be measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy  # whose parts are loaded when first used: each takes a while

from ..movies.types import Bools
from ..results.facemap import Blink, Pupil

# No pupil narrows to a quarter of its area for a blink's time: the lid hides it. Frames on both sides are looked at.
_NARROWEST, _AROUND = 0.25, 30
# Longer closures leave no usual area around them. A pupil below a twentieth of the recording's usual area, less than a
# quarter of its diameter, is none.
_SMALLEST = 0.05
# While the lid comes down and goes up, for so many frames, it hides part of the pupil
_LID_FRAMES, _PARTLY = 2, 0.6
# Of what is dark in an open eye, a closed one has next to nothing
_DARK = 0.1


def blink_closed(blink: Blink) -> Bools:
    """Tell in which frames a blink region is hardly dark at all, bool [frame]."""
    usual = np.nanmedian(blink.signal) if np.isfinite(blink.signal).any() else 0.0
    with np.errstate(invalid="ignore"):
        closed: Bools = blink.signal < _DARK * usual
    return closed


def pupil_closed(pupil: Pupil, blinks: Sequence[Blink] = ()) -> Bools:
    """Tell in which frames the lid hides a pupil; Facemap gives a small area or nan there.

    Parameters
    ----------
    pupil : Pupil
        The pupil.
    blinks : sequence of Blink
        Those whose region overlaps the pupil's, in the same camera, are used; others do no harm.

    Returns
    -------
    ndarray of bool [frame]
        True where the area is not a number, below a quarter of the median of the 30 frames before and after, or below a
        twentieth of the recording's median, where a blink region has less than a tenth of its usual darkness, and up to
        two frames before and after these while the area is below 0.6 of that median around.
    """
    area = np.nan_to_num(pupil.area, nan=0.0)
    seen = area[area > 0]
    usual = np.median(seen) if len(seen) else 0.0
    around = scipy.ndimage.median_filter(area, size=2 * _AROUND + 1, mode="nearest")
    closed: Bools = ~(area > 0) | (area < _NARROWEST * around) | (area < _SMALLEST * usual)
    for blink in blinks:
        if blink.camera == pupil.camera and _overlap(blink, pupil):
            closed |= blink_closed(blink)
    closed |= scipy.ndimage.binary_dilation(closed, iterations=_LID_FRAMES) & (area < _PARTLY * around)
    return closed


def _overlap(one: Blink | Pupil, other: Blink | Pupil) -> bool:
    return all(
        len(np.intersect1d(mine, others)) > 0
        for mine, others in ((one.x_range, other.x_range), (one.y_range, other.y_range))
    )


def count_closures(closed: Bools) -> int:
    """Count the times that an eye closed: runs of closed frames."""
    return int(np.count_nonzero(np.diff(closed.astype(np.int8), prepend=0) == 1))
