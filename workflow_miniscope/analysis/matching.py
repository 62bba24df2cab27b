"""Which cells of one analysis are which cells of another, told by their footprints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # whose parts are loaded when first used: each takes a while

from ..movies.types import Floats, Ints

#: Cosine similarity from which on two footprints can be of the same cell. Two Gaussian footprints of one width, with
#: their centres 1.7 standard deviations apart (less than a cell's radius, about 2), have this one; so have two at the
#: same place of which one is 3.7 times as wide.
THRESHOLD = 0.5


@dataclass(frozen=True)
class Matches:
    """Cells that two analyses share.

    Attributes
    ----------
    pairs : ndarray of int64 [pair, 2]
        Indices of the footprints in the first and in the second analysis, in the order of the first.
    similarity : ndarray of float64 [pair]
        Cosine similarity of the footprints of each pair, from the threshold to 1.
    """

    pairs: Ints
    similarity: Floats

    def __len__(self) -> int:
        return len(self.pairs)


def cosine_similarity(first: scipy.sparse.spmatrix, second: scipy.sparse.spmatrix) -> Floats:
    """Compare every footprint with every other.

    Parameters
    ----------
    first, second : sparse or ndarray [pixel, n], [pixel, m]
        Footprints as columns, with weights of any scale.

    Returns
    -------
    ndarray of float64 [n, m]
        Cosine of the angle between the footprints as vectors: 1 for the same shape, 0 without a common pixel, and 0
        for an empty footprint.

    Raises
    ------
    ValueError
        The footprints do not have the same number of pixels.
    """
    if first.shape[0] != second.shape[0]:
        raise ValueError(f"Footprints of {first.shape[0]} and of {second.shape[0]} pixels cannot be compared.")
    first, second = _unit_columns(first), _unit_columns(second)
    similarity: Floats = (first.T @ second).toarray()
    return similarity


def _unit_columns(footprints: Any) -> scipy.sparse.csc_matrix:
    footprints = scipy.sparse.csc_matrix(footprints, dtype=np.float64)
    norms = np.sqrt(np.asarray(footprints.multiply(footprints).sum(axis=0)).ravel())
    return footprints @ scipy.sparse.diags(np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0))


def match_footprints(
    first: scipy.sparse.spmatrix, second: scipy.sparse.spmatrix, threshold: float = THRESHOLD
) -> Matches:
    """Pair the footprints of two analyses of one field of view, each with at most one other.

    Among all ways to pair those that are alike enough, the one with the largest sum of similarities is taken
    (the assignment problem, solved by :func:`scipy.optimize.linear_sum_assignment`), so the outcome depends neither on
    the order of the footprints nor on which analysis is called the first.

    Parameters
    ----------
    first, second : sparse or ndarray [pixel, n], [pixel, m]
        Footprints as columns, on the same pixels.
    threshold : float
        Smallest cosine similarity of a pair, above 0 and up to 1.

    Raises
    ------
    ValueError
        The footprints do not have the same number of pixels, or the threshold is out of range.
    """
    from scipy.optimize import linear_sum_assignment  # takes half a second to import, which every command would pay

    if not 0 < threshold <= 1:
        raise ValueError(f"The threshold must be above 0 and at most 1, not {threshold}.")
    similarity = cosine_similarity(first, second)
    # rounding makes the similarity of a footprint with itself a hair less than 1
    alike = similarity >= threshold - 1e-6
    # what cannot be a pair must not draw others away from theirs
    rows, columns = linear_sum_assignment(np.where(alike, similarity, 0), maximize=True)
    kept = alike[rows, columns]
    pairs = np.stack([rows[kept], columns[kept]], axis=1).astype(np.int64)
    return Matches(pairs, similarity[pairs[:, 0], pairs[:, 1]])


def correlate_rows(first: Floats, second: Floats) -> Floats:
    """Correlate each trace with the one in the same row.

    Parameters
    ----------
    first, second : ndarray [n, frame]
        Traces.

    Returns
    -------
    ndarray of float64 [n]
        Pearson's correlation; nan where a trace does not change.
    """
    first, second = (np.asarray(part, float) for part in (first, second))
    first, second = (part - part.mean(axis=1, keepdims=True) for part in (first, second))
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    correlation: Floats = np.full(len(first), np.nan)
    np.divide((first * second).sum(axis=1), scale, out=correlation, where=scale > 0)
    return correlation
