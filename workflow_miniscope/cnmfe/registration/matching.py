"""How well registered frames lie on the template, in all and in each part of the field.

The score of a part ``b`` of the field is the weighted correlation of the band-passed frame ``F`` with the template,

    r_b = sum w T F / sqrt(sum w T^2  sum w F^2)        over the pixels of b that the frame covers.

What is usual differs from part to part, with the structure that each holds and its noise; it is known from frames of
the whole recording. A frame of which several parts fall far below what is usual for them does not show the field: it is
dark, torn, or of another place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...movies.types import Bools, Floats, Ints, Shape
from ..arrays.robust import MAD_TO_SD
from . import loops

#: binned pixels: side of a part, at least
PART_SIDE = 12
#: parts along a side at most
MOST_PARTS = 8
#: robust standard deviations of its score that the usual score of a part is at least, for the part to say anything
RELIABLE = 4.0
#: the score of a frame fails below this part of what is usual...
LEAST_OF_USUAL = 0.5
#: ... if it is also this many robust standard deviations below it
FAR_BELOW = 5.0
#: a part fails below this part of what is usual for it, and half of it fails below LEAST_OF_USUAL: a cell that lights
#: up is much of what is seen there
LEAST_OF_PART = 0.3
#: fraction of the reliable parts that may fail; one may in any case
FAILING_PARTS = 0.12
#: score of a frame that was found far away, at least, in units of what is usual
FAR_SCORE = 0.75
#: fraction of the frames that a second kind of frames is of, at least
LEAST_KIND = 0.05
#: distance of the mean scores of two kinds, in units of what is left of the spread; of one normal kind it is 2.6
KINDS_APART = 4.0
#: mean score of the lower kind at most, in units of that of the upper one
LOWER_KIND = 0.75
#: score below which nothing is recognised: the movie has no structure, and no frame is refused
LEAST_SCORE = 0.15
#: a part is compared, and the field far away, if the frame covers this fraction of its structure
COVERED_PART = 0.5
#: standard deviation of a score at least: of a movie without noise any change would be far below what is usual
LEAST_SPREAD = 0.01


class Scores(NamedTuple):
    """Scores of some frames.

    Attributes
    ----------
    whole : float64 [n]
        Of the whole field.
    parts : float64 [n, parts]
        Of each part; nan where a frame does not cover it.
    """

    whole: Floats
    parts: Floats


class Usual(NamedTuple):
    """What scores are usual: median and robust standard deviation, of the whole field and of each part."""

    whole: float
    spread: float
    parts: Floats
    spreads: Floats

    @classmethod
    def of(cls, scores: Scores) -> Usual:
        """Learn it from frames that show the field, most of them."""
        parts, spreads = np.zeros((2, scores.parts.shape[1]))
        for b, values in enumerate(scores.parts.T):
            seen = values[~np.isnan(values)]
            if len(seen):
                parts[b], spreads[b] = _median_and_spread(seen)
        return cls(*_median_and_spread(scores.whole), parts, spreads)

    @property
    def reliable(self) -> Bools:
        """The parts that say anything, bool [parts]."""
        reliable: Bools = self.parts > RELIABLE * self.spreads
        return reliable

    def failing(self, scores: Scores) -> Floats:
        """Count the reliable parts that do not show what they should, those that show it badly as halves, [n]."""
        parts = np.nan_to_num(scores.parts, nan=np.inf)
        limits = (LEAST_OF_USUAL, LEAST_OF_PART)
        fails = sum(self.reliable & _fails(parts, self.parts, self.spreads, least) for least in limits)
        failing: Floats = 0.5 * np.sum(fails, axis=1)
        return failing

    def lying(self, scores: Scores) -> Floats:
        """Fraction of the reliable parts that show what they should, float64 [n]; 1 where none is reliable."""
        reliable = self.reliable
        if not reliable.any():
            return np.ones(len(scores.whole))
        shown: Floats = (scores.parts >= LEAST_OF_USUAL * self.parts)[:, reliable].mean(axis=1)
        return shown

    def match(self, scores: Scores) -> Bools:
        """Mark the frames that lie on the template, bool [n]."""
        if not self.whole > LEAST_SCORE:
            return np.ones(len(scores.whole), bool)
        most = max(1.0, FAILING_PARTS * int(np.count_nonzero(self.reliable)))
        matched: Bools = self.failing(scores) <= most
        return matched & ~_fails(scores.whole, self.whole, self.spread, LEAST_OF_USUAL)

    def match_far(self, scores: Scores) -> Bools:
        """Mark the frames that lie on the template where nobody expected them, bool [n]: without doubt."""
        covered = np.count_nonzero(self.reliable & ~np.isnan(scores.parts), axis=1)
        enough = covered >= COVERED_PART * np.count_nonzero(self.reliable)
        clear: Bools = enough & (scores.whole >= FAR_SCORE * self.whole)
        return clear & self.match(scores)


def _median_and_spread(values: Floats) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, max(MAD_TO_SD * float(np.median(np.abs(values - middle))), LEAST_SPREAD)


def _fails(score: Floats, usual: Floats | float, spread: Floats | float, least: float) -> Bools:
    fails: Bools = score < np.minimum(least * usual, usual - FAR_BELOW * spread)
    return fails


def split(scores: Floats) -> float:
    """Where the scores of two kinds of frames part; minus infinity if they are of one kind.

    It is where the squares of the distances to two means are least (Otsu 1979, IEEE Trans Syst Man Cybern 9:62), if
    these means lie far apart for what the kinds vary.
    """
    ordered = np.sort(scores)
    n = len(ordered)
    least = max(2, int(LEAST_KIND * n))
    if n < 2 * least:
        return -np.inf
    counts = np.arange(1, n)
    below = np.cumsum(ordered)[:-1] / counts
    above = (ordered.sum() - np.cumsum(ordered)[:-1]) / (n - counts)
    between = counts * (n - counts) * (above - below) ** 2
    at = least - 1 + int(np.argmax(between[least - 1 : n - least]))
    low, high = ordered[: at + 1], ordered[at + 1 :]
    spread = np.sqrt((low.var() * len(low) + high.var() * len(high)) / n)
    apart = high.mean() - low.mean()
    clear = apart > KINDS_APART * spread and low.mean() < LOWER_KIND * high.mean()
    return float(high[0]) if clear else -np.inf


def starts(size: int) -> Ints:
    """First pixel of each part along a side of ``size`` pixels."""
    parts = int(np.clip(size // PART_SIDE, 1, MOST_PARTS))
    return np.linspace(0, size, parts + 1).astype(int)[:-1]


class Template:
    """A template inside the field, to compare registered frames with.

    Parameters
    ----------
    template, weight : float32 [height, width]
        See :class:`rigid.RigidRegistration`.
    inside : tuple of slice
        Rows and columns that are compared.
    """

    def __init__(self, template: Floats, weight: Floats, inside: tuple[slice, slice]):
        self.inside = inside
        self.template, self.weight = (np.ascontiguousarray(image[inside]) for image in (template, weight))
        self.weighted = self.template * self.weight
        self.shape: Shape = self.template.shape
        self.starts = starts(self.shape[0]), starts(self.shape[1])
        self.energy = self._sums(self.weighted * self.template)

    def compare(self, frame: Floats, covered: Bools | None = None) -> tuple[float, Floats]:
        """Score of a registered frame, float32 [height, width], in all and in each part (float64 [parts]).

        ``covered``: its pixels that the frame covers, if not all inside.
        """
        energy, weight, weighted, seen_enough = self.energy, self.weight, self.weighted, self.energy > 0
        if covered is not None:
            seen = covered[self.inside]
            weight, weighted = weight * seen, weighted * seen
            energy = self._sums(weighted * self.template)
            seen_enough = energy > COVERED_PART * self.energy
        product, square = np.empty((2, *self.energy.shape))
        top, left = (part.start for part in self.inside)
        down, across = self.starts
        loops.sum_parts(frame, top, left, weight, weighted, down, across, product, square)
        norm = np.sqrt(energy * square)
        parts = np.divide(product, norm, out=np.full(norm.shape, np.nan), where=seen_enough & (norm > 0))
        whole = float(np.sqrt(energy.sum() * square.sum()))
        return (float(product.sum()) / whole if whole > 0 else 0.0), parts.ravel()

    def _sums(self, image: Floats) -> Floats:
        down, across = self.starts
        sums: Floats = np.add.reduceat(np.add.reduceat(image, down, axis=0, dtype=np.float64), across, axis=1)
        return sums
