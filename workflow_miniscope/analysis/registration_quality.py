"""How well the frames of a recording lie on each other, before and after they were registered.

Two measures are common: the correlation of each frame with the template, and the crispness of the mean, which is the
norm of its gradient (Pnevmatikakis and Giovannucci 2017, J Neurosci Methods 291:83): a movie that moves has a blurred
mean. Both are of images without their slow changes in space: the light of a one-photon field falls off towards its
border and does not move with the brain, so that any two frames are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..movies.types import Floats, Numbers

#: px: what is wider than this (sigma of a Gaussian) is taken away: vessels and cells stay
WIDEST = 8.0
#: px: and what is finer, which is the noise of single frames
FINEST = 1.0
#: part of a side that is left out at either border at most
LARGEST_MARGIN = 0.25


@dataclass(frozen=True)
class Lying:
    """How frames lie on each other.

    Attributes
    ----------
    mean : float64 [height, width]
        Of the frames.
    correlation : float64 [frame]
        Of each frame with the mean of all others.
    crispness : float
        Root mean square of the gradient of the mean, grey levels a pixel.
    """

    mean: Floats
    correlation: Floats
    crispness: float


def lying(frames: Sequence[Numbers] | Numbers, margin: int = 0) -> Lying:
    """Measure how frames lie on each other.

    Parameters
    ----------
    frames : sequence of ndarray [height, width]
        At least two.
    margin : int
        Pixels along the border that not all frames cover. They are left out, as are those that the filter makes of what
        lies beyond the border; a quarter of a side at most.

    Raises
    ------
    ValueError
        There are fewer than two frames.
    """
    if len(frames) < 2:
        raise ValueError(f"{len(frames)} frames do not lie on each other; at least 2 are needed.")
    inside = tuple(
        slice(cut, side - cut)
        for side in np.shape(frames[0])
        for cut in [min(max(margin, int(2 * WIDEST)), int(LARGEST_MARGIN * side))]
    )
    mean: Floats = np.asarray(np.mean(frames, axis=0, dtype=np.float64))
    details = np.stack([_details(frame)[inside].ravel() for frame in frames])
    details -= details.mean(axis=1, keepdims=True)
    total = details.sum(axis=0)
    # the mean of the others: a frame is like a mean that it is in
    others = total - details
    products = np.einsum("tp,tp->t", details, others)
    norms = np.linalg.norm(details, axis=1) * np.linalg.norm(others, axis=1)
    rows, columns = np.gradient(_details(mean)[inside].astype(np.float64))
    return Lying(
        mean,
        np.divide(products, norms, out=np.zeros(len(norms)), where=norms > 0).astype(np.float64),
        float(np.sqrt(np.mean(rows**2 + columns**2))),
    )


def _details(image: Numbers) -> Floats:
    fine = cv2.GaussianBlur(np.asarray(image, np.float32), (0, 0), FINEST)
    details: Floats = fine - cv2.GaussianBlur(np.asarray(image, np.float32), (0, 0), WIDEST)
    return details
