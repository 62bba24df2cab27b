"""Frames that do not show the tissue as it is: which they are, and why.

The reasons are those of :class:`~workflow_miniscope.results.caiman.Reason`. A frame is the one before again if all its
pixels are; a camera's noise never repeats itself. A flash, or a frame with less light, is known from the frames around:
light that stays is a change of the lamp, which the model's background follows. All others are those that the
registration finds nowhere on the template.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndi

from ...movies.types import Bools, Floats, Ints, Numbers
from ...results.caiman import Reason

#: every so many pixels along a side the brightness is measured
BRIGHTNESS_STEP = 4
#: frames before and after one that say how bright it should be
FRAMES_AROUND = 6
#: factor of the brightness around from which on a frame is a flash; by as much darker, it is dark
FLASH = 1.4
#: factor of the usual brightness from which on a frame that shows nothing is called bright; by as much darker, dark
FAR_FROM_USUAL = 2.0
#: fraction of the parts of the field that lie on the template in a frame that is called damaged and not unmatched
DAMAGED_LYING = 0.2
#: frames that follow each other and show nothing of the template, from which on they are called another field
OTHER_FIELD_FRAMES = 20
#: fraction of the sampled frames that may be the one before again: of more the movie is a still image
MOST_REPEATED = 0.9


class FrameLook:
    """Looks at frames as they were recorded, one block after the other.

    Parameters
    ----------
    sample : [n, height, width]
        Frames of the whole recording that show the tissue, see :func:`sample.sample_frames`.

    Attributes
    ----------
    usual : float
        Brightness of most frames.
    """

    def __init__(self, sample: Numbers):
        self.usual = float(np.median(_brightness(sample)))
        self.still = len(sample) > 1 and float(repeated(sample)[1:].mean()) > MOST_REPEATED
        self._last: Numbers | None = None
        self._before: Floats = np.zeros(0)

    def repeated(self, frames: Numbers) -> Bools:
        """Mark the frames that are the one before again, bool [n], of the next frames, [n, height, width]."""
        again = np.zeros(len(frames), bool) if self.still else repeated(frames, self._last)
        self._last = frames[-1].copy()
        return again

    def reasons(self, frames: Numbers, matched: Bools, lying: Floats) -> Ints:
        """Say why some frames are left out.

        Parameters
        ----------
        frames : [n, height, width]
            The next frames, as they were recorded, without repeated ones.
        matched, lying : bool, float64 [n]
            See :class:`~.registration.protocol.Motion`.

        Returns
        -------
        uint8 [n]
            Of :class:`Reason`.
        """
        light = _brightness(frames)
        reason = np.full(len(frames), Reason.USED, np.uint8)
        reason[~matched] = Reason.UNMATCHED
        reason[~matched & (light < self.usual / FAR_FROM_USUAL)] = Reason.DARK
        reason[~matched & (light > self.usual * FAR_FROM_USUAL)] = Reason.BRIGHT
        reason[~matched & (lying >= DAMAGED_LYING)] = Reason.DAMAGED
        # against the frames around that show the tissue
        seen = np.flatnonzero(matched)
        around = np.concatenate([self._before, light[seen]])
        if len(around) > FRAMES_AROUND:
            level = ndi.median_filter(around, 2 * FRAMES_AROUND + 1, mode="nearest")[len(self._before) :]
            reason[seen[light[seen] > FLASH * level]] = Reason.BRIGHT
            reason[seen[light[seen] * FLASH < level]] = Reason.DARK
        self._before = around[-FRAMES_AROUND:]
        return reason


def name_other_field(reason: Ints) -> None:
    """Give long stretches of unmatched frames their name, in place; uint8 [frames]."""
    unmatched = reason == Reason.UNMATCHED
    # a repeated frame of such a stretch does not end it
    inside = unmatched | (reason == Reason.REPEATED)
    labels, _ = ndi.label(inside)
    length = np.bincount(labels[unmatched], minlength=int(labels.max()) + 1)
    reason[unmatched & (length[labels] >= OTHER_FIELD_FRAMES)] = Reason.OTHER_FIELD


def _brightness(frames: Numbers) -> Floats:
    """Mean of each frame, float64 [n]."""
    few = frames[:, ::BRIGHTNESS_STEP, ::BRIGHTNESS_STEP]
    mean: Floats = few.mean(axis=(1, 2), dtype=np.float64)
    return mean


def repeated(frames: Numbers, before: Numbers | None = None) -> Bools:
    """Mark the frames that equal the one before them; ``before`` is that of the first."""
    again = np.zeros(len(frames), bool)
    for i, frame in enumerate(frames):
        other = frames[i - 1] if i else before
        if other is not None:
            # a row tells most frames apart
            row = len(frame) // 2
            again[i] = np.array_equal(frame[row], other[row]) and np.array_equal(frame, other)
    return again
