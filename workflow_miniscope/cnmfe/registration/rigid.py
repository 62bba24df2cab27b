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

from collections.abc import Sequence

import numpy as np
import scipy.fft

from ...movies.types import Floats, Numbers, Shape
from ..arrays import kernels
from ..arrays.filtering import band_pass, bin_frame
from ..arrays.robust import MAD_TO_SD
from ..arrays.workers import Workers
from .blocks import Blocks
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
#: rounds in which the first frames are registered and the template is made of them again
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


def translate(frame: Floats, dy: float, dx: float) -> Floats:
    """Move an image down by ``dy`` and right by ``dx`` pixels, rounded to 1/32, with cubic interpolation.

    OpenCV rounds alike, and so the blocks of :class:`blocks.Mover` are moved in the same steps.
    """
    frame = np.ascontiguousarray(frame, np.float32)
    out = np.empty_like(frame)
    down, right = (round(shift * STEPS_PER_PIXEL) / STEPS_PER_PIXEL for shift in (dy, dx))
    kernels.translate(frame, down, right, out)
    return out


class RigidRegistration:
    """Registers frames to a template that it makes from the first ones and keeps up to date.

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

    # -- template -----------------------------------------------------------------------------------

    def fit(self, frames: Numbers, rounds: int = TEMPLATE_ROUNDS) -> Floats:
        """Make the template, the weights and the static pattern from some frames [n, height, width].

        Returns
        -------
        float64 [n, 2]
            Corrections of these frames, pixels.
        """
        self.level = float(np.abs(frames[:: max(1, len(frames) // LEVEL_FRAMES)]).mean())
        filtered = self.workers.map(self._filter, frames)
        # the frame most like the others, of a few, starts: one with an artefact must not
        some = filtered[:: max(1, len(filtered) // TEMPLATE_CANDIDATES)]
        flat = np.stack([f[self.inside].ravel() for f in some])
        distance = np.array([np.median(((flat - one) ** 2).mean(axis=1)) for one in flat])
        self._set(some[int(np.argmin(distance))], np.ones(self.shape, np.float32))
        for _ in range(rounds):
            shifts: Floats = np.array(self.workers.map(self._shift, filtered))
            # around where the brain is most of the time, so that as little as possible leaves the field
            shifts -= np.median(shifts, axis=0)
            self._set_margin(np.quantile(np.abs(shifts), MARGIN_QUANTILE, axis=0))
            self._update(filtered, shifts)
        self.count = len(filtered)
        fitted: Floats = shifts * self.bin
        return fitted

    def _set_margin(self, reach: Floats) -> None:
        """Leave out the pixels near the border that come into view and leave again."""
        margin = [int(min(np.ceil(r) + 1, n // 4)) for r, n in zip(reach, self.shape, strict=True)]
        rows, columns = (slice(m, n - m) for m, n in zip(margin, self.shape, strict=True))
        self.inside = (rows, columns)

    def _update(self, filtered: list[Floats], shifts: Floats) -> None:
        moved = self.workers.map(lambda i: translate(filtered[i] - self.static, *shifts[i]), range(len(filtered)))
        template = np.mean(moved, axis=0)
        variance = np.mean([(m - template) ** 2 for m in moved], axis=0)
        # what stays at its place while the brain moves; zero where nothing moves, because the template has it
        back = self.workers.map(lambda i: filtered[i] - translate(template, *-shifts[i]), range(len(filtered)))
        self._set_static(back)
        self._set(template, variance)

    def _set_static(self, back: Sequence[Floats]) -> None:
        """What stands out of the mean of what frames leave when the template is taken from where the brain was.

        The rest is left to the template. Over small shifts a pattern that stays is as good as one that moves less than
        the brain does: part of the brain would pass into it round after round, and shifts come out too small.
        """
        static = np.mean(back, axis=0)
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
        self.gradient = np.stack([slope[self.inside].ravel() for slope in slopes])
        self.steepest = self.gradient * weight_inside.ravel()
        self.hessian: Floats = self.steepest.astype(np.float64) @ self.gradient.T.astype(np.float64)
        self.root_weight: Floats = np.sqrt(weight_inside)
        # of the weighted correlation, for whole-pixel shifts
        shape = tuple(n // self.coarse for n in self.shape)
        self.pad = tuple(scipy.fft.next_fast_len(n, real=True) for n in shape)
        mask = np.zeros(self.shape, np.float32)
        mask[self.inside] = self.weight[self.inside]
        small = bin_frame(self.template, self.coarse)
        mask = bin_frame(mask, self.coarse)
        self.weighted = np.conj(scipy.fft.rfft2(mask * small, self.pad))
        self.mask = np.conj(scipy.fft.rfft2(mask, self.pad))

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
        self._follow(moved)
        return Motion(shifts * self.bin, deviations * self.bin)

    def move(self, frame: Floats, shift: Floats, deviations: Floats) -> Floats:
        """Move a frame as it was recorded, float32 [height, width], by what :meth:`register` gave for it."""
        return translate(frame, *shift) if shift.any() else frame

    def edges(self, shifts: Floats, deviations: Floats) -> Floats:
        """Give how far the borders of the field move, for :meth:`Grid.uncovered`: all of them as the frame."""
        return shifts

    def _deviations(self, filtered: list[Floats], shifts: Floats) -> tuple[Floats, list[Floats]]:
        """Deviations [n, blocks, 2] of frames that follow each other, binned pixels, and the frames moved by all."""
        moved = self.workers.map(lambda i: translate(filtered[i] - self.static, *shifts[i]), range(len(filtered)))
        return np.zeros((len(filtered), 0, 2)), moved

    def _follow(self, moved: list[Floats]) -> None:
        """Update the template and the weights with registered frames."""
        rate = len(moved) / (len(moved) + min(self.count, TEMPLATE_MEMORY))
        template = self.template + rate * (sum(moved) / len(moved) - self.template)
        squares: Floats = np.zeros(self.shape)
        for frame in moved:
            squares += (frame - template) ** 2
        variance = self.variance + rate * (squares / len(moved) - self.variance)
        self._set(template, variance)
        self.count += len(moved)

    def _filter(self, frame: Numbers) -> Floats:
        return band_pass(bin_frame(np.asarray(frame, dtype=np.float32), self.bin), *self.sigmas)

    def _shift(self, filtered: Floats) -> Floats:
        frame = filtered - self.static
        shift = self._whole_pixels(frame)
        return self._refine(frame, shift)

    def _whole_pixels(self, frame: Floats) -> Floats:
        """Shift with the best weighted correlation, sum w T F / sqrt(sum w F^2), for all shifts at once.

        A correlation and not a sum of squares, which over large shifts would look for dark places.
        """
        small = bin_frame(frame, self.coarse)
        match = scipy.fft.irfft2(scipy.fft.rfft2(small, self.pad) * self.weighted, self.pad)
        energy = scipy.fft.irfft2(scipy.fft.rfft2(small * small, self.pad) * self.mask, self.pad)
        reach = [
            min(int(np.ceil(limit / self.coarse)), (n - 1) // 2) for limit, n in zip(self.limits, self.pad, strict=True)
        ]
        rows, columns = (np.arange(-r, r + 1) for r in reach)
        window = np.ix_(rows, columns)
        energy = energy[window]
        score = match[window] / np.sqrt(np.maximum(energy, ENERGY_FLOOR * energy.max() + 1e-12))
        # a movie without structure: what the filter leaves is rounding
        if not (score.max() > 0 and self.template.std() > ROUNDING * self.level):
            return np.zeros(2)
        i, j = np.unravel_index(np.argmax(score), score.shape)
        # the spectrum is that of a correlation, whose argument is minus the shift of the frame
        return -np.array([rows[i], columns[j]], dtype=np.float64) * self.coarse

    def _refine(self, frame: Floats, shift: Floats) -> Floats:
        limits = np.array(self.limits)
        target = self.template[self.inside]
        for i in range(RIGID_STEPS):
            residual = (translate(frame, *shift)[self.inside] - target) * self.root_weight
            if i < 2:
                # later steps are too small to change it
                bound = TEMPLATE_HUBER * MAD_TO_SD * float(np.median(np.abs(residual[::2, ::2]))) + 1e-12
            clipped = np.clip(residual, -bound, bound)
            used = np.mean(np.abs(residual) <= bound)
            right = self.steepest @ (clipped / self.root_weight).ravel()
            try:
                step = np.linalg.solve(self.hessian * used, right.astype(np.float64))
            except np.linalg.LinAlgError:
                break
            if not np.all(np.isfinite(step)):
                break
            # moving on by d changes the registered frame by -d . gradient
            step = np.clip(step, -LARGEST_STEP, LARGEST_STEP)
            shift = np.clip(shift + step, -limits, limits)
            if np.abs(step).max() < SMALLEST_STEP:
                break
        return shift
