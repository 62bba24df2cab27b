"""What the face shows beyond its motion, and what of the cells' activity its motion explains.

Signals are in frames of the camera, whose times are in :class:`.recording.CameraTimes`; ``recording.synchronized``
reads them at a scope's frames.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from .. import daq
from ..analysis.eye import blink_closed, count_closures, pupil_closed
from ..analysis.prediction import Prediction, TooLittleTime, predict_activity
from ..database.conditions import name_of
from ..database.connection import dj
from ..database.large_inserts import insert_large
from ..elements.facemap import facemap, find_output
from ..elements.miniscope import miniscope
from ..elements.translation import Key, Published
from ..errors import ParameterError, ResultError
from ..movies.types import Floats, Real
from ..parameters import unknown
from ..results.cache import read_once
from ..results.facemap import FacemapResult, find_proc, read_proc
from . import recording

logger = logging.getLogger(__name__)

schema = dj.Schema()


# Eye -------------------------------------------------------------------------


class _FromResult(Published):
    """What the tables that are filled from Facemap's file share."""

    def make_fetch(self, key: Key) -> tuple[str]:
        return ((facemap.FacemapTask & key).fetch1("facemap_output_dir"),)

    def make_compute(self, key: Key, output_dir: str) -> tuple[list[dict[str, Any]]]:
        return (self.rows(read_once(read_proc, find_proc(find_output(output_dir)))),)

    def make_insert(self, key: Key, rows: list[dict[str, Any]]) -> None:
        self.insert1({**key, "n_regions": len(rows)})
        insert_large(self.Region, ({**key, "region_no": number, **row} for number, row in enumerate(rows)))


@schema
class Pupil(_FromResult, dj.Computed):
    """Pupils, where Facemap was given regions for them."""

    definition = """
    -> facemap.FacemapProcessing
    ---
    n_regions : int16
    """

    class Region(dj.Part):
        """A pupil. x is a column, y is a row, in pixels of the camera's frame; nan where the eye is closed."""

        definition = """
        -> master
        region_no   : int16        # among the pupils, from 0
        ---
        region_name : varchar(255)
        area        : <blob>       # float32 [frame], square pixels
        x           : <blob>       # float32 [frame], centre
        y           : <blob>       # float32 [frame], centre
        half_axes   : <blob>       # float32 [frame, 2], pixels
        closed      : <blob>       # bool [frame], no pupil can be seen (see results.eye)
        n_closures  : int32        # times that it closed
        """

    @staticmethod
    def rows(result: FacemapResult) -> list[dict[str, Any]]:
        """Return a row for each pupil of a result."""
        rows = []
        for pupil in result.pupils:
            closed = pupil_closed(pupil, result.blinks)
            signals = {
                "area": pupil.area,
                "x": pupil.x,
                "y": pupil.y,
                # Facemap's are squared
                "half_axes": np.sqrt(pupil.axis_lengths),
            }
            row = {name: np.array(signal, np.float32) for name, signal in signals.items()}
            for signal in row.values():
                signal[closed] = np.nan
            rows.append({"region_name": pupil.name, **row, "closed": closed, "n_closures": count_closures(closed)})
        return rows


@schema
class Blink(_FromResult, dj.Computed):
    """Lids, where Facemap was given regions for them."""

    definition = """
    -> facemap.FacemapProcessing
    ---
    n_regions : int16
    """

    class Region(dj.Part):
        """An eye's lid."""

        definition = """
        -> master
        region_no   : int16        # among the blink regions, from 0
        ---
        region_name : varchar(255)
        darkness    : <blob>       # float32 [frame], grey levels below the saturation, summed; falls in a blink
        closed      : <blob>       # bool [frame], less than a tenth of the usual darkness
        n_closures  : int32        # times that it closed
        """

    @staticmethod
    def rows(result: FacemapResult) -> list[dict[str, Any]]:
        """Return a row for each blink region of a result."""
        rows = []
        for blink in result.blinks:
            closed = blink_closed(blink)
            rows.append(
                {
                    "region_name": blink.name,
                    "darkness": blink.signal.astype(np.float32),
                    "closed": closed,
                    "n_closures": count_closures(closed),
                }
            )
        return rows


# On the scope's clock --------------------------------------------------------

# What it is, number and name of its region, float32 [camera frame]
_Signal = tuple[str, int, str, Floats]


@schema
class AlignedSignal(dj.Computed):
    """Signals of the face at a scope's frames, where an animal has both in one session.

    ``recording.synchronized`` reads any other signal of a camera in the same way, such as components of the motion.
    """

    definition = """
    -> miniscope.RecordingInfo
    -> facemap.FacialSignal.proj(video_recording_id='recording_id')
    -> Pupil.proj(video_recording_id='recording_id')
    -> Blink.proj(video_recording_id='recording_id')
    -> recording.CameraTimes.proj(video_recording_id='recording_id')
    ---
    n_signals  : int16
    n_frames   : int32   # of the scope that have a frame of the camera near enough
    error_ms   : <blob>  # float32 [scope frame], time of the camera's frame that was read less the scope's, nan if none
    """

    class Trace(dj.Part):
        """A signal in its own unit; nan where the camera has no frame near enough, and while an eye is closed."""

        definition = """
        -> master
        signal      : enum('motion', 'pupil_area', 'pupil_x', 'pupil_y', 'darkness')
        region_no   : int16         # roi_no of a motion, region_no of a pupil or a lid
        ---
        region_name : varchar(255)
        trace       : <blob>        # float32 [scope frame]
        """

    def make_fetch(self, key: Key) -> tuple[list[_Signal]]:
        camera = _camera_key(key, facemap.FacialSignal)
        columns: tuple[tuple[str, dj.Table, str, str, str], ...] = (
            ("motion", facemap.FacialSignal.Region, "roi_no", "roi_name", "motion"),
            ("pupil_area", Pupil.Region, "region_no", "region_name", "area"),
            ("pupil_x", Pupil.Region, "region_no", "region_name", "x"),
            ("pupil_y", Pupil.Region, "region_no", "region_name", "y"),
            ("darkness", Blink.Region, "region_no", "region_name", "darkness"),
        )
        found = [
            (signal, row["number"], row["name"], np.asarray(row["values"], np.float32))
            for signal, table, number, name, column in columns
            for row in (table & camera).proj(number=number, name=name, values=column).to_dicts(order_by="number")
        ]
        return (found,)

    def make_compute(self, key: Key, found: list[_Signal]) -> tuple[list[_Signal], daq.Aligned]:
        scope = {name: key[name] for name in miniscope.RecordingInfo.primary_key}
        camera = _camera_key(key, recording.CameraTimes)
        n_frames = int((facemap.RecordingInfo & camera).fetch1("nframes"))
        signals = np.stack([values for *_, values in found], axis=1) if found else np.zeros((n_frames, 0), np.float32)
        return found, recording.synchronized(scope, camera, signals)

    def make_insert(self, key: Key, found: list[_Signal], aligned: daq.Aligned) -> None:
        self.insert1(
            {
                **key,
                "n_signals": len(found),
                "n_frames": int(np.count_nonzero(aligned.frames >= 0)),
                "error_ms": aligned.error_ms.astype(np.float32),
            }
        )
        insert_large(
            self.Trace,
            (
                {
                    **key,
                    "signal": signal,
                    "region_no": number,
                    "region_name": name,
                    "trace": np.ascontiguousarray(aligned.values[:, i], np.float32),
                }
                for i, (signal, number, name, _) in enumerate(found)
            ),
        )


def _camera_key(key: Key, table: dj.Table) -> dict[str, Any]:
    """Return the camera's part of a key of a scope and a camera, as its own tables have it."""
    camera = {name: key[name] for name in table.primary_key if name != "recording_id"}
    return {**camera, "recording_id": key["video_recording_id"]}


# Prediction of activity from motion ------------------------------------------


@schema
class PredictionParams(dj.Lookup):
    """Parameters of a prediction: those of ``prediction.predict_activity`` that are not at their defaults."""

    definition = """
    prediction_params_id : int16
    ---
    description          : varchar(128)
    params               : json
    """
    contents: tuple[tuple[int, str, dict[str, Any]], ...] = ((0, "default", {}),)


@dataclass(frozen=True)
class Inputs:
    """What a prediction is computed from.

    Attributes
    ----------
    roi_no : int
        Facemap's region: the full frame, or the first motion region where that was not analysed.
    motion : ndarray of float [component, frame]
        Time courses of its components at the scope's frames; nan where the camera has no frame near enough.
    times : ndarray [frame]
        The scope's frames whose times can be trusted, seconds.
    cells : list of dict
        Keys of the cells' rows in ``miniscope.Activity.Trace``.
    activity : ndarray [cell, frame]
        Their activity.
    """

    roi_no: int
    motion: Floats
    times: Floats
    cells: list[dict[str, Any]]
    activity: Floats


class NoMotion(ResultError):
    """Facemap decomposed no motion of a face."""


@schema
class NeuralPrediction(dj.Computed):
    """Part of the accepted cells' activity that the motion of the face explains, cross-validated in blocks of time.

    The default parameters are used on dF/F alone, others on deconvolved activity too.
    """

    definition = """
    -> miniscope.Activity
    -> facemap.FacialSignal.proj(video_recording_id='recording_id')
    -> recording.CameraTimes.proj(video_recording_id='recording_id')
    -> PredictionParams
    ---
    roi_no                  : int32     # region of the face whose motion was used
    n_components            : int32     # of its motion
    n_frames                : int32     # that were predicted; 0: the recording is too short, or no motion was seen
    block_s                 : float64   # length of the blocks of time that were left out
    ranks                   : json      # directions of motion that the cells share, for each fold
    median_explained=null   : float64   # median over the cells
    n_shifts                : int32     # times that it was repeated with the activity shifted in time
    n_above_chance          : int32     # cells that are explained at all, and better than with each of these
    """

    class Cell(dj.Part):
        """A cell's variance explained: 1 is perfect, 0 or less is nothing; null where its activity never changes."""

        definition = """
        -> master
        -> miniscope.Activity.Trace
        ---
        variance_explained=null : float64
        chance_explained=null   : float64  # the most with shifted activity
        p_value=null            : float64  # part of the shifts, the true times among them, that explain as much
        """

    @property
    def key_source(self) -> Any:
        """Pairs of an analysis and a face, and parameters; see the table."""
        methods = miniscope.ActivityExtractionMethod.to_arrays("extraction_method")
        dff = [{"extraction_method": name} for name in methods if name.endswith("_dff")]
        return super().key_source & [*dff, "prediction_params_id > 0"]

    def make_fetch(self, key: Key) -> tuple[dict[str, Any]]:
        return ((PredictionParams() & key).fetch1("params"),)

    def make_compute(
        self, key: Key, params: dict[str, Any]
    ) -> tuple[int, int, list[dict[str, Any]], Prediction | None]:
        # the arrays are fetched here, outside the transaction: what they come from is never changed, only deleted
        try:
            inputs = fetch_inputs(key)
        except NoMotion as why:
            logger.warning("Nothing is predicted of %s: %s", name_of(key), why)
            return 0, 0, [], None
        try:
            found = predict(inputs, params, progress=True)
        except TooLittleTime as why:
            logger.warning("Nothing is predicted of %s: %s", name_of(key), why)
            return inputs.roi_no, len(inputs.motion), [], None
        return inputs.roi_no, len(inputs.motion), inputs.cells, found

    def make_insert(
        self, key: Key, roi_no: int, n_components: int, cells: list[dict[str, Any]], found: Prediction | None
    ) -> None:
        if found is None:
            nothing = {"n_frames": 0, "block_s": 0.0, "ranks": [], "n_shifts": 0, "n_above_chance": 0}
            self.insert1({**key, "roi_no": roi_no, "n_components": n_components, **nothing})
            return
        explained = found.variance_explained
        known = explained[np.isfinite(explained)]
        n_shifts = len(found.shifted)
        chance = found.shifted.max(axis=0) if n_shifts else np.full(len(explained), np.nan)
        self.insert1(
            {
                **key,
                "roi_no": roi_no,
                "n_components": n_components,
                "n_frames": found.n_frames,
                "block_s": found.block_s,
                "ranks": found.ranks.tolist(),
                "median_explained": _known(np.median(known)) if len(known) else None,
                "n_shifts": n_shifts,
                "n_above_chance": int(np.count_nonzero(explained > np.maximum(chance, 0))),
            }
        )
        columns = {"variance_explained": explained, "chance_explained": chance}
        if n_shifts:
            columns["p_value"] = found.p_values
        self.Cell.insert(
            {**key, **cell, **{name: _known(values[i]) for name, values in columns.items()}}
            for i, cell in enumerate(cells)
        )


def _known(value: Real) -> float | None:
    return float(value) if np.isfinite(value) else None


def fetch_inputs(key: Key) -> Inputs:
    """Fetch motion and accepted cells' activity for a key of :class:`NeuralPrediction`, both at the scope's frames.

    Raises
    ------
    ParameterError
        The number of components is none.
    NoMotion
        Facemap decomposed no motion.
    """
    signal = facemap.FacialSignal
    camera = _camera_key(key, signal)
    scope = {name: key[name] for name in miniscope.RecordingInfo.primary_key}
    limit = (PredictionParams() & key).fetch1("params").get("components", _DEFAULTS["components"])
    if not isinstance(limit, int) or limit < 1:
        raise ParameterError(f"components must be a whole number of at least 1, not {limit!r}.")
    regions = (signal.MotionSVD & camera & {"pc_no": 0}).to_arrays("roi_no", order_by="roi_no")
    if not len(regions):
        tried = (facemap.FacemapTask & camera).fetch1("do_mot_svd")
        raise NoMotion(
            "the camera saw no motion; look at its video." if tried else "its Facemap task has no do_mot_svd."
        )
    roi_no = int(regions[0])
    components = signal.MotionSVD & camera & {"roi_no": roi_no}
    courses = np.stack(components.to_arrays("projection", order_by="pc_no", limit=limit))
    motion = recording.synchronized(scope, camera, courses.T, method="linear").values.T

    times = np.asarray((miniscope.RecordingInfo & scope).fetch1("time_stamps"), float)
    traces = miniscope.Activity.Trace & key
    if miniscope.MaskClassification & key:
        traces = traces & (miniscope.MaskClassification.MaskType & key).proj()
    rows = traces.to_dicts(order_by="mask")
    activity = np.stack([row["activity_trace"] for row in rows]) if rows else np.zeros((0, len(times)))
    primary = miniscope.Activity.Trace.primary_key
    kept = daq.in_order(times)
    return Inputs(
        roi_no,
        motion[:, kept],
        times[kept],
        [{name: row[name] for name in primary} for row in rows],
        activity[:, kept],
    )


_DEFAULTS = {
    name: parameter.default
    for name, parameter in signature(predict_activity).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}


def predict(inputs: Inputs, params: dict[str, Any], progress: bool = False) -> Prediction:
    """Predict activity with a set of parameters, perhaps with a bar.

    Raises
    ------
    ParameterError
        A parameter is unknown or out of range.
    TooLittleTime
        The recording is too short.
    """
    for name in params:
        if name not in _DEFAULTS:
            raise ParameterError(unknown("A prediction", name, _DEFAULTS))
    return predict_activity(inputs.motion, inputs.activity, inputs.times, progress, **params)
