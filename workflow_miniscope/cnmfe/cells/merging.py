"""Merging of components that are one cell: overlapping footprints with the same trace.

Neighbours whose traces are not yet apart correlate too. Where the movie shows a second dimension in the place of two
components (:mod:`dimensions`), they are two cells however much their traces correlate; and where it does not, the
weaker one is a part of the other.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...movies.types import Floats, Ints
from ..calcium.temporal import average
from ..model.components import Components
from ..model.fit import Fit
from .dimensions import SecondDimension, second_dimension, without

#: cosine of two footprints from which they are compared at all
COMPARED_COSINE = 0.1
#: standard errors: two components whose traces correlate are two cells if their second dimension is more significant
TWO_CELLS_SIGNIFICANCE = 15.0
#: and larger than this, relative to the first one
TWO_CELLS_RATIO = 0.15
#: cosine of two footprints from which they may be parts of one cell, whatever their traces
SAME_COSINE = 0.7
#: standard errors: they are, if their second dimension is less significant
SAME_SIGNIFICANCE = 15.0
#: cosine of two footprints from which they may be parts of one cell if their traces correlate
NEAR_COSINE = 0.4
#: correlation of the traces of such parts, relative to ``merge_thr``
NEAR_CORRELATION = 0.7
#: standard errors: they are parts, if their second dimension is less significant
NEAR_SIGNIFICANCE = 30.0
#: cosine of two footprints from which they are one cell, whatever their traces: the events of a cell were dealt out
ALIKE_COSINE = 0.85
#: standard errors: but for two cells of which nobody could doubt
ALIKE_SIGNIFICANCE = 60.0
#: parts have a second dimension this small, relative to the first one: that of a very bright cell is significant
#: whatever it comes from
PART_RATIO = 0.05


def merge(fit: Fit, threshold: float, width: int, parts: bool = False) -> int:
    """Merge overlapping components whose traces correlate above ``threshold`` (``merge_thr``), in place.

    The brighter one takes the other's pixels; the next updates fit the rest.

    Parameters
    ----------
    fit : Fit
        The model with all components.
    threshold : float
        ``merge_thr``.
    width : int
        Frames to average, see :func:`seeds.bin_width`.
    parts : bool
        Merge parts too. What the model of a bright cell leaves (its trace is not quite what the kernel says, its
        light not quite linear) looks like weak components in its place, which follow it less exactly. So do weak
        cells whose trace is not yet their own: only for the last round.

    Returns
    -------
    int
        How many were merged away.
    """
    c = fit.components
    if len(c) < 2:
        return 0
    A = c.matrix()
    gram = (A @ A.T).tocsr()
    norm = np.sqrt(gram.diagonal())
    size = np.sqrt(c.energy())
    energy = size * norm
    sure = fit.always_seen(A)
    # with what the model filled in beside the border, and without it
    left, C = fit.project_residual(sp.vstack([A, sure]).tocsr(), width), average(c.C, width)
    # parts of a sparse matrix take longer to cut out than to compute with
    shown = [(gram.toarray(), left[: len(c)]), ((sure @ sure.T).toarray(), left[len(c) :])]
    found = []
    overlap = gram.tocoo()
    for i, j, value in zip(overlap.row, overlap.col, overlap.data, strict=True):
        if i >= j or not value > COMPARED_COSINE * norm[i] * norm[j] or not size[i] > 0 or not size[j] > 0:
            continue
        cosine, r = value / (norm[i] * norm[j]), float(c.C[i] @ c.C[j]) / (size[i] * size[j])
        follows = parts and cosine > NEAR_COSINE and r > NEAR_CORRELATION * threshold
        same = parts and cosine > SAME_COSINE
        if not (r > threshold or follows or same):
            continue
        pair = np.array([i, j])
        near = [gram.indices[gram.indptr[k] : gram.indptr[k + 1]] for k in pair]
        others = np.setdiff1d(np.concatenate(near), pair)
        second, certain = (_second(products, rest, C, pair, others) for products, rest in shown)
        if (
            (r > threshold and not (certain.significance > TWO_CELLS_SIGNIFICANCE and certain.ratio > TWO_CELLS_RATIO))
            or (follows and (second.significance < NEAR_SIGNIFICANCE or second.ratio < PART_RATIO))
            or (same and cosine > ALIKE_COSINE and second.significance < ALIKE_SIGNIFICANCE)
            or (same and (second.significance < SAME_SIGNIFICANCE or second.ratio < PART_RATIO))
        ):
            found.append((second.significance, int(i), int(j)))
    # they are large, and no longer needed when the traces are moved
    del left, shown, C
    gone = set()
    for _, i, j in sorted(found):
        if i in gone or j in gone:
            continue
        if energy[i] < energy[j]:
            i, j = j, i
        gone.add(j)
        c.gone[int(c.ids[j])] = int(c.ids[i])
        _take(c, i, j, size[j] / size[i])
    c.keep(np.array([k for k in range(len(c)) if k not in gone], dtype=np.int64))
    return len(gone)


def _second(products: Floats, left: Floats, C: Floats, pair: Ints, others: Ints) -> SecondDimension:
    """Second dimension of the movie in the place of a pair, beside the other components there."""
    images: Floats = products[np.ix_(pair, pair)].astype(np.float64)
    cross, among = products[np.ix_(pair, others)], products[np.ix_(others, others)]
    images, rest = without(images, left[pair], cross, among, left[others])
    return second_dimension(images, rest + images @ C[pair])


def _take(c: Components, i: int, j: int, scale: float) -> None:
    """Add component j's pixels to component i, as far as they lie in its window."""
    y, x = np.nonzero(c.masks[j])
    value = c.footprints[j, y, x] * scale
    y, x = y + c.tops[j] - c.tops[i], x + c.lefts[j] - c.lefts[i]
    inside = (y >= 0) & (y < c.side) & (x >= 0) & (x < c.side)
    y, x, value = y[inside], x[inside], value[inside]
    c.footprints[i, y, x] += value
    c.masks[i, y, x] = True
    # a cell and the light around it are a cell
    c.surround[i] &= c.surround[j]
