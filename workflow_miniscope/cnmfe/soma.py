"""The size of a soma, from cells that light up in the first frames.

A Gaussian blob of size sigma gives its largest response to the Laplacian of a Gaussian, times the square of the
scale, at the scale sigma (Lindeberg 1998, Int J Comput Vis 30:79). Blobs are looked for in averages of a few
registered frames, minus the median over time: there cells are bright one at a time, so that neighbours do not
merge, and what never changes is gone.
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy.ndimage as ndi

from .filtering import bin_frame
from .registration import translate

# scales that are tried, pixels: from cells under an old, coarse camera to those of a magnifying lens
SCALES = 2.0 * 1.15 ** np.arange(14)
# frames averaged, against noise; a transient lasts longer
AVERAGE = 4
# as many averages, spread over the frames, are enough
IMAGES = 25
# blobs must stand out by this many standard deviations of the response
CONTRAST = 6.0
# at least so many blobs for a median to mean something
MIN_BLOBS = 8


def soma_size(frames: np.ndarray, shifts: np.ndarray) -> float | None:
    """Median sigma of the blobs that light up, pixels.

    Parameters
    ----------
    frames : [n, height, width]
        Some frames that follow each other.
    shifts : float64 [n, 2]
        Their corrections.

    Returns
    -------
    float or None
        None where there are too few blobs.
    """
    moved = np.stack([translate(f.astype(np.float32), *s) for f, s in zip(frames, shifts, strict=True)])
    n = len(moved) // AVERAGE
    means = moved[: n * AVERAGE].reshape(n, AVERAGE, *moved.shape[1:]).mean(axis=1)
    changes = (means - np.median(means, axis=0))[:: max(1, n // IMAGES)]
    size = 2 if min(frames.shape[1:]) >= 64 else 1
    changes = np.stack([bin_frame(image, size) for image in changes])
    scales = SCALES[SCALES * 6 < min(frames.shape[1:])] / size
    if len(scales) < 3:
        return None
    found, strength = [], []
    for image in changes:
        stack = np.stack([_response(image, sigma) for sigma in scales])
        spread = 1.4826 * np.median(np.abs(stack), axis=(1, 2), keepdims=True)
        peak = (ndi.maximum_filter(stack, 3) == stack) & (stack > CONTRAST * np.maximum(spread, 1e-6))
        # the first and the last scale are no maxima, only ends; blobs cut by the border seem small or large
        peak[[0, -1]] = False
        for k, y, x in np.argwhere(peak):
            far = 2 * scales[k]
            if far <= y < image.shape[0] - far and far <= x < image.shape[1] - far:
                found.append(scales[k] * size)
                strength.append(stack[k, y, x])
    if len(found) < MIN_BLOBS:
        return None
    # the strongest half: the weak ones are noise and cells far out of focus
    order = np.argsort(strength)[len(found) // 2 :]
    return float(np.median(np.array(found)[order]))


def _response(image: np.ndarray, sigma: float) -> np.ndarray:
    """Minus the Laplacian of a Gaussian, times sigma squared."""
    size = 2 * int(np.ceil(4 * sigma)) + 1
    smooth = cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REFLECT)
    return -(sigma**2) * cv2.Laplacian(smooth, cv2.CV_32F, borderType=cv2.BORDER_REFLECT)
