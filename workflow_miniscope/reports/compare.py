"""Compare two analyses of one recording: which cells both found, and how much their traces are alike.

    workflow-miniscope compare results/caiman results/cnmfe
    workflow-miniscope compare m1_20260115-102030_0_p0 m1_20260115-102030_0_p1

Each is a result file of CaImAn's format, whichever engine wrote it, its folder, or the name of one curation in
the database (``workflow-miniscope list`` prints them), or a restriction that chooses one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.matching import THRESHOLD, correlate_rows, match_footprints
from ..database.conditions import result_path
from ..errors import ParameterError, ResultError
from ..movies.types import Floats, Ints
from ..results.caiman import CaimanResult, read_result
from ..work.text_table import format_table

if TYPE_CHECKING:  # matplotlib takes long to import
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Comparison:
    """What two results have in common.

    Attributes
    ----------
    names : tuple of str
        What the two are called.
    results : tuple of CaimanResult
    compared : tuple of ndarray of int64
        Components of each that were compared.
    pairs : ndarray of int64 [pair, 2]
        Components, by their indices in the results, that are one cell; in the order of the first.
    similarity : ndarray of float64 [pair]
        Cosine similarity of their footprints.
    correlation : ndarray of float64 [pair]
        Pearson's correlation of their denoised traces; nan where a trace does not change.
    threshold : float
        Smallest similarity of a pair.
    """

    names: tuple[str, str]
    results: tuple[CaimanResult, CaimanResult]
    compared: tuple[Ints, Ints]
    pairs: Ints
    similarity: Floats
    correlation: Floats
    threshold: float

    @property
    def distance(self) -> Floats:
        """How far apart the centres of each pair are, pixels, float64 [pair]."""
        dy, dx = self._displacement().T
        distance: Floats = np.hypot(dy, dx)
        return distance

    @property
    def offset(self) -> Floats | None:
        """Median displacement (dy, dx) from the first result's cells to the second's, pixels; None without pairs.

        Each analysis registers the movie to a template of its own, so that all its cells may lie a little aside.
        """
        return np.median(self._displacement(), axis=0) if len(self.pairs) else None

    def _displacement(self) -> Floats:
        first, second = (result.center[self.pairs[:, i]] for i, result in enumerate(self.results))
        displacement: Floats = second - first
        return displacement

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values; None where there is none."""
        return {
            "threshold": self.threshold,
            "results": [
                {
                    "name": name,
                    "engine": result.method,
                    "version": result.version,
                    "components": result.n_components,
                    "accepted": len(result.accepted),
                    "compared": len(compared),
                    "unmatched": np.setdiff1d(compared, self.pairs[:, i]).tolist(),
                }
                for i, (name, result, compared) in enumerate(zip(self.names, self.results, self.compared, strict=True))
            ],
            "matched": len(self.pairs),
            "median_similarity": _median(self.similarity),
            "median_trace_correlation": _median(self.correlation),
            "offset_px": None if self.offset is None else self.offset.tolist(),
            "pairs": [
                {
                    "first": int(first),
                    "second": int(second),
                    "similarity": float(similarity),
                    "distance_px": float(distance),
                    "trace_correlation": float(correlation) if np.isfinite(correlation) else None,
                }
                for (first, second), similarity, distance, correlation in zip(
                    self.pairs, self.similarity, self.distance, self.correlation, strict=True
                )
            ],
        }

    def __str__(self) -> str:
        found = self.as_json()
        columns = ("name", "engine", "version", "components", "accepted", "compared")
        rows = [
            (*(entry[column] for column in columns), found["matched"], len(entry["unmatched"]))
            for entry in found["results"]
        ]
        parts = [format_table((*columns, "matched", "only here"), rows)]
        if found["pairs"]:
            rows = [(pair["first"], pair["second"], *map(_rounded, list(pair.values())[2:])) for pair in found["pairs"]]
            header = ("first", "second", "similarity", "distance (px)", "trace correlation")
            dy, dx = found["offset_px"]
            parts += [
                format_table(header, rows),
                f"{found['matched']} cells in both (footprints' cosine similarity at least {self.threshold:g}); "
                f"medians: similarity {_rounded(found['median_similarity'])}, "
                f"trace correlation {_rounded(found['median_trace_correlation'])}, "
                f"offset {dx:+.2f} px in x and {dy:+.2f} px in y.",
            ]
        else:
            parts.append(f"No cells in both (footprints' cosine similarity at least {self.threshold:g}).")
        return "\n\n".join(parts)


def _median(values: Floats) -> float | None:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else None


def _rounded(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def compare(
    first: CaimanResult,
    second: CaimanResult,
    names: tuple[str, str] = ("first", "second"),
    threshold: float = THRESHOLD,
    rejected: bool = False,
) -> Comparison:
    """Match the cells of two results of one recording, and correlate their traces.

    Parameters
    ----------
    first, second : CaimanResult
        Of either engine.
    names : tuple of str
        What to call them.
    threshold : float
        Smallest cosine similarity of the footprints of one cell (see :mod:`..analysis.matching`).
    rejected : bool
        Compare the components that were rejected, too.

    Raises
    ------
    ResultError
        The results have different frames.
    ParameterError
        The threshold is out of range.
    """
    for what, a, b in (
        ("pixels (height, width)", first.dims, second.dims),
        ("frames", first.n_frames, second.n_frames),
    ):
        if a != b:
            raise ResultError(
                f"{names[0]} has {a} {what} and {names[1]} has {b}: only results of one recording can be compared."
            )
    results = (first, second)
    compared = (_compared(first, rejected), _compared(second, rejected))
    try:
        matches = match_footprints(first.A[:, compared[0]], second.A[:, compared[1]], threshold)
    except ValueError as error:
        raise ParameterError(str(error)) from None
    pairs = np.stack([compared[i][matches.pairs[:, i]] for i in range(2)], axis=1)
    correlation = correlate_rows(first.C[pairs[:, 0]], second.C[pairs[:, 1]])
    return Comparison(names, results, compared, pairs, matches.similarity, correlation, threshold)


def _compared(result: CaimanResult, rejected: bool) -> Ints:
    return np.arange(result.n_components) if rejected else np.sort(result.accepted)


def load(source: str | Path | dict[str, Any]) -> tuple[str, CaimanResult]:
    """Return the name and the result of a file, a folder, or a curation in the database.

    Raises
    ------
    ResultError, ParameterError
        There is no such file, it is no result, or the restriction does not choose one curation.
    """
    path = None if isinstance(source, dict) else result_path(source)
    if path is not None:
        return path.name if path.is_dir() else f"{path.parent.name}/{path.name}", read_result(path)

    from ..database.restriction import only_key
    from ..elements.miniscope import get_loader_result
    from ..pipeline import miniscope

    key = only_key(miniscope.Curation, source, "curation")
    method, result = get_loader_result(key, miniscope.Curation)
    return f"{key['subject']} {method} p{key['paramset_id']} c{key['curation_id']}", result


def pixel_size(source: str | Path | dict[str, Any]) -> float | None:
    """Return the side of a pixel of what :func:`load` takes, micrometres, or None where it is not known."""
    from ..database.restriction import only_key
    from .scale import um_per_px

    if not isinstance(source, dict) and result_path(source) is not None:
        return um_per_px()
    from ..pipeline import miniscope

    return um_per_px(only_key(miniscope.Curation, source, "curation"))


def draw(comparison: Comparison, um_per_px: float | None = None) -> Figure:
    """Draw both results' cells over the first one's summary image, and the pairs' trace correlations.

    Parameters
    ----------
    comparison : Comparison
        Of two results.
    um_per_px : float, optional
        Side of a pixel, micrometres, for the scale bar.
    """
    from .. import figures

    first = comparison.results[0]
    masks, others = (
        [(mask.xpix, mask.ypix, mask.weights) for mask in map(result.mask, compared)]
        for result, compared in zip(comparison.results, comparison.compared, strict=True)
    )
    # the compared are in ascending order
    pairs = np.stack([np.searchsorted(comparison.compared[i], comparison.pairs[:, i]) for i in range(2)], axis=1)
    return figures.comparison(
        first.summary_image,
        masks,
        others,
        pairs,
        comparison.correlation,
        comparison.names,
        um_per_px=um_per_px,
    )
