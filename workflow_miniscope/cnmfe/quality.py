"""Is a component a cell? Signal to noise of its trace, consistency of its footprint; CaImAn's meaning of both.

``SNR_comp`` and ``r_values`` are those of Giovannucci et al. 2019, eLife 8:e38173 (component evaluation): a
component is accepted if its SNR reaches ``min_SNR`` and its r ``rval_thr``.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import log_ndtr, ndtri_exp

from .deconvolution import baseline

# s, smoothing before the changes of a trace are taken
SMOOTH = 0.075


def trace_snr(raw: np.ndarray, length: int) -> np.ndarray:
    """Peak signal to noise of traces: how unlikely their largest event is as noise.

    The probability that noise reaches the observed values is summed, as logarithm, over ``length`` frames (the
    decay of a transient); the smallest sum over the recording is expressed as the value that a normal
    distribution exceeds with that mean probability.

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
        log_p = log_ndtr(-(trace.astype(np.float64) - level) / sd)
        window = min(length, len(trace))
        sums = np.convolve(log_p, np.ones(window), mode="valid")
        out[k] = -ndtri_exp(sums.min() / window)
    return out


def onset_skewness(raw: np.ndarray, fps: float) -> np.ndarray:
    """Skewness of the changes of each trace, float64 [components].

    Calcium rises in tens of milliseconds and decays in hundreds: a trace of a cell has few large steps up and
    many small ones down. Neuropil that the ring model leaves, and what is left of motion, rises as it falls, and has
    a skewness around 0 (with a standard error of sqrt(6 / n) for n independent samples).

    Parameters
    ----------
    raw : float32 [components, frames]
        Traces with their noise.
    fps : float
        Frames per second.
    """
    if not len(raw):
        return np.zeros(0)
    smooth = gaussian_filter1d(raw.astype(np.float64), max(1.0, SMOOTH * fps), axis=1)
    change = np.diff(smooth, axis=1)
    change -= change.mean(axis=1, keepdims=True)
    spread = np.sqrt((change**2).mean(axis=1))
    return (change**3).mean(axis=1) / np.maximum(spread, 1e-12) ** 3


def own_traces(C: np.ndarray, gram) -> np.ndarray:
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
    products = C.astype(np.float64) @ C.T.astype(np.float64)
    out = C.copy()
    for k in range(len(C)):
        others = gram.indices[gram.indptr[k] : gram.indptr[k + 1]]
        others = others[others != k]
        if not len(others):
            continue
        among = products[np.ix_(others, others)]
        among.flat[:: len(others) + 1] += 1e-6 * np.trace(among) / len(others) + 1e-12
        out[k] -= np.linalg.solve(among, products[others, k]).astype(np.float32) @ C[others]
    return out


def footprint_consistency(fit) -> np.ndarray:
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
    windows = fit.products(centred, c.tops, c.lefts, c.side)
    cross = c.C.astype(np.float64) @ centred.T.astype(np.float64)
    rest = fit.background_products(centred, cross)
    entries = c.matrix(windows, c.masks).T.tocsr()
    entries.data = entries.data - fit._interpolate(rest, entries)
    # what the other components contribute at these events, without the component itself
    pixels = entries.indices, np.repeat(np.arange(entries.shape[0]), np.diff(entries.indptr))
    explained = np.asarray(A.T.tocsr() @ cross.astype(np.float32))
    images = entries.copy()
    footprint = c.matrix(c.footprints, c.masks).T.tocsr()
    images.data = entries.data - explained[pixels[1], pixels[0]] + footprint.data * np.diag(cross)[pixels[0]]
    images, footprint = images.tocsc(), footprint.tocsc()
    out = np.zeros(len(c))
    for k in np.flatnonzero(has):
        span = slice(images.indptr[k], images.indptr[k + 1])
        a, b = footprint.data[span], images.data[span]
        if len(a) > 2 and a.std() > 0 and b.std() > 0:
            out[k] = np.corrcoef(a, b)[0, 1]
    return out
