"""Spatial filters: binning, and the band-pass filters of registration and of seeding."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.ndimage as ndi

from ...movies.types import Bools, Floats


def bin_frame(frame: Floats, size: int) -> Floats:
    """Mean of every ``size`` x ``size`` pixels.

    Rows and columns that do not fill a bin are left out, so bin (i, j) covers the rows ``size * i`` to
    ``size * (i + 1)``.

    Parameters
    ----------
    frame : float32 [height, width]
        Image.
    size : int
        Side of a bin in pixels.

    Returns
    -------
    float32 [height // size, width // size]
    """
    if size == 1:
        return frame
    height, width = frame.shape[0] // size, frame.shape[1] // size
    whole = frame[: height * size, : width * size]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def box_mean(frame: Floats) -> Floats:
    """Mean of each pixel and the eight around it, float32 [height, width]; along the border of the two beside it.

    So a slope stays what it is, up to the border.
    """
    out = np.array(frame, np.float32)
    out[1:-1] = (frame[:-2] + frame[1:-1] + frame[2:]) / 3
    frame = out.copy()
    out[:, 1:-1] = (frame[:, :-2] + frame[:, 1:-1] + frame[:, 2:]) / 3
    return out


def from_nearest(image: Floats, known: Bools) -> Floats:
    """Give an image [height, width] in which pixels that are not known have the value of the nearest one that is."""
    if not known.any():
        return image
    nearest: Floats = image[tuple(ndi.distance_transform_edt(~known, return_distances=False, return_indices=True))]
    return nearest


def blur(frame: Floats, sigma: float) -> Floats:
    """Gaussian blur, reflecting at the border; the kernel ends at 3 sigma."""
    size = 2 * int(np.ceil(3 * sigma)) + 1
    return np.asarray(cv2.GaussianBlur(frame, (size, size), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def band_pass(frame: Floats, inner: float, outer: float) -> Floats:
    """Difference of two Gaussians: keeps structures between ``inner`` and ``outer`` pixels (sigma)."""
    return blur(frame, inner) - blur(frame, outer)
