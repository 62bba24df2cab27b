"""Spatial filters: binning, and the band-pass filters of registration and of seeding."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.ndimage as ndi

# work is shared out over frames and blocks of pixels here, not inside OpenCV
cv2.setNumThreads(1)


def bin_frame(frame: np.ndarray, size: int) -> np.ndarray:
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
    return cv2.resize(frame[: height * size, : width * size], (width, height), interpolation=cv2.INTER_AREA)


def box_mean(frame: np.ndarray) -> np.ndarray:
    """Mean of each pixel and the eight around it, float32 [height, width]; along the border of the two beside it.

    So a slope stays what it is, up to the border.
    """
    out = np.array(frame, np.float32)
    out[1:-1] = (frame[:-2] + frame[1:-1] + frame[2:]) / 3
    frame = out.copy()
    out[:, 1:-1] = (frame[:, :-2] + frame[:, 1:-1] + frame[:, 2:]) / 3
    return out


def from_nearest(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """An image [height, width] in which pixels that are not known have the value of the nearest one that is."""
    if not known.any():
        return image
    return image[tuple(ndi.distance_transform_edt(~known, return_distances=False, return_indices=True))]


def blur(frame: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, reflecting at the border; the kernel ends at 3 sigma."""
    size = 2 * int(np.ceil(3 * sigma)) + 1
    return cv2.GaussianBlur(frame, (size, size), sigma, borderType=cv2.BORDER_REFLECT)


def band_pass(frame: np.ndarray, inner: float, outer: float) -> np.ndarray:
    """Difference of two Gaussians: keeps structures between ``inner`` and ``outer`` pixels (sigma)."""
    return blur(frame, inner) - blur(frame, outer)
