"""Outlines of footprints."""

from __future__ import annotations

from typing import Any

import contourpy
import numpy as np

from ..movies.types import Floats, Numbers


def outline(mask: tuple[Numbers, Numbers, Numbers], height: int, width: int, energy: float) -> list[Floats]:
    """Give the closed lines around a cell's brightest pixels that hold a part of its energy.

    Parameters
    ----------
    mask : tuple of (xpix, ypix, weights)
        Columns and rows of its pixels, and their weights.
    height, width : int
        Of the field, in pixels.
    energy : float
        Part of the sum of squared weights.

    Returns
    -------
    list of float64 [points, 2]
        (x, y) in pixels: the centre of the upper left pixel is (0, 0).

    Raises
    ------
    ValueError
        A pixel lies outside the field.
    """
    x, y = (np.asarray(part, int) for part in mask[:2])
    weights = np.asarray(mask[2], float)
    if not len(x):
        return []
    if x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height:
        raise ValueError(
            f"A mask has columns {x.min()} to {x.max()} and rows {y.min()} to {y.max()}, outside an image "
            f"of {width} columns and {height} rows; are its x and y swapped?"
        )
    # one empty pixel around, so that the outline of a cell at the border closes
    left, top = x.min() - 1, y.min() - 1
    crop = np.zeros((y.max() - top + 2, x.max() - left + 2))
    crop[y - top, x - left] = weights
    values = np.sort(weights)[::-1]
    held = np.cumsum(values**2)
    level = values[np.searchsorted(held, energy * held[-1])]
    # just below the level, so that a mask of equal weights has an outline too
    lines: list[Any] = list(contourpy.contour_generator(z=crop).lines(level * 0.999))
    return [line + (left, top) for line in lines]
