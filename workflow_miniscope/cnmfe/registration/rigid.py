"""Rigid registration: where the brain lay in each frame, to a fraction of a pixel.

The displacement of a frame is the one that minimises a weighted sum of squares between the band-passed frame
``F`` and a template ``T``,

    s = argmin_s  sum_x  w(x) * rho( F(x - s) - T(x) ),        w(x) = 1 / var_t( F(x - s_t) - T(x) ).

The weight is the inverse of the variance that is left at a pixel after registration: vessels and other
structures that do not change steer the registration, cells that light up do not (with equal weights they
double the error). ``rho`` is Huber's function, for the frame in which a cell does light up. The search is
coarse to fine: first over whole pixels with Fourier transforms, as in NoRMCorre (Pnevmatikakis and
Giovannucci 2017, J Neurosci Methods 291:83), then Gauss-Newton steps (Lucas and Kanade 1981) from there.

A pattern that does not move with the brain (dust, the edge of the lens, a hot pixel) is estimated together
with the template and subtracted where it stands out, so that it does not hold the frames in place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy.fft

from ...movies.types import Bools, Floats, Ints, Numbers, Shape
from ..arrays import kernels
from ..arrays.filtering import band_pass, bin_frame
from ..arrays.robust import MAD_TO_SD
from ..arrays.workers import Workers
from . import loops
from .blocks import Blocks
from .far import FarSearch
from .matching import FAR_SCORE, LEAST_OF_USUAL, LEAST_SCORE, Scores, Template, Usual, split
from .protocol import Motion

#: residuals from the template beyond this many robust standard deviations count linearly (Huber): cells light up
TEMPLATE_HUBER = 2.0
#: binned pixels: Gauss-Newton steps end when the frame moves by less than this
SMALLEST_STEP = 0.02
#: binned pixels: a Gauss-Newton step goes this far at most, because the gradient is that of the template nearby
LARGEST_STEP = 2
#: Gauss-Newton steps of a rigid registration at most
RIGID_STEPS = 4
#: robust standard deviations from which a pattern that does not move stands out
STATIC_STANDS_OUT = 8.0
#: frames: the template follows slow changes (bleaching, drift of the focus) with this memory
TEMPLATE_MEMORY = 1000
#: steps in which frames are moved, in a pixel: as fine as OpenCV's remap, which moves the blocks
STEPS_PER_PIXEL = 32
#: rounds in which the sampled frames are registered and the template is made of them again
TEMPLATE_ROUNDS = 4
#: binned pixels: margin left out along the border until the shifts are known, or the largest shift if that is less
FIRST_MARGIN = 4
#: the margin is this quantile of the shifts: the frames that move most must not take most of the field away
MARGIN_QUANTILE = 0.98
#: part of the median variance that is added to that of each pixel: none gets a weight without bound
VARIANCE_FLOOR = 0.1
#: part of the largest energy under the template that is the least one: no match is found where there is no light
ENERGY_FLOOR = 1e-3
#: part of the mean brightness below which what the band-pass leaves is rounding
ROUNDING = 1e-6
#: binned pixels along the shorter side that registration needs at least
LEAST_SIDE = 16
#: binned pixels along the shorter side from which whole-pixel shifts are searched on a grid twice as coarse
COARSE_SIDE = 64
#: frames, about: the brightness is measured in so many of the first ones
LEVEL_FRAMES = 10
#: frames, about: the first template is chosen among so many of the first ones
TEMPLATE_CANDIDATES = 15
#: fraction of these that the first template must be like: another field may be seen in the others
LIKE_THE_FIRST = 0.4
#: a candidate, or a field, is as good as the best one if it is less like the others, or seen less, by this fraction
NEARLY_AS_GOOD = 0.1
#: fraction of the frames that show the field, from which on nobody asks for another
CLEAR_MAJORITY = 0.6
#: frames with this quantile of the scores show the field, if a quarter of the frames does
MAJORITY_QUANTILE = 0.75
#: frames that follow each other from which on a step beyond the limits is believed
FOLLOWED_FRAMES = 5
#: products of pixels (shifts times pixels) that are summed one by one: for more a Fourier transform takes less time
FEW_PRODUCTS = 2**23
#: binned pixels: a shift within this of the limit is at the limit
AT_LIMIT = 1e-3


def translate(frame: Floats, dy: float, dx: float) -> Floats:
    """Move an image down by ``dy`` and right by ``dx`` pixels, rounded to 1/32, with cubic interpolation.

    OpenCV rounds alike, and so the blocks of :class:`blocks.Mover` are moved in the same steps.
    """
    frame = np.ascontiguousarray(frame, np.float32)
    out = np.empty_like(frame)
    kernels.translate(frame, _in_steps(dy), _in_steps(dx), out)
    return out


def _in_steps(shift: float) -> float:
    return round(shift * STEPS_PER_PIXEL) / STEPS_PER_PIXEL


class RigidRegistration:
    """Registers frames to a template that it makes from some of them and keeps up to date.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of a frame.
    gSig_filt : float
        Size (sigma) of the structures to follow, in pixels. The band-pass keeps half to twice of it.
    max_shifts : tuple of int
        Largest displacement (rows, columns) in pixels.
    workers : Workers
        Frames are shared out over them; each is computed alone, so their number changes nothing.

    Attributes
    ----------
    bin : int
        Pixels of a frame along a side of one of its registered images, the binned pixels.
    shape : tuple of int
        (height, width) of these images.
    template, variance, weight : float32 [height, width]
        Mean of the registered images, variance of what it leaves of them, and the weights that follow from that.
    static : float32 [height, width]
        What stays at its place while the brain moves.
    inside : tuple of slice
        Rows and columns that stay in the field.
    blocks : None
        The field moves as a whole; see :class:`FrameRegistration`.
    """

    blocks: Blocks | None = None

    def __init__(
        self,
        shape: Shape,
        gSig_filt: float,
        max_shifts: Sequence[int],
        workers: Workers,
    ):
        # the band-pass leaves nothing finer than gSig_filt / 2: two pixels of that are enough
        self.bin = max(1, int(np.ceil(gSig_filt / 2)))
        while min(shape) // self.bin < LEAST_SIDE and self.bin > 1:
            self.bin -= 1
        self.sigmas = (gSig_filt / 2 / self.bin, gSig_filt * 2 / self.bin)
        self.limits = tuple(float(limit) / self.bin for limit in max_shifts)
        self.workers = workers
        self.shape: Shape = (shape[0] // self.bin, shape[1] // self.bin)
        self._set_margin(np.minimum(self.limits, FIRST_MARGIN))
        self.coarse = 2 if min(self.shape) >= COARSE_SIDE else 1
        self.static: Floats = np.zeros(self.shape, np.float32)
        self.count = 0
        # where the brain lies, if it is farther away than the limits
        self.place: Floats = np.zeros(2)

    # -- template -----------------------------------------------------------------------------------

    def fit(self, frames: Numbers, rounds: int = TEMPLATE_ROUNDS) -> Motion:
        """Make the template, the weights and the static pattern from some frames [n, height, width].

        Frames that do not show the field may be among them, up to about half. They are found and left out.

        Returns
        -------
        Motion
            Corrections of these frames.
        """
        self.level = float(np.abs(frames[:: max(1, len(frames) // LEVEL_FRAMES)]).mean())
        filtered = self.workers.map(self._filter, frames)
        motion = self._fit(filtered, self._first_template(filtered, np.arange(len(filtered))), rounds)
        other = np.flatnonzero(~motion.matched)
        if other.size and other[0] == 0 and motion.matched.mean() < CLEAR_MAJORITY:
            # if another field is seen as long as this one, the one that was seen first counts
            first = self._fit(filtered, self._first_template(filtered, other), rounds)
            if first.matched.mean() > motion.matched.mean() - NEARLY_AS_GOOD and first.matched[0]:
                return first
            motion = self._fit(filtered, filtered[int(np.argmax(motion.score))], rounds)
        return motion

    def _fit(self, filtered: list[Floats], first: Floats, rounds: int) -> Motion:
        """Make the template of filtered frames from a first one."""
        self._set_margin(np.minimum(self.limits, FIRST_MARGIN))
        self.static, self.place = np.zeros(self.shape, np.float32), np.zeros(2)
        self._set(first, np.ones(self.shape, np.float32))
        for round_ in range(rounds):
            shifts: Floats = np.array(self.workers.map(self._shift, filtered))
            scores = self._scores(self._moved(filtered, shifts), shifts)
            self.usual, matched = _majority(scores)
            if round_ and not matched.all():
                self._follow_far(filtered, shifts, matched, np.flatnonzero(~matched))
            # around where the brain is most of the time, so that as little as possible leaves the field
            shifts -= np.median(shifts[matched], axis=0)
            self._set_margin(np.quantile(np.abs(shifts[matched]), MARGIN_QUANTILE, axis=0))
            used = np.flatnonzero(matched)
            self._update([filtered[i] for i in used], shifts[used])
        scores = self._scores(self._moved(filtered, shifts), shifts)
        self.usual = Usual.of(Scores(scores.whole[matched], scores.parts[matched]))
        matched &= self.usual.match(scores)
        self.count = len(used)
        return self._motion(shifts, np.zeros((len(shifts), 0, 2)), scores, matched)

    def _first_template(self, filtered: list[Floats], which: Ints) -> Floats:
        """Give the frame most like the others, of a few: one with an artefact must not start.

        Like a part of them, for there may be another field; the earliest of those that are as good.
        """
        some = [filtered[i] for i in which[:: max(1, len(which) // TEMPLATE_CANDIDATES)]]
        flat = np.stack([f[self.inside].ravel() for f in some]).astype(np.float64)
        norm = np.sqrt(np.einsum("ij,ij->i", flat, flat))
        alike = np.quantile(flat @ flat.T / (np.outer(norm, norm) + 1e-12), 1 - LIKE_THE_FIRST, axis=1)
        good = alike >= alike.max() - NEARLY_AS_GOOD * abs(alike.max())
        first: Floats = some[int(np.argmax(good))]
        return first

    def _set_margin(self, reach: Floats) -> None:
        """Leave out the pixels near the border that come into view and leave again."""
        margin = [int(min(np.ceil(r) + 1, n // 4)) for r, n in zip(reach, self.shape, strict=True)]
        rows, columns = (slice(m, n - m) for m, n in zip(margin, self.shape, strict=True))
        self.inside = (rows, columns)

    def _update(self, filtered: list[Floats], shifts: Floats) -> None:
        moved = self._moved(filtered, shifts)
        covered = [self._covered(shift) for shift in shifts]
        template = _mean(moved, covered)
        variance = _variance(moved, covered, template)
        # what stays at its place while the brain moves; zero where nothing moves, because the template has it
        back = self.workers.map(lambda i: filtered[i] - translate(template, *-shifts[i]), range(len(filtered)))
        self._set_static(back)
        self._set(template, variance)

    def _set_static(self, back: Sequence[Floats]) -> None:
        """Give what stands out of the mean of what frames leave when the template is taken from where the brain was.

        The rest is left to the template. Over small shifts a pattern that stays is as good as one that moves less than
        the brain does: part of the brain would pass into it round after round, and shifts come out too small.
        """
        static = _mean(back, [None] * len(back))
        static[np.abs(static) <= STATIC_STANDS_OUT * MAD_TO_SD * np.median(np.abs(static))] = 0
        self.static = static

    def _set(self, template: Floats, variance: Floats) -> None:
        self.template: Floats = template.astype(np.float32)
        self.variance: Floats = variance.astype(np.float32)
        floor = VARIANCE_FLOOR * float(np.median(variance)) + 1e-12
        weight = 1 / (self.variance + floor)
        self.weight: Floats = weight / weight.mean()
        slopes: list[Floats] = [np.gradient(self.template, axis=axis) for axis in (0, 1)]
        weight_inside = self.weight[self.inside]
        self.root_weight: Floats = np.sqrt(weight_inside)
        self.structured = bool(self.template.std() > ROUNDING * self.level)
        self.target: Floats = np.ascontiguousarray(self.template[self.inside])
        self.whitened: Floats = np.stack([slope[self.inside] for slope in slopes]) * self.root_weight
        self.hessian: Floats = _hessian(self.whitened)
        # of the weighted correlation, for whole-pixel shifts
        shape = tuple(n // self.coarse for n in self.shape)
        self.pad = tuple(scipy.fft.next_fast_len(n, real=True) for n in shape)
        mask = np.zeros(self.shape, np.float32)
        mask[self.inside] = self.weight[self.inside]
        small = bin_frame(self.template, self.coarse)
        mask = bin_frame(mask, self.coarse)
        self.small_weighted, self.small_mask = mask * small, mask
        self.weighted, self.mask = (np.conj(scipy.fft.rfft2(image, self.pad)) for image in (mask * small, mask))
        self.compared = Template(self.template, self.weight, self.inside)

    @property
    def usual_score(self) -> float:
        """Score of most frames that the template was made from."""
        return self.usual.whole

    # -- frames -------------------------------------------------------------------------------------

    def register(self, frames: Numbers) -> Motion:
        """Corrections of some frames that follow each other, and an update of the template with them.

        Parameters
        ----------
        frames : [n, height, width]
            Raw frames.

        Returns
        -------
        Motion
        """
        filtered = self.workers.map(self._filter, frames)
        shifts: Floats = np.array(self.workers.map(self._shift, filtered))
        deviations, moved = self._deviations(filtered, shifts)
        scores = self._scores(moved, shifts)
        at_limit = self._at_limit(shifts)
        # one that was stopped by the limit may resemble the field by chance
        matched = self.usual.match(scores) & ~(at_limit & (scores.whole < FAR_SCORE * self.usual.whole))
        for run in _runs(~matched, FOLLOWED_FRAMES):
            found = self._follow_far(filtered, shifts, matched, run)
            if len(found):
                self.place = np.rint(np.median(shifts[found[-FOLLOWED_FRAMES:]], axis=0))
                deviations[found], again = self._deviations([filtered[i] for i in found], shifts[found])
                for i, frame in zip(found, again, strict=True):
                    moved[i] = frame
                at_limit[found] = False
                better = self._scores(again, shifts[found])
                scores.whole[found], scores.parts[found] = better
        if matched.any():
            used = np.flatnonzero(matched)
            self._follow([moved[i] for i in used], shifts[used])
        return self._motion(shifts, deviations, scores, matched, at_limit)

    def _motion(
        self, shifts: Floats, deviations: Floats, scores: Scores, matched: Bools, at_limit: Bools | None = None
    ) -> Motion:
        """Give what was found, in pixels."""
        if at_limit is None:
            at_limit = self._at_limit(shifts)
        lying = self.usual.lying(scores)
        return Motion(shifts * self.bin, deviations * self.bin, scores.whole, matched, lying, at_limit)

    def _at_limit(self, shifts: Floats) -> Bools:
        limit: Bools = np.any(np.abs(shifts - self.place) >= np.array(self.limits) - AT_LIMIT, axis=1)
        return limit

    def _scores(self, moved: list[Floats], shifts: Floats) -> Scores:
        """How well registered frames lie on the template."""
        found = self.workers.map(lambda i: self.compared.compare(moved[i], self._covered(shifts[i])), range(len(moved)))
        return Scores(np.array([whole for whole, _ in found]), np.array([parts for _, parts in found]))

    def _covered(self, shift: Floats) -> Bools | None:
        """Give the pixels that a shifted frame covers, bool [height, width]; None if these are all inside."""
        margins = [s.start for s in self.inside]
        if np.all(np.abs(shift) <= margins):
            return None
        rows, columns = (
            (np.arange(n) >= s) & (np.arange(n) <= n - 1 + s) for n, s in zip(self.shape, shift, strict=True)
        )
        covered: Bools = rows[:, None] & columns
        return covered

    def _follow_far(self, filtered: list[Floats], shifts: Floats, matched: Bools, run: Ints) -> Ints:
        """Look for frames in the whole field, and write the shifts of those that are found.

        They count only if several lie together: a single frame that moved so far is more likely torn.

        Returns
        -------
        int64 [n]
            Which of the ``run`` were found.
        """
        if not self.usual.whole > LEAST_SCORE:
            return run[:0]
        search = FarSearch(self.template, self.weight, self.inside, self.coarse)
        far = np.array(self.workers.map(lambda i: self._far(filtered[i], search), run))
        good = self.usual.match_far(self._scores(self._moved([filtered[i] for i in run], far), far))
        if good.any():
            good &= (np.abs(far - np.median(far[good], axis=0)) <= self.limits).all(axis=1)
        if np.count_nonzero(good) < FOLLOWED_FRAMES:
            return run[:0]
        shifts[run[good]], matched[run[good]] = far[good], True
        return run[good]

    def _far(self, filtered: Floats, search: FarSearch) -> Floats:
        frame = filtered - self.static
        place = search(frame)
        return self._refine(frame, place, place)

    def move(self, frame: Floats, shift: Floats, deviations: Floats) -> Floats:
        """Move a frame as it was recorded, float32 [height, width], by what :meth:`register` gave for it."""
        return translate(frame, *shift) if shift.any() else frame

    def edges(self, shifts: Floats, deviations: Floats) -> Floats:
        """Give how far the borders of the field move, for :meth:`Grid.uncovered`: all of them as the frame."""
        return shifts

    def _deviations(self, filtered: list[Floats], shifts: Floats) -> tuple[Floats, list[Floats]]:
        """Deviations [n, blocks, 2] of frames that follow each other, binned pixels, and the frames moved by all."""
        return np.zeros((len(filtered), 0, 2)), self._moved(filtered, shifts)

    def _moved(self, filtered: list[Floats], shifts: Floats) -> list[Floats]:
        """Frames moved as a whole, without what stays at its place."""
        return self.workers.map(lambda i: translate(filtered[i] - self.static, *shifts[i]), range(len(filtered)))

    def _follow(self, moved: list[Floats], shifts: Floats) -> None:
        """Update the template and the weights with registered frames."""
        rate = len(moved) / (len(moved) + min(self.count, TEMPLATE_MEMORY))
        covered = [self._covered(shift) for shift in shifts]
        template = self.template + rate * (_mean(moved, covered, self.template) - self.template)
        variance = self.variance + rate * (_variance(moved, covered, template) - self.variance)
        self._set(template, variance)
        self.count += len(moved)

    def _filter(self, frame: Numbers) -> Floats:
        return band_pass(bin_frame(np.asarray(frame, dtype=np.float32), self.bin), *self.sigmas)

    def _shift(self, filtered: Floats) -> Floats:
        frame = filtered - self.static
        if not self.place.any():
            return self._refine(frame, self._whole_pixels(frame))
        # looked for around where the brain lies now
        near = translate(frame, *self.place)
        covered = self._covered(self.place)
        if covered is not None:
            near *= covered
        return self._refine(frame, self.place + self._whole_pixels(near), self.place)

    def _whole_pixels(self, frame: Floats) -> Floats:
        """Shift with the best weighted correlation, sum w T F / sqrt(sum w F^2), for all shifts at once.

        A correlation and not a sum of squares, which over large shifts would look for dark places.
        """
        small = bin_frame(frame, self.coarse)
        reach = [
            min(int(np.ceil(limit / self.coarse)), (n - 1) // 2) for limit, n in zip(self.limits, self.pad, strict=True)
        ]
        rows, columns = (np.arange(-r, r + 1) for r in reach)
        if len(rows) * len(columns) * small.size <= FEW_PRODUCTS:
            match, energy = np.empty((2, len(rows), len(columns)))
            height, width = self.pad
            loops.correlate_around(small, self.small_weighted, self.small_mask, height, width, match, energy)
        else:
            window = np.ix_(rows, columns)
            match = scipy.fft.irfft2(scipy.fft.rfft2(small, self.pad) * self.weighted, self.pad)[window]
            energy = scipy.fft.irfft2(scipy.fft.rfft2(small * small, self.pad) * self.mask, self.pad)[window]
        score = match / np.sqrt(np.maximum(energy, ENERGY_FLOOR * energy.max() + 1e-12))
        # a movie without structure: what the filter leaves is rounding
        if not (score.max() > 0 and self.structured):
            return np.zeros(2)
        i, j = np.unravel_index(np.argmax(score), score.shape)
        # the spectrum is that of a correlation, whose argument is minus the shift of the frame
        return -np.array([rows[i], columns[j]], dtype=np.float64) * self.coarse

    def _refine(self, frame: Floats, shift: Floats, place: Floats | None = None) -> Floats:
        """Gauss-Newton steps from a shift; at most the limits away from ``place``."""
        middle = (0.0, 0.0) if place is None else place
        (top, bottom), (first, last) = ((m - limit, m + limit) for m, limit in zip(middle, self.limits, strict=True))
        hessian, covered = self.hessian, None
        if place is not None:
            seen = self._covered(shift)
            covered = None if seen is None else seen[self.inside]
            if covered is not None:
                hessian = _hessian(self.whitened * covered)
        (yy, yx), (_, xx) = hessian.tolist()
        determinant = yy * xx - yx * yx
        if not determinant > 0:
            return shift
        rows, columns = self.inside
        residual = np.empty(self.target.shape, np.float32)
        moved = np.empty_like(frame)
        y, x = (float(value) for value in shift)
        for i in range(RIGID_STEPS):
            kernels.translate(frame, _in_steps(y), _in_steps(x), moved)
            loops.leave(moved, rows.start, columns.start, self.target, self.root_weight, residual)
            if covered is not None:
                residual *= covered
            if i < 2:
                # later steps are too small to change it
                if covered is None:
                    spread = float(loops.typical(residual))
                else:
                    spread = float(np.median(np.abs(residual[::2, ::2])[covered[::2, ::2]]))
                bound = TEMPLATE_HUBER * MAD_TO_SD * spread + 1e-12
            down, right, used = loops.pull(residual, self.whitened, bound)
            if not used > 0:
                break
            # moving on by d changes the registered frame by -d . gradient
            dy, dx = (xx * down - yx * right) / determinant / used, (yy * right - yx * down) / determinant / used
            if not (math.isfinite(dy) and math.isfinite(dx)):
                break
            dy, dx = (min(max(step, -LARGEST_STEP), LARGEST_STEP) for step in (dy, dx))
            y, x = min(max(y + dy, top), bottom), min(max(x + dx, first), last)
            if max(abs(dy), abs(dx)) < SMALLEST_STEP:
                break
        return np.array([y, x])


class StillRegistration(RigidRegistration):
    """Leaves frames where they are, because the movie is registered already, and compares them with the template."""

    def _shift(self, filtered: Floats) -> Floats:
        return np.zeros(2)

    def _follow_far(self, filtered: list[Floats], shifts: Floats, matched: Bools, run: Ints) -> Ints:
        return run[:0]

    def _at_limit(self, shifts: Floats) -> Bools:
        return np.zeros(len(shifts), bool)


def _mean(moved: Sequence[Floats], covered: Sequence[Bools | None], elsewhere: Floats | None = None) -> Floats:
    """Mean of registered frames over those that cover each pixel.

    ``covered``: None where a frame counts everywhere. ``elsewhere``: the mean where no frame covers a pixel.
    """
    if all(one is None for one in covered):
        sums: Floats = np.zeros(moved[0].shape)
        for frame in moved:
            loops.add(frame, sums)
        return (sums / len(moved)).astype(np.float32)
    count: Floats = np.zeros(moved[0].shape)
    total: Floats = np.zeros(moved[0].shape)
    for frame, seen in zip(moved, covered, strict=True):
        weight = 1.0 if seen is None else seen
        count += weight
        total += weight * frame
    mean = total / np.maximum(count, 1)
    return mean if elsewhere is None else np.where(count > 0, mean, elsewhere)


def _variance(moved: list[Floats], covered: Sequence[Bools | None], mean: Floats) -> Floats:
    """Mean square of what a mean leaves of registered frames; see :func:`_mean`."""
    squares: Floats = np.zeros(mean.shape)
    for frame, seen in zip(moved, covered, strict=True):
        if seen is None:
            loops.add_squares(frame, mean, squares)
        else:
            squares += (frame - mean) ** 2 * seen
    if all(one is None for one in covered):
        return squares / len(moved)
    count = sum(np.ones(mean.shape) if seen is None else seen for seen in covered)
    variance: Floats = squares / np.maximum(count, 1)
    return variance


def _hessian(slopes: Floats) -> Floats:
    """Products of two images with each other, float64 [2, 2]; float32 [2, height, width]."""
    flat = slopes.reshape(2, -1).astype(np.float64)
    return flat @ flat.T


def _majority(scores: Scores) -> tuple[Usual, Bools]:
    """Give what scores are usual where many frames may not show the field, and which frames do."""
    kept = scores.whole >= LEAST_OF_USUAL * float(np.quantile(scores.whole, MAJORITY_QUANTILE))
    usual = Usual.of(Scores(scores.whole[kept], scores.parts[kept]))
    matched = usual.match(scores) & (scores.whole >= split(scores.whole))
    return usual, matched if matched.any() else np.ones(len(matched), bool)


def _runs(marked: Bools, least: int) -> list[Ints]:
    """Find runs of at least so many marked frames, the indices of each."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return [np.arange(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= least]
