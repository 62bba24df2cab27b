"""What the page shows of a result: outlines, images, properties, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...analysis.doubt import Thresholds, doubt, reason
from ...movies.types import Floats, Ints
from ...results.caiman import CaimanResult, OpenedResult
from ...results.outlines import outline

#: part of a footprint's energy that its outline encloses
ENERGY = 0.85
#: smallest cosine similarity of the footprints of neighbours that are named
LEAST_OVERLAP = 0.02
#: neighbours that are named
MOST_NEIGHBOURS = 6
#: standard deviation of normal noise, in its median absolute deviations
MAD_TO_SD = 1.4826


def outlines(result: CaimanResult) -> tuple[Floats, Ints, Ints]:
    """Give the outlines of all components.

    Returns
    -------
    points : float32 [points, 2]
        (x, y) in pixels: the centre of the upper left pixel is (0, 0).
    starts : int32 [lines + 1]
        Where each closed line begins in ``points``.
    owners : int32 [lines]
        Component of each line.
    """
    height, width = result.dims
    lines, owners = [], []
    for k in range(result.n_components):
        mask = result.mask(k)
        for line in outline((mask.xpix, mask.ypix, mask.weights), height, width, ENERGY):
            lines.append(line)
            owners.append(k)
    points = np.concatenate(lines).astype(np.float32) if lines else np.zeros((0, 2), np.float32)
    starts = np.cumsum([0, *map(len, lines)]).astype(np.int32)
    return points, starts, np.array(owners, np.int32)


def images(result: CaimanResult) -> dict[str, tuple[str, Floats]]:
    """Give the images there are, by name: what to call each, and float32 [height, width]."""
    correlation = result.Cn if result.Cn is not None else result.correlation_image
    found = {
        "mean": ("Mean", result.average_image),
        "max": ("Maximum", result.max_image),
        "correlation": ("Correlation", correlation),
        "pnr": ("Peak to noise", peak_to_noise(result)),
        "footprints": ("Footprints", _summed(result)),
    }
    return {name: (label, image.astype(np.float32)) for name, (label, image) in found.items() if image is not None}


def peak_to_noise(result: CaimanResult) -> Floats | None:
    """Largest excursion of each pixel over its noise, [height, width]: maximum less mean of the registered movie.

    The engine's own map is of the filtered movie, and is not in the file. None where the noise or an image is missing.
    """
    if result.sn is None or result.max_image is None or result.average_image is None:
        return None
    noise = result.sn.reshape(result.dims, order="F")
    return np.asarray((result.max_image - result.average_image) / np.where(noise > 0, noise, np.nan))


def _summed(result: CaimanResult) -> Floats:
    """Footprints, each with its peak at one, laid over each other."""
    if not result.n_components:
        return np.zeros(result.dims, np.float32)
    peaks = result.A.max(axis=0).toarray().ravel()
    scaled = result.A @ sp.diags(1 / np.where(peaks > 0, peaks, 1))
    return np.asarray(scaled.max(axis=1).toarray().reshape(result.dims, order="F"))


def properties(result: CaimanResult) -> dict[str, Any]:
    """Give the values of all components as lists, for JSON: None for what is not a number or not in the file."""
    accepted = np.zeros(result.n_components, bool)
    accepted[result.accepted] = True
    return {
        "engine": ["accepted" if ok else "rejected" for ok in accepted],
        "reason": [reason(result, k) for k in range(result.n_components)],
        "probability": None if result.evaluation is None else numbers(result.evaluation.probability),
        "snr": numbers(result.snr),
        "r": numbers(result.r_values),
        "classifier": numbers(result.cnn_preds),
        "size": np.diff(result.A.indptr).tolist(),
        "doubt": numbers(doubt(result)),
        "neighbours": neighbours(result),
        "y": numbers(result.center[:, 0]),
        "x": numbers(result.center[:, 1]),
    }


def numbers(values: Floats | None) -> list[float | None] | None:
    """Give numbers as JSON takes them."""
    if values is None:
        return None
    return [float(value) if np.isfinite(value) else None for value in values]


def thresholds(result: CaimanResult) -> dict[str, float]:
    """Give the thresholds that the engine was given."""
    return vars(Thresholds.of(result.params))


def count_events(opened: OpenedResult, component: int) -> int | None:
    """Count the events of a component: runs of frames whose activity exceeds the noise of the trace.

    None where the file holds no activity.
    """
    traces = opened.traces(component)
    if traces.deconvolved is None:
        return None
    return count_peaks(traces.deconvolved, None if traces.raw is None else traces.raw - traces.fitted)


def count_peaks(activity: Floats, residual: Floats | None) -> int:
    """Count runs of frames whose activity exceeds the noise of a trace, which the residual shows."""
    noise = 0.0
    if residual is not None and len(residual):
        noise = MAD_TO_SD * float(np.median(np.abs(residual - np.median(residual))))
    active = activity > noise
    return int(active[:1].sum() + (active[1:] & ~active[:-1]).sum())


def neighbours(result: CaimanResult) -> list[list[tuple[int, float]]]:
    """Name the neighbours of every component.

    Returns
    -------
    list of list of (int, float)
        For each component, those that overlap with it and the cosine similarity of the footprints, largest first.
    """
    return overlapping(result.A, range(result.n_components))


def overlapping(A: sp.csc_matrix, wanted: Sequence[int]) -> list[list[tuple[int, float]]]:
    """Name the neighbours of some footprints, [pixels, components], as :func:`neighbours` does."""
    norms = np.sqrt(np.asarray(A.multiply(A).sum(axis=0)).ravel())
    unit = sp.csc_matrix(A @ sp.diags(1 / np.where(norms > 0, norms, 1)))
    overlaps = sp.csr_matrix(unit[:, list(wanted)].T @ unit)
    found = []
    for i, k in enumerate(wanted):
        row = overlaps[i]
        near = [(int(other), float(o)) for other, o in zip(row.indices, row.data, strict=True) if other != k]
        near = sorted((one for one in near if one[1] >= LEAST_OVERLAP), key=lambda one: -one[1])
        found.append(near[:MOST_NEIGHBOURS])
    return found


def correlation(a: Floats, b: Floats) -> float | None:
    """Correlate two traces; None where one of them is constant."""
    # in single precision, which is exact to 1e-6 here: products of long double vectors keep all cores busy
    a, b = (trace - np.float32(trace.mean(dtype=np.float64)) for trace in (a, b))
    size = float(np.sqrt(float(a @ a) * float(b @ b)))
    return float(a @ b) / size if size > 0 else None
