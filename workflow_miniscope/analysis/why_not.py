"""Why there is no cell at a pixel, or which one: what the engine recorded while it looked for cells, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..movies.types import Floats, Ints
from ..results.caiman import CaimanResult, Fate, Search, SearchImages
from .doubt import reason

#: part of a footprint's peak from which on a component is said to be at a pixel
AT_PIXEL = 0.1
#: gSig, times the band: places this near are of the same cell as a pixel
NEAR = 1.5
#: places that are named at most
MOST_PLACES = 6
_SAID = {
    Fate.FADED: "tried, and given up: no pixel of its footprint was significant",
    Fate.NOT_COVERED: "not tried: too few frames covered it",
    Fate.WIDER: "not tried there: it stands out more in the next, wider band",
    Fate.NARROWER: "not tried there: a narrower band had found a cell",
    Fate.NO_ROOM: "not tried: the field held as many components as it may",
}


@dataclass(frozen=True)
class Explanation:
    """What is known of a pixel.

    Attributes
    ----------
    sentences : list of str
        The most telling first.
    seen : list of dict
        ``round``, ``scale``, ``correlation`` and ``pnr`` at the pixel, for each round and band.
    places : list of (float, float)
        (x, y) of the places that are named.
    components : list of int
        Components that are named.
    """

    sentences: list[str]
    seen: list[dict[str, float]]
    places: list[tuple[float, float]]
    components: list[int]


def explain(result: CaimanResult, search: Search | None, y: int, x: int) -> Explanation:
    """Say what the engine saw at row ``y`` and column ``x``, and what became of it."""
    sentences, components = _components(result, y, x)
    if search is None:
        said = "What was seen while cells were looked for is not in this result: an earlier version or CaImAn made it."
        return Explanation([*sentences, said], [], [], components)
    seen = [_look(image, search, y, x) for image in search.images]
    near = _near(search, y, x)
    for k in near:
        sentences.append(_place(result, search, int(k), y, x))
        if search.component[k] >= 0:
            components.append(int(search.component[k]))
    if not len(near):
        sentences.append(_nothing(search, seen, y, x))
    places = [(float(search.x[k]), float(search.y[k])) for k in near]
    return Explanation(sentences, seen, places, list(dict.fromkeys(components)))


def _components(result: CaimanResult, y: int, x: int) -> tuple[list[str], list[int]]:
    row = result.A[[x * result.dims[0] + y]].tocsr()
    peaks = result.A[:, row.indices].max(axis=0).toarray().ravel()
    found = [(k, w / peak) for k, w, peak in zip(row.indices, row.data, peaks, strict=True) if w >= AT_PIXEL * peak > 0]
    sentences = []
    for k, part in sorted(found, key=lambda one: -one[1]):
        why = reason(result, int(k))
        verdict = f"the engine refused it: {why}" if why else "the engine accepted it"
        sentences.append(f"Component {k} is here, with {100 * part:.0f} % of its peak; {verdict}.")
    return sentences, [int(k) for k, _ in found]


def _look(image: SearchImages, search: Search, y: int, x: int) -> dict[str, float]:
    at = _bin(image, search, y, x)
    return {
        "round": image.round,
        "scale": image.scale,
        "correlation": float(image.correlation[at]),
        "pnr": float(image.pnr[at]),
    }


def _bin(image: SearchImages, search: Search, y: int, x: int) -> tuple[int, int]:
    side = search.bin * image.scale
    height, width = image.correlation.shape
    return min(y // side, height - 1), min(x // side, width - 1)


def _near(search: Search, y: int, x: int) -> Ints:
    """Places of the same cell, the nearest first; of those in one round and place the one that was tried."""
    distance = np.hypot(search.y - y, search.x - x)
    near = np.flatnonzero(distance <= NEAR * search.gSig * search.scale)
    return near[np.lexsort((distance[near], search.fate[near] > Fate.FADED))][:MOST_PLACES]


def _place(result: CaimanResult, search: Search, k: int, y: int, x: int) -> str:
    band = "" if search.scale[k] == 1 else f", in the band {search.scale[k]} times as wide as a soma"
    what = (
        f"Round {search.round[k]}{band}: x {search.x[k]:.0f}, y {search.y[k]:.0f} stood out "
        f"(correlation {search.correlation[k]:.2f}, peak to noise {search.pnr[k]:.1f})"
    )
    fate, component = Fate(search.fate[k]), int(search.component[k])
    if fate in _SAID:
        return f"{what}. It was {_SAID[fate]}."
    why = reason(result, component)
    end = f", which was refused: {why}" if why else ""
    if fate == Fate.MERGED:
        return f"{what}. It was tried, and merged into component {component} as a part of the same cell{end}."
    return f"{what}. It became component {component}{end}."


def _nothing(search: Search, seen: list[dict[str, float]], y: int, x: int) -> str:
    """Say why no place near was tried: below a threshold, or another place stood out more."""
    if not seen:
        return "No round of the search was recorded."
    passed = [k for k, one in enumerate(seen) if one["correlation"] >= search.min_corr and one["pnr"] >= search.min_pnr]
    best = max(passed or range(len(seen)), key=lambda k: seen[k]["correlation"] * seen[k]["pnr"])
    one = seen[best]
    if passed:
        higher = _higher(search.images[best], search, y, x)
        return (
            f"Both thresholds are exceeded in round {one['round']:.0f}, but a place beside it stands out more: "
            f"x {higher[1]:.0f}, y {higher[0]:.0f}."
        )
    below = [
        f"{name} {one[key]:.{digits}f} is below {option} = {limit:.{digits}f}"
        for name, key, option, limit, digits in (
            ("correlation", "correlation", "min_corr", search.min_corr, 2),
            ("peak to noise ratio", "pnr", "min_pnr", search.min_pnr, 1),
        )
        if one[key] < limit
    ]
    return f"No cell was looked for here: where it stands out most, the {' and the '.join(below)}."


def _higher(image: SearchImages, search: Search, y: int, x: int) -> tuple[float, float]:
    """Row and column, px, of the highest place within the reach of a maximum."""
    row, column = _bin(image, search, y, x)
    side = search.bin * image.scale
    reach = max(1, round(NEAR * search.gSig / search.bin))
    product: Floats = image.correlation.astype(np.float32) * image.pnr
    top, left = max(row - reach, 0), max(column - reach, 0)
    part = product[top : row + reach + 1, left : column + reach + 1]
    at = np.unravel_index(int(np.argmax(part)), part.shape)
    return (top + int(at[0]) + 0.5) * side - 0.5, (left + int(at[1]) + 0.5) * side - 0.5
