"""Footprints: how much of each component's calcium is in each pixel.

With the background's ring model applied (:mod:`background`), the footprints are the non-negative least squares
fit of the traces to every pixel, alone for each pixel and only over the components that may reach it,

    min_{a_p >= 0}  sum_t [ Y(p, t) - B(p, t) - sum_k a_k(p) C(k, t) ]^2,

which needs only the products ``sum_t (Y - B)(p, t) C(k, t)`` and ``C C'``. A footprint then keeps the pixels
where it is significant, ``a_k(p) > 2 sn(p) / |C_k|`` after a small blur, and which hang together around its peak.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

# a pixel counts when the footprint there is this many standard errors above 0
SIGNIFICANCE = 2.0
# and above this fraction of its peak
SMALLEST = 0.02
# smallest footprint, in pixels of the working grid
MIN_PIXELS = 9
# a footprint is faint if its peak is less than this many standard errors, and mostly noise if it is less than these
FAINT, NOISY = 16.0, 8.0
# kernel and sigma of the blur for faint footprints, pixels of the working grid
BLUR = (9, 9), 1.5
# of the frames must have covered a pixel for all that its footprint lacks to be believed
COVERED = 0.3

# a pixel and its four neighbours
_FOUR = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@njit(nogil=True, cache=True)
def fit_pixels(indptr, components, products, gram, values, sweeps, first, last):
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


def tidy(footprint: np.ndarray, error: np.ndarray) -> np.ndarray:
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
        The significant pixels that hang together with the peak; without threads of single pixels.
    """
    smooth, left = _slightly(footprint), 0.75
    if _is_low(smooth, error):
        # a faint cell, mostly one out of focus: only more pixels together tell how far it reaches
        smooth, left = cv2.GaussianBlur(footprint, *BLUR), 0.3
    keep = (smooth > SIGNIFICANCE * left * error) & (smooth > SMALLEST * smooth.max())
    if not keep.any():
        return keep
    peak = np.unravel_index(np.argmax(np.where(keep, smooth, 0)), keep.shape)
    keep = _connected(keep, peak)
    return _connected(_without_threads(keep) | (keep & (smooth > 0.5 * smooth[peak])), peak)


def where_covered(footprint: np.ndarray, filled: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """A footprint as the frames that cover its pixels show it.

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
    exact = filled + (footprint - filled) / np.maximum(seen, COVERED)
    return np.where(footprint > 0, np.maximum(exact, 0), 0).astype(np.float32)


def is_faint(footprint: np.ndarray, error: np.ndarray, limit: float = FAINT) -> bool:
    """Whether the peak of a footprint is below ``limit`` standard errors; the others are those of :func:`tidy`."""
    return _is_low(_slightly(footprint), error, limit)


def smooth(footprint: np.ndarray, mask: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A footprint without the noise of single pixels.

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
    light, weight = (
        cv2.GaussianBlur(image.astype(np.float32), *BLUR, borderType=cv2.BORDER_CONSTANT)
        for image in (footprint, inside)
    )
    return np.where(mask, light / np.maximum(weight, 1e-3), 0).astype(np.float32)


def _slightly(footprint: np.ndarray) -> np.ndarray:
    # light of a point is blurred over more than a pixel: a small blur lowers the noise, not the cell
    return cv2.GaussianBlur(footprint, (3, 3), 0.7)


def _is_low(smooth: np.ndarray, error: np.ndarray, limit: float = FAINT) -> bool:
    peak = np.unravel_index(np.argmax(smooth), smooth.shape)
    return bool(smooth[peak] < limit * error[peak])


def _connected(mask: np.ndarray, at: tuple) -> np.ndarray:
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return labels == labels[at] if labels[at] else np.zeros_like(mask)


def _without_threads(mask: np.ndarray) -> np.ndarray:
    """Every pixel that is in a square of two by two."""
    corners = mask[:-1, :-1] & mask[1:, :-1] & mask[:-1, 1:] & mask[1:, 1:]
    out = np.zeros_like(mask)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            out[rows, columns] |= corners
    return out


def grow(mask: np.ndarray, pixels: int = 2) -> np.ndarray:
    """Pixels that the next fit may use: a margin around the present ones."""
    return cv2.dilate(mask.astype(np.uint8), _FOUR, iterations=pixels).astype(bool)
