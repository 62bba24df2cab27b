"""What is significant where noise is not white.

The noise of a camera is new in every frame, and the differences of successive frames show it. A movie that was
compressed, denoised or averaged has hardly any such noise, but blocks and patterns that stay for many frames, and so
has what the model leaves of the background. Against these, too, something must stand out to be a cell. They go both
ways, and the light of cells only up: what lies below the median shows them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numba import njit

from ...movies.types import Floats
from ..arrays import kernels
from ..arrays.robust import MAD_TO_SD

#: fraction of a normal distribution below minus one standard deviation
BELOW_ONE_SD = 0.1587
#: width of the middle quarter of a normal distribution, in standard deviations
MIDDLE_QUARTER = 0.6373
#: noise (sn): light of components is bright from here on
BRIGHT_LIGHT = 10.0
#: bright values that the error of the model is measured from at least
BRIGHT_VALUES = 1000
#: what the model of a component may lack of its brightness at least: bright cells would leave seeds all around
MODEL_ERROR = 0.02
#: and the most that is believed
LARGEST_ERROR = 0.3


def lower_spread(values: Floats) -> Floats:
    """Give the standard deviation of values from those below their median (first axis).

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
    low, middle = int(BELOW_ONE_SD * (n - 1) + 0.5), n // 2
    ordered = np.partition(values, (low, middle), axis=0)
    spread: Floats = ordered[middle] - ordered[low]
    return spread


@njit(nogil=True, cache=True)
def structure(series: Floats, first: int, last: int, out: Floats) -> None:
    """``out[p]``: spread of series in units of the noise of successive values, for the series ``first`` to ``last``.

    The spread is that of :func:`lower_spread`, the noise comes from the median of the absolute differences.

    series: float32 [n, values]; out: float64 [n].
    """
    n = series.shape[1]
    low, middle = int(BELOW_ONE_SD * (n - 1) + 0.5), n // 2
    values, changes = np.empty(n, np.float32), np.empty(n - 1, np.float32)
    for p in range(first, last):
        for t in range(n):
            values[t] = series[p, t]
        for t in range(n - 1):
            changes[t] = abs(values[t + 1] - values[t])
        half = (n - 1) // 2
        change = kernels.select(changes, half)
        if (n - 1) % 2 == 0:
            # what is smaller was put before it
            change = (change + changes[:half].max()) / 2
        upper = kernels.select(values, middle)
        spread = upper - kernels.select(values[:middle], low) if low < middle else np.float32(0)
        out[p] = spread / max(MAD_TO_SD * change / np.sqrt(2), 1e-6)


def narrowest_spread(series: Floats) -> Floats:
    """Give the standard deviation of series from the narrowest interval with a quarter of their values (last axis).

    Transients do not enter, whether they go up or down.
    """
    values = np.sort(series, axis=-1)
    quarter = max(1, values.shape[-1] // 4)
    width = values[..., quarter:] - values[..., :-quarter]
    spread: Floats = width.min(axis=-1) / MIDDLE_QUARTER
    return spread


def model_error(left: Iterable[Floats], explained: Iterable[Floats], sn: Floats) -> float:
    """Measure how much of the components' brightness the model gets wrong, as a fraction.

    Parameters
    ----------
    left : iterable of float [height, width]
        What the model leaves in some frames, of median zero.
    explained : iterable of float [height, width]
        Brightness of the components in them.
    sn : float [height, width]
        Noise of ``left``.

    Returns
    -------
    float
        The median over what is bright of the error relative to its brightness, expressed as a standard deviation,
        without the part of the noise; at least ``MODEL_ERROR``.
    """
    errors, noises = [], []
    for rest, light in zip(left, explained, strict=True):
        bright = light > BRIGHT_LIGHT * sn
        errors.append(np.abs(rest[bright]) / light[bright])
        noises.append(sn[bright] / light[bright])
    if sum(map(len, errors)) < BRIGHT_VALUES:
        return MODEL_ERROR
    error = MAD_TO_SD * np.median(np.concatenate(errors))
    noise = np.median(np.concatenate(noises))
    return float(np.clip(np.sqrt(max(error**2 - noise**2, 0.0)), MODEL_ERROR, LARGEST_ERROR))
