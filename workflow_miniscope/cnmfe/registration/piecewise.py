"""Piecewise-rigid registration: where the parts of the brain lay in each frame.

Brain tissue is no solid: parts of the field move differently. As in NoRMCorre (Pnevmatikakis and Giovannucci 2017,
J Neurosci Methods 291:83) the field is divided into overlapping blocks, each of which moves by the rigid shift ``s``
of the frame and a small deviation of its own. Between the middles of the blocks the deviations ``d_b`` are
interpolated linearly; beyond the outermost ones they go on for half the distance of two blocks and then stay the same,

    d(x) = sum_b B_b(x) d_b,        B_b(x): 1 at the middle of block b, 0 at that of every other block,

so that the frame is moved once, by ``s + d(x)``, and has no seams. NoRMCorre registers each block for itself; here
the deviations of all blocks are found together, with the weights ``w``, the template ``T`` and the robust sum of
squares of :mod:`registration`,

    d = argmin_d  1 / (k v) sum_x w(x) rho( F(x - s - d(x)) - T(x) ) + 1 / t^2 sum_bc d_b (K^-1)_bc d_c,

because the interpolated field moves the pixels of one block with the deviations of others too. ``v`` is the variance
of the weighted residuals and ``k`` the number of neighbouring pixels that share their noise after the band-pass.
The second sum keeps a block without structure at the rigid shift, or with its neighbours: ``K`` is the correlation
that is expected between blocks, falling with their distance, and ``t`` the usual size of deviations, estimated by
expectation-maximisation for each stretch of frames. Where nothing deviates it is small, and so are the deviations.
The minimum is found by Gauss-Newton steps (Lucas and Kanade 1981) from ``d = 0``.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...results.caiman.blocks import grid
from ..arrays.robust import MAD_TO_SD
from .rigid import LARGEST_STEP, ROUNDING, SMALLEST_STEP, TEMPLATE_HUBER, TEMPLATE_ROUNDS, Registration

#: Gauss-Newton steps of a piecewise-rigid registration at most
PIECEWISE_STEPS = 6
#: templates made of frames that were moved block by block, one after the other
PIECEWISE_ROUNDS = 2
#: steps of the estimate of the usual size of deviations (expectation-maximisation)
DEVIATION_ESTIMATES = 50
#: binned pixels: the usual size of deviations is not smaller, where nothing deviates
SMALLEST_DEVIATION = 0.01
#: strides over which the correlation of the deviations of two blocks falls to 1/e: tissue moves smoothly
CORRELATION_STRIDES = 2.0
#: part of the deviations' variance that blocks do not share, so that their correlation can be inverted
UNCORRELATED_PART = 1e-3


class Blocks:
    """The grid of blocks, and the fields of displacement between their middles.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of a frame.
    strides, overlaps : pairs of int
        (rows, columns): distance between blocks, and how far they overlap; a block has the sum of both. As CaImAn
        lays them, the last ones pushed back inside the field, which one block covers if they are larger.

    Attributes
    ----------
    blocks : int64 [blocks, 4]
        (first row, end row, first column, end column), ends excluded, row by row.
    shape : tuple of int
        Number of blocks (down, across).
    """

    def __init__(self, shape: tuple[int, int], strides, overlaps):
        self.size, self.strides, self.blocks = shape, strides, grid(shape, strides, overlaps)
        middles = [(self.blocks[:, i] + self.blocks[:, i + 1] - 1) / 2 for i in (0, 2)]
        self.middles = [np.unique(middle) for middle in middles]
        self.shape = tuple(len(middle) for middle in self.middles)

    def weights(self, size: tuple[int, int], bin: int = 1) -> list[np.ndarray]:
        """Of ``B = B_rows x B_columns`` the two factors, float64 [blocks, pixels], for pixels of ``bin`` x ``bin``."""
        at = [np.arange(n) * bin + (bin - 1) / 2 for n in size]
        return [_hats(x, middle) for x, middle in zip(at, self.middles, strict=True)]

    def correlation(self) -> np.ndarray:
        """Correlation of the deviations that is expected between blocks, float64 [blocks, blocks]."""
        factors = []
        for middle, stride in zip(self.middles, self.strides, strict=True):
            distance = np.abs(middle[:, None] - middle) / (CORRELATION_STRIDES * stride)
            factors.append(np.exp(-distance))
        return (1 - UNCORRELATED_PART) * np.kron(*factors) + UNCORRELATED_PART * np.eye(len(self.blocks))

    def edges(self, shifts: np.ndarray, deviations: np.ndarray) -> np.ndarray:
        """How far the borders of the field move inwards, for :func:`prepare.uncovered`.

        Parameters
        ----------
        shifts : float64 [frames, 2]
            Rigid shifts, pixels.
        deviations : float64 [frames, blocks, 2]
            Of each block, pixels.

        Returns
        -------
        float64 [frames, 2, 2]
            For rows and for columns: the largest shift along the first border, the smallest along the last one.
        """
        # along a border the field is largest in a corner or at the middle of a block
        at = [np.r_[0, middle, n - 1] for middle, n in zip(self.middles, self.size, strict=True)]
        rows, columns = (_hats(x, middle) for x, middle in zip(at, self.middles, strict=True))
        field = np.einsum("tabk,ai,bj->tijk", deviations.reshape(len(shifts), *self.shape, 2), rows, columns)
        first = np.stack([field[:, 0, :, 0].max(axis=1), field[:, :, 0, 1].max(axis=1)], axis=1)
        last = np.stack([field[:, -1, :, 0].min(axis=1), field[:, :, -1, 1].min(axis=1)], axis=1)
        return shifts[:, :, None] + np.stack([first, last], axis=2)


def _hats(x: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Weights of linear interpolation between ``middle`` [n] at ``x`` [m], float64 [n, m]."""
    if len(middle) == 1:
        return np.ones((1, len(x)))
    x = np.clip(x, middle[0] - (middle[1] - middle[0]) / 2, middle[-1] + (middle[-1] - middle[-2]) / 2)
    left = np.clip(np.searchsorted(middle, x) - 1, 0, len(middle) - 2)
    part = (x - middle[left]) / (middle[left + 1] - middle[left])
    weights = np.zeros((len(middle), len(x)))
    weights[left, np.arange(len(x))] = 1 - part
    weights[left + 1, np.arange(len(x))] = part
    return weights


class Mover:
    """Moves images of one size by a shift and the deviations of blocks, with cubic interpolation, once.

    Parameters
    ----------
    blocks : Blocks
        The grid.
    shape : tuple of int
        (height, width) of the images.
    bin : int
        Pixels of a frame in one of the images; shifts and deviations are in pixels of the images.
    """

    def __init__(self, blocks: Blocks, shape: tuple[int, int], bin: int = 1):
        self.grid = blocks.shape
        self.rows, self.columns = (w.astype(np.float32) for w in blocks.weights(shape, bin))
        self.y, self.x = (np.arange(n, dtype=np.float32) for n in shape)

    def sources(self, shift: np.ndarray, deviations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in the frame each pixel of the registered image comes from: row and column, float32 [h, w] both."""
        dy, dx = np.moveaxis(np.asarray(deviations, np.float32).reshape(*self.grid, 2), 2, 0)
        down, right = (np.float32(value) for value in shift)
        y = (self.y - down)[:, None] - self.rows.T @ (dy @ self.columns)
        x = (self.x - right)[None, :] - (self.rows.T @ dx) @ self.columns
        return y, x

    def __call__(self, frame: np.ndarray, shift: np.ndarray, deviations: np.ndarray) -> np.ndarray:
        """Move an image by ``shift`` (2) and ``deviations`` [blocks, 2], down and to the right."""
        y, x = self.sources(shift, deviations)
        return cv2.remap(frame, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


class PiecewiseRegistration(Registration):
    """Registers frames rigidly, and then block by block, to a template of frames moved in this way.

    Parameters
    ----------
    *rigid
        As :class:`Registration` takes them.
    blocks : Blocks
        The grid.
    max_deviation : float
        Largest deviation of a block from the rigid shift (rows, columns), in pixels.
    """

    def __init__(self, *rigid, blocks: Blocks, max_deviation: float):
        super().__init__(*rigid)
        self.blocks, self.n_blocks = blocks, len(blocks.blocks)
        self.limit = max_deviation / self.bin
        correlation = np.kron(np.eye(2), blocks.correlation())
        self.unlike, self.root = np.linalg.inv(correlation), np.linalg.cholesky(correlation)
        self.largest = max(self.limit, SMALLEST_DEVIATION)
        self.move = Mover(blocks, blocks.size)
        self.move_filtered = Mover(blocks, self.shape, self.bin)
        # pixels that share their noise: the low pass is a Gaussian, the high pass takes little away
        self.shared = max(1.0, 4 * np.pi * self.sigmas[0] ** 2)

    def edges(self, shifts: np.ndarray, deviations: np.ndarray) -> np.ndarray:
        """See :meth:`Blocks.edges`."""
        return self.blocks.edges(shifts, deviations)

    def fit(self, frames: np.ndarray, rounds: int = TEMPLATE_ROUNDS) -> np.ndarray:
        """As :meth:`Registration.fit`; then the template is made of frames whose blocks moved."""
        shifts = super().fit(frames, rounds) / self.bin
        filtered = self._map(self._filter, frames)
        for _ in range(PIECEWISE_ROUNDS):
            deviations, moved = self._deviations(filtered, shifts)
            template = np.mean(moved, axis=0)
            variance = np.mean([(m - template) ** 2 for m in moved], axis=0)

            def back(i, template=template, deviations=deviations):
                # by the field where the pixel came to lie: a shift is small against a block
                return filtered[i] - self.move_filtered(template, -shifts[i], -deviations[i])

            self._set_static(self._map(back, range(len(filtered))))
            self._set(template, variance)
        return shifts * self.bin

    def _deviations(self, filtered: list, shifts: np.ndarray) -> tuple[np.ndarray, list]:
        """Deviations [n, blocks, 2] of frames that follow each other, binned pixels, and the frames moved by them."""
        found = self._map(lambda i: self._deviate(filtered[i] - self.static, shifts[i]), range(len(filtered)))
        deviations = self._shrink(np.array([v for v, _ in found]), np.array([p for _, p in found]))
        deviations = np.clip(deviations, -self.limit, self.limit).reshape(len(found), 2, -1).transpose(0, 2, 1)
        return deviations, self._map(
            lambda i: self.move_filtered(filtered[i] - self.static, shifts[i], deviations[i]), range(len(filtered))
        )

    def _set(self, template: np.ndarray, variance: np.ndarray) -> None:
        super()._set(template, variance)
        rows, columns = (w[:, s] for w, s in zip(self.blocks.weights(self.shape, self.bin), self.inside, strict=True))
        gradient = self.gradient.reshape(2, *self.root_weight.shape)
        self.rows_inside, self.columns_inside = rows.astype(np.float32), columns.astype(np.float32)
        self.whitened = gradient * self.root_weight
        # sum_x w B_b B_c g g', whose factors over rows and columns are summed one after the other
        over_rows, over_columns = ((w[:, None] * w[None]).reshape(len(w) ** 2, -1) for w in (rows, columns))
        n, m = self.blocks.shape
        hessian = np.empty((2, n * m, 2, n * m))
        for i in range(2):
            for j in range(2):
                product = over_rows @ (self.whitened[i] * self.whitened[j]).astype(np.float64) @ over_columns.T
                hessian[i, :, j] = product.reshape(n, n, m, m).transpose(0, 2, 1, 3).reshape(n * m, n * m)
        self.hessian_of_blocks = hessian.reshape(2 * n * m, 2 * n * m)

    def _deviate(self, frame: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, float]:
        """What one frame says of its deviations, in binned pixels.

        Returns
        -------
        float64 [2 * blocks], float
            ``p H d`` and ``p``: with the template's Hessian ``H`` the logarithm of the likelihood of deviations
            ``e`` (all rows, then all columns) is ``-p/2 (e - d)' H (e - d)``.
        """
        target = self.template[self.inside]
        d = np.zeros(len(self.hessian_of_blocks))
        prior = self.unlike / self.largest**2
        for _ in range(PIECEWISE_STEPS):
            y, x = self.move_filtered.sources(shift, d.reshape(2, -1).T)
            moved = cv2.remap(frame, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            residual = (moved[self.inside] - target) * self.root_weight
            # not below what rounding leaves of a movie without structure
            spread = MAD_TO_SD * float(np.median(np.abs(residual[::2, ::2]))) + ROUNDING * self.level + 1e-12
            used = float(np.mean(np.abs(residual) <= TEMPLATE_HUBER * spread))
            residual = np.clip(residual, -TEMPLATE_HUBER * spread, TEMPLATE_HUBER * spread)
            # what the frame does not cover says nothing
            residual[((y < 0) | (y > len(y) - 1) | (x < 0) | (x > x.shape[1] - 1))[self.inside]] = 0
            noise = self.shared * spread**2
            slope = [self.rows_inside @ (g * residual) @ self.columns_inside.T for g in self.whitened]
            slope = np.ravel(slope).astype(np.float64) / noise
            hessian = self.hessian_of_blocks * (used / noise)
            step = np.linalg.solve(hessian + prior, slope - prior @ d)
            step = np.clip(d + np.clip(step, -LARGEST_STEP, LARGEST_STEP), -self.limit, self.limit) - d
            if not np.all(np.isfinite(step)) or np.abs(step).max() < SMALLEST_STEP:
                break
            d = d + step
        return hessian @ d + slope, used / noise

    def _shrink(self, values: np.ndarray, precisions: np.ndarray) -> np.ndarray:
        """The most probable deviations, given what each frame says and the size that is usual among the frames.

        Parameters
        ----------
        values, precisions : float64 [n, 2 * blocks], [n]
            See :meth:`_deviate`.

        Returns
        -------
        float64 [n, 2 * blocks]
        """
        # in axes where H is diagonal and the prior round, each coefficient is shrunk alone
        curvature, axes = np.linalg.eigh(self.root.T @ self.hessian_of_blocks @ self.root)
        axes = self.root @ axes
        data = np.outer(precisions, np.maximum(curvature, 0))
        values = values @ axes
        prior = 1 / self.largest**2
        for _ in range(DEVIATION_ESTIMATES):
            mean = values / (data + prior)
            prior = 1 / np.clip(np.mean(mean**2 + 1 / (data + prior)), SMALLEST_DEVIATION**2, self.largest**2)
        return (values / (data + prior)) @ axes.T
