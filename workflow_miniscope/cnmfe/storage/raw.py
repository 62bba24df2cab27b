"""Whether frames are as a camera gives them, or were denoised, smoothed or compressed before they were saved."""

from __future__ import annotations

import cv2
import numpy as np

from ...movies.types import Ints, Numbers

#: pixels along a side of the window whose mean is taken away: the light of cells and vessels and the brain's motion are
#: wider than the noise of a pixel
WINDOW = 5
#: of the pairs of frames: the brain moved in some of them, and where it moved, edges look like common noise
QUANTILE = 0.25


def noise_of_neighbours(frames: Numbers, indices: Ints) -> float:
    """Correlation of the noise of neighbouring pixels, -1 to 1; nan where no two frames follow each other.

    Each pixel of a camera has noise of its own: the correlation is that of white noise without the mean around it,
    -0.05, whatever the light, the gain and the motion are. What was denoised, smoothed, enlarged or compressed has 0.1
    and more.

    Parameters
    ----------
    frames : [n, height, width]
        Some frames of a movie, as they were recorded.
    indices : int [n]
        Which of its frames they are.
    """
    found = []
    for i in np.flatnonzero(np.diff(indices) == 1):
        change = frames[i + 1].astype(np.float32) - frames[i]
        change -= cv2.blur(change, (WINDOW, WINDOW))
        power = float(np.square(change).mean())
        if power > 0:
            down, across = (change[1:] * change[:-1]).mean(), (change[:, 1:] * change[:, :-1]).mean()
            found.append(float(down + across) / 2 / power)
    return float(np.quantile(found, QUANTILE)) if found else float("nan")
