"""Traces: how bright each component is in each frame.

The traces are the least squares fit of the footprints to every frame, each cleaned of noise by its
deconvolution while the others are held (HALS with OASIS, as in CaImAn),

    y_k = c_k + [ A_k' (Y - B) - A_k' A C ] / (A_k' A_k),        c_k = OASIS(y_k - baseline).

Once the time constants are known, the deconvolution with rise and decay takes the place of OASIS: what the model of
a bright cell misses at its onsets would cover the weak cells beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numba import njit

from ...movies.types import Floats, Ints
from ..arrays.workers import Workers
from . import gaps
from .deconvolution import TimeConstants, baseline, noise, oasis, sparse_deconvolution, spike_response
from .timebase import TimeBase

#: end of a deconvolution while the rest is being fitted: no value changes by more than this, in units of the noise
FIT_PRECISION = 0.05
#: and after so many passes over a trace
FIT_SWEEPS = 10
#: weight of the activity in OASIS, in units of the noise: keeps noise from being fitted
ACTIVITY_PENALTY = 0.5
#: traces that a thread takes at a time: threads that call numpy for each wait for each other
TRACES_PER_TASK = 8
#: frames of all traces that are copied at a time, so that copies stay small
COPIED_FRAMES = 4096


class FinalTraces(NamedTuple):
    """Traces of all components when the fit is done.

    Attributes
    ----------
    C, S, YrA : float32 [components, frames]
        Calcium, activity, and what they leave of the traces. S is in the units of C: the peak of the calcium that an
        event adds. C and S may be those of more frames, see :func:`finish`.
    baseline, noise : float [components]
        Level of the traces without activity, and standard deviation of their noise.
    """

    C: Floats
    S: Floats
    YrA: Floats
    baseline: Floats
    noise: Floats


def spans(frames: int) -> list[slice]:
    """Parts of a recording, short enough that copies of all traces in one of them are small."""
    return [slice(start, min(start + COPIED_FRAMES, frames)) for start in range(0, frames, COPIED_FRAMES)]


def products(a: Floats, b: Floats) -> Floats:
    """Give ``a b'`` of traces, float64 [components of a, components of b]; summed in float64, part after part."""
    out = np.zeros((len(a), len(b)))
    for span in spans(a.shape[1]):
        out += a[:, span].astype(np.float64) @ b[:, span].T.astype(np.float64)
    return out


def average(traces: Floats, bin_width: int) -> Floats:
    """Means of every ``bin_width`` frames, float32 [components, bins]; the last bin holds the frames that are left."""
    if bin_width == 1:
        return traces
    first = np.arange(0, traces.shape[1], bin_width)
    count = np.diff(np.append(first, traces.shape[1])).astype(np.float32)
    means: Floats = np.add.reduceat(traces, first, axis=1) / count
    return means


@njit(nogil=True, cache=True, fastmath=True)
def raw_trace(products: Floats, indptr: Ints, indices: Ints, weights: Floats, C: Floats, k: int, out: Floats) -> None:
    """Trace of component ``k`` before any cleaning: its own part and what no component explains.

    Parameters
    ----------
    products : float32 [components, frames]
        ``A' (Y - B)``.
    indptr, indices, weights
        Of ``A' A``, a CSR matrix.
    C : float32 [components, frames]
        Present traces.
    k : int
        Component.
    out : float32 [frames]
        The trace; may be ``products[k]`` itself.
    """
    own = np.float32(0)
    mine, frames = products[k], len(out)
    for j in range(indptr[k], indptr[k + 1]):
        if indices[j] == k:
            own = weights[j]
    if not own > 0:
        out[:] = 0
        return
    for t in range(frames):
        out[t] = mine[t]
    for j in range(indptr[k], indptr[k + 1]):
        if indices[j] != k:
            weight, other = weights[j], C[indices[j]]
            for t in range(frames):
                out[t] -= weight * other[t]
    scale = 1 / own
    for t in range(frames):
        out[t] *= scale


def update(
    products: Floats, gram: sp.csr_matrix, C: Floats, g: float, kernel: Floats | None, sweeps: int, workers: Workers
) -> Floats:
    """Traces of all components; ``C`` is the start and is changed. They have mean zero, as the movie has here.

    Parameters
    ----------
    products : float32 [components, frames]
        ``A' (Y - B)``.
    gram : scipy.sparse.csr_matrix [components, components]
        ``A' A``.
    C : float32 [components, frames]
        Present traces.
    g : float
        Decay from frame to frame.
    kernel : float64 [n] or None
        Calcium after a spike, with its rise; None: the decay alone.
    sweeps : int
        Rounds over the components.
    workers : Workers
        Components that do not overlap are updated side by side.

    Returns
    -------
    float32 [components, frames]
        The same array.
    """
    sn = np.full(len(C), np.nan)
    sizes = gram.indptr, gram.indices, gram.data

    def some(ks: list[int]) -> None:
        y = np.empty((len(ks), C.shape[1]), np.float32)
        for k, trace in zip(ks, y, strict=True):
            raw_trace(products, *sizes, C, k, trace)
        y = y.astype(np.float64)
        y -= baseline(y)[:, None]
        if np.isnan(sn[ks[0]]):
            # the same in all sweeps, but for what moves between overlapping components
            sn[ks] = noise(y)
        for trace, noise_ in zip(y, sn[ks], strict=True):
            if kernel is None:
                trace[:] = oasis(trace, g, ACTIVITY_PENALTY * noise_)
            else:
                trace[:], _ = sparse_deconvolution(trace, kernel, noise_, FIT_PRECISION, FIT_SWEEPS, hasty=True)
        y -= y.mean(axis=1, keepdims=True)
        C[ks] = y

    groups = groups_without_overlap(gram)
    for _ in range(sweeps):
        for group in groups:
            workers.map(some, (group[i : i + TRACES_PER_TASK] for i in range(0, len(group), TRACES_PER_TASK)))
    return C


def groups_without_overlap(gram: sp.csr_matrix) -> list[list[int]]:
    """Group components that do not overlap (a colouring of their graph): each joins the first group that takes it.

    Parameters
    ----------
    gram : scipy.sparse.csr_matrix [components, components]
        Products of the footprints.
    """
    colour = np.full(gram.shape[0], -1)
    for k in range(gram.shape[0]):
        taken = set(colour[gram.indices[gram.indptr[k] : gram.indptr[k + 1]]])
        colour[k] = next(c for c in range(len(taken) + 1) if c not in taken)
    return [np.flatnonzero(colour == c).tolist() for c in range(colour.max(initial=-1) + 1)]


def finish(
    raw: Floats, base: TimeBase, p: int, times: TimeConstants, workers: Workers, rows: Ints | None = None
) -> FinalTraces:
    """Deconvolve the raw traces for the last time, in which calcium decays during gaps too; see :mod:`gaps`.

    Parameters
    ----------
    raw : float32 [components, frames]
        Traces with their noise; changed, it becomes YrA.
    base : TimeBase
        Frame rate, and which frames are missing.
    p : int
        Order of the model: 1 (OASIS), or 2 (two exponentials, as a camera sees them).
    times : TimeConstants
        The rise counts only for p = 2.
    workers : Workers
        Traces are shared out over them.
    rows : int64 [rows], optional
        Places of all frames from the first to the last of the traces, if some were recorded and left out, relative to
        the first. For p = 2, C and S are those of all of them.

    Returns
    -------
    FinalTraces
        Activity in a gap is in the first frame after it.
    """
    level = np.array([baseline(y) for y in raw])
    sn = noise(raw).astype(np.float64)
    rise, decay = times
    rows = rows if p == 2 else None
    C, S = np.zeros((2, len(raw), raw.shape[1] if rows is None else len(rows)), np.float32)
    places = base.places - base.places[0]
    d = float(np.exp(-1 / (base.fps * decay)))
    kernel = spike_response(base.fps, rise, decay)
    steps = base.steps(len(kernel))
    kept = gaps.factors(steps, d, len(kernel))

    def one(k: int) -> None:
        y = raw[k].astype(np.float64) - level[k]
        if p == 1:
            weight = ACTIVITY_PENALTY * sn[k]
            C[k] = oasis(y, d, weight) if base.regular else gaps.oasis(y, kept, weight)
            S[k, 1:] = np.maximum(C[k, 1:] - kept[1:].astype(np.float32) * C[k, :-1], 0)
        elif rows is not None:
            C[k], S[k] = gaps.deconvolution_with_unseen(y, places, rows, kernel, sn[k])
        elif base.regular:
            C[k], S[k] = sparse_deconvolution(y, kernel, sn[k])
        else:
            C[k], S[k] = gaps.sparse_deconvolution(y, steps, kernel, sn[k])

    workers.map(one, range(len(raw)))
    # in place: of an hour and a thousand cells each array takes 0.3 GB
    raw -= C if rows is None else C[:, np.searchsorted(rows, places)]
    return FinalTraces(C, S, raw, level, sn)


def coefficients(fps: float, p: int, times: TimeConstants) -> list[float]:
    """Coefficients of the autoregressive process of calcium, in frames at ``fps``; the rise counts only for p = 2."""
    r, d = (float(np.exp(-1 / (fps * time))) for time in times)
    return [d] if p == 1 else [d + r, -d * r]
