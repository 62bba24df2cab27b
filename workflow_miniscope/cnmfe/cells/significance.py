"""What is significant where noise is not white.

The noise of a camera is new in every frame, and the differences of successive frames show it. A movie that was
compressed, denoised or averaged has hardly any such noise, but blocks and patterns that stay for many frames, and so
has what the model leaves of the background. Against these, too, something must stand out to be a cell. They go both
ways, and the light of cells only up: what lies below the median shows them.
"""

from __future__ import annotations

import numpy as np

# fraction of a normal distribution below minus one standard deviation
BELOW = 0.1587
# width of the middle quarter of a normal distribution, in standard deviations
QUARTER = 0.6373
# light of components is bright where it exceeds this many times the noise; values that a median needs
BRIGHT, ENOUGH = 10.0, 1000
# what the model of a component may lack of its brightness, and the most that is believed
MODEL_ERROR, LARGEST = 0.02, 0.3


def lower_spread(values: np.ndarray) -> np.ndarray:
    """Standard deviation of values from those below their median (first axis).

    Of white noise it is that of :func:`.deconvolution.noise`; transients do not enter.

    Parameters
    ----------
    values : float [n, ...]
        Of each pixel or trace, at least a few.

    Returns
    -------
    float [...]
    """
    n = len(values)
    low, middle = int(BELOW * (n - 1) + 0.5), n // 2
    ordered = np.partition(values, (low, middle), axis=0)
    return ordered[middle] - ordered[low]


def narrowest_spread(series: np.ndarray) -> np.ndarray:
    """Standard deviation of series from the narrowest interval that holds a quarter of their values (last axis).

    Transients do not enter, whether they go up or down.
    """
    values = np.sort(series, axis=-1)
    quarter = max(1, values.shape[-1] // 4)
    width = values[..., quarter:] - values[..., :-quarter]
    return width.min(axis=-1) / QUARTER


def model_error(left: np.ndarray, explained: np.ndarray, sn: np.ndarray) -> float:
    """How much of the components' brightness the model gets wrong, as a fraction.

    Parameters
    ----------
    left : float [n, height, width]
        What the model leaves, of median zero.
    explained : float [n, height, width]
        Brightness of the components.
    sn : float [height, width]
        Noise of ``left``.

    Returns
    -------
    float
        The median over what is bright of the error relative to its brightness, expressed as a standard deviation,
        without the part of the noise; at least ``MODEL_ERROR``.
    """
    bright = explained > BRIGHT * sn
    if bright.sum() < ENOUGH:
        return MODEL_ERROR
    size = explained[bright]
    error = 1.4826 * np.median(np.abs(left[bright]) / size)
    noise = np.median(np.broadcast_to(sn, left.shape)[bright] / size)
    return float(np.clip(np.sqrt(max(error**2 - noise**2, 0.0)), MODEL_ERROR, LARGEST))
