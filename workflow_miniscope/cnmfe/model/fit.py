"""The alternating fit: ring background, footprints, traces, each held while another is updated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from ...movies.types import Bools, Floats, Ints
from ..arrays import kernels
from ..arrays.workers import Workers
from ..calcium import temporal
from ..calcium.temporal import average
from ..storage.stored import StoredMovies
from . import background, spatial
from .components import Components

#: frames that are averaged for the gain of the background, against noise
GAIN_BIN = 8
#: standard deviation around 1 that the gain is expected to have: how much vessels dim what lies below them
GAIN_SPREAD = 0.3
#: largest gain of the background
GAIN_LARGEST = 3.0
#: fraction of the frames that cover a pixel whose values the movie says, and not the model
ALWAYS_SEEN = 0.98
#: part of the field at most that counts as not always covered: where the field moves far, hardly a pixel is
SELDOM_SEEN_PART = 0.25
#: passes of the coordinate descent over the footprints of a pixel
FOOTPRINT_SWEEPS = 6
#: rounds over the components in an update of the traces that were fitted before
TRACE_SWEEPS = 2


class Fit:
    """A model ``Y = A C + B`` of the scratch movie and the steps that improve it.

    Parameters
    ----------
    stored : StoredMovies
        The movies that the model is fitted to.
    ring_radius : float
        In pixels of the background's grid.
    radius : int
        Largest distance of a footprint's pixels from its seed, working pixels.
    g : float
        Decay of calcium from frame to frame.
    workers : Workers
        Threads.
    seen : float [height, width], optional
        Fraction of the frames that cover each pixel of the working grid; by default all.

    Attributes
    ----------
    movie, small : Scratch
        Of ``stored``: Y on the working grid (``pixels``) and on the background's grid (``small pixels``).
    sample : float32 [small pixels, n]
        Of ``stored``: the small movie again, averaged over time so that the ring regressions fit into memory.
    components : Components
        A and C; their product is in the movie's units.
    W : scipy.sparse.csr_matrix, float32 [small pixels, small pixels]
        Weights of the ring model: the background of a pixel of the small movie from those on its ring; dimensionless.
    reduce : scipy.sparse.csr_matrix, float32 [small pixels, pixels]
        Takes the mean of the working pixels in each pixel of the background's grid.
    mean : scipy.sparse.csr_matrix, float32 [small pixels, small pixels]
        Takes the mean of a pixel of the background's grid and the eight around it.
    down : scipy.sparse.csr_matrix, float32 [small pixels, pixels]
        D: both of them, ``mean`` after ``reduce``.
    smooth : scipy.sparse.csr_matrix, float32 [pixels, small pixels]
        Interpolates from the background's grid to the working grid.
    up : scipy.sparse.csr_matrix, float32 [pixels, small pixels]
        U: ``smooth`` times the gain of the background in each working pixel; ``smooth`` alone until that is known.
    sn : float32 [pixels]
        Standard deviation of the noise of each working pixel, in the movie's units.
    kernel : float64 [n] or None
        Calcium after a spike, once its rise and decay are known; until then the decay ``g`` alone counts.
    """

    def __init__(
        self,
        stored: StoredMovies,
        ring_radius: float,
        radius: int,
        g: float,
        workers: Workers,
        seen: Floats | None = None,
    ):
        self.stored, self.ring_radius, self.g, self.workers = stored, ring_radius, g, workers
        self.movie, self.small, self.sample = stored.movie, stored.small, stored.sample
        movie, small, grid = stored.movie, stored.small, stored.grid
        self.seen: Floats = np.ones(movie.shape) if seen is None else seen
        self.components = Components(movie.shape, movie.n_frames, radius, grid.extent)
        # one step of reduction after the other has fewer entries than both in one
        self.reduce = background.reduction_matrix(movie.shape, grid.factor)
        self.mean = background.box_mean_matrix(small.shape)
        self.down = (self.mean @ self.reduce).tocsr()
        self.smooth = background.interpolation_matrix(movie.shape, grid.factor)
        self.up = self.smooth
        self.W = sp.csr_matrix((small.pixels, small.pixels), dtype=np.float32)
        self.sn: Floats = np.ones(movie.pixels, np.float32)
        self.kernel: Floats | None = None

    def improve(self, background: bool = True, smooth: bool = True) -> None:
        """One round over background, traces and footprints; the background changes least and may be left out."""
        if background:
            self.update_background()
        self.update_traces()
        self.update_footprints(smooth)

    def sure_pixels(self) -> Bools:
        """Mark the pixels that frames cover, bool [pixels]: in the others the model filled what some frames lack."""
        enough = min(ALWAYS_SEEN, float(np.quantile(self.seen, SELDOM_SEEN_PART)))
        return np.ravel(self.seen >= enough)

    def always_seen(self, images: sp.csr_matrix) -> sp.csr_matrix:
        """Give images (rows) without the pixels that are not sure."""
        return sp.csr_matrix(images.multiply(self.sure_pixels()[None]), dtype=np.float32)

    # -- background ---------------------------------------------------------------------------------

    def update_background(self) -> None:
        """Fit the ring model to what the components leave."""
        A = self.down @ self.components.matrix().T
        # the traces averaged over time as the sample is
        rest = self.sample - np.asarray(A @ average(self.components.C, self.stored.step), dtype=np.float32)
        rest -= rest.mean(axis=1, keepdims=True)
        self.W = background.fit_ring(rest, self.small.shape, self.ring_radius, self.workers)
        self.up = sp.diags(self.background_gain()).astype(np.float32) @ self.smooth

    def start_background(self) -> None:
        """Take the mean of each ring for the background, before anything of the movie is known."""
        self.W, self.up = background.ring_means(self.small.shape, self.ring_radius), self.smooth

    def background_gain(self) -> Floats:
        """How bright the background is in each pixel, relative to what the coarse grid says there, float32 [pixels].

        A vessel dims what lies below it, and its edge is sharper than the background's grid: the regression of
        each pixel on the interpolated background, drawn to 1 where the background hardly fluctuates.
        """
        c = self.components
        A = c.matrix().T.tocsr()
        C = average(c.C, GAIN_BIN)
        covariance: Floats = np.zeros(self.movie.pixels)
        power: Floats = np.zeros(self.movie.pixels)
        totals = np.zeros((2, self.movie.pixels))
        bins = 0
        for block in range(self.movie.blocks):
            values, around = self.residual(block, GAIN_BIN, A, C, self.smooth)
            bins += values.shape[1]
            covariance += np.einsum("pt,pt->p", values, around)
            power += np.einsum("pt,pt->p", around, around)
            totals[0] += values.sum(axis=1)
            totals[1] += around.sum(axis=1)
        covariance -= totals[0] * totals[1] / bins
        power -= totals[1] ** 2 / bins
        prior = (self.sn.astype(np.float64) / GAIN_SPREAD) ** 2 / GAIN_BIN + 1e-12
        gain: Floats = ((covariance + prior) / (power + prior)).clip(0, GAIN_LARGEST).astype(np.float32)
        return gain

    def residual(self, block: int, width: int, A: sp.csr_matrix, C: Floats, up: sp.csr_matrix) -> tuple[Floats, Floats]:
        """Give a block without the components, and its background, averaged over every ``width`` frames.

        Parameters
        ----------
        block, width : int
            See :meth:`Scratch.read_averages`.
        A : scipy.sparse.csr_matrix [pixels, components]
            Footprints.
        C : float32 [components, bins]
            Averages of the traces.
        up : scipy.sparse.csr_matrix [pixels, small pixels]
            Interpolates the background.

        Returns
        -------
        tuple of float32 [pixels, bins]
            ``Y - A C`` and ``B``, up to a constant in time.
        """
        values = self.movie.read_averages(block, width, self.workers)
        start = self.movie.span(block).start // width
        if A.nnz:
            traces = np.ascontiguousarray(C[:, start : start + values.shape[1]])
            self.workers.split(
                self.movie.pixels,
                lambda a, b: kernels.subtract_model(values, A.indptr, A.indices, A.data, traces, a, b),
            )
        coarse = self.multiply(self.W, self.multiply(self.mean, self.multiply(self.reduce, values)))
        return values, self.multiply(up, coarse)

    def project_residual(self, weights: sp.csr_matrix, width: int, blocks: Sequence[int] | None = None) -> Floats:
        """Weighted sums of what background and components leave, averaged over every ``width`` frames.

        Parameters
        ----------
        weights : scipy.sparse.csr_matrix [n, pixels]
            One row for each sum.
        width : int
            See :meth:`Scratch.read_averages`.
        blocks : sequence of int, optional
            Blocks of the movie; by default all.

        Returns
        -------
        float32 [n, bins]
            Of mean zero.
        """
        blocks = range(self.movie.blocks) if blocks is None else blocks
        A = self.components.matrix().T.tocsr()
        C = average(self.components.C, width)
        weights = weights.astype(np.float32)
        out = np.empty((weights.shape[0], len(self.movie.bins(blocks, width))), np.float32)
        start = 0
        for block in blocks:
            values, around = self.residual(block, width, A, C, self.up)
            values -= around
            out[:, start : start + values.shape[1]] = self.multiply(weights, values)
            start += values.shape[1]
        out -= out.mean(axis=1, keepdims=True)
        return out

    def multiply(self, matrix: sp.csr_matrix, values: Floats) -> Floats:
        """Product of a sparse matrix and a block, float32 [rows, n], on all threads."""
        out = np.zeros((matrix.shape[0], values.shape[1]), np.float32)
        self.workers.split(
            len(out),
            lambda a, b: kernels.add_weighted_rows(values, matrix.indptr, matrix.indices, matrix.data, a, b, out),
        )
        return out

    def chain(self, rows: sp.csr_matrix, *matrices: sp.csr_matrix) -> sp.csr_matrix:
        """Product of sparse matrices, one after the other, the rows of the first shared out over all threads."""

        def product(some: slice) -> sp.csr_matrix:
            out = rows[some]
            for matrix in matrices:
                out = out @ matrix
            return out

        return sp.vstack(self.workers.map(product, self.workers.spans(rows.shape[0])), format="csr")

    # -- footprints ---------------------------------------------------------------------------------

    def cell_products(self, traces: Floats, gram: Floats) -> sp.csr_matrix:
        """``sum_t (Y - B)(p, t) c_k(t)`` in the pixels that each component may have.

        With ``B = U W D (Y - A C)`` it is, for each component alone, a product with the movie and one with the small
        movie, to which the ring's weights and the interpolation are applied.

        Parameters
        ----------
        traces : float32 [components, frames]
            ``c_k``, of mean zero.
        gram : float64 [components, components]
            Products of the traces of the components with these.

        Returns
        -------
        scipy.sparse.csr_matrix, float64 [pixels, components]
        """
        c, workers = self.components, self.workers
        mine = c.matrix(c.footprints, c.masks)
        values = self.movie.correlate(traces, mine.indptr, mine.indices, workers)
        # every ring pixel of every pixel of the background's grid that one of them is interpolated from
        rings = _entries(self.chain(_entries(mine), _entries(self.up), _entries(self.W)))
        rest = self.small.correlate(traces, rings.indptr, rings.indices, workers)
        A = (self.down @ c.matrix().T).tocsr()
        up, W = self.up, self.W

        def part(a: int, b: int) -> None:
            kernels.subtract_product(rings.indptr, rings.indices, A.indptr, A.indices, A.data, gram, a, b, rest)
            kernels.subtract_background(
                up.indptr,
                up.indices,
                up.data,
                W.indptr,
                W.indices,
                W.data,
                mine.indptr,
                mine.indices,
                rings.indptr,
                rings.indices,
                rest,
                a,
                b,
                values,
            )

        workers.split(len(c), part)
        return sp.csr_matrix((values, mine.indices, mine.indptr), shape=mine.shape).T.tocsr()

    def update_footprints(self, smooth: bool = True, sweeps: int = FOOTPRINT_SWEEPS) -> None:
        """Non-negative least squares fit of the footprints; see :mod:`spatial`.

        ``smooth``: footprints that are mostly noise are smoothed, so that the next traces are not fitted to it. Their
        consistency must not be asked of those.
        """
        c = self.components
        if not len(c):
            return
        gram = temporal.products(c.C, c.C)
        entries = self.cell_products(c.C, gram)
        start = c.matrix(c.footprints, c.masks).T.tocsr()
        fitted = start.data.astype(np.float64)
        products = entries.data
        self.workers.split(
            self.movie.pixels,
            lambda a, b: spatial.fit_pixels(entries.indptr, entries.indices, products, gram, fitted, sweeps, a, b),
        )
        start.data = fitted.astype(np.float32)
        self._store(start.T.tocsr())
        self._tidy(np.diag(gram), smooth)

    def _store(self, matrix: sp.csr_matrix) -> None:
        c = self.components
        c.footprints[:] = 0
        k = np.repeat(np.arange(len(c)), np.diff(matrix.indptr))
        y, x = np.divmod(matrix.indices, c.shape[1])
        c.footprints[k, y - c.tops[k], x - c.lefts[k]] = matrix.data

    def _tidy(self, energy: Floats, smooth: bool) -> None:
        """Keep the significant, connected pixels of each footprint; drop the components without any."""
        c = self.components
        inside, pixels = c.inside(), c.pixels()
        reach = np.arange(c.side) - c.radius
        disk = np.hypot(reach[:, None], reach) <= c.radius
        kept = []
        for k in range(len(c)):
            if not energy[k] > 0 or not c.footprints[k].max() > 0:
                continue
            error = self._error(inside[k], pixels[k], energy[k])
            keep = spatial.tidy(c.footprints[k], error) & inside[k]
            if keep.sum() < spatial.LEAST_PIXELS:
                continue
            c.footprints[k] = np.where(keep, c.footprints[k], 0)
            c.masks[k] = spatial.grow(keep) & disk & inside[k]
            if smooth and spatial.is_faint(c.footprints[k], error, spatial.NOISY_PEAK):
                c.footprints[k] = spatial.smooth(c.footprints[k], keep, inside[k])
            kept.append(k)
        c.keep(np.array(kept, dtype=np.int64))

    def correct_for_cover(self) -> None:
        """Footprints as the frames that cover their pixels show them; see :func:`spatial.where_covered`."""
        c = self.components
        inside, pixels = c.inside(), c.pixels()
        seen = np.ones(inside.shape)
        seen[inside] = self.seen.ravel()[pixels[inside]]
        c.footprints = spatial.where_covered(c.footprints, c.filled, seen)

    def smooth_footprints(self) -> None:
        """Take the noise of single pixels out of faint footprints; for the end, when their consistency is known."""
        c = self.components
        energy, inside, pixels = c.energy(), c.inside(), c.pixels()
        for k in np.flatnonzero(energy):
            if spatial.is_faint(c.footprints[k], self._error(inside[k], pixels[k], energy[k])):
                c.footprints[k] = spatial.smooth(c.footprints[k], c.masks[k], inside[k])

    def _error(self, inside: Bools, pixels: Ints, energy: float) -> Floats:
        """Give the standard error of each pixel of a footprint, float32 [side, side]; 0 outside the field."""
        error = np.zeros(inside.shape, np.float32)
        error[inside] = self.sn[pixels[inside]] / np.sqrt(energy)
        return error

    # -- traces -------------------------------------------------------------------------------------

    def trace_products(self, A: sp.csr_matrix, C: Floats, own: sp.csr_matrix) -> Floats:
        """Give ``A' (Y - B)``, of mean zero, where ``B`` is the background beside the components ``own``, ``C``.

        With ``B = U W D (Y - A C)`` (D reduces, U interpolates and applies the gain) this is
        ``A' Y - (A' U W) D Y + (A' U W D A) C``: two passes of sparse filters over the movie.
        """
        around = self.chain(A, self.up, self.W)
        products = self.movie.project(A, self.workers)
        self.small.project(-around, self.workers, out=products)
        products -= products.mean(axis=1, keepdims=True)
        if own.shape[0]:
            back = around @ (self.down @ own.T)
            for span in temporal.spans(C.shape[1]):
                products[:, span] += back @ C[:, span]
        return products

    def update_traces(self, sweeps: int = TRACE_SWEEPS) -> None:
        """Least squares fit of the traces, with deconvolution; see :mod:`temporal`."""
        c = self.components
        if not len(c):
            return
        gram, products = self._least_squares()
        temporal.update(products, gram, c.C, self.g, self.kernel, sweeps, self.workers)

    def raw_traces(self) -> Floats:
        """Traces before deconvolution, float32 [components, frames]."""
        C = self.components.C
        gram, out = self._least_squares()
        for k in range(len(C)):
            # in place: of an hour and a thousand cells each array takes 0.3 GB
            temporal.raw_trace(out, gram.indptr, gram.indices, gram.data, C, k, out[k])
        return out

    def _least_squares(self) -> tuple[sp.csr_matrix, Floats]:
        """Products of the footprints with each other, and with the movie without background."""
        A = self.components.matrix()
        return (A @ A.T).tocsr(), self.trace_products(A, self.components.C, A)


def _entries(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """1 wherever a matrix has an entry."""
    matrix = matrix.tocsr()
    return sp.csr_matrix((np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
