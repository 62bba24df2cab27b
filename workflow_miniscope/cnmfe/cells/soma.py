"""The size of a soma, from cells that light up in some frames.

A Gaussian blob of size sigma gives its largest response to the Laplacian of a Gaussian, times the square of the
scale, at the scale sigma (Lindeberg 1998, Int J Comput Vis 30:79). Blobs are looked for in averages of a few
registered frames, minus the median over time: there cells are bright one at a time, so that neighbours do not
merge, and what never changes is gone.
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy.ndimage as ndi

from ...movies.types import Floats, Numbers
from ..arrays.filtering import bin_frame
from ..arrays.robust import MAD_TO_SD
from ..arrays.workers import Workers
from ..registration.rigid import translate

#: pixels, scales (sigma) that are tried: from cells under an old, coarse camera to those of a magnifying lens
SOMA_SCALES = 2.0 * 1.15 ** np.arange(14)
#: scales that fit the field, at least: the first and the last one are no maxima
LEAST_SCALES = 3
#: scales (sigma) in the shorter side of the field, at least, for one to be tried
FIELD_SCALES = 6
#: frames averaged, against noise; a transient lasts longer
AVERAGED_FRAMES = 4
#: averages, spread over the frames, that are enough
MOST_AVERAGES = 25
#: pixels along the shorter side from which two by two are binned: no scale is smaller than two pixels
BINNED_SIDE = 64
#: robust standard deviations of the response by which blobs must stand out
BLOB_CONTRAST = 6.0
#: scales (sigma) from the border within which a blob may be cut and is left out
BLOB_MARGIN = 2
#: blobs, at least, for a median to mean something
LEAST_BLOBS = 8


def soma_size(frames: Numbers, shifts: Floats, workers: Workers) -> float | None:
    """Median sigma of the blobs that light up, pixels.

    Parameters
    ----------
    frames : [n, height, width]
        Some frames that follow each other.
    shifts : float64 [n, 2]
        Their corrections.
    workers : Workers
        Frames are shared out over them.

    Returns
    -------
    float or None
        None where there are too few blobs.
    """
    n = len(frames) // AVERAGED_FRAMES

    def mean(i: int) -> Floats:
        few = range(AVERAGED_FRAMES * i, AVERAGED_FRAMES * (i + 1))
        average: Floats = np.mean([translate(frames[t].astype(np.float32), *shifts[t]) for t in few], axis=0)
        return average

    means = np.stack(workers.map(mean, range(n)))
    still = np.stack(workers.map(lambda y: np.median(means[:, y], axis=0), range(means.shape[1])))
    changes = (means - still)[:: max(1, n // MOST_AVERAGES)]
    size = 2 if min(frames.shape[1:]) >= BINNED_SIDE else 1
    scales = SOMA_SCALES[SOMA_SCALES * FIELD_SCALES < min(frames.shape[1:])] / size
    if len(scales) < LEAST_SCALES:
        return None
    blobs = workers.map(lambda image: _blobs(bin_frame(image, size), scales), changes)
    found, strength = (np.concatenate(values) for values in zip(*blobs, strict=True))
    if len(found) < LEAST_BLOBS:
        return None
    # the strongest half: the weak ones are noise and cells far out of focus
    order = np.argsort(strength)[len(found) // 2 :]
    return float(np.median(found[order] * size))


def _blobs(image: Floats, scales: Floats) -> tuple[Floats, Floats]:
    """Scale of each blob of an image and how much it stands out."""
    stack = np.stack([_response(image, sigma) for sigma in scales])
    spread = MAD_TO_SD * np.median(np.abs(stack), axis=(1, 2), keepdims=True)
    peak = (ndi.maximum_filter(stack, 3) == stack) & (stack > BLOB_CONTRAST * np.maximum(spread, 1e-6))
    # the first and the last scale are no maxima, only ends; blobs cut by the border seem small or large
    peak[[0, -1]] = False
    k, y, x = np.nonzero(peak)
    far, (height, width) = BLOB_MARGIN * scales[k], image.shape
    whole = (far <= y) & (y < height - far) & (far <= x) & (x < width - far)
    return scales[k[whole]], stack[peak][whole]


def _response(image: Floats, sigma: float) -> Floats:
    """Minus the Laplacian of a Gaussian, times sigma squared."""
    size = 2 * int(np.ceil(4 * sigma)) + 1
    smooth = cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REFLECT)
    laplacian = np.asarray(cv2.Laplacian(smooth, cv2.CV_32F, borderType=cv2.BORDER_REFLECT), np.float32)
    return -(sigma**2) * laplacian
