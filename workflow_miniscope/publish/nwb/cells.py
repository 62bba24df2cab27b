"""Results of a scope: how its frames were moved, images, components and their traces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hdmf.common import VectorData, VectorIndex
from numpy.typing import NDArray
from pynwb.base import Images, TimeSeries
from pynwb.image import GrayscaleImage
from pynwb.ophys import (
    DfOverF,
    Fluorescence,
    ImageSegmentation,
    MotionCorrection,
    PlaneSegmentation,
    RoiResponseSeries,
)

from ...errors import ResultError, WorkflowError
from ...results.caiman import RawTraces
from ...results.caiman.dff import PERCENTILE, WINDOW, running_percentile
from ..contents import Analysis, Contents
from ..private import public
from .corrected import corrected_stack
from .devices import safe, wrong_times
from .frame_tables import frame_tables
from .imaging import Imaged
from .result_file import OTHER_FILE, result_file
from .streams import Columns, compressed
from .tables import table

_PIXEL = np.dtype([("x", np.uint32), ("y", np.uint32), ("weight", np.float32)])

BASELINE = (
    f"Percentile {PERCENTILE} of the raw trace in a window of {WINDOW} frames: F0 of dF/F, which is "
    "(F - F0) / (B + max(F0, 0)) with the background B under the footprint."
)

_IMAGES = {
    "ref_image": ("registration_template", "What the frames were registered to."),
    "average_image": ("average", "Mean of the registered frames."),
    "correlation_image": ("correlation", "Correlation of each pixel with its neighbours."),
    "max_proj_image": ("maximum", "Maximum of the registered frames."),
}


@dataclass(frozen=True)
class _Target:
    """Where the results of an analysis go: the scope, the ends of names, the containers of all analyses."""

    imaged: Imaged
    suffix: str
    module: Any
    containers: dict[str, Any]

    def container(self, kind: type) -> Any:
        """Return the one container of a kind, made when it is first needed."""
        name = kind.__name__
        if name not in self.containers:
            self.containers[name] = kind(name=name)
            self.module.add(self.containers[name])
        return self.containers[name]


def add_analyses(
    module: Any,
    contents: Contents,
    imaged: list[Imaged],
    notes: list[str],
    motion_corrected: bool = False,
    progress: bool = True,
) -> None:
    """Add the results of all analyses to the module ``ophys``; what cannot be added is said in ``notes``.

    Parameters
    ----------
    module : ProcessingModule
        Where they go.
    contents : Contents
        What the database has.
    imaged : list of Imaged
        The scopes in the file.
    notes : list of str
        Gets a sentence for everything that is left out.
    motion_corrected : bool
        Write the motion-corrected movies too.
    progress : bool
        Show progress bars on a terminal.
    """
    containers: dict[str, Any] = {}
    targets = []
    corrected: set[tuple[int, int]] = set()
    of_scope = {scope.scope.key["recording_id"]: scope for scope in imaged}
    for analysis in contents.analyses:
        scope = of_scope[analysis.recording_id]
        alone = sum(other.recording_id == analysis.recording_id for other in contents.analyses) == 1
        number = "" if alone else f"_p{analysis.key['paramset_id']}_c{analysis.key['curation_id']}"
        target = _Target(scope, scope.suffix + number, module, containers)
        targets.append(target)
        moved = _add_motion(analysis, target)
        processing = analysis.recording_id, analysis.key["paramset_id"]
        # curations of one result have one movie
        if motion_corrected and processing not in corrected:
            corrected.add(processing)
            _add_corrected(analysis, target, moved, notes, progress)
        for seen in frame_tables(analysis, len(scope.scope.times), target.suffix):
            module.add(seen)
        _add_images(analysis, target)
        if analysis.masks:
            _add_traces(analysis, target, _add_masks(analysis, target), notes)
        else:
            notes.append(f"No component was found in {scope.scope.device}: there is no plane segmentation of it.")
    if contents.analyses:
        module.add(_analyses_table(contents, targets))
    if any(analysis.params for analysis in contents.analyses):
        module.add(_parameters_table(contents))
    if any(analysis.packages for analysis in contents.analyses):
        module.add(_packages_table(contents))


def _analyses_table(contents: Contents, targets: list[_Target]) -> Any:
    rows = [
        {
            "scope": target.imaged.scope.device,
            "device": safe(target.imaged.scope.device),
            "plane_segmentation": f"PlaneSegmentation{target.suffix}" if analysis.masks else "none",
            "paramset_id": int(analysis.key["paramset_id"]),
            "curation_id": int(analysis.key["curation_id"]),
            "engine": analysis.engine,
            "version": analysis.version or "unknown",
            "parameters_hash": analysis.params_hash,
            "computed": f"{analysis.computed.isoformat()}Z",
            "curated": f"{analysis.curated.isoformat()}Z",
            "curated_by_hand": analysis.manual_curation,
            "curation_note": analysis.curation_note,
            "n_components": len(analysis.masks),
            "verdict": analysis.verdict or "the engine does not say",
            "reasons": "\n".join(analysis.reasons),
            "duration": np.nan if analysis.duration_s is None else analysis.duration_s,
        }
        for analysis, target in zip(contents.analyses, targets, strict=True)
    ]
    described = {
        "scope": "Scope whose frames were analysed.",
        "device": "Its name in this file.",
        "plane_segmentation": "Name of the plane segmentation with the components; none where none was found.",
        "paramset_id": "Number of the parameter set in the database.",
        "curation_id": "Number of the curation.",
        "engine": "Program that computed it.",
        "version": "Version of the program.",
        "parameters_hash": "MD5 of engine and parameters.",
        "computed": "When it was computed, UTC.",
        "curated": "When it was curated, UTC.",
        "curated_by_hand": "Whether somebody went through the components.",
        "curation_note": "What was noted then.",
        "n_components": "Components, accepted and rejected.",
        "verdict": "Whether the result can be trusted.",
        "reasons": "Why, a sentence a line.",
        "duration": "How long the computation took, seconds; nan where it is not known.",
    }
    columns = {name: (text, [row[name] for row in rows]) for name, text in described.items()}
    return table("analyses", "What computed each result of a scope, and who looked at it.", columns)


def _packages_table(contents: Contents) -> Any:
    rows = [
        (int(analysis.key["recording_id"]), int(analysis.key["paramset_id"]), name, version)
        for analysis in contents.analyses
        for name, version in sorted(analysis.packages.items())
    ]
    numbers, sets, names, versions = zip(*rows, strict=True)
    columns = {
        "recording_id": ("Number of the scope's recording in the database.", numbers),
        "paramset_id": ("Number of the parameter set, as in the table of analyses.", sets),
        "package": ("Name.", names),
        "version": ("Version.", versions),
    }
    return table("analysis_packages", "Python packages that took part in the analyses.", columns)


def _parameters_table(contents: Contents) -> Any:
    sets = {analysis.key["paramset_id"]: analysis.params for analysis in contents.analyses}
    rows = [
        (int(number), name, json.dumps(public(value), default=_plain, sort_keys=True))
        for number, params in sorted(sets.items())
        for name, value in sorted(params.items())
    ]
    numbers, names, values = zip(*rows, strict=True)
    columns = {
        "paramset_id": ("Number of the parameter set, as in the table of analyses.", numbers),
        "parameter": ("Name.", names),
        "value": ("Value, as JSON.", values),
    }
    return table("analysis_parameters", "Parameters that are not at the programs' defaults.", columns)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


# Motion and images -----------------------------------------------------------


def _add_motion(analysis: Analysis, target: _Target) -> TimeSeries | None:
    """Add how far the frames were moved, and return it; None where they were not."""
    from ...pipeline import miniscope

    correction = miniscope.MotionCorrection
    key = {name: analysis.key[name] for name in correction.primary_key}
    shared = {"unit": "pixels", "timestamps": target.imaged.series, **wrong_times(target.imaged.scope)}
    name = f"motion_correction{target.suffix}"
    for row in (correction.RigidMotionCorrection & key).to_dicts():
        moved = np.stack([row["x_shifts"], row["y_shifts"]], axis=1)
        text = "How far each frame was moved to lie on the template: x (to the right) and y (down)."
        series = TimeSeries(name=name, description=text, data=compressed(moved), **shared)
        target.module.add(series)
        return series
    blocks = (correction.Block & key).to_dicts(order_by="block_id")
    if not blocks:
        return None
    moved = np.stack([np.stack([block["x_shifts"], block["y_shifts"]], axis=1) for block in blocks], axis=1)
    text = f"How far each block of each frame was moved, [frame, block, x and y]; the blocks are in {name}_blocks."
    series = TimeSeries(name=name, description=text, data=compressed(moved), **shared)
    target.module.add(series)
    columns = {}
    for axis in ("x", "y"):
        ends = [(int(block[f"block_{axis}"][0]), int(block[f"block_{axis}"][-1]) + 1) for block in blocks]
        columns[f"{axis}_start"] = (f"First {axis}.", [start for start, _ in ends])
        columns[f"{axis}_stop"] = (f"End of {axis}.", [stop for _, stop in ends])
    text = "Blocks of the field of view, in pixels; stops are excluded."
    target.module.add(table(f"{name}_blocks", text, columns))
    return series


def _add_corrected(
    analysis: Analysis, target: _Target, moved: TimeSeries | None, notes: list[str], progress: bool
) -> None:
    if moved is None:
        notes.append(f"{target.imaged.scope.device} has no motion-corrected movie: {analysis.engine} moved no frame.")
        return
    stack = corrected_stack(analysis, target.imaged, moved, f"CorrectedImageStack{target.suffix}", progress)
    target.container(MotionCorrection).add_corrected_image_stack(stack)


def _add_images(analysis: Analysis, target: _Target) -> None:
    from ...pipeline import miniscope

    summary = miniscope.MotionCorrection.Summary
    for row in (summary & {name: analysis.key[name] for name in miniscope.MotionCorrection.primary_key}).to_dicts():
        images = [
            # the table keeps a leading axis for fields of view; NWB has x first
            GrayscaleImage(name=name, description=text, data=np.asarray(row[column])[0].T)
            for column, (name, text) in _IMAGES.items()
            if row[column] is not None
        ]
        described = f"Images of {target.imaged.scope.device}, [x, y]."
        target.module.add(Images(name=f"summary_images{target.suffix}", images=images, description=described))


# Components ------------------------------------------------------------------


def _add_masks(analysis: Analysis, target: _Target) -> Any:
    """Add the plane segmentation of an analysis, with every component, and return it."""
    from ...pipeline import miniscope

    pixels, centers = [], []
    for row in _rows(miniscope.Segmentation.Mask & analysis.key, analysis.masks):
        some = np.empty(len(row["mask_weights"]), _PIXEL)
        some["x"], some["y"], some["weight"] = row["mask_xpix"], row["mask_ypix"], row["mask_weights"]
        pixels.append(some)
        centers.append((row["mask_center_x"], row["mask_center_y"]))
    data = VectorData(
        name="pixel_mask", description="Pixels of each component, with their weights.", data=np.concatenate(pixels)
    )
    ends = np.cumsum([len(some) for some in pixels]).astype(np.uint64)
    index = VectorIndex(name="pixel_mask_index", data=ends, target=data)
    segmentation = PlaneSegmentation(
        name=f"PlaneSegmentation{target.suffix}",
        description=f"Components that {analysis.engine} {analysis.version} found in {target.imaged.scope.device}, "
        "accepted and rejected; their ids are those of the database.",
        imaging_plane=target.imaged.plane,
        id=np.asarray(analysis.masks),
        columns=[index, data],
        colnames=["pixel_mask"],
    )
    target.container(ImageSegmentation).add_plane_segmentation(segmentation)
    for i, axis in enumerate("xy"):
        values = [np.nan if center[i] is None else float(center[i]) for center in centers]
        segmentation.add_column(
            name=f"center_{axis}", description=f"{axis} of the centre of mass, pixels.", data=values
        )
    _add_verdicts(analysis, segmentation)
    return segmentation


def _rows(query: Any, masks: tuple[int, ...], at_once: int = 64) -> Any:
    """Give the rows of some masks, in their order, without all of them in memory."""
    for first in range(0, len(masks), at_once):
        yield from (query & [{"mask": mask} for mask in masks[first : first + at_once]]).to_dicts(order_by="mask")


def _add_verdicts(analysis: Analysis, segmentation: Any) -> None:
    """Add the columns that say which components are cells, and how good they are."""
    from ...pipeline import extraction, miniscope, miniscope_report

    types = (miniscope.MaskClassification.MaskType & analysis.key).to_dicts()
    methods = (miniscope.MaskClassification & analysis.key).to_arrays(
        "mask_classification_method", order_by="mask_classification_method"
    )
    for method in map(str, methods):
        of_mask = {row["mask"]: row["mask_type"] for row in types if row["mask_classification_method"] == method}
        end = "" if len(methods) == 1 else f"_{method}"
        segmentation.add_column(
            name=f"accepted{end}",
            description=f"Whether the component is taken for a cell, by {method}.",
            data=np.array([mask in of_mask for mask in analysis.masks]),
        )
        segmentation.add_column(
            name=f"mask_type{end}",
            description=f"What it is, by {method}; rejected where it is nothing.",
            data=[of_mask.get(mask, "rejected") for mask in analysis.masks],
        )
    for row in (miniscope_report.QualityMetrics & analysis.key).to_dicts():
        for column, name, text in (
            ("snr", "snr", "Signal to noise ratio of the trace."),
            ("r_values", "r_value", "Correlation of footprint and movie while the component is active."),
            ("cnn_preds", "cnn_prediction", "Probability of a cell by the shape of the footprint."),
        ):
            if row[column] is not None:
                values = np.asarray(row[column], float)[list(analysis.masks)]
                segmentation.add_column(name=name, description=text, data=values)

    evaluated = {row["mask"]: row for row in (extraction.Evaluation.Component() & analysis.key).to_dicts()}
    if evaluated:
        segmentation.add_column(
            name="probability",
            description="Probability of being a cell, by what was measured of the component.",
            data=[float(evaluated[mask]["probability"]) for mask in analysis.masks],
        )
        segmentation.add_column(
            name="rejected_because",
            description="Why it was rejected; empty where it was accepted.",
            data=[evaluated[mask]["reason"] for mask in analysis.masks],
        )


# Traces ----------------------------------------------------------------------


def _add_traces(analysis: Analysis, target: _Target, segmentation: Any, notes: list[str]) -> None:
    """Add raw and denoised fluorescence, dF/F with its baseline, and deconvolved activity."""
    from ...pipeline import miniscope

    region = segmentation.create_roi_table_region("All components.", region=list(range(len(analysis.masks))))
    shared = {"rois": region, "timestamps": target.imaged.series, **wrong_times(target.imaged.scope)}

    def add(kind: type, name: str, unit: str, text: str, dtype: Any, fetch: Callable[..., Any]) -> None:
        columns = Columns(len(target.imaged.scope.times), len(analysis.masks), dtype, fetch)
        target.container(kind).add_roi_response_series(
            RoiResponseSeries(
                name=f"{name}{target.suffix}", description=text, unit=unit, data=compressed(columns), **shared
            )
        )

    denoised = _stored(miniscope.Fluorescence.Trace & analysis.key, "fluorescence", analysis.masks)
    if denoised is not None:
        add(Fluorescence, "denoised", "grey levels", "Fluorescence without noise, by the model.", *denoised)
        raw = _raw(analysis, denoised[1], notes)
        if raw is not None:
            add(Fluorescence, "raw", "grey levels", "Fluorescence of the components.", np.float32, raw.traces)
            if raw.file.dff_is_computed:
                add(Fluorescence, "baseline", "grey levels", BASELINE, np.float32, raw.baselines)
    for name, kind, container, unit, text in (
        ("dff", "dff", DfOverF, "fraction", "Change of the fluorescence over the baseline (dF/F)."),
        ("deconvolved", "deconvolution", Fluorescence, "grey levels", "Deconvolved activity."),
    ):
        method = {"extraction_method": f"{analysis.engine}_{kind}"}
        stored = _stored(miniscope.Activity.Trace & analysis.key & method, "activity_trace", analysis.masks)
        if stored is not None:
            add(container, name, unit, text, *stored)


def _stored(query: Any, column: str, masks: tuple[int, ...]) -> tuple[Any, Callable[..., Any]] | None:
    """Return the dtype of traces in a table, and what fetches some of them; None where there are none."""
    query = query.proj(column)
    first = (query & {"mask": masks[0]}).to_dicts()
    if not first:
        return None

    def fetch(start: int, stop: int) -> list[NDArray[Any]]:
        return [np.asarray(row[column]) for row in _rows(query, masks[start:stop])]

    return np.asarray(first[0][column]).dtype, fetch


def _raw(analysis: Analysis, stored: Callable[..., Any], notes: list[str]) -> _Raw | None:
    """Return what reads the raw traces, or None where their file is gone: the tables hold everything else."""
    try:
        file = RawTraces(result_file(analysis))
    except WorkflowError as error:
        notes.append(f"Raw fluorescence and baseline are left out, because the result file cannot be read: {error}")
        return None
    return _Raw(file, analysis, stored) if file.has_residual else None


class _Raw:
    """Raw traces and their baselines, from the result file that the stored traces are from."""

    def __init__(self, file: RawTraces, analysis: Analysis, stored: Callable[..., Any]) -> None:
        self.file, self._masks, self._stored = file, analysis.masks, stored
        if file.shape[0] <= max(analysis.masks):
            raise ResultError(OTHER_FILE.format("traces"))

    def traces(self, start: int, stop: int) -> list[NDArray[Any]]:
        """Return raw traces of some components."""
        masks = self._masks[start:stop]
        for trace, stored in zip(self.file.denoised(masks), self._stored(start, stop), strict=True):
            if not np.array_equal(trace, stored):
                raise ResultError(OTHER_FILE.format("traces"))
        return list(self.file.raw(masks))

    def baselines(self, start: int, stop: int) -> list[NDArray[Any]]:
        """Return their baselines."""
        return list(running_percentile(np.stack(self.traces(start, stop)).astype(np.float64)))
