"""Splitting of components that are a cell and the light around it.

The neuropil around a cell often follows it, because it is its own dendrites or those of cells that fire with it, and
is finer than the ring of the background. A component that begins on a dim cell then takes the light around it too: its
footprint is wide and its trace is that of both. Where the movie has two dimensions in a narrow and a wide image of the
footprint (:mod:`dimensions`), they are two sources. The narrow one stays the component; the wide one is fitted beside
it (``Components.surround``) as a part of the background, and is left out of the result.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ...movies.types import Bools, Floats, Ints
from ..calcium.temporal import average
from ..model.components import Components
from ..model.fit import Fit
from . import splitting
from .dimensions import second_dimension
from .shape import SOMA_REACH

#: gSig: the level of the light around a cell is its mean up to here, from the end of the soma (``SOMA_REACH``) on
AROUND_REACH = 3.0
#: gSig: sigma of the blur in which the peak of a footprint is looked for, against noise
PEAK_BLUR = 0.5
#: part of the light of a footprint outside the soma, at least
LEAST_OUTSIDE = 0.35
#: height of the soma above the light around it, at least, as a part of the peak
LEAST_HEIGHT = 0.2
#: standard errors: the two are two sources if the second dimension is more significant
SIGNIFICANCE = 15.0
#: and larger than this, relative to the first one
RATIO = 0.1
#: cosine of the narrow image and another footprint from which it is that component's cell
KNOWN_COSINE = 0.5
#: added to the diagonal of the products of the two images, relative to it
RIDGE = 1e-6


class _Parts(NamedTuple):
    """The two images of a component.

    Attributes
    ----------
    of : int
        Which component.
    images : float32 [2, pixels]
        The narrow and the wide one; their sum is its footprint.
    where : int64 [pixels]
        Pixels of the footprint in the field.
    near : bool [side, side]
        Pixels of the soma.
    """

    of: int
    images: Floats
    where: Ints
    near: Bools


def split(fit: Fit, width: int, gSig: float) -> int:
    """Split components in place; the next updates fit their footprints and traces.

    Parameters
    ----------
    fit : Fit
        The model.
    width : int
        Frames to average, see :func:`seeds.bin_width`.
    gSig : float
        Size of a soma (sigma), working pixels.

    Returns
    -------
    int
        How many were split.
    """
    c = fit.components
    parts = _unknown(c, _parts(c, gSig))
    if not parts:
        return 0
    seen = fit.always_seen(splitting.rows([(one.images, one.where) for one in parts], fit.movie.pixels))
    blocks, bins, frames = splitting.looked_at(fit, width)
    left, C = fit.project_residual(seen, width, blocks), average(c.C, width)[:, bins]
    new = []
    for i, one in enumerate(parts):
        two = slice(2 * i, 2 * i + 2)
        products = (seen[two] @ seen[two].T).toarray().astype(np.float64)
        values = left[two] + np.outer(products.sum(axis=1), C[one.of])
        found = second_dimension(products, values)
        if found.significance < SIGNIFICANCE or found.ratio < RATIO:
            continue
        products.flat[::3] += RIDGE * np.trace(products)
        traces = np.repeat(np.linalg.solve(products, values), width, axis=1)[:, : len(frames)]
        mask = c.masks[one.of].copy()
        c.masks[one.of] &= one.near
        new.append((one.of, *splitting.replace(c, one.of, one.images, traces, frames), mask))
    if new:
        # all at once: each time the traces of all components are copied
        of, wide, C, masks = (np.stack(values) for values in zip(*new, strict=True))
        c.append(np.stack([c.tops[of], c.lefts[of]], axis=1) + c.radius, wide, masks, C, surround=True)
    return len(new)


def _parts(c: Components, gSig: float) -> list[_Parts]:
    """Give the images of the components that have much light outside a soma around their peak."""
    reach = np.arange(c.side)
    found = []
    for k, (footprint, inside) in enumerate(zip(c.footprints, c.inside(), strict=True)):
        if c.surround[k] or not footprint.any():
            continue
        smooth = cv2.GaussianBlur(footprint, (0, 0), PEAK_BLUR * gSig)
        y, x = np.unravel_index(int(np.argmax(smooth)), smooth.shape)
        distance = np.hypot((reach - y)[:, None], reach - x) / gSig
        near = distance < SOMA_REACH
        around = ~near & (distance < AROUND_REACH) & inside
        if footprint[~near].sum() < LEAST_OUTSIDE * footprint.sum() or not around.any():
            continue
        above = footprint - footprint[around].mean()
        if above[near].max() < LEAST_HEIGHT * footprint[near].max():
            continue
        narrow = np.where(near, np.maximum(above, 0), 0).astype(np.float32)
        rows, columns = np.nonzero(footprint)
        images = np.stack([narrow, footprint - narrow])[:, rows, columns]
        found.append(_Parts(k, images, (rows + c.tops[k]) * c.shape[1] + columns + c.lefts[k], near))
    return found


def _unknown(c: Components, parts: list[_Parts]) -> list[_Parts]:
    """Leave out those whose narrow image is the cell of another component, which leaves some light there."""
    if not parts:
        return []
    A, narrow = c.matrix(), splitting.rows([(one.images[:1], one.where) for one in parts], c.shape[0] * c.shape[1])
    lengths = [np.sqrt(np.asarray(one.multiply(one).sum(axis=1)).ravel()) for one in (narrow, A)]
    cosine = (narrow @ A.T).toarray() / np.maximum(np.outer(*lengths), 1e-12)
    cosine[np.arange(len(parts)), [one.of for one in parts]] = 0
    known = (cosine[:, ~c.surround] > KNOWN_COSINE).any(axis=1)
    return [one for one, no in zip(parts, known, strict=True) if not no]
