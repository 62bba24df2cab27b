"""Registration refined with the fitted model.

A template cannot follow cells that light up; the model ``M(t) = A C(t) + B(t)`` does, and then the bright cells,
which disturb a template the most, tell the most about where the brain is. What a small error ``e`` of the
registration leaves is

    Y(x, t) - M(x, t) = e(t) . grad M(x, t) + noise,

a least squares problem of two unknowns in each frame. The movie is corrected to first order, by
``- e . grad M``, without interpolating it a second time. Pixels that the frame did not cover are set to what
the model predicts for them, and so are saturated ones where it predicts more, once the pixels around have told how
bright their cell was: otherwise a bright cell would be flat in its brightest frames, and its rim would look like
other cells. Light that is locked to the motion (:mod:`motion_locked`) is part of ``M`` here, and taken out at last.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

from ..arrays import kernels
from ..arrays.filtering import bin_frame, box_mean
from ..arrays.robust import MAD_TO_SD
from ..prepare import uncovered
from .expected import Expected
from .motion_locked import MotionLocked

#: residuals from the model beyond this many robust standard deviations count linearly (Huber)
RESIDUAL_HUBER = 3.0
#: working pixels: larger corrections than this are not small errors, to which first order applies
LARGEST_CORRECTION = 0.5
#: fraction of a camera's largest value from which a bin of pixels counts as saturated
SATURATED = 0.97
#: weight of the saturated pixels of a component when the others say how bright it is
SATURATED_WEIGHT = 0.01
#: part of the median variance that is added to that of each pixel: none gets a weight without bound
RESIDUAL_VARIANCE_FLOOR = 0.1
#: working pixels: the smooth part of an image, its mean over a square of this side, says nothing about displacement
SMOOTH_SIDE = 9
#: frames, about, that the variance of the residuals comes from
RESIDUAL_FRAMES = 512
#: frames of a block that a thread takes at a time; fixed, so that sums are taken in the same order on any machine
REFINED_FRAMES = 32


def refine(fit, prepared, full: tuple[int, int], size: int, register: bool = True) -> np.ndarray:
    """Correct the scratch movies in place.

    Parameters
    ----------
    fit : Fit
        The model; its movies are rewritten, and its components know with which footprints.
    prepared : Prepared
        Its shifts say which pixels each frame covers; its sample is rewritten.
    full : tuple of int
        (height, width) of the recording.
    size : int
        Pixels in a bin of the working grid.
    register : bool
        False: the frames stay where they are.

    Returns
    -------
    float64 [frames, 2]
        What is to be added to the shifts, in pixels.
    """
    movie, small = fit.movie, fit.small
    height, width = movie.shape
    expected = Expected(fit)
    locked = MotionLocked(fit, expected.A, prepared.shifts)
    by_component = fit.components.matrix()
    fit.components.filled = fit.components.footprints.copy()
    edges = prepared.edges
    reach = max(2, int(np.ceil(np.abs(edges).max() / size))) if register else 2
    reach = min(reach, height // 4, width // 4)
    inside = (slice(reach, height - reach), slice(reach, width - reach))
    if register:
        variance = _variance(fit, expected, locked)[inside]
        root = np.sqrt(1 / (variance + RESIDUAL_VARIANCE_FLOOR * np.median(variance) + 1e-12)).astype(np.float32)

    errors = np.zeros((movie.n_frames, 2))
    ceiling = np.float32(SATURATED * prepared.ceiling)
    step = -(-movie.n_frames // prepared.sample.shape[1])
    # in place, as large as it is: the model does not read it
    sample = prepared.sample
    sample[:] = 0
    coarse = np.empty((movie.length, *small.shape), np.float32)
    for block in range(movie.blocks):
        span = movie.span(block)
        fine, rough = movie.chunk(block), small.chunk(block)
        rows, columns = uncovered(edges[span], movie.shape, full, size)

        def piece(some, start=span.start, fine=fine, rough=rough, rows=rows, columns=columns):
            first, n = some
            frames, model = movie.frames(fine, first, n), expected.frames(rough, start, first, n)
            light = locked.frames(start + first, n)
            model += light
            for i, t in enumerate(range(first, first + n)):
                rest = frames[i] - model[i]
                dy, dx = gradient = _gradient(cv2.GaussianBlur(model[i], (3, 3), 0.5))
                if register:
                    errors[start + t] = _error(rest, gradient, root, inside)
                saturated = frames[i] >= ceiling
                if saturated.any():
                    _complete(model[i], rest, saturated, expected.A, by_component)
                kernels.correct_frame(frames[i], model[i], dy, dx, *errors[start + t], rows[t], columns[t], ceiling)
                frames[i] -= light[i]
                coarse[t] = box_mean(bin_frame(frames[i], fit.factor))
            # in the place of what was read, which nobody else reads
            movie.put(frames, fine, first)
            small.put(coarse[first : first + n], rough, first)

        n = span.stop - span.start
        list(fit.pool.map(piece, _pieces(n)))
        movie.write_chunk(block, fine)
        small.write_chunk(block, rough)
        kernels.add_frames(coarse[:n].reshape(n, -1), span.start, step, sample)
        # no name keeps a block while the next one is read: they are large
        del fine, rough, piece
    counts = np.bincount(np.arange(movie.n_frames) // step, minlength=sample.shape[1])
    sample /= counts
    # Y(x) = M(x + e): the frame has to be moved by e more
    return errors * size


def _pieces(n: int) -> list[tuple[int, int]]:
    """Frames of a block that a thread takes at a time: (first, how many)."""
    return [(first, min(REFINED_FRAMES, n - first)) for first in range(0, n, REFINED_FRAMES)]


def _complete(expected, rest, saturated, A, by_component) -> None:
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
    gram.flat[:: len(gram) + 1] *= 1 + 1e-3
    lacks = np.linalg.solve(gram, weighted @ np.where(cut, 0, rest.ravel()[pixels]))
    expected.ravel()[pixels[cut]] += (lacks @ shapes[:, cut]).astype(np.float32)


def _variance(fit, expected: Expected, locked: MotionLocked) -> np.ndarray:
    """Mean square of what the model leaves in each pixel of some blocks, float64 [height, width]."""
    total, n = np.zeros(fit.movie.shape), 0
    for block in fit.movie.spread(RESIDUAL_FRAMES):
        span = fit.movie.span(block)
        fine, rough = fit.movie.chunk(block), fit.small.chunk(block)

        def square(some, start=span.start, fine=fine, rough=rough):
            first, n = some
            model = expected.frames(rough, start, first, n)
            model += locked.frames(start + first, n)
            rest = fit.movie.frames(fine, first, n) - model
            return np.einsum("tyx,tyx->yx", rest, rest, dtype=np.float64)

        total += sum(fit.pool.map(square, _pieces(span.stop - span.start)))
        n += span.stop - span.start
        # here too
        del fine, rough, square
    return total / n


def _gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives along rows and columns, as numpy.gradient inside the border, in a fraction of its time."""
    half = np.array([-0.5, 0, 0.5], np.float32)
    one = np.ones(1, np.float32)
    return tuple(
        cv2.sepFilter2D(image, cv2.CV_32F, *kernels, borderType=cv2.BORDER_REPLICATE)
        for kernels in ((one, half), (half, one))
    )


def _error(rest, gradient, root, inside) -> np.ndarray:
    """Displacement that explains a residual best, beside anything smooth; ``root``: of the weights of the pixels."""

    def sharp(image):
        return (image - cv2.blur(image, (SMOOTH_SIDE, SMOOTH_SIDE)))[inside]

    yy, yx, xx, ry, rx = _normal_equations(sharp(rest), sharp(gradient[0]), sharp(gradient[1]), root)
    # where nothing has an edge nothing can be said
    ridge = 1e-6 * (yy + xx) + 1e-12
    yy, xx = yy + ridge, xx + ridge
    error = np.array([xx * ry - yx * rx, yy * rx - yx * ry]) / (yy * xx - yx * yx)
    return np.clip(error, -LARGEST_CORRECTION, LARGEST_CORRECTION) if np.all(np.isfinite(error)) else np.zeros(2)


@njit(nogil=True, cache=True, fastmath=True)
def _normal_equations(rest, dy, dx, root):
    """Weighted products of two gradients with each other (yy, yx, xx) and with the residual, clipped (Huber).

    rest, dy, dx, root: float32 [height, width].
    """
    height, width = rest.shape
    some = np.empty((height + 1) // 2 * ((width + 1) // 2), np.float32)
    n = 0
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            some[n] = abs(rest[y, x] * root[y, x])
            n += 1
    bound = np.float32(RESIDUAL_HUBER * MAD_TO_SD) * kernels.select(some, n // 2) + np.float32(1e-12)
    yy = yx = xx = ry = rx = 0.0
    for y in range(height):
        # summed in float32 along a row, which the processor does side by side
        a, b, c, d, e = _row_products(rest[y], dy[y], dx[y], root[y], bound)
        yy, yx, xx, ry, rx = yy + a, yx + b, xx + c, ry + d, rx + e
    return yy, yx, xx, ry, rx


# inlined: see :func:`.background._solve`
@njit(inline="always")
def _row_products(rest, dy, dx, root, bound):
    yy = yx = xx = ry = rx = np.float32(0)
    for i in range(len(rest)):
        wy, wx = root[i] * dy[i], root[i] * dx[i]
        r = min(max(rest[i] * root[i], -bound), bound)
        yy += wy * wy
        yx += wy * wx
        xx += wx * wx
        ry += wy * r
        rx += wx * r
    return yy, yx, xx, ry, rx
