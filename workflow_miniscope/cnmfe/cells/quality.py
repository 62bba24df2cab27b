"""What is measured of a component: signal to noise of its trace, consistency of its footprint; CaImAn's meaning.

``SNR_comp`` and ``r_values`` follow Giovannucci et al. 2019, eLife 8:e38173 (component evaluation). The images that
r compares are taken without the background, which CaImAn leaves in for one-photon movies: cells come out higher
here, and no lowest r is asked for by default, so that CaImAn's own evaluation of a result can follow the same rule.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.special import log_ndtr, ndtri_exp

from ...movies.types import Floats
from ..arrays import kernels
from ..calcium import temporal, transients
from ..calcium.deconvolution import baseline
from ..model.fit import Fit
from . import shape

#: noise is taken to be this many times as large as it is when events are judged: CaImAn's, so that its SNR is ours
SIGMA_FACTOR = 3.0
#: added to the diagonal of products of traces, relative to its mean: some traces are almost the same
TRACE_RIDGE = 1e-6


def trace_snr(raw: Floats, length: int) -> Floats:
    """Peak signal to noise of traces: how unlikely their largest event is as noise.

    The probability that noise reaches the observed values is summed, as logarithm, over ``length`` frames (the
    decay of a transient); the smallest sum over the recording is expressed as the value that a normal
    distribution exceeds with that mean probability. As in CaImAn, noise is taken to be ``SIGMA_FACTOR`` times as
    large as it is, so a value of 1 is already an event of three standard deviations that lasts.

    Parameters
    ----------
    raw : float32 [components, frames]
        Traces with their noise.
    length : int
        Frames of an event.

    Returns
    -------
    float64 [components]
    """
    out = np.zeros(len(raw))
    for k, trace in enumerate(raw):
        level = baseline(trace)
        below = trace[trace < level] - level
        sd = float(np.sqrt(np.mean(below**2))) if len(below) else 0.0
        if not sd > 0:
            continue
        log_p = log_ndtr(-(trace.astype(np.float64) - level) / (SIGMA_FACTOR * sd))
        window = min(length, len(trace))
        sums = np.convolve(log_p, np.ones(window), mode="valid")
        out[k] = -ndtri_exp(sums.min() / window)
    return out


def measure(fit: Fit, raw: Floats, kernel: Floats, decay: float) -> dict[str, Floats]:
    """Measure what tells cells from other components.

    Parameters
    ----------
    fit : Fit
        The model, traces of mean zero; footprints as they were fitted, not smoothed.
    raw : float32 [components, frames]
        Traces with their noise.
    kernel : float64 [n]
        Calcium after a spike.
    decay : float
        Decay time of a transient in frames.

    Returns
    -------
    dict of float64 [components]
        By name, see :data:`.probability.PROPERTIES`, ``persistence``, ``smoothness`` and ``eccentricity``; but for
        the shape of the final footprints.
    """
    c = fit.components
    footprints = c.matrix(c.footprints, c.masks)
    images, energy = activity_images(fit, footprints)
    return {
        "rise_skewness": transients.rise_skewness(raw, decay),
        "skewness": transients.skewness(raw, decay),
        "persistence": transients.persistence(raw, kernel, decay),
        "snr": trace_snr(raw, max(1, round(decay))),
        "consistency": footprint_consistency(footprints, images, energy),
        "smoothness": smoothness(fit, images, energy),
        "eccentricity": shape.eccentricity(c),
    }


def own_traces(C: Floats, gram: sp.csr_matrix) -> Floats:
    """Give the part of each trace that no overlapping component shares: what is left of it after regression on theirs.

    Parameters
    ----------
    C : float32 [components, frames]
        Traces of mean zero.
    gram : scipy.sparse.csr_matrix [components, components]
        Products of the footprints.

    Returns
    -------
    float32 [components, frames]
        Of mean zero and orthogonal to the traces of the overlapping components.
    """
    products = temporal.products(C, C)
    out = C.copy()
    for k in range(len(C)):
        others = gram.indices[gram.indptr[k] : gram.indptr[k + 1]]
        others = others[others != k]
        if not len(others):
            continue
        among = products[np.ix_(others, others)]
        among.flat[:: len(others) + 1] += TRACE_RIDGE * np.trace(among) / len(others) + 1e-12
        out[k] -= np.linalg.solve(among, products[others, k]).astype(np.float32) @ C[others]
    return out


def activity_images(fit: Fit, footprints: sp.csr_matrix) -> tuple[sp.csr_matrix, Floats]:
    """Give the image of each component's own activity, other components removed, where its footprint may be.

    The image is the regression of the movie, without background and the other components, on that part of the
    trace that overlapping components don't share: errors of their footprints do not enter it.

    Parameters
    ----------
    fit : Fit
        The model, traces of mean zero.
    footprints : scipy.sparse.csr_matrix [components, pixels]
        As they were fitted, not smoothed, with an entry for each pixel of ``fit.components.masks``.

    Returns
    -------
    images : scipy.sparse.csr_matrix [components, pixels]
        With the entries of the footprints.
    energy : float64 [components]
        Sum of the squares of what was regressed on; 0 of a component without activity of its own, whose image says
        nothing.
    """
    c = fit.components
    if not len(c):
        return footprints, np.zeros(0)
    A = c.matrix()
    gram = (A @ A.T).tocsr()
    centred = own_traces(c.C, gram)
    cross = temporal.products(c.C, centred)
    images = fit.cell_products(centred, cross).T.tocsr()
    # what the other components contribute at these events, without the component itself
    by_pixel = A.T.tocsr()
    kernels.subtract_product(
        images.indptr, images.indices, by_pixel.indptr, by_pixel.indices, by_pixel.data, cross, 0, len(c), images.data
    )
    energy = np.where(centred.any(axis=1), cross.diagonal().astype(np.float64), 0.0)
    images.data += np.repeat(energy, np.diff(images.indptr)).astype(np.float32) * footprints.data
    return images, energy


def footprint_consistency(footprints: sp.csr_matrix, images: sp.csr_matrix, energy: Floats) -> Floats:
    """Correlation of each footprint with the image of its own activity.

    Parameters
    ----------
    footprints, images, energy
        Of :func:`activity_images`.

    Returns
    -------
    float64 [components]
        0 for a component without activity of its own.
    """
    out = np.zeros(len(energy))
    for k in np.flatnonzero(energy):
        span = slice(images.indptr[k], images.indptr[k + 1])
        a, b = footprints.data[span], images.data[span]
        if len(a) > 2 and a.std() > 0 and b.std() > 0:
            out[k] = np.corrcoef(a, b)[0, 1]
    return out


def smoothness(fit: Fit, images: sp.csr_matrix, energy: Floats) -> Floats:
    """How alike neighbouring pixels are in the image of each component's own activity.

    The light of a cell is blurred over more than a pixel, so that neighbours light up together. Pixels that flash each
    for reasons of its own do not, however many of them happen to do it at once.

    Parameters
    ----------
    fit : Fit
        The model.
    images, energy
        Of :func:`activity_images`.

    Returns
    -------
    float64 [components]
        Autocorrelation of the image at a distance of one pixel, without the noise of the pixels: about 1 for a cell, 0
        for pixels that have nothing in common. 1 where there is more noise than anything else.
    """
    columns = fit.components.shape[1]
    out = np.ones(len(energy))
    for k in np.flatnonzero(energy):
        span = slice(images.indptr[k], images.indptr[k + 1])
        pixels = images.indices[span]
        if not len(pixels):
            continue
        y, x = np.divmod(pixels, columns)
        image = np.full((np.ptp(y) + 1, np.ptp(x) + 1), np.nan)
        image[y - y.min(), x - x.min()] = images.data[span] / energy[k]
        pairs = np.concatenate([(image[:-1] * image[1:]).ravel(), (image[:, :-1] * image[:, 1:]).ravel()])
        pairs = pairs[np.isfinite(pairs)]
        noise = float(np.mean(fit.sn[pixels] ** 2)) / energy[k]
        signal = float(np.nanmean(image**2)) - noise
        if len(pairs) and signal > noise:
            out[k] = pairs.mean() / signal
    return out
