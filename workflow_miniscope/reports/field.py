"""Figures of all that is in a field of view: its images, all cells' activity, how clear and how large they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .. import daq, figures
from ..database.conditions import name_of
from ..database.restriction import only_key
from ..errors import ResultError
from ..results.footprint_size import half_maximum_area
from . import fetch
from .scale import um_per_px
from .titles import title


def summary_images(key: Any) -> Figure:
    """Draw mean, maximum projection and correlation image of a registered recording.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``miniscope.MotionCorrection``.

    Raises
    ------
    ResultError
        The restriction chooses none or several, or the result was saved without images.
    """
    from ..pipeline import miniscope

    key = only_key(miniscope.MotionCorrection, key, "motion correction")
    found = fetch.images(key)
    if not found:
        raise ResultError(f"The result of {name_of(key)} was saved without the images of its registered movie.")
    shown = {fetch.IMAGES[name]: found[name] for name in reversed(fetch.IMAGES) if name in found}
    return figures.summary_images(shown, um_per_px(key), title(key))


def raster(key: Any) -> Figure:
    """Draw the activity of all accepted cells of a segmentation.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``miniscope.Segmentation``.

    Raises
    ------
    ResultError
        The restriction chooses none or several.
    """
    from ..pipeline import miniscope

    key = only_key(miniscope.Segmentation, key, "segmentation")
    numbers, traces, _ = fetch.fluorescence(key)
    kept = fetch.accepted(key)
    times = np.asarray((miniscope.RecordingInfo & key).fetch1("time_stamps"), float)
    usable = daq.in_order(times)
    rows = [row for row, number in enumerate(numbers) if number in kept]
    return figures.raster(times[usable], traces[rows][:, usable], title(key))


def cell_quality(key: Any) -> Figure:
    """Draw how clear and how large the components of a segmentation are.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``miniscope.Segmentation``.

    Raises
    ------
    ResultError
        The restriction chooses none or several.
    """
    from ..pipeline import miniscope, miniscope_report

    key = only_key(miniscope.Segmentation, key, "segmentation")
    rows = (miniscope.Segmentation.Mask & key).proj("mask_weights").to_dicts(order_by="mask")
    measured = (miniscope_report.QualityMetrics & key).to_dicts()
    snr = measured[0]["snr"] if measured and measured[0]["snr"] is not None else None
    kept = fetch.accepted(key)
    return figures.cell_quality(
        np.array([half_maximum_area(row["mask_weights"]) for row in rows]),
        None if snr is None else np.asarray(snr, float),
        [row["mask"] in kept for row in rows],
        um_per_px(key),
        title(key),
    )
