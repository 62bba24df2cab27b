"""The gain of the light: what a lamp that was turned, or bleaching, made of the brightness of the whole field.

Less light makes every pixel darker by the same factor, transients too, and the same cell would seem less active. Such
frames are divided by the gain. The brightness of a field changes by itself, too, with the activity of what is out of
focus, and that must stay. So only two kinds of change count: one from one frame to the next that stays, which is the
lamp, and a decline over the whole recording that is an exponential, which is bleaching. Both must be a gain ``g``: the
parts ``F`` of the field before and after it are related by

    F_after = g F_before + (1 - g) black,

which is not so where light was added (a door that was opened), or where some parts changed and others did not.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage as ndi

from ...movies import Movie
from ...movies.types import Bools, Floats, Ints, Numbers
from .bands import as_type
from .reader import DECODED_FRAMES
from .repair import Repair

#: parts along a side of the field
PARTS = 8
#: gain of the sampled frames with least light, as part of that of those with most, from which on it is steady
STEADY = 0.75
#: part of the usual gain below which a frame is dark, and left out
DARK = 0.12
#: frames before and after a step that must differ, and those nearest that its size comes from
AROUND_STEP, BESIDE_STEP = 40, 10
#: factor of a step of the lamp at least, and the part of it that happens from one frame to the next but one
LEAST_STEP, SUDDEN = 1.15, 0.7
#: what is left at the end of a decline that is corrected, at most
LEAST_DECLINE = 0.7
#: part of the variance of the gain that a decline explains at least
EXPLAINED = 0.75
#: part of the change of the parts of the field that is no gain, at most
NO_GAIN = 0.15
#: time constants of a decline that are tried, as parts of the recording
DECLINES = (0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 10.0)
#: frames whose median counts as one value when a decline is looked for, and parts of the recording at both ends
SMOOTHED, ENDS = 25, 0.1


@dataclass(frozen=True, eq=False)
class Light:
    """The gain of the light in each frame.

    Attributes
    ----------
    gain : float64 [frames]
        As part of the largest; of no frames, or 1 in all, if the light is steady.
    black : float
        Value of a pixel without light.
    """

    gain: Floats
    black: float = 0.0

    @classmethod
    def steady(cls) -> Light:
        """Light that does not change."""
        return cls(np.zeros(0))

    @classmethod
    def find(cls, sample: Numbers, movie: Movie, repair: Repair) -> Light:
        """Look for changes of the gain; at all frames, if the sample says that there may be one.

        Parameters
        ----------
        sample : [n, height, width]
            Mended frames of the whole recording that show the field.
        movie : Movie
            The recording.
        repair : Repair
            What mends its frames.
        """
        parts = _parts(sample)
        gain = _gains(parts)
        if not len(gain) or float(gain.min()) > STEADY * float(gain.max()):
            return cls.steady()
        looks = [_parts(repair.apply(np.asarray(frames))) for _, frames in movie.blocks(DECODED_FRAMES)]
        return cls.of(np.concatenate(looks))

    @classmethod
    def of(cls, parts: Floats) -> Light:
        """Find the gain from the brightness of the parts of the field in each frame, float32 [frames, parts]."""
        lit = _lit(parts)
        parts = parts[lit]
        if len(parts) < 2 * AROUND_STEP:
            return cls.steady()
        steps = _steps(parts)
        found = steps + _decline(parts, steps)
        if not found.any():
            return cls.steady()
        gain = np.ones(len(lit))
        gain[lit] = np.exp(found - found.max())
        # of the light alone, the mean is proportional to the gain: what is left without it is black
        black = np.polyfit(gain[lit], parts.mean(axis=1), 1)[1]
        return cls(gain, float(np.clip(black, 0, parts.min())))

    @property
    def changes(self) -> bool:
        """Whether frames have to be divided by a gain."""
        return bool((self.gain != 1).any())

    def level(self, frames: Numbers, which: slice | Ints) -> Numbers:
        """Give frames [n, height, width] of the movie, by their place in it, as they would be with the most light."""
        if not self.changes:
            return frames
        gain: Floats = self.gain[which, None, None].astype(np.float32)
        black = np.float32(self.black)
        return as_type((frames.astype(np.float32) - black) / gain + black, frames.dtype)


def _parts(frames: Numbers) -> Floats:
    """Mean brightness of parts of each frame, float32 [n, parts]."""
    size = tuple(min(PARTS, side) for side in frames.shape[:0:-1])
    each = [cv2.resize(np.asarray(frame, np.float32), size, interpolation=cv2.INTER_AREA).ravel() for frame in frames]
    return np.array(each, np.float32).reshape(len(frames), size[0] * size[1])


def _gains(parts: Floats) -> Floats:
    """Slope of the parts of each frame over those of the usual frame, float64 [n]."""
    usual = np.median(parts, axis=0).astype(np.float64)
    apart = usual - usual.mean()
    gains: Floats = parts.astype(np.float64) @ apart / max(float(apart @ apart), 1e-12)
    return gains


def _lit(parts: Floats) -> Bools:
    """Mark the frames that are not dark."""
    brightness = parts.mean(axis=1)
    usual = np.median(brightness[brightness > DARK * brightness.max()])
    lit: Bools = brightness > DARK * usual
    return lit


def _relation(before: Floats, after: Floats) -> tuple[float, float]:
    """Gain between the parts of two pictures, and the part of their change that it does not explain."""
    apart = before - before.mean()
    gain = float(after @ apart / max(float(apart @ apart), 1e-12))
    left = after - after.mean() - gain * apart
    change = after - before
    return gain, float(left @ left / max(float(change @ change), 1e-12))


def _steps(parts: Floats) -> Floats:
    """Sum of the steps of the lamp before each frame, logarithms, float64 [n]: sudden changes that stay."""
    level = np.log(np.maximum(parts.mean(axis=1, dtype=np.float64), 1e-6))
    n = len(level)
    found = np.zeros(n)
    before = ndi.median_filter(level, AROUND_STEP, origin=AROUND_STEP // 2 - 1, mode="nearest")
    after = ndi.median_filter(level, AROUND_STEP, origin=-(AROUND_STEP // 2), mode="nearest")
    # between the frame before and the one after the next: a shutter that rolls shows both in one frame
    change = after[2:] - before[:-2]
    sudden = level[2:] - level[:-2]
    # what is over after a moment at either end is no level of the lamp
    change[: AROUND_STEP // 2] = change[n - 2 - AROUND_STEP // 2 :] = 0
    size = np.where(np.sign(change) == np.sign(sudden), np.minimum(np.abs(change), np.abs(sudden) / SUDDEN), 0)
    while float(size.max()) > np.log(LEAST_STEP):
        at = int(np.argmax(size)) + 1
        jump = int(np.argmax(np.abs(np.diff(level[at - 1 : at + 2])))) + at
        sides = (parts[max(0, jump - 1 - BESIDE_STEP) : jump - 1], parts[jump + 1 : jump + 1 + BESIDE_STEP])
        gain, other = _relation(*(side.mean(axis=0, dtype=np.float64) for side in sides))
        if other < NO_GAIN and gain > 0 and abs(np.log(gain)) > np.log(LEAST_STEP):
            found[jump:] += np.log(gain)
        size[max(0, at - AROUND_STEP) : at + AROUND_STEP] = 0
    return found


def _decline(parts: Floats, steps: Floats) -> Floats:
    """Give the exponential that the gain falls along beside its steps, as logarithm, float64 [n]; 0 if it does not."""
    level = parts * np.exp(-steps)[:, None]
    n, ends = len(level), max(1, round(ENDS * len(level)))
    _, other = _relation(*(part.mean(axis=0, dtype=np.float64) for part in (level[:ends], level[-ends:])))
    if other > NO_GAIN:
        return np.zeros(n)
    at = np.arange(SMOOTHED // 2, n, SMOOTHED)
    values = ndi.median_filter(_gains(level), SMOOTHED, mode="nearest")[at]
    best, least = np.zeros(n), (1 - EXPLAINED) * float(np.sum((values - values.mean()) ** 2))
    for part in DECLINES:
        course = np.exp(-np.arange(n) / (part * n))
        drop, rest = np.polyfit(course[at], values, 1)
        fitted = drop * course + rest
        left = float(np.sum((values - fitted[at]) ** 2))
        if left < least and 0 < fitted[-1] < LEAST_DECLINE * fitted[0]:
            best, least = np.log(fitted / fitted[0]), left
    return best
