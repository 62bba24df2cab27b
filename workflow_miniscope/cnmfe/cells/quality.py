"""Is a component a cell? Signal to noise of its trace, consistency and shape of its footprint; CaImAn's meaning.

``SNR_comp`` and ``r_values`` follow Giovannucci et al. 2019, eLife 8:e38173 (component evaluation). The images that
r compares are taken without the background, which CaImAn leaves in for one-photon movies: cells come out higher
here, and no lowest r is asked for by default, so that CaImAn's own evaluation of a result can follow the same rule.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.special import log_ndtr, ndtri_exp

from ...movies.types import Bools, Floats
from ..arrays import kernels
from ..calcium import temporal
from ..calcium.deconvolution import baseline
from ..model.components import Components
from ..model.fit import Fit
from ..parameters import Parameters

#: noise is taken to be this many times as large as it is when events are judged: CaImAn's, so that its SNR is ours
SIGMA_FACTOR = 3.0
#: a footprint is cut by the border if it is brighter there than this fraction of its peak
CUT_OF_PEAK = 0.3
#: pixels brighter than this fraction of the peak count for the width of a footprint
WIDTH_OF_PEAK = 0.1
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


def eccentricity(components: Components) -> Floats:
    """Ratio of the axes of each footprint, float64 [components]: 1 for a disk, large for a line.

    The axes are the square roots of the principal values of the covariance of the pixels' positions, weighted by
    the squared footprint. What is seen of a cell that the border of the field cuts says nothing about its shape: 1.
    """
    reach = np.arange(components.side, dtype=np.float64)
    y, x = np.meshgrid(reach, reach, indexing="ij")
    out = np.ones(len(components))
    at_border = components.at_border()
    for k, footprint in enumerate(components.footprints):
        if footprint[at_border[k]].max(initial=0) > CUT_OF_PEAK * footprint.max():
            continue
        weight = footprint.astype(np.float64) ** 2
        weight /= max(weight.sum(), 1e-300)
        my, mx = (weight * y).sum(), (weight * x).sum()
        yy, xx, xy = (
            (weight * (y - my) ** 2).sum(),
            (weight * (x - mx) ** 2).sum(),
            (weight * (y - my) * (x - mx)).sum(),
        )
        short, long = np.linalg.eigvalsh([[yy, xy], [xy, xx]])
        out[k] = np.sqrt(long / max(short, 1e-12))
    return out


def width(components: Components) -> Floats:
    """Width of each footprint in pixels, float64 [n]: root of how many exceed ``WIDTH_OF_PEAK`` of the peak."""
    peak = components.footprints.max(axis=(1, 2), keepdims=True)
    widths: Floats = np.sqrt((components.footprints > WIDTH_OF_PEAK * peak).sum(axis=(1, 2)))
    return widths


def accept(snr: Floats, r: Floats, ecc: Floats, wide: Floats, params: Parameters) -> Bools:
    """CaImAn's rule, bool [components]: one criterion is met well, and none is missed by far.

    A wide component gathers more of what the model of the background leaves: the signal to noise ratio of one that is
    twice as wide as is usual counts half. What is usual is the median of those accepted so far whose footprints are
    consistent: in a field with few cells the others may be more.

    Parameters
    ----------
    snr, r, ecc, wide : float64 [components]
        Of :func:`trace_snr`, :func:`footprint_consistency`, :func:`eccentricity` and :func:`width`.
    params : Parameters
        ``min_SNR``, ``rval_thr``, ``SNR_lowest``, ``rval_lowest``, ``use_ecc``, ``max_ecc``.
    """

    def rule(snr: Floats) -> Bools:
        good: Bools = (snr >= params.min_SNR) | (r >= params.rval_thr)
        good &= (snr >= params.SNR_lowest) & (r >= params.rval_lowest)
        return good & (ecc <= params.max_ecc) if params.use_ecc else good

    good = rule(snr)
    if good.any():
        consistent = good & (r >= params.rval_thr)
        usual = np.median(wide[consistent if consistent.any() else good])
        good &= rule(snr / np.maximum(1, wide / usual))
    return good


def own_traces(C: Floats, gram: sp.csr_matrix) -> Floats:
    """The part of each trace that no overlapping component shares: what is left of it after regression on theirs.

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


def footprint_consistency(fit: Fit) -> Floats:
    """Correlation of each footprint with the image of its own activity, other components removed.

    The image is the regression of the movie, without background and the other components, on that part of the
    trace that overlapping components don't share: errors of their footprints do not enter it.

    Parameters
    ----------
    fit : Fit
        The model, traces of mean zero.

    Returns
    -------
    float64 [components]
        0 for a component without activity of its own.
    """
    c = fit.components
    if not len(c):
        return np.zeros(0)
    A = c.matrix()
    gram = (A @ A.T).tocsr()
    centred = own_traces(c.C, gram)
    has = centred.any(axis=1)
    cross = temporal.products(c.C, centred)
    images = fit.cell_products(centred, cross).T.tocsr()
    # what the other components contribute at these events, without the component itself
    by_pixel = A.T.tocsr()
    kernels.subtract_product(
        images.indptr, images.indices, by_pixel.indptr, by_pixel.indices, by_pixel.data, cross, 0, len(c), images.data
    )
    footprint = c.matrix(c.footprints, c.masks)
    out = np.zeros(len(c))
    for k in np.flatnonzero(has):
        span = slice(images.indptr[k], images.indptr[k + 1])
        a = footprint.data[span]
        b = images.data[span] + cross[k, k] * a
        if len(a) > 2 and a.std() > 0 and b.std() > 0:
            out[k] = np.corrcoef(a, b)[0, 1]
    return out
