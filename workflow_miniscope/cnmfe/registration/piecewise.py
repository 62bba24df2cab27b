"""Piecewise-rigid registration: where the parts of the brain lay in each frame.

Brain tissue is no solid: parts of the field move differently. As in NoRMCorre (Pnevmatikakis and Giovannucci 2017,
J Neurosci Methods 291:83) the field is divided into overlapping blocks, each of which moves by the rigid shift ``s``
of the frame and a small deviation of its own. Between the middles of the blocks the deviations ``d_b`` are
interpolated linearly; beyond the outermost ones they go on for half the distance of two blocks and then stay the same,

    d(x) = sum_b B_b(x) d_b,        B_b(x): 1 at the middle of block b, 0 at that of every other block,

so that the frame is moved once, by ``s + d(x)``, and has no seams. NoRMCorre registers each block for itself; here
the deviations of all blocks are found together, with the weights ``w``, the template ``T`` and the robust sum of
squares of :mod:`rigid`,

    d = argmin_d  1 / (k v) sum_x w(x) rho( F(x - s - d(x)) - T(x) ) + 1 / t^2 sum_bc d_b (K^-1)_bc d_c,

because the interpolated field moves the pixels of one block with the deviations of others too. ``v`` is the variance
of the weighted residuals and ``k`` the number of neighbouring pixels that share their noise after the band-pass.
The second sum keeps a block without structure at the rigid shift, or with its neighbours: ``K`` is the correlation
that is expected between blocks, falling with their distance, and ``t`` the usual size of deviations, estimated by
expectation-maximisation for each stretch of frames. Where nothing deviates it is small, and so are the deviations.
The minimum is found by Gauss-Newton steps (Lucas and Kanade 1981) from ``d = 0``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...movies.types import Floats, Numbers, Shape
from ..arrays.robust import MAD_TO_SD
from ..arrays.workers import Workers
from .blocks import Blocks, Mover, interpolate
from .matching import Usual
from .protocol import Motion
from .rigid import LARGEST_STEP, ROUNDING, SMALLEST_STEP, TEMPLATE_HUBER, TEMPLATE_ROUNDS, RigidRegistration

#: Gauss-Newton steps of a piecewise-rigid registration at most
PIECEWISE_STEPS = 6
#: templates made of frames that were moved block by block, one after the other
PIECEWISE_ROUNDS = 2
#: steps of the estimate of the usual size of deviations (expectation-maximisation)
DEVIATION_ESTIMATES = 50
#: binned pixels: the usual size of deviations is not smaller, where nothing deviates
SMALLEST_DEVIATION = 0.01


class PiecewiseRegistration(RigidRegistration):
    """Registers frames rigidly, and then block by block, to a template of frames moved in this way.

    Parameters
    ----------
    shape, gSig_filt, max_shifts, workers
        As :class:`RigidRegistration` takes them.
    blocks : Blocks
        The grid.
    max_deviation : float
        Largest deviation of a block from the rigid shift (rows, columns), in pixels.
    """

    blocks: Blocks

    def __init__(
        self,
        shape: Shape,
        gSig_filt: float,
        max_shifts: Sequence[int],
        workers: Workers,
        blocks: Blocks,
        max_deviation: float,
    ):
        super().__init__(shape, gSig_filt, max_shifts, workers)
        self.blocks = blocks
        self.limit = max_deviation / self.bin
        correlation = np.kron(np.eye(2), blocks.correlation())
        self.unlike, self.root = np.linalg.inv(correlation), np.linalg.cholesky(correlation)
        self.largest = max(self.limit, SMALLEST_DEVIATION)
        self.mover = Mover(blocks, blocks.size)
        self.move_filtered = Mover(blocks, self.shape, self.bin)
        # pixels that share their noise: the low pass is a Gaussian, the high pass takes little away
        self.shared = max(1.0, 4 * np.pi * self.sigmas[0] ** 2)

    def move(self, frame: Floats, shift: Floats, deviations: Floats) -> Floats:
        """Move a frame as it was recorded by its shift and the deviations of its blocks, once."""
        return self.mover(frame, shift, deviations)

    def edges(self, shifts: Floats, deviations: Floats) -> Floats:
        """See :meth:`Blocks.edges`."""
        return self.blocks.edges(shifts, deviations)

    def fit(self, frames: Numbers, rounds: int = TEMPLATE_ROUNDS) -> Motion:
        """As :meth:`RigidRegistration.fit`; then the template is made of frames whose blocks moved."""
        found = super().fit(frames, rounds)
        used = np.flatnonzero(found.matched)
        shifts = found.shifts[used] / self.bin
        filtered = self.workers.map(self._filter, frames[used])
        for _ in range(PIECEWISE_ROUNDS):
            deviations, moved = self._deviations(filtered, shifts)
            template = np.mean(moved, axis=0)
            variance = np.mean([(m - template) ** 2 for m in moved], axis=0)

            def back(i: int, template: Floats = template, deviations: Floats = deviations) -> Floats:
                # by the field where the pixel came to lie: a shift is small against a block
                static: Floats = filtered[i] - self.move_filtered(template, -shifts[i], -deviations[i])
                return static

            self._set_static(self.workers.map(back, range(len(filtered))))
            self._set(template, variance)
        self.usual = Usual.of(self._scores(moved, shifts))
        return found

    def _deviations(self, filtered: list[Floats], shifts: Floats) -> tuple[Floats, list[Floats]]:
        """Deviations [n, blocks, 2] of frames that follow each other, binned pixels, and the frames moved by them."""
        found = self.workers.map(lambda i: self._deviate(filtered[i] - self.static, shifts[i]), range(len(filtered)))
        deviations = self._shrink(np.array([v for v, _ in found]), np.array([p for _, p in found]))
        deviations = np.clip(deviations, -self.limit, self.limit).reshape(len(found), 2, -1).transpose(0, 2, 1)
        return deviations, self.workers.map(
            lambda i: self.move_filtered(filtered[i] - self.static, shifts[i], deviations[i]), range(len(filtered))
        )

    def _set(self, template: Floats, variance: Floats) -> None:
        super()._set(template, variance)
        rows, columns = (w[:, s] for w, s in zip(self.blocks.weights(self.shape, self.bin), self.inside, strict=True))
        self.rows_inside, self.columns_inside = rows.astype(np.float32), columns.astype(np.float32)
        # sum_x w B_b B_c g g', whose factors over rows and columns are summed one after the other
        over_rows, over_columns = ((w[:, None] * w[None]).reshape(len(w) ** 2, -1) for w in (rows, columns))
        n, m = self.blocks.shape
        hessian = np.empty((2, n * m, 2, n * m))
        for i in range(2):
            for j in range(2):
                product = over_rows @ (self.whitened[i] * self.whitened[j]).astype(np.float64) @ over_columns.T
                hessian[i, :, j] = product.reshape(n, n, m, m).transpose(0, 2, 1, 3).reshape(n * m, n * m)
        self.hessian_of_blocks = hessian.reshape(2 * n * m, 2 * n * m)

    def _deviate(self, frame: Floats, shift: Floats) -> tuple[Floats, float]:
        """Give what one frame says of its deviations, in binned pixels.

        Returns
        -------
        float64 [2 * blocks], float
            ``p H d`` and ``p``: with the template's Hessian ``H`` the logarithm of the likelihood of deviations
            ``e`` (all rows, then all columns) is ``-p/2 (e - d)' H (e - d)``.
        """
        target = self.template[self.inside]
        d: Floats = np.zeros(len(self.hessian_of_blocks))
        prior = self.unlike / self.largest**2
        for _ in range(PIECEWISE_STEPS):
            y, x = self.move_filtered.sources(shift, d.reshape(2, -1).T)
            moved = interpolate(frame, y, x)
            residual = (moved[self.inside] - target) * self.root_weight
            # not below what rounding leaves of a movie without structure
            spread = MAD_TO_SD * float(np.median(np.abs(residual[::2, ::2]))) + ROUNDING * self.level + 1e-12
            used = float(np.mean(np.abs(residual) <= TEMPLATE_HUBER * spread))
            residual = np.clip(residual, -TEMPLATE_HUBER * spread, TEMPLATE_HUBER * spread)
            # what the frame does not cover says nothing
            residual[((y < 0) | (y > len(y) - 1) | (x < 0) | (x > x.shape[1] - 1))[self.inside]] = 0
            noise = self.shared * spread**2
            slopes = [self.rows_inside @ (g * residual) @ self.columns_inside.T for g in self.whitened]
            slope = np.ravel(slopes).astype(np.float64) / noise
            hessian = self.hessian_of_blocks * (used / noise)
            step = np.linalg.solve(hessian + prior, slope - prior @ d)
            step = np.clip(d + np.clip(step, -LARGEST_STEP, LARGEST_STEP), -self.limit, self.limit) - d
            if not np.all(np.isfinite(step)) or np.abs(step).max() < SMALLEST_STEP:
                break
            d = d + step
        return hessian @ d + slope, used / noise

    def _shrink(self, values: Floats, precisions: Floats) -> Floats:
        """Give the most probable deviations, given what each frame says and the size that is usual among the frames.

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
        shrunk: Floats = (values / (data + prior)) @ axes.T
        return shrunk
