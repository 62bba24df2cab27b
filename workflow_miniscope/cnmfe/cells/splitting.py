"""Splitting of components that are two cells.

Cells that overlap almost wholly are one seed, and their fit one component with the events of both. The movie in its
place then has two dimensions (:mod:`dimensions`), seen in a few smooth images: the footprint, and the footprint times
powers and products of the coordinates up to the third order. There it is ``a x(t) + b y(t)``; what ``a`` and ``b``
are, the third cumulants of the innovations ``d(t) = z(t) - g z(t - 1)`` tell, to which independent activities
contribute each its own and noise nothing,

    sum_t (d(t) . v)^3 = kappa_x (a . v)^3 + kappa_y (b . v)^3    for every v.

Writing a cubic form of two variables as the sum of two cubes is a quadratic equation (Sylvester 1851, see Comon &
Mourrain 1996, Signal Process 53:93, who separate sources with it).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...movies.types import Floats, Ints
from ..calcium.temporal import average
from ..model.components import Components
from ..model.fit import Fit
from .dimensions import SecondDimension, second_dimension

#: standard errors: a component is split if its second dimension is at least as significant
SPLIT_SIGNIFICANCE = 40.0
#: and at least as large, relative to the first one
SPLIT_RATIO = 0.15
#: largest power of the coordinates in the images that a component's place is seen in
IMAGE_ORDER = 3
#: standard errors: of a component that a person splits, the second dimension is that of a cell from here on
BY_HAND_SIGNIFICANCE = 15.0
#: part of the energy of a new footprint that is not negative, at least: cells only emit light
POSITIVE_PART = 0.9
#: cosine of the two new footprints at most: two that are more alike cannot be told apart
LARGEST_COSINE = 0.985
#: frames that are looked at, at equal distances over a longer recording: ten images of a thousand components are large
SPLIT_FRAMES = 18432


def split(fit: Fit, width: int) -> int:
    """Split components in place; the next updates fit their footprints and traces.

    Parameters
    ----------
    fit : Fit
        The model.
    width : int
        Frames to average, see :func:`seeds.bin_width`.

    Returns
    -------
    int
        How many were split.
    """
    c = fit.components
    if not len(c):
        return 0
    places = [_images(c, k) for k in range(len(c))]
    blocks, bins, frames = looked_at(fit, width)
    left = fit.project_residual(fit.always_seen(rows(places, fit.movie.pixels)), width, blocks)
    sure = fit.sure_pixels()
    C = average(c.C, width)[:, bins]
    first, new = 0, []
    for k, (images, where) in enumerate(places):
        last = first + len(images)
        # the first image is the footprint itself
        seen = (images * sure[where]).astype(np.float32).astype(np.float64)
        known = seen @ seen.T
        found = second_dimension(known, left[first:last] + np.outer(known[:, 0], C[k]))
        first = last
        if found.significance < SPLIT_SIGNIFICANCE or found.ratio < SPLIT_RATIO:
            continue
        apart = _apart(found, images, fit.g**width, fit.movie.length // width)
        if apart is None:
            continue
        lit, traces = apart
        new.append((k, *replace(c, k, lit, np.repeat(traces, width, axis=1)[:, : len(frames)], frames)))
    if new:
        # the light around a cell has no activities of its own that could be told apart
        c.surround[[k for k, *_ in new]] = False
        # all at once: each time the traces of all components are copied
        of, footprints, C = (np.stack(values) for values in zip(*new, strict=True))
        c.append(np.stack([c.tops[of], c.lefts[of]], axis=1) + c.radius, footprints, c.masks[of], C)
    return len(new)


def looked_at(fit: Fit, width: int) -> tuple[list[int], Ints, Ints]:
    """Give the blocks of the movie that are looked at, their averages over ``width`` frames, and their frames."""
    blocks = list(fit.movie.spread(SPLIT_FRAMES))
    bins = fit.movie.bins(blocks, width)
    frames = (bins[:, None] * width + np.arange(width)).ravel()
    return blocks, bins, frames[frames < fit.movie.n_frames]


def split_one(fit: Fit, k: int, width: int) -> int:
    """Split component ``k`` in place because a person wants it, however faint its second dimension is.

    Where the activities cannot be told apart, the footprint is halved across its length: the next updates say what
    each half does.

    Parameters
    ----------
    fit : Fit
        The model.
    k : int
        Which component.
    width : int
        Frames to average, see :func:`seeds.bin_width`.

    Returns
    -------
    int
        Number (:attr:`Components.ids`) of the second one.
    """
    c = fit.components
    images, where = _images(c, k)
    left = fit.project_residual(rows([(images, where)], fit.movie.pixels), width)
    C = average(c.C[[k]], width)[0]
    found = second_dimension(images @ images.T, left + np.outer(images @ images[0], C))
    told = found.significance >= BY_HAND_SIGNIFICANCE
    apart = _apart(found, images, fit.g**width, fit.movie.length // width) if told else None
    frames = np.arange(fit.movie.n_frames)
    if apart is None:
        y, x = np.divmod(where, c.shape[1])
        weight = images[0] / images[0].sum()
        away = np.stack([y - weight @ y, x - weight @ x])
        long = np.linalg.eigh((away * weight) @ away.T)[1][:, -1]
        side = long @ away > 0
        halves, old = np.stack([side, ~side]), c.C[[k]].astype(np.float64)
        footprint, trace = replace(c, k, images[0] * halves, np.repeat(old, 2, axis=0), frames)
    else:
        lit, bins = apart
        footprint, trace = replace(c, k, lit, np.repeat(bins, width, axis=1)[:, : len(frames)], frames)
    middle = np.array([[c.tops[k] + c.radius, c.lefts[k] + c.radius]])
    c.append(middle, footprint[None], c.masks[[k]], trace[None])
    return int(c.ids[-1])


def _apart(found: SecondDimension, images: Floats, g: float, block: int) -> tuple[Floats, Floats] | None:
    """Footprints [2, pixels] and traces [2, bins] of two cells; None where they cannot be told apart."""
    mixing = separate(found.series, g, block)
    if mixing is None:
        return None
    footprints = (found.directions @ mixing).T @ images
    lit: Floats = np.maximum(footprints, 0)
    size = np.linalg.norm(lit, axis=1)
    dark = (size**2 < POSITIVE_PART * (footprints**2).sum(axis=1)).any()
    if dark or lit[0] @ lit[1] > LARGEST_COSINE * size[0] * size[1]:
        return None
    return lit, np.linalg.solve(mixing, found.series)


def _images(c: Components, k: int) -> tuple[Floats, Ints]:
    """Give the smooth images of a component, float64 [n, pixels], and their pixels in the field."""
    y, x = np.nonzero(c.footprints[k])
    values = c.footprints[k][y, x].astype(np.float64)
    weight = values**2 / (values @ values)
    dy, dx = y - weight @ y, x - weight @ x
    size = np.sqrt(weight @ (dy**2 + dx**2) / 2) or 1.0
    powers = [(i, j) for i in range(IMAGE_ORDER + 1) for j in range(IMAGE_ORDER + 1 - i)]
    images = np.array([values * (dy / size) ** i * (dx / size) ** j for i, j in powers])
    return images, (y + c.tops[k]) * c.shape[1] + x + c.lefts[k]


def rows(places: list[tuple[Floats, Ints]], pixels: int) -> sp.csr_matrix:
    """Give images, each list with its pixels, as the rows of a matrix [images, pixels]."""
    values = np.concatenate([images.ravel() for images, _ in places])
    at = np.concatenate([np.tile(where, len(images)) for images, where in places])
    lengths = np.concatenate([np.full(len(images), len(where)) for images, where in places])
    return sp.csr_matrix((values, at, np.concatenate([[0], np.cumsum(lengths)])), shape=(len(lengths), pixels))


def separate(series: Floats, g: float, block: int | None = None) -> Floats | None:
    """Directions of two independent activities in a plane.

    Parameters
    ----------
    series : float64 [2, bins]
        Sums of two calcium traces and noise.
    g : float
        Decay of calcium from bin to bin.
    block : int, optional
        Bins after which the series may jump; by default nowhere.

    Returns
    -------
    float64 [2, 2] or None
        One column for each activity, of length 1; None if the innovations are not the sum of two that are skewed
        towards larger values.
    """
    d = series[:, 1:] - g * series[:, :-1]
    if block:
        d = np.delete(d, np.s_[block - 1 :: block], axis=1)
    d -= np.median(d, axis=1, keepdims=True)
    cubic = [float(np.mean(d[0] ** (3 - i) * d[1] ** i)) for i in range(4)]
    # directions (1, t) of the two cubes: the roots of the quadratic form that is apolar to the cubic one
    p0, p1, p2 = np.cross(cubic[:3], cubic[1:])
    discriminant = p1**2 - 4 * p0 * p2
    if not discriminant > 0 or p2 == 0:
        return None
    t = (-p1 + np.array([-1, 1]) * np.sqrt(discriminant)) / (2 * p2)
    mixing = np.stack([np.ones(2), t]) / np.hypot(1, t)
    cubes = np.array([mixing[0] ** (3 - i) * mixing[1] ** i for i in range(4)])
    kappa = np.linalg.lstsq(cubes, cubic, rcond=None)[0]
    return mixing if (kappa > 0).all() else None


def replace(c: Components, k: int, lit: Floats, traces: Floats, frames: Ints) -> tuple[Floats, Floats]:
    """Put the first of two sources in the place of component ``k``; give footprint and trace of the second.

    Their footprints have the largest value 1, their traces are known at some frames.
    """
    peak = lit.max(axis=1)
    footprints = np.zeros((2, c.side, c.side), np.float32)
    footprints[:, c.footprints[k] != 0] = lit / peak[:, None]
    # elsewhere the next update starts from half of the old one for each
    C = np.repeat(c.C[k][None] / 2, 2, axis=0)
    C[:, frames] = (traces - traces.mean(axis=1, keepdims=True)) * peak[:, None]
    C -= C.mean(axis=1, keepdims=True)
    c.footprints[k], c.C[k] = footprints[0], C[0]
    return footprints[1], C[1]
