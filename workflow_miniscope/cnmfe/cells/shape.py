"""The shape of footprints: how long, how wide, how compact."""

from __future__ import annotations

import numpy as np

from ...movies.types import Floats
from ..model.components import Components

#: gSig: what is near the peak of a footprint, the radius of a soma
SOMA_REACH = 2.0
#: a footprint is cut by the border if it is brighter there than this fraction of its peak
CUT_OF_PEAK = 0.3
#: pixels brighter than this fraction of the peak count for the width of a footprint: neuropil that follows a cell is
#: dimmer, and the light of the background is not
WIDTH_OF_PEAK = 0.25


def eccentricity(components: Components) -> Floats:
    """Ratio of the axes of each footprint, float64 [components]: 1 for a disk, large for a line.

    The axes are the square roots of the principal values of the covariance of the pixels' positions, weighted by
    the squared footprint. What is seen of a cell that the border of the field cuts says nothing about its shape: 1.
    """
    reach = np.arange(components.side, dtype=np.float64)
    y, x = np.meshgrid(reach, reach, indexing="ij")
    out = np.ones(len(components))
    at_border = components.at_border()
    for k, footprint in enumerate(components.footprints):
        if footprint[at_border[k]].max(initial=0) > CUT_OF_PEAK * footprint.max():
            continue
        weight = footprint.astype(np.float64) ** 2
        weight /= max(weight.sum(), 1e-300)
        my, mx = (weight * y).sum(), (weight * x).sum()
        yy, xx, xy = (
            (weight * (y - my) ** 2).sum(),
            (weight * (x - mx) ** 2).sum(),
            (weight * (y - my) * (x - mx)).sum(),
        )
        short, long = np.linalg.eigvalsh([[yy, xy], [xy, xx]])
        out[k] = np.sqrt(long / max(short, 1e-12))
    return out


def width(components: Components) -> Floats:
    """Width of each footprint in pixels, float64 [n]: root of how many exceed ``WIDTH_OF_PEAK`` of the peak."""
    peak = components.footprints.max(axis=(1, 2), keepdims=True)
    widths: Floats = np.sqrt((components.footprints > WIDTH_OF_PEAK * peak).sum(axis=(1, 2)))
    return widths


def compactness(components: Components, reach: float) -> Floats:
    """Part of the light of each footprint near its peak, float64 [n]: little of several pieces, halos and crescents.

    Parameters
    ----------
    components : Components
        With their footprints.
    reach : float
        Pixels that are near.
    """
    side = np.arange(components.side)
    out = np.zeros(len(components))
    for k, footprint in enumerate(components.footprints):
        y, x = np.unravel_index(int(footprint.argmax()), footprint.shape)
        near = np.hypot((side - y)[:, None], side - x) < reach
        out[k] = footprint[near].sum() / max(footprint.sum(dtype=np.float64), 1e-300)
    return out


def of_footprints(components: Components, gSig: float) -> dict[str, Floats]:
    """Width and compactness of final footprints: with a pixel of noise as its peak a faint one would be narrow.

    Parameters
    ----------
    components : Components
        Components, their footprints smoothed.
    gSig : float
        Size of a soma (sigma), working pixels.

    Returns
    -------
    dict of float64 [n]
        By name, see :data:`.probability.PROPERTIES`.
    """
    return {"width": width(components) / gSig, "compactness": compactness(components, SOMA_REACH * gSig)}
