"""Components that edits made, as the page shows them: their outlines, their properties, whom they overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ...results.curation import MadeComponent
from ...results.outlines import outline
from ...work.curation import Curating
from . import view


def describe(curating: Curating, first: int) -> list[dict[str, Any]]:
    """Describe the components that edits made, from number ``first`` on, for JSON.

    Parameters
    ----------
    curating : Curating
        The result, and the log.
    first : int
        Number of the first one that the page does not know.
    """
    result = curating.opened.components
    made = curating.made()
    overlaps = _overlaps(curating, made)
    known = result.n_components
    described = []
    for number, one in enumerate(made[max(0, first - known) :], max(first, known)):
        height, width = result.dims
        x, y = np.divmod(one.pixels, height)
        total = float(one.weights.sum()) or 1.0
        lines = outline((x, y, one.weights), height, width, view.ENERGY)
        described.append(
            {
                "number": number,
                "lines": [line.round(3).ravel().tolist() for line in lines],
                "engine": "by hand",
                "reason": "",
                "probability": _number(one.probability),
                "snr": _number(one.properties.get("snr")),
                "r": _number(one.properties.get("consistency")),
                "classifier": None,
                "size": len(one.pixels),
                "doubt": _number(1 - abs(2 * one.probability - 1)),
                "neighbours": overlaps[number - known],
                "events": view.count_peaks(one.S, one.YrA),
                "y": float(one.weights @ y) / total,
                "x": float(one.weights @ x) / total,
            }
        )
    return described


def _overlaps(curating: Curating, made: list[MadeComponent]) -> list[list[tuple[int, float]]]:
    """Name the neighbours of each, as :func:`.view.neighbours` does."""
    A = curating.opened.components.A
    if not made:
        return []
    indptr = np.cumsum([0, *(len(one.pixels) for one in made)])
    parts = (np.concatenate([one.weights for one in made]), np.concatenate([one.pixels for one in made]), indptr)
    new = sp.csc_matrix(parts, shape=(A.shape[0], len(made)))
    return view.overlapping(sp.hstack([A, new], format="csc"), range(A.shape[1], A.shape[1] + len(made)))


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
