"""What the components are that an engine accepts and that are no detectable cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

# least cosine of two footprints for one to be the other, as in scoring
MATCH = 0.7
# of the peak: what belongs to a footprint's outline
OUTLINE = 0.2
BORDER = 4
# of false components
KINDS = ("faint", "copy", "halo", "pieces", "wide", "border", "else")


def falsehoods(estimate: Path, truth: Path) -> dict[str, int]:
    """Count the false components of each kind; the first kind that fits counts.

    ``faint``: a true cell that is not detectable, which is no fault. ``copy``: most of its light inside a cell that
    is detectable. ``halo``: 80 % of its light nearer than 1.5 radii to the outline of such a cell. ``pieces``: several
    pieces. ``wide``: more than 2.5 times the area of a usual cell. ``border``: its middle is within 4 pixels of the
    border. ``else``: none of these.
    """
    with np.load(estimate) as file:
        found = kinds(file["A"], file["shifts"], truth)
    return {kind: found.count(kind) for kind in KINDS}


def kinds(found: np.ndarray, correction: np.ndarray, truth: Path) -> list[str]:
    """Name what each component is: ``cell``, one that is detectable, or a kind of :func:`falsehoods`.

    Parameters
    ----------
    found : float [component, height, width]
        Footprints.
    correction : float [frame, 2]
        (dy, dx) that was applied to each frame, pixels.
    truth : Path
        See :class:`worlds.made.Made`.
    """
    from minisim import metrics

    if not len(found):
        return []
    with np.load(truth) as file:
        A, detectable, shifts = file["A"], file["detectable"], file["shifts"]
        good = ~file["spoiled"]
    pairs, area, images = [], np.inf, np.zeros((0, *found.shape[1:]))
    if len(A):
        offset = metrics.global_shift_from_trajectories(correction[good], shifts[good], correction=True)
        images = np.stack([ndimage.shift(image, [-v for v in offset], order=1) for image in A])
        pairs = metrics.hungarian_match(found, images[detectable], metric="cosine", shift=(0, 0)).matched_pairs(MATCH)
        area = float(np.median([np.sum(image > OUTLINE * image.max()) for image in images]))
    unit = images.reshape(len(images), found[0].size)  # of no cell too
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9)
    masks = images > OUTLINE * images.max(axis=(1, 2), keepdims=True)
    near = np.stack([_near(mask) for mask in masks]) if len(masks) else masks
    matched = {pair[0] for pair in pairs}
    return [
        "cell" if number in matched else _kind(image, unit, detectable, masks, near, area)
        for number, image in enumerate(found)
    ]


def _near(mask: np.ndarray) -> np.ndarray:
    radius = np.sqrt(max(mask.sum(), 1) / np.pi)
    return ndimage.distance_transform_edt(~mask) <= 1.5 * radius


def _kind(image, unit, detectable, masks, near, area) -> str:
    flat, light = image.ravel(), image.sum()
    alike = unit @ flat / max(float(np.linalg.norm(flat)), 1e-9)
    if (alike[~detectable] >= MATCH).any():
        return "faint"
    within = (masks[detectable] * image).sum(axis=(1, 2)) / max(light, 1e-9)
    if (within > 0.5).any():
        return "copy"
    around = (near[detectable] * image).sum(axis=(1, 2)) / max(light, 1e-9)
    if (around > 0.8).any():
        return "halo"
    outline = image > OUTLINE * image.max()
    parts, n = ndimage.label(outline)
    if n > 1 and np.sort(np.bincount(parts.ravel())[1:])[-2] > 0.1 * outline.sum():
        return "pieces"
    if outline.sum() > 2.5 * area:
        return "wide"
    y, x = ndimage.center_of_mass(image)
    if min(y, x, image.shape[0] - 1 - y, image.shape[1] - 1 - x) < BORDER:
        return "border"
    return "else"
