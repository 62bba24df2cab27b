"""What several figures of an analysis show, fetched from the tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import figures
from ..movies.types import Floats

#: In the order in which they are preferred to draw cells over: the column, and what it is called.
IMAGES = {"correlation_image": "correlation", "max_proj_image": "maximum", "average_image": "mean"}


def images(key: dict[str, Any]) -> dict[str, Floats]:
    """Return the images of a registered recording [height, width] that there are, by their columns."""
    from ..pipeline import miniscope

    rows = (miniscope.MotionCorrection.Summary & key).to_dicts()
    found = {name: row[name] for row in rows for name in IMAGES if row[name] is not None}
    # the table keeps a leading axis for fields of view
    return {name: np.asarray(image[0] if np.ndim(image) == 3 else image, float) for name, image in found.items()}


def background(key: dict[str, Any]) -> Floats:
    """Return the image to draw cells over; of a result that was saved without any, the footprints themselves."""
    from ..pipeline import miniscope

    found = images(key)
    for name in IMAGES:
        if name in found:
            return found[name]
    height, width = (miniscope.RecordingInfo & key).fetch1("px_height", "px_width")
    image = np.zeros((height, width))
    for row in (miniscope.Segmentation.Mask & key).proj("mask_xpix", "mask_ypix", "mask_weights").to_dicts():
        at = row["mask_ypix"], row["mask_xpix"]
        image[at] = np.maximum(image[at], row["mask_weights"])
    return image


def accepted(key: dict[str, Any]) -> set[int]:
    """Return the numbers of the accepted masks; all, where nobody judged them."""
    from ..pipeline import miniscope

    if not miniscope.MaskClassification & key:
        return set((miniscope.Segmentation.Mask & key).to_arrays("mask").tolist())
    return set((miniscope.MaskClassification.MaskType & key).to_arrays("mask").tolist())


def activity(key: dict[str, Any], kind: str) -> Floats | None:
    """Return activity traces [cell, frame] in the order of their masks, or None where there are none."""
    from ..pipeline import miniscope

    method = (miniscope.ProcessingParamSet & key).fetch1("processing_method")
    rows = miniscope.Activity.Trace & key & {"extraction_method": f"{method}_{kind}"}
    found = rows.proj("activity_trace").to_dicts(order_by="mask")
    return np.stack([row["activity_trace"] for row in found]) if found else None


def fluorescence(key: dict[str, Any]) -> tuple[list[int], Floats, str]:
    """Return mask numbers, traces [cell, frame] and their unit: dF/F where it is there, else fluorescence."""
    from ..pipeline import miniscope

    found = (miniscope.Fluorescence.Trace & key).proj("fluorescence").to_dicts(order_by="mask")
    numbers = [row["mask"] for row in found]
    dff = activity(key, "dff")
    if dff is not None:
        return numbers, dff, "ΔF/F"
    frames = int((miniscope.RecordingInfo & key).fetch1("nframes"))
    traces = np.stack([row["fluorescence"] for row in found]) if found else np.zeros((0, frames))
    return numbers, traces, "a.u."


def clearest(key: dict[str, Any], count: int) -> list[int]:
    """Return the numbers of the accepted masks whose transients are clearest."""
    numbers, traces, _ = fluorescence(key)
    kept = accepted(key)
    rows = [row for row, number in enumerate(numbers) if number in kept]
    return [numbers[rows[i]] for i in figures.clearest(traces[rows], count)]
