"""Is what changes in a place one cell or two?

One cell is one image times one trace, whatever its trace is, and so is every projection of it: the movie without
background and other components, projected on a few images (footprints, for instance), has one dimension and noise.
A second cell adds a second dimension, as far as its footprint and its trace are not those of the first. Errors of a
model's traces do not: what the kernel of the deconvolution misses has the same image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...movies.types import Floats
from ..calcium.deconvolution import noise
from .significance import narrowest_spread

#: added to the diagonal of products of footprints, relative to it: some footprints are almost the same
GRAM_RIDGE = 1e-3
#: averages (of :func:`seeds.bin_width` frames) in a part of the recording: a cell that is rarely active is compared in
#: its own part, and a long recording is judged as a short one
PART_BINS = 375
#: part of the spread of what changes slowly that counts as noise of a second dimension: all of it would join
#: neighbours, of which each is part of what the other leaves; none of it splits cells where noise is not white
STRUCTURE = 0.7


@dataclass
class SecondDimension:
    """What a projection of the movie has beside its largest component.

    Attributes
    ----------
    directions : float64 [n, 2]
        First and second singular vector; the first one is mostly positive.
    series : float64 [2, bins]
        The movie along them.
    ratio : float
        Amplitude of the second dimension relative to the first one, without their noise, in the part of the recording
        where the second one is largest.
    significance : float
        How much the second dimension exceeds its noise there, in standard errors of the noise's variance.
    """

    directions: Floats
    series: Floats
    ratio: float
    significance: float


def second_dimension(images: Floats, values: Floats) -> SecondDimension:
    """Singular vectors and significance of a projection of the movie.

    Parameters
    ----------
    images : float64 [n, n]
        Products of the images that the movie was projected on with each other.
    values : float [n, bins]
        Products of the images with the movie, averaged over a few frames.
    """
    # white noise of the pixels is white again after this
    eigenvalues, vectors = np.linalg.eigh(images)
    if not eigenvalues[-1] > 0:
        # images without any pixel show nothing
        return SecondDimension(np.zeros((len(images), 2)), np.zeros((2, values.shape[1])), 0.0, 0.0)
    whitening = vectors / np.sqrt(np.maximum(eigenvalues, 1e-9 * eigenvalues[-1]))
    z = whitening.T @ values
    z -= np.median(z, axis=1, keepdims=True)
    directions = np.linalg.svd(z @ z.T)[0][:, :2]
    # for the second one no sign is better than the other
    directions[:, 0] *= np.sign(np.sum(directions[:, 0] @ z)) or 1.0
    series = directions.T @ z
    bins = series.shape[1]
    parts = np.linspace(0, bins, max(1, round(bins / PART_BINS)) + 1).astype(int)
    power = np.add.reduceat(series**2, parts[:-1], axis=1) / np.diff(parts)
    sn = np.maximum(noise(series), STRUCTURE * narrowest_spread(series))
    variance = np.maximum(sn**2, 1e-12 * power.sum() + 1e-300)[:, None]
    most = int(np.argmax(power[1]))
    first, second = (power - variance)[:, most]
    significance = second / variance[1, 0] / np.sqrt(2 / (parts[most + 1] - parts[most]))
    ratio = np.sqrt(max(second, 0.0) / max(first, 1e-300))
    return SecondDimension(whitening @ directions, series, float(ratio), float(significance))


def without(images: Floats, values: Floats, cross: Floats, others: Floats, left: Floats) -> tuple[Floats, Floats]:
    """Images and their values where other components have no light.

    What a model leaves of a bright neighbour would be a second dimension too. The images are made orthogonal to the
    footprints of all other components, and the values follow.

    Parameters
    ----------
    images : float64 [n, n]
        Products of the images with each other.
    values : float [n, bins]
        Products of the images with what the model leaves.
    cross : float [n, m]
        Products of the images with the footprints of the others.
    others : float [m, m]
        Products of these with each other.
    left : float [m, bins]
        Products of these with what the model leaves.

    Returns
    -------
    tuple of float64
        Images and values.
    """
    if not len(left):
        return images, values
    cross, others = cross.astype(np.float64), others.astype(np.float64)
    # of those without any pixel nothing is taken away
    others.flat[:: len(others) + 1] += np.where(others.diagonal() > 0, GRAM_RIDGE * others.diagonal(), 1.0)
    weights = np.linalg.solve(others, cross.T).T
    return images - weights @ cross.T, values - weights @ left
