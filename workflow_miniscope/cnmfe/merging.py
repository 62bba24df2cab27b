"""Merging of components that are one cell: overlapping footprints with the same trace."""

from __future__ import annotations

import numpy as np

from .components import Components

# cosine of two footprints from which they are compared at all
OVERLAP = 0.1
# a fragment: most of its light is where a brighter component is, and its trace follows that one's this much
# (relative to the threshold for two cells)
INSIDE, FOLLOWS = 0.7, 0.7
# a shadow: nearly the footprint of a component that much brighter
SAME, BRIGHTER = 0.9, 1.5


def merge(components: Components, threshold: float, fragments: bool = False) -> int:
    """Merge overlapping components whose traces correlate above ``threshold`` (``merge_thr``), in place.

    The brighter one takes the other's pixels; the next updates fit the rest.

    Parameters
    ----------
    components : Components
        All of them.
    threshold : float
        ``merge_thr``.
    fragments : bool
        Merge fragments and shadows too. What the model of a bright cell leaves (its trace is not quite what the
        kernel says, its light not quite linear) looks like weak components within it, which follow it less exactly,
        or have its footprint and only some of its events. So do weak cells whose trace is not yet their own: only
        for the last round.

    Returns
    -------
    int
        How many were merged away.
    """
    c = components
    if len(c) < 2:
        return 0
    A = c.matrix()
    norm = np.sqrt(np.asarray(A.multiply(A).sum(axis=1)).ravel())
    overlap = (A @ A.T).tocoo()
    size = np.sqrt((c.C.astype(np.float64) ** 2).sum(axis=1))
    energy = size * norm
    light = A.multiply(A).tocsr()
    covered = (light @ (A > 0).astype(np.float32).T).tocsr()
    pairs = []
    for i, j, value in zip(overlap.row, overlap.col, overlap.data, strict=True):
        if i < j and value > OVERLAP * norm[i] * norm[j] and size[i] > 0 and size[j] > 0:
            r = float(c.C[i] @ c.C[j]) / (size[i] * size[j])
            weak, bright = (i, j) if energy[i] < energy[j] else (j, i)
            fragment = fragments and covered[weak, bright] > INSIDE * norm[weak] ** 2
            shadow = fragments and value > SAME * norm[i] * norm[j] and energy[bright] > BRIGHTER * energy[weak]
            if shadow or r > threshold * (FOLLOWS if fragment else 1):
                pairs.append((r, int(i), int(j)))
    gone = set()
    for _, i, j in sorted(pairs, reverse=True):
        if i in gone or j in gone:
            continue
        if energy[i] < energy[j]:
            i, j = j, i
        gone.add(j)
        _take(c, i, j, size[j] / size[i])
    c.keep(np.array([k for k in range(len(c)) if k not in gone], dtype=np.int64))
    return len(gone)


def _take(c: Components, i: int, j: int, scale: float) -> None:
    """Add component j's pixels to component i, as far as they lie in its window."""
    y, x = np.nonzero(c.masks[j])
    value = c.footprints[j, y, x] * scale
    y, x = y + c.tops[j] - c.tops[i], x + c.lefts[j] - c.lefts[i]
    inside = (y >= 0) & (y < c.side) & (x >= 0) & (x < c.side)
    y, x, value = y[inside], x[inside], value[inside]
    c.footprints[i, y, x] += value
    c.masks[i, y, x] = True
