"""Bands of rows or columns that are brighter or darker than the rest in single frames, from a bad cable.

A band ends at an edge across the whole frame: there the median of a row differs from that of the row before by more
than in the frames around. What the edges of a frame add up to is taken away; all that changes more smoothly stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...movies.types import Bools, Floats, Ints, Numbers
from ..arrays.robust import MAD_TO_SD

#: noise (standard deviations) of the difference of two rows from which on it is an edge
EDGE_NOISE = 5.0
#: and in a movie that has bands
EDGE_IN_BANDS = 3.0
#: edges in a frame at least that has bands: both sides of one
LEAST_EDGES = 2
#: fraction of the frames with bands from which on a movie has them
BANDED_FRAMES = 0.1
#: part of the usual brightness below which a frame says nothing of the bands
DARK = 0.5
#: frames around, about, that say what is usual between two rows
GROUP = 8
#: rounds in which the brightness between the edges is found
LEVEL_ROUNDS = 3
#: pixels further from the middle of their row than this many usual distances count as if they were so far: cells
OUTLIER = 2.0
#: every so many pixels the usual distance comes from
OUTLIER_STEP = 4
#: pixels along a row, about, that its brightness is taken from
ALONG = 150


@dataclass(frozen=True, eq=False)
class Bands:
    """Bands along one axis.

    Attributes
    ----------
    axis : int
        0: rows, 1: columns.
    noise : float64 [rows - 1]
        Of the difference of neighbouring rows from frame to frame; of no rows if the movie has no bands.
    """

    axis: int
    noise: Floats

    @classmethod
    def none(cls, axis: int) -> Bands:
        """No bands."""
        return cls(axis, np.zeros(0))

    @classmethod
    def find(cls, frames: Numbers, indices: Ints, axis: int) -> Bands:
        """Find out whether a movie has bands.

        Parameters
        ----------
        frames : [n, height, width]
            Some frames.
        indices : int [n]
            Which frames of the movie they are.
        axis : int
            0: rows, 1: columns.
        """
        profile = _profiles(frames, axis)
        breaks = np.flatnonzero(np.diff(indices) != 1) + 1
        jumps = np.concatenate([_jumps(part) for part in np.split(profile, breaks) if len(part)])
        # a frame without light has hardly any noise: beside it, whatever moves in the others would be an edge
        light = profile.mean(axis=1)
        jumps = jumps[light > DARK * np.median(light)]
        if not len(jumps):
            return cls.none(axis)
        noise = MAD_TO_SD * np.median(np.abs(jumps), axis=0)
        # rows alike in all frames would make an edge of anything
        noise = np.maximum(noise, np.median(noise))
        banded = np.count_nonzero(np.abs(jumps) > EDGE_NOISE * noise, axis=1) >= LEAST_EDGES
        return cls(axis, noise) if noise.any() and banded.mean() >= BANDED_FRAMES else cls.none(axis)

    @property
    def found(self) -> bool:
        """Whether there are bands."""
        return len(self.noise) > 0

    def remove(self, frames: Numbers) -> Numbers:
        """Give frames [n, height, width] that follow each other without their bands; the same where there are none."""
        if not self.found:
            return frames
        profiles = _profiles(frames, self.axis)
        edges = np.abs(_jumps(profiles)) > EDGE_IN_BANDS * self.noise
        offsets = np.concatenate([_offsets(*group) for group in zip(_groups(profiles), _groups(edges), strict=True)])
        offsets = np.expand_dims(offsets, 2 - self.axis).astype(np.float32)
        out = np.empty_like(frames)
        # one at a time: all of them as float32 are large
        for image, frame, offset in zip(out, frames, offsets, strict=True):
            image[:] = as_type(frame - offset, frames.dtype)
        return out


def as_type(frames: Floats, dtype: Any) -> Numbers:
    """Frames as numbers of the movie's type, rounded and within its range if these are whole."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        frames = np.rint(frames)
        np.clip(frames, limits.min, limits.max, out=frames)
    return frames.astype(dtype)


def _profiles(frames: Numbers, axis: int) -> Floats:
    """Brightness of each row (axis 0) or column (1) of frames, float64 [n, rows]: the mean, of outliers their sign."""
    rows = frames if axis == 0 else frames.transpose(0, 2, 1)
    along = rows[:, :, :: max(1, rows.shape[2] // ALONG)]
    profiles: Floats = np.empty(along.shape[:2])
    for profile, frame in zip(profiles, along, strict=True):
        middle = np.median(frame, axis=1, keepdims=True).astype(np.float32)
        apart = frame - middle
        bound = OUTLIER * np.median(np.abs(apart[:, ::OUTLIER_STEP]))
        profile[:] = middle[:, 0] + np.clip(apart, -bound, bound).mean(axis=1)
    return profiles


def _groups(values: Any) -> list[Any]:
    """Values of frames that lie together."""
    return np.array_split(values, max(1, len(values) // GROUP))


def _jumps(profiles: Floats) -> Floats:
    """Differences of neighbouring rows that are not in the frames around, float64 [n, rows - 1]."""
    return np.concatenate([group - np.median(group, axis=0) for group in _groups(np.diff(profiles, axis=1))])


def _offsets(profiles: Floats, edges: Bools) -> Floats:
    """How much brighter each row is because of the bands, float64 [n, rows], for frames that lie together.

    ``profiles`` [n, rows], ``edges`` [n, rows - 1]. Between two edges it is the mean of what the frame has more than
    the others, first as the edges add up, then, when the others are free of bands too, over all rows between them.
    """
    jumps = np.where(edges, np.diff(profiles - np.median(profiles, axis=0), axis=1), 0)
    offsets = np.pad(np.cumsum(jumps, axis=1), ((0, 0), (1, 0)))
    offsets -= np.median(offsets, axis=1, keepdims=True)
    for _ in range(LEVEL_ROUNDS):
        change = profiles - np.median(profiles - offsets, axis=0)
        for own, changed, marked in zip(offsets, change, edges, strict=True):
            if not marked.any():
                continue
            starts = np.concatenate([[0], np.flatnonzero(marked) + 1])
            lengths = np.diff(np.append(starts, len(changed)))
            own[:] = np.repeat(np.add.reduceat(changed, starts) / lengths, lengths)
            own -= np.median(changed)
    return offsets
