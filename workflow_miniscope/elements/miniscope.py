"""Corrected computations of element-miniscope 0.3.2.

The tables are the published ones. What their ``make`` would store wrongly, or cannot store at all, is computed here
instead; each correction names the published defect it is for. Times are UTC, x is a column, y is a row, components and
masks count from 0 as in the result file.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import daq, engines
from ..database.conditions import name_of
from ..database.large_inserts import insert_large
from ..errors import ParameterError, ResultError
from ..movies.types import Floats
from ..paths import find_full_path, get_miniscope_root_data_dir, get_processed_root_data_dir, to_relative
from ..results.cache import read_once
from ..results.caiman import CaimanResult, PiecewiseShifts, RigidShifts, find_result, read_result
from .finished_runs import find_cells
from .recordings import find_session_folder
from .reference import device_folder_name
from .session import get_session_directory
from .stored_values import hash_params, naive_utc
from .translation import Key, Published, import_element, replace_methods

logger = logging.getLogger(__name__)

miniscope = import_element("element_miniscope.miniscope")
miniscope_report = import_element("element_miniscope.miniscope_report")

# One photon, one colour: the recordings have a single channel, and it is number 0
CHANNEL = 0

# Stored where the acquisition software noted no LED power; the published column does not allow null
LED_UNKNOWN = -1.0


def correct() -> None:
    """Replace what is wrong on the published classes. Call before they are activated."""
    # Published: only "caiman" is known
    miniscope.ProcessingMethod.contents = [(name, engines.get(name).description) for name in engines.names("cells")]
    miniscope.ActivityExtractionMethod.contents = [
        (f"{name}_{kind}",) for name in engines.names("cells") for kind in ("deconvolution", "dff")
    ]
    miniscope.MaskClassificationMethod.contents = [(f"{name}_default_classifier",) for name in engines.names("cells")]

    for corrections in (
        _RecordingInfo,
        _ProcessingParamSet,
        _Processing,
        _Curation,
        _MotionCorrection,
        _Segmentation,
        _MaskClassification,
        _Fluorescence,
        _Activity,
        _ProcessingQualityMetrics,
    ):
        replace_methods(getattr(miniscope, corrections.__name__.lstrip("_")), corrections)
    replace_methods(miniscope_report.QualityMetrics, _QualityMetrics)
    vars(miniscope)["get_loader_result"] = get_loader_result


# Recordings ------------------------------------------------------------------


class _RecordingInfo(Published):
    """Published: movie files in any order, frame numbers stored as time stamps, the configured frame rate taken for
    the real one, no recording time, KeyError without a ROI, a crash on a numeric frame rate.
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        acq_software, device = (miniscope.Recording & key).fetch1("acq_software", "device")
        return acq_software, device_folder_name(device), get_session_directory(key)

    def make_compute(self, key: Key, acq_software: str, folder_name: str, session_dir: str) -> tuple[Any, ...]:
        recorded = daq.open_session(find_session_folder(session_dir), acq_software)
        device = recorded.device(folder_name)
        recording = device.read()
        for warning in recording.warnings:
            logger.warning("%s: %s", device.folder, warning)
        info = {
            "nchannels": 1,
            "nframes": recording.n_frames,
            "px_height": recording.movie.height,
            "px_width": recording.movie.width,
            "fps": recording.fps,
            "gain": device.gain,
            "spatial_downsample": 1,
            "led_power": LED_UNKNOWN if device.led_power is None else device.led_power,
            "time_stamps": np.asarray(recording.times, dtype=np.float64),
            "recording_datetime": naive_utc(recorded.start_utc),
            "recording_duration": recording.duration,
        }
        roots = get_miniscope_root_data_dir()
        return info, [to_relative(roots, path) for path in recording.movie.files]

    def make_insert(self, key: Key, info: dict[str, Any], files: list[str]) -> None:
        self.insert1({**key, **info})
        self.File.insert({**key, "file_id": i, "file_path": path} for i, path in enumerate(files))


# Parameters ------------------------------------------------------------------


class _ProcessingParamSet(Published):
    """Published: sets that differ may get the same hash, because keys and values run together."""

    @classmethod
    def insert_new_params(
        cls,
        processing_method: str,
        paramset_id: int,
        paramset_desc: str,
        params: dict[str, Any],
        processing_method_desc: str = "",
    ) -> None:
        """Insert a parameter set, unless it is there already.

        Raises
        ------
        ParameterError
            The method is unknown, the content is there under another number, or the number has another content.
        """
        engines.get(processing_method, "cells")
        same = find_paramset(processing_method, params)
        if same == paramset_id:
            return
        if same is not None:
            raise ParameterError(
                f"These parameters are in the database already, as paramset {same}; use that one, not {paramset_id}."
            )
        if cls() & {"paramset_id": paramset_id}:
            raise ParameterError(f"Paramset {paramset_id} exists with other parameters; choose a free paramset_id.")
        cls.insert1(
            {
                "paramset_id": paramset_id,
                "processing_method": processing_method,
                "paramset_desc": paramset_desc,
                "param_set_hash": hash_params(processing_method, params),
                "params": params,
            }
        )


def find_paramset(processing_method: str, params: dict[str, Any]) -> int | None:
    """Return the number of the parameter set with this content, or None."""
    same = (miniscope.ProcessingParamSet & {"param_set_hash": hash_params(processing_method, params)}).keys()
    return int(same[0]["paramset_id"]) if same else None


# Processing ------------------------------------------------------------------


class _Processing(Published):
    """Published: runs inside one database transaction for hours, needs an output directory that exists, works with
    DataJoint's own fork of CaImAn only, takes the files in any order, knows no engine but "caiman".
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        mode, output_dir = (miniscope.ProcessingTask & key).fetch1("task_mode", "processing_output_dir")
        method, params = (miniscope.ProcessingParamSet & key).fetch1("processing_method", "params")
        n_frames, times = (miniscope.RecordingInfo & key).fetch1("nframes", "time_stamps")
        files = (miniscope.RecordingInfo.File & key).to_arrays("file_path", order_by="file_id").tolist()
        return mode, output_dir, method, params, files, int(n_frames), times

    def make_compute(
        self,
        key: Key,
        mode: str,
        output_dir: str,
        method: str,
        params: dict[str, Any],
        files: list[str],
        n_frames: int,
        times: Floats,
    ) -> tuple[Any, ...]:
        if mode == "trigger":
            engine = engines.get(method, "cells")
            roots = get_miniscope_root_data_dir()
            movie = daq.Movie([find_full_path(roots, path) for path in files], n_frames=n_frames)
            # element-miniscope's own parameter, which no engine knows
            parsed = engine.parse({name: value for name, value in params.items() if name != "segmentation_channel"})
            folder = get_processed_root_data_dir() / output_dir
            clean = daq.cleaned(times)
            there = find_cells(folder, engine.name, parsed, movie.files, clean)
            # not the published column fps, which keeps seven digits, and six on MySQL: other cells would be found
            fps = daq.examine(times).fps
            child = engines.in_child(engine, by_default=True)
            path = there or engines.run_engine(
                engine, movie, parsed, folder, fps=fps, times=clean, child=child, note=True
            )
        else:
            path = find_result(find_output(output_dir))
        result = read_once(read_result, path)
        if result.C.shape[1] != n_frames:
            raise ResultError(
                f"{path} has traces of {result.C.shape[1]} frames, the recording has {n_frames}: it belongs to another "
                "recording, or was made from part of the files."
            )
        return naive_utc(result.created), result.version[:16]

    def make_insert(self, key: Key, processing_time: datetime, package_version: str) -> None:
        self.insert1({**key, "processing_time": processing_time, "package_version": package_version})


def find_output(output_dir: str) -> Path:
    """Return the folder of a result, which lies below the processed root, or below a raw one if loaded from there."""
    return find_full_path([get_processed_root_data_dir(), *get_miniscope_root_data_dir()], output_dir)


def get_loader_result(key: Key, table: Any) -> tuple[str, CaimanResult]:
    """Return the method and the result of a ProcessingTask or Curation.

    Published: needs CaImAn to read a file, and reads it anew for every table.
    """
    directory = "curation_output_dir" if table.__name__ == "Curation" else "processing_output_dir"
    method, output_dir = (miniscope.ProcessingParamSet * table & key).fetch1("processing_method", directory)
    return method, read_once(read_result, find_result(find_output(output_dir)))


class _Curation(Published):
    """Published: numbers the curations in MySQL's dialect, takes the time a file was last touched for its making."""

    @classmethod
    def create1_from_processing_task(cls, key: Key, is_curated: bool = False, curation_note: str = "") -> None:
        """Create the next curation of a processed task, from the task's own output.

        Raises
        ------
        ResultError
            The task has not been processed.
        """
        task = miniscope.ProcessingTask & key
        if not miniscope.Processing & task.proj():
            raise ResultError(f"There is no processing of {key} to curate; run `Processing.populate` first.")
        task_key, output_dir = task.fetch1("KEY"), task.fetch1("processing_output_dir")
        _, result = get_loader_result(task_key, miniscope.ProcessingTask)
        numbers = (miniscope.Curation & task_key).to_arrays("curation_id")
        cls.insert1(
            {
                **task_key,
                "curation_id": int(max(numbers, default=0)) + 1,
                "curation_time": naive_utc(result.created),
                "curation_output_dir": output_dir,
                "manual_curation": is_curated,
                "curation_note": curation_note,
            }
        )


# Results ---------------------------------------------------------------------


class _MotionCorrection(Published):
    """Published: stores dy as x_shifts and dx as y_shifts, swaps the axes of the blocks too, cannot load
    piecewise-rigid results at all, and takes the correlation of the movie for that of the cell detection, which its
    column is for.

    CaImAn's own ``CNMF.save`` leaves out the shifts, unless ``fit_file`` computed them: then there is no rigid and no
    non-rigid row, and the rest of the result is loaded all the same.
    """

    def make(self, key: Key) -> None:
        _, result = get_loader_result(key, miniscope.ProcessingTask)
        self.insert1({**key, "motion_correct_channel": CHANNEL})
        if result.motion is None:
            logger.warning("The result of %s holds no shifts; how its frames were moved is not known.", name_of(key))
        elif isinstance(result.motion, RigidShifts):
            dy, dx = np.asarray(result.motion.shifts).T
            self.RigidMotionCorrection.insert1({**key, **_shift_columns(dy, dx), "outlier_frames": None})
        else:
            self._insert_blocks(key, result.motion)
        if result.average_image is None:
            return  # a column that may not be null
        self.Summary.insert1(
            {
                **key,
                "ref_image": _one_field(result.reference_image),
                "average_image": _one_field(result.average_image),
                "correlation_image": _one_field(result.correlation_of_cells),
                "max_proj_image": _one_field(result.max_image),
            }
        )

    def _insert_blocks(self, key: Key, motion: PiecewiseShifts) -> None:
        y0, y1, x0, x1 = np.asarray(motion.blocks).T
        self.NonRigidMotionCorrection.insert1(
            {
                **key,
                "outlier_frames": None,
                "block_height": int(y1[0] - y0[0]),
                "block_width": int(x1[0] - x0[0]),
                "block_count_y": len(set(y0.tolist())),
                "block_count_x": len(set(x0.tolist())),
            }
        )
        insert_large(
            self.Block,
            (
                {
                    **key,
                    "block_id": block,
                    "block_y": np.arange(y0[block], y1[block]),
                    "block_x": np.arange(x0[block], x1[block]),
                    **_shift_columns(motion.y[:, block], motion.x[:, block]),
                }
                for block in range(len(motion.blocks))
            ),
        )


def _one_field(image: Floats | None) -> Floats | None:
    # the published column has a leading axis for fields of view
    return None if image is None else image[np.newaxis]


def _shift_columns(dy: Floats, dx: Floats) -> dict[str, Any]:
    return {
        "y_shifts": np.ascontiguousarray(dy),
        "x_shifts": np.ascontiguousarray(dx),
        "y_std": float(np.nanstd(dy)),
        "x_std": float(np.nanstd(dx)),
    }


def _segmentation_channel(key: Key) -> int:
    params = (miniscope.ProcessingParamSet & key).fetch1("params")
    return int(params.get("segmentation_channel", CHANNEL))


class _Segmentation(Published):
    """Published: rows in the x columns and columns in the y columns; masks numbered from 1 are compared with accepted
    components numbered from 0, so that about a third get the wrong class.
    """

    def make(self, key: Key) -> None:
        _, result = get_loader_result(key, miniscope.Curation)
        channel = _segmentation_channel(key)
        self.insert1(key)
        insert_large(
            self.Mask,
            (
                {
                    **key,
                    "segmentation_channel": channel,
                    "mask": mask.id,
                    "mask_npix": mask.npix,
                    "mask_center_x": mask.center_x,
                    "mask_center_y": mask.center_y,
                    "mask_xpix": mask.xpix,
                    "mask_ypix": mask.ypix,
                    "mask_weights": mask.weights,
                }
                for mask in map(result.mask, range(result.A.shape[1]))
            ),
        )
        miniscope.MaskClassification().classify(key)


class _MaskClassification(Published):
    """Published: cannot be populated, so that a row that was deleted is lost."""

    @property
    def key_source(self) -> Any:
        return (
            miniscope.Segmentation * miniscope.MaskClassificationMethod & _same_method("mask_classification_method")
        ).proj()

    def make(self, key: Key) -> None:
        self.classify(key)

    def classify(self, key: Key) -> None:
        """Insert the accepted components of a segmentation as somata."""
        method, result = get_loader_result(key, miniscope.Curation)
        key = {**key, "mask_classification_method": f"{method}_default_classifier"}
        confidence = {} if result.r_values is None else dict(enumerate(np.asarray(result.r_values, float)))
        self.insert1(key, allow_direct_insert=True)
        self.MaskType.insert(
            (
                {
                    **key,
                    "mask": int(mask),
                    "mask_type": "soma",
                    "confidence": _finite(confidence.get(int(mask))),
                }
                for mask in result.accepted
            ),
            allow_direct_insert=True,
        )


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _same_method(attribute: str) -> list[Key]:
    """Restriction that pairs each engine's parameter sets with the rows of a lookup table that bear its name.

    Published: a string with double quotes, which PostgreSQL reads as a column's name.
    """
    lookup = {
        "mask_classification_method": miniscope.MaskClassificationMethod,
        "extraction_method": miniscope.ActivityExtractionMethod,
    }[attribute]
    methods = miniscope.ProcessingParamSet.proj("processing_method").to_dicts()
    names = lookup.to_arrays(attribute)
    return [
        {"paramset_id": row["paramset_id"], attribute: name}
        for row in methods
        for name in names
        if name.startswith(row["processing_method"] + "_")
    ]


class _Fluorescence(Published):
    """Published: correct, but for its loader."""

    def make(self, key: Key) -> None:
        _, result = get_loader_result(key, miniscope.Curation)
        channel = _segmentation_channel(key)
        self.insert1(key)
        insert_large(
            self.Trace,
            (
                {**key, "mask": mask, "fluorescence_channel": channel, "fluorescence": trace}
                for mask, trace in enumerate(result.C)
            ),
        )


class _Activity(Published):
    """Published: the key source fails on PostgreSQL, and a result without dF/F crashes.

    A result that was computed without deconvolution, or has nothing to compute dF/F from, has no traces of it.
    """

    @property
    def key_source(self) -> Any:
        return (miniscope.Fluorescence * miniscope.ActivityExtractionMethod & _same_method("extraction_method")).proj()

    def make(self, key: Key) -> None:
        _, result = get_loader_result(key, miniscope.Curation)
        channel = _segmentation_channel(key)
        traces = result.F_dff if key["extraction_method"].endswith("_dff") else result.S
        self.insert1(key)
        if traces is None:
            logger.warning("The result of %s holds no %s.", key, key["extraction_method"])
            return
        insert_large(
            self.Trace,
            (
                {**key, "mask": mask, "fluorescence_channel": channel, "activity_trace": trace}
                for mask, trace in enumerate(traces)
            ),
        )


class _ProcessingQualityMetrics(Published):
    """Published: the column "variance" gets the standard deviation; an empty result crashes."""

    def make(self, key: Key) -> None:
        from scipy.stats import skew  # takes a second to import, which every command would pay

        self.insert1(key)
        for row in (miniscope.Fluorescence.Trace & key).to_dicts(order_by="mask"):
            trace = np.asarray(row.pop("fluorescence"), dtype=np.float64)
            del row["neuropil_fluorescence"]
            variance = float(trace.var())
            # a trace that never changes is symmetric; scipy says nan, which no server's column takes
            skewness = float(skew(trace)) if variance > 0 else 0.0
            self.Trace.insert1({**row, "skewness": skewness, "variance": variance})


class _QualityMetrics(Published):
    """Published: an assertion for every engine but CaImAn."""

    def make(self, key: Key) -> None:
        _, result = get_loader_result(key, miniscope.Curation)
        self.insert1({**key, "r_values": result.r_values, "snr": result.snr, "cnn_preds": result.cnn_preds})
