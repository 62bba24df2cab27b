"""Footprints: how much of each component's calcium is in each pixel.

With the background's ring model applied (:mod:`background`), the footprints are the non-negative least squares
fit of the traces to every pixel, alone for each pixel and only over the components that may reach it,

    min_{a_p >= 0}  sum_t [ Y(p, t) - B(p, t) - sum_k a_k(p) C(k, t) ]^2,

which needs only the products ``sum_t (Y - B)(p, t) C(k, t)`` and ``C C'``. A footprint then keeps the pixels
where it is significant, ``a_k(p) > 2 sn(p) / |C_k|`` after a small blur, and which hang together around its peak.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numba import njit

from ...movies.types import Bools, Floats, Ints

#: a pixel belongs to a footprint that is there this many standard errors above 0
PIXEL_SIGNIFICANCE = 2.0
#: and above this fraction of its peak
PIXEL_OF_PEAK = 0.02
#: working pixels in the smallest footprint
LEAST_PIXELS = 9
#: standard errors: a footprint whose peak is less is faint
FAINT_PEAK = 16.0
#: standard errors: a footprint whose peak is less is mostly noise
NOISY_PEAK = 8.0
#: working pixels, side of the kernel: light of a point is blurred over more than a pixel, and so may every footprint be
SLIGHT_BLUR_SIDE = 3
#: working pixels, sigma of this blur
SLIGHT_BLUR_SIGMA = 0.7
#: part of the noise that counts as left by the slight blur: more than the 0.43 left of white noise, because
#: neighbouring pixels share some
SLIGHT_BLUR_NOISE = 0.75
#: working pixels, side of the kernel of the blur for faint footprints
FAINT_BLUR_SIDE = 9
#: working pixels, sigma of this blur
FAINT_BLUR_SIGMA = 1.5
#: part of the noise that counts as left by this blur: more than the 0.19 left of white noise
FAINT_BLUR_NOISE = 0.3
#: fraction of the peak above which pixels stay even if they form a filament
FILAMENT_OF_PEAK = 0.5
#: fraction of the frames that must have covered a pixel for all that its footprint lacks to be believed
LEAST_COVERAGE = 0.3
#: working pixels: margin around a footprint that the next fit may use
GROWTH = 2

# a pixel and its four neighbours
_FOUR = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@njit(nogil=True, cache=True)
def fit_pixels(
    indptr: Ints, components: Ints, products: Floats, gram: Floats, values: Floats, sweeps: int, first: int, last: int
) -> None:
    """Non-negative least squares for the pixels ``first`` to ``last``, by coordinate descent, in place.

    indptr, components: CSR structure [pixels, components] of the pixels a component may have; products and
    values: one number for each entry; gram: [components, components].
    """
    for p in range(first, last):
        begin, end = indptr[p], indptr[p + 1]
        for _ in range(sweeps):
            for i in range(begin, end):
                k = components[i]
                if gram[k, k] <= 0:
                    values[i] = 0
                    continue
                slope = products[i]
                for j in range(begin, end):
                    slope -= values[j] * gram[k, components[j]]
                values[i] = max(0.0, values[i] + slope / gram[k, k])


def tidy(footprint: Floats, error: Floats) -> Bools:
    """Pixels that a footprint keeps.

    Parameters
    ----------
    footprint : float32 [n, n]
        Around the component.
    error : float32 [n, n]
        Standard error of each value.

    Returns
    -------
    bool [n, n]
        The significant pixels that hang together with the peak; without filaments of single pixels.
    """
    smooth, left = _slightly(footprint), SLIGHT_BLUR_NOISE
    if _is_low(smooth, error):
        # a faint cell, mostly one out of focus: only more pixels together tell how far it reaches
        smooth, left = _widely(footprint, cv2.BORDER_DEFAULT), FAINT_BLUR_NOISE
    keep: Bools = (smooth > PIXEL_SIGNIFICANCE * left * error) & (smooth > PIXEL_OF_PEAK * smooth.max())
    if not keep.any():
        return keep
    peak = np.unravel_index(np.argmax(np.where(keep, smooth, 0)), keep.shape)
    keep = _connected(keep, peak)
    return _connected(_without_filaments(keep) | (keep & (smooth > FILAMENT_OF_PEAK * smooth[peak])), peak)


def where_covered(footprint: Floats, filled: Floats, seen: Floats) -> Floats:
    """Give a footprint as the frames that cover its pixels show it.

    In the other frames the movie holds what the model said when they were filled (:mod:`refinement`), with the
    footprint ``a_0`` of that time. Its least squares fit to all of them is ``a = f a_1 + (1 - f) a_0`` in a pixel that
    a fraction ``f`` of the frames cover: without this, cells cut by the border would be too dim along it.

    Parameters
    ----------
    footprint, filled : float32 [...]
        ``a`` and ``a_0``.
    seen : float [...]
        ``f``.

    Returns
    -------
    float32 [...]
        ``a_1``, not negative, and 0 where ``a`` is.
    """
    exact = filled + (footprint - filled) / np.maximum(seen, LEAST_COVERAGE)
    covered: Floats = np.where(footprint > 0, np.maximum(exact, 0), 0).astype(np.float32)
    return covered


def is_faint(footprint: Floats, error: Floats, limit: float = FAINT_PEAK) -> bool:
    """Whether the peak of a footprint is below ``limit`` standard errors; the others are those of :func:`tidy`."""
    return _is_low(_slightly(footprint), error, limit)


def smooth(footprint: Floats, mask: Bools, inside: Bools) -> Floats:
    """Give a footprint without the noise of single pixels.

    Parameters
    ----------
    footprint : float32 [n, n]
        Around the component.
    mask : bool [n, n]
        Pixels that it may have, in the field.
    inside : bool [n, n]
        Pixels in the field: beyond its border nothing is known, which is not darkness.

    Returns
    -------
    float32 [n, n]
    """
    light, weight = (_widely(image.astype(np.float32), cv2.BORDER_CONSTANT) for image in (footprint, inside))
    return np.where(mask, light / np.maximum(weight, 1e-3), 0).astype(np.float32)


def _slightly(footprint: Floats) -> Floats:
    # a small blur lowers the noise, not the cell
    return np.asarray(cv2.GaussianBlur(footprint, (SLIGHT_BLUR_SIDE, SLIGHT_BLUR_SIDE), SLIGHT_BLUR_SIGMA), np.float32)


def _widely(image: Floats, border: int) -> Floats:
    side = FAINT_BLUR_SIDE
    return np.asarray(cv2.GaussianBlur(image, (side, side), FAINT_BLUR_SIGMA, borderType=border), np.float32)


def _is_low(smooth: Floats, error: Floats, limit: float = FAINT_PEAK) -> bool:
    peak = np.unravel_index(np.argmax(smooth), smooth.shape)
    return bool(smooth[peak] < limit * error[peak])


def _connected(mask: Bools, at: tuple[np.signedinteger[Any], ...]) -> Bools:
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return labels == labels[at] if labels[at] else np.zeros_like(mask)


def _without_filaments(mask: Bools) -> Bools:
    """Every pixel that is in a square of two by two."""
    corners = mask[:-1, :-1] & mask[1:, :-1] & mask[:-1, 1:] & mask[1:, 1:]
    out = np.zeros_like(mask)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            out[rows, columns] |= corners
    return out


def grow(mask: Bools, pixels: int = GROWTH) -> Bools:
    """Pixels that the next fit may use: a margin around the present ones."""
    return cv2.dilate(mask.astype(np.uint8), _FOUR, iterations=pixels).astype(bool)
