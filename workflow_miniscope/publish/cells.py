"""Cells of one analysis with their traces, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .. import daq
from ..database.restriction import only_key
from ..errors import ParameterError, ResultError
from ..movies.types import Bools, Floats, Ints

#: Traces that can be exported: fluorescence by the model, change over the baseline, deconvolved activity.
Kind = Literal["denoised", "dff", "deconvolved"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Cells:
    """Components of one analysis.

    Attributes
    ----------
    key : dict
        Of its row in ``miniscope.Segmentation``.
    times : float64 [frames]
        Seconds from the start of the recording; only frames whose time can be trusted.
    frames : int64 [frames]
        Their numbers in the recording.
    gaps : float64 [n, 2]
        Times of the frames before and after each place where frames are missing.
    masks : int64 [cells]
        Numbers of the components.
    accepted : bool [cells]
        Whether they are taken for cells.
    centers : float64 [cells, 2]
        x and y, pixels.
    snr, r_values : float64 [cells]
        Signal to noise ratio, and correlation of footprint and movie; nan where they are not known.
    traces : dict of float32 [cells, frames]
        By their kind; only those that there are.
    height, width : int
        Of the field of view, pixels.
    """

    key: dict[str, Any]
    times: Floats
    frames: Ints
    gaps: Floats
    masks: Ints
    accepted: Bools
    centers: Floats
    snr: Floats
    r_values: Floats
    traces: dict[str, Floats]
    height: int
    width: int

    def trace(self, kind: str) -> Floats:
        """Return traces of one kind, float32 [cells, frames].

        Raises
        ------
        ParameterError
            There is no such kind.
        ResultError
            The analysis has none of it.
        """
        check_kind(kind)
        if kind not in self.traces:
            raise ResultError(f"There are no traces '{kind}' of {self.name}; has it been processed to the end?")
        return self.traces[kind]

    @property
    def name(self) -> str:
        """What the analysis is, for a sentence or a title."""
        return (
            f"{self.key['subject']}, {self.key['session_datetime']} UTC, recording {self.key['recording_id']}, "
            f"paramset {self.key['paramset_id']}, curation {self.key['curation_id']}"
        )


def check_kind(kind: str) -> None:
    """Refuse a kind of traces that nobody knows.

    Raises
    ------
    ParameterError
        It is unknown.
    """
    if kind not in KINDS:
        raise ParameterError(f"There are no traces '{kind}'; there are {', '.join(KINDS)}.")


def fetch_cells(key: Any, accepted: bool = True, kinds: tuple[str, ...] = KINDS) -> Cells:
    """Fetch the cells of an analysis.

    Parameters
    ----------
    key : str, dict or list of them
        Restriction that chooses one row of ``miniscope.Segmentation``.
    accepted : bool
        Leave out components that are not taken for cells.
    kinds : tuple of str
        Which traces to fetch.

    Raises
    ------
    ResultError
        The restriction chooses none or several.
    ParameterError
        There is no such kind of traces.
    """
    from ..pipeline import miniscope

    for kind in kinds:
        check_kind(kind)
    key = only_key(miniscope.Segmentation, key, "analysis")
    info = (miniscope.RecordingInfo & key).fetch1()
    times = np.asarray(info["time_stamps"], np.float64)
    trusted = daq.in_order(times)
    table = miniscope.Segmentation.Mask & key
    rows = table.proj("mask_center_x", "mask_center_y").to_dicts(order_by="mask")
    cells = set((miniscope.MaskClassification.MaskType & key).to_arrays("mask").tolist())
    taken = np.array([row["mask"] in cells for row in rows], bool)
    kept = taken if accepted else np.ones(len(rows), bool)
    masks = np.array([row["mask"] for row in rows], np.int64)
    centers = np.array([[row["mask_center_x"], row["mask_center_y"]] for row in rows], np.float64).reshape(-1, 2)
    snr, r_values = _measures(key, masks)
    fetched = {kind: _traces(key, kind) for kind in kinds}
    return Cells(
        key=key,
        times=times[trusted],
        frames=np.flatnonzero(trusted),
        gaps=_gaps(times),
        masks=masks[kept],
        accepted=taken[kept],
        centers=centers[kept],
        snr=snr[kept],
        r_values=r_values[kept],
        traces={
            kind: _stacked([rows[mask] for mask in masks[kept]], len(times))[:, trusted]
            for kind, rows in fetched.items()
            if rows is not None
        },
        height=int(info["px_height"]),
        width=int(info["px_width"]),
    )


def _stacked(traces: list[NDArray[Any]], n_frames: int) -> Floats:
    return np.stack(traces).astype(np.float32, copy=False) if traces else np.zeros((0, n_frames), np.float32)


def _gaps(times: Floats) -> Floats:
    timing = daq.examine(times)
    missing = sorted((*timing.gaps, *timing.pauses), key=lambda gap: gap.time)
    return np.array([[gap.time, gap.time + gap.interval] for gap in missing]).reshape(-1, 2)


def _measures(key: dict[str, Any], masks: Ints) -> tuple[Floats, Floats]:
    from ..pipeline import miniscope_report

    rows = (miniscope_report.QualityMetrics & key).to_dicts()
    unknown = np.full(len(masks), np.nan)
    if not rows:
        return unknown, unknown
    snr, r_values = (
        unknown if rows[0][name] is None else np.asarray(rows[0][name], np.float64)[masks]
        for name in ("snr", "r_values")
    )
    return snr, r_values


def _traces(key: dict[str, Any], kind: str) -> dict[int, NDArray[Any]] | None:
    """Return the traces of a kind by the numbers of their components, or None where it was not computed."""
    from ..pipeline import miniscope

    if kind == "denoised":
        computed = miniscope.Fluorescence & key
        query = (miniscope.Fluorescence.Trace & key).proj(trace="fluorescence")
    else:
        engine = (miniscope.ProcessingParamSet & key).fetch1("processing_method")
        end = {"dff": "dff", "deconvolved": "deconvolution"}[kind]
        method = {"extraction_method": f"{engine}_{end}"}
        computed = miniscope.Activity & key & method
        query = (miniscope.Activity.Trace & key & method).proj(trace="activity_trace")
    found = {int(row["mask"]): np.asarray(row["trace"]) for row in query.to_dicts()}
    there = (miniscope.Segmentation.Mask & key).proj()
    return found if computed and len(found) == len(there) else None
