"""Registration refined with the fitted model.

A template cannot follow cells that light up; the model ``M(t) = A C(t) + B(t)`` does, and then the bright cells,
which disturb a template the most, tell the most about where the brain is. What a small error ``e`` of the
registration leaves is

    Y(x, t) - M(x, t) = e(t) . grad M(x, t) + noise,

a least squares problem of two unknowns in each frame; of six, where the field turns or stretches too
(:mod:`deformation`). The movie is corrected to first order, by ``- e . grad M``, without interpolating it a second
time. Pixels that the frame did not cover are set to what the model predicts for them, and so are saturated ones where
it predicts more, once the pixels around have told how bright their cell was: otherwise a bright cell would be flat in
its brightest frames, and its rim would look like other cells. Light that is locked to the motion
(:mod:`motion_locked`) is part of ``M`` here, and taken out at last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import cv2
import numpy as np
import scipy.sparse as sp
from numba import njit

from ...movies.types import Bools, Floats, Ints
from ..arrays import kernels
from ..arrays.robust import MAD_TO_SD
from .deformation import TILES, Deformations, tile_equations
from .fit import Fit
from .motion_locked import MotionLocked
from .prediction import PredictedFrames

_Measured = TypeVar("_Measured")

#: residuals from the model beyond this many robust standard deviations count linearly (Huber)
RESIDUAL_HUBER = 3.0
#: working pixels: larger corrections than this are not small errors, to which first order applies
LARGEST_CORRECTION = 0.5
#: fraction of a camera's largest value from which a bin of pixels counts as saturated
SATURATED = 0.97
#: weight of the saturated pixels of a component when the others say how bright it is
SATURATED_WEIGHT = 0.01
#: added to the diagonal of products of footprints in these pixels, relative to it: some are almost the same there
COMPLETION_RIDGE = 1e-3
#: working pixels, side and sigma of the kernel that blurs the model before its derivatives are taken, against noise
MODEL_BLUR_SIDE = 3
#: working pixels, sigma of this blur
MODEL_BLUR_SIGMA = 0.5
#: part of the median variance that is added to that of each pixel: none gets a weight without bound
RESIDUAL_VARIANCE_FLOOR = 0.1
#: working pixels: the smooth part of an image, its mean over a square of this side, says nothing about displacement
SMOOTH_SIDE = 9
#: frames, about, that the variance of the residuals comes from
RESIDUAL_FRAMES = 512
#: frames, about, that say whether the field turns or stretches
DEFORMATION_FRAMES = 128
#: frames of a block that a thread takes at a time; fixed, so that sums are taken in the same order on any machine
REFINED_FRAMES = 32


def refine(fit: Fit, shifts: Floats, edges: Floats, register: bool = True) -> Floats:
    """Correct the stored movies in place.

    Parameters
    ----------
    fit : Fit
        The model; its movies are rewritten, and its components know with which footprints.
    shifts : float64 [frames, 2]
        Of each frame, px.
    edges : float64 [frames, 2] or [frames, 2, 2]
        How far the borders of the field moved in each frame, see :meth:`Grid.uncovered`.
    register : bool
        False: the frames stay where they are.

    Returns
    -------
    float64 [frames, 2]
        What is to be added to the shifts, in pixels.
    """
    stored, movie, small = fit.stored, fit.movie, fit.small
    correction = _Correction(fit, shifts, edges, register)
    fit.components.filled = fit.components.footprints.copy()
    # in place, as large as it is: the model does not read it
    stored.clear_sample()
    coarse = np.empty((movie.length, *small.shape), np.float32)
    for block in range(movie.blocks):
        span = movie.span(block)
        n = span.stop - span.start
        fine, rough = movie.chunk(block), small.chunk(block)
        correct = partial(correction.correct, span, fine, rough, *stored.grid.uncovered(edges[span]), coarse)
        fit.workers.map(correct, _pieces(n))
        movie.write_chunk(block, fine)
        small.write_chunk(block, rough)
        stored.add_to_sample(block, coarse[:n])
        # no name keeps a block while the next one is read: they are large
        del fine, rough, correct
    stored.finish_sample()
    # Y(x) = M(x + e): the frame has to be moved by e more
    return correction.errors * stored.grid.bin


class _Correction:
    """What the frames of the stored movies are corrected with; see :func:`refine` for the parameters.

    Attributes
    ----------
    errors : float64 [frames, 2]
        What was found to be left of the motion of each frame, working pixels.
    """

    def __init__(self, fit: Fit, shifts: Floats, edges: Floats, register: bool):
        self.stored, self.register = fit.stored, register
        self.predicted = PredictedFrames(fit)
        self.locked = MotionLocked(fit, self.predicted.A, shifts)
        self.by_component = fit.components.matrix()
        self.ceiling = np.float32(SATURATED * fit.stored.ceiling)
        self.errors: Floats = np.zeros((fit.movie.n_frames, 2))
        height, width = fit.movie.shape
        reach = max(2, int(np.ceil(np.abs(edges).max() / fit.stored.grid.bin))) if register else 2
        reach = min(reach, height // 4, width // 4)
        self.inside = (slice(reach, height - reach), slice(reach, width - reach))
        self.deformations = Deformations((height, width), self.inside)
        if register:
            variance = self._variance(fit)[self.inside]
            floor = RESIDUAL_VARIANCE_FLOOR * np.median(variance)
            self.root: Floats = np.sqrt(1 / (variance + floor + 1e-12)).astype(np.float32)
            self.deformations.ask(self._some_equations(fit))

    def _sampled(
        self, fit: Fit, measure: Callable[[Floats, Floats], _Measured], step: int = 1
    ) -> Iterator[list[_Measured]]:
        """Measure frames and what is expected of them, both float32 [n, height, width], all over the recording.

        ``step``: only every so manieth piece of ``REFINED_FRAMES`` frames. Gives what was measured in each block.
        """
        for block in fit.movie.spread(RESIDUAL_FRAMES):
            span = fit.movie.span(block)
            fine, rough = fit.movie.chunk(block), fit.small.chunk(block)

            def some(
                piece: tuple[int, int], start: int = span.start, fine: Ints = fine, rough: Ints = rough
            ) -> _Measured:
                first, n = piece
                model = self.predicted.frames(rough, start, first, n)
                model += self.locked.frames(start + first, n)
                return measure(fit.movie.frames(fine, first, n), model)

            yield fit.workers.map(some, _pieces(span.stop - span.start)[::step])
            # no name keeps a block while the next one is read: they are large
            del fine, rough, some

    def _variance(self, fit: Fit) -> Floats:
        """Mean square of what the model leaves in each pixel of some blocks, float64 [height, width]."""

        def squares(frames: Floats, model: Floats) -> tuple[int, Floats]:
            rest = frames - model
            total: Floats = np.einsum("tyx,tyx->yx", rest, rest, dtype=np.float64)
            return len(rest), total

        n, total = 0, np.zeros(fit.movie.shape)
        for found in self._sampled(fit, squares):
            n += sum(length for length, _ in found)
            total += sum(part for _, part in found)
        return total / n

    def _some_equations(self, fit: Fit) -> Floats:
        """Give the normal equations of some frames of the whole recording, float64 [n, TILES, TILES, 5]."""

        def equations(frames: Floats, model: Floats) -> list[Floats]:
            return [
                _equations(frame - image, _gradient(_blurred(image)), self.root, self.inside)
                for frame, image in zip(frames, model, strict=True)
            ]

        sampled = self._sampled(fit, equations, RESIDUAL_FRAMES // DEFORMATION_FRAMES)
        return np.array([one for found in sampled for piece in found for one in piece])

    def correct(
        self, span: slice, fine: Ints, rough: Ints, rows: Bools, columns: Bools, coarse: Floats, piece: tuple[int, int]
    ) -> None:
        """Correct some frames of a block in place.

        Parameters
        ----------
        span : slice
            Frames of the block.
        fine, rough : int16 [pixels, frames]
            The block of the movie and of the small movie, as :meth:`Scratch.chunk` gives them.
        rows, columns : bool [frames, height], [frames, width]
            What each frame does not cover.
        coarse : float32 [frames, *coarse_shape]
            Becomes the frames of the small movie.
        piece : tuple of int
            First frame, and how many.
        """
        first, n = piece
        movie, small = self.stored.movie, self.stored.small
        frames, model = movie.frames(fine, first, n), self.predicted.frames(rough, span.start, first, n)
        light = self.locked.frames(span.start + first, n)
        model += light
        for i, t in enumerate(range(first, first + n)):
            rest = frames[i] - model[i]
            dy, dx = gradient = _gradient(_blurred(model[i]))
            bend: Floats = np.zeros((2, 2))
            if self.register:
                equations = _equations(rest, gradient, self.root, self.inside)
                self.errors[span.start + t], bend = self.deformations.displacement(equations, LARGEST_CORRECTION)
            saturated = frames[i] >= self.ceiling
            if saturated.any():
                _complete(model[i], rest, saturated, self.predicted.A, self.by_component)
            moved = self.deformations.everywhere(self.errors[span.start + t], bend)
            kernels.correct_frame(frames[i], model[i], dy, dx, *moved, rows[t], columns[t], self.ceiling)
            frames[i] -= light[i]
            coarse[t] = self.stored.coarse_frame(frames[i])
        # in the place of what was read, which nobody else reads
        movie.put(frames, fine, first)
        small.put(coarse[first : first + n], rough, first)


def _pieces(n: int) -> list[tuple[int, int]]:
    """Frames of a block that a thread takes at a time: (first, how many)."""
    return [(first, min(REFINED_FRAMES, n - first)) for first in range(0, n, REFINED_FRAMES)]


def _complete(expected: Floats, rest: Floats, saturated: Bools, A: sp.csr_matrix, by_component: sp.csr_matrix) -> None:
    """Add to what is expected in saturated pixels what the other pixels of the same components say that it lacks.

    The traces are fitted to all pixels, and are too low where some are cut off. How much higher they are in this frame,

        min_d  sum_x w(x) [ rest(x) - sum_k a_k(x) d_k ]^2,

    is seen where nothing is cut off (``w = 1``). A component that is seen nowhere else stays as it is, because
    saturated pixels count a little (``w = SATURATED_WEIGHT``), as if they lacked nothing.

    expected, rest: float32 [height, width], the first is changed; saturated: bool [height, width]; A: footprints,
    scipy.sparse.csr_matrix [pixels, components]; by_component: its transpose.
    """
    at = np.flatnonzero(saturated)
    components = np.unique(A[at].indices)
    if not len(components):
        return
    near = by_component[components]
    pixels = np.unique(near.indices)
    shapes = near[:, pixels].toarray().astype(np.float64)
    cut = saturated.ravel()[pixels]
    weighted = shapes * np.where(cut, SATURATED_WEIGHT, 1)
    gram = weighted @ shapes.T
    gram.flat[:: len(gram) + 1] *= 1 + COMPLETION_RIDGE
    lacks = np.linalg.solve(gram, weighted @ np.where(cut, 0, rest.ravel()[pixels]))
    expected.ravel()[pixels[cut]] += (lacks @ shapes[:, cut]).astype(np.float32)


def _blurred(image: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(image, (MODEL_BLUR_SIDE, MODEL_BLUR_SIDE), MODEL_BLUR_SIGMA), np.float32)


def _gradient(image: Floats) -> tuple[Floats, Floats]:
    """Take derivatives along rows and columns, as numpy.gradient inside the border, in a fraction of its time."""
    half = np.array([-0.5, 0, 0.5], np.float32)
    one = np.ones(1, np.float32)
    dy, dx = (
        cv2.sepFilter2D(image, cv2.CV_32F, across, down, borderType=cv2.BORDER_REPLICATE)
        for across, down in ((one, half), (half, one))
    )
    return np.asarray(dy, np.float32), np.asarray(dx, np.float32)


def _equations(rest: Floats, gradient: tuple[Floats, Floats], root: Floats, inside: tuple[slice, slice]) -> Floats:
    """Give what :func:`tile_equations` sums of the displacement that explains a residual, beside anything smooth.

    ``root``: of the weights of the pixels. Float64 [TILES, TILES, 5]; the residual is clipped (Huber).
    """

    def sharp(image: Floats) -> Floats:
        smooth = np.asarray(cv2.blur(image, (SMOOTH_SIDE, SMOOTH_SIDE)), np.float32)
        return (image - smooth)[inside]

    left, out = sharp(rest), np.empty((TILES, TILES, 5))
    tile_equations(left, sharp(gradient[0]), sharp(gradient[1]), root, _bound(left, root), out)
    return out


@njit(nogil=True, cache=True, fastmath=True)
def _bound(rest: Floats, root: Floats) -> np.float32:
    """Weighted residual from which on it counts linearly; rest, root: float32 [height, width]."""
    height, width = rest.shape
    some = np.empty((height + 1) // 2 * ((width + 1) // 2), np.float32)
    n = 0
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            some[n] = abs(rest[y, x] * root[y, x])
            n += 1
    bound: np.float32 = np.float32(RESIDUAL_HUBER * MAD_TO_SD) * kernels.select(some, n // 2) + np.float32(1e-12)
    return bound
