"""Figures of what is in the database, for a recording at a time.

Each function takes a restriction that chooses one row, fetches what its figure needs and hands it to
:mod:`..figures`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .. import figures
from ..bars import tqdm
from ..database.conditions import name_of
from ..database.restriction import choose, only_key
from ..errors import NothingMatched, ResultError, WorkflowError
from ..figures.style import INK
from . import fetch
from .field import cell_quality, raster, summary_images
from .registration import registration
from .scale import um_per_px
from .titles import is_of_camera, title

logger = logging.getLogger(__name__)

SHOWN_CELLS = 10
SHOWN_COMPONENTS = 5


def footprints(key: Any, count: int = SHOWN_CELLS) -> Figure:
    """Draw the cells of a segmentation over its correlation image.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``miniscope.Segmentation``.
    count : int
        How many of the clearest cells to label; :func:`traces` draws the same ones.

    Raises
    ------
    ResultError
        The restriction chooses none or several.
    """
    from ..pipeline import miniscope

    key = only_key(miniscope.Segmentation, key, "segmentation")
    rows = (miniscope.Segmentation.Mask & key).to_dicts(order_by="mask")
    numbers = [row["mask"] for row in rows]
    accepted = fetch.accepted(key)
    return figures.footprints(
        fetch.background(key),
        [(row["mask_xpix"], row["mask_ypix"], row["mask_weights"]) for row in rows],
        accepted=[number in accepted for number in numbers],
        highlight=[numbers.index(number) for number in fetch.clearest(key, count)],
        labels=numbers,
        um_per_px=um_per_px(key),
        title=title(key),
    )


def traces(key: Any, count: int = SHOWN_CELLS) -> Figure:
    """Draw dF/F and deconvolved activity of the clearest accepted cells of a segmentation.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``miniscope.Segmentation``.
    count : int
        How many cells.

    Raises
    ------
    ResultError
        The restriction chooses none or several, or its traces are not in the database yet.
    """
    from ..pipeline import miniscope

    key = only_key(miniscope.Segmentation, key, "segmentation")
    numbers, fluorescence, unit = fetch.fluorescence(key)
    activity = fetch.activity(key, "deconvolution")
    shown = fetch.clearest(key, count)
    rows = [numbers.index(number) for number in shown]
    times = (miniscope.RecordingInfo & key).fetch1("time_stamps")
    return figures.traces(
        times,
        fluorescence[rows],
        None if activity is None else activity[rows],
        labels=shown,
        unit=unit,
        title=title(key),
    )


def motion_shifts(key: Any) -> Figure:
    """Draw the shifts that motion correction applied.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``miniscope.MotionCorrection``.

    Raises
    ------
    ResultError
        The restriction chooses none or several.
    """
    from ..pipeline import miniscope

    key = only_key(miniscope.MotionCorrection, key, "motion correction")
    times = (miniscope.RecordingInfo & key).fetch1("time_stamps")
    rigid = miniscope.MotionCorrection.RigidMotionCorrection & key
    if rigid:
        y_shifts, x_shifts = rigid.fetch1("y_shifts", "x_shifts")
    else:
        blocks = (miniscope.MotionCorrection.Block & key).to_dicts(order_by="block_id")
        if not blocks:
            raise ResultError(f"The result of {name_of(key)} was saved without the shifts of its motion correction.")
        y_shifts = np.stack([block["y_shifts"] for block in blocks])
        x_shifts = np.stack([block["x_shifts"] for block in blocks])
    return figures.motion_shifts(times, y_shifts, x_shifts, um_per_px(key), title(key))


def frame_intervals(key: Any) -> Figure:
    """Draw the time between the frames of a recording, and where some were lost.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``miniscope.RecordingInfo``.

    Raises
    ------
    ResultError
        The restriction chooses none or several.
    """
    from ..pipeline import miniscope

    key = only_key(miniscope.RecordingInfo, key, "recording")
    return figures.frame_intervals((miniscope.RecordingInfo & key).fetch1("time_stamps"), title=title(key))


def facial_motion(key: Any, count: int = SHOWN_COMPONENTS) -> Figure:
    """Draw the motion of a camera's whole frame and its strongest components.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``facemap.FacialSignal``.
    count : int
        How many components.

    Raises
    ------
    ResultError
        The restriction chooses none or several.
    """
    from ..pipeline import facemap, recording

    key = only_key(facemap.FacialSignal, key, "result of Facemap")
    # region 0 is the whole frame where that was analysed
    region = (facemap.FacialSignal.Region & key).to_dicts(order_by="roi_no", limit=1)
    if not region:
        raise ResultError(f"No region of {name_of(key, camera=True)} was analysed for motion.")
    times = (recording.CameraTimes & key).fetch1("times")
    n = len(times)  # the first frames of the video
    components = (facemap.FacialSignal.MotionSVD & key & {"roi_no": region[0]["roi_no"]}).to_dicts(
        order_by="pc_no", limit=count
    )
    return figures.facial_motion(
        times,
        region[0]["motion"][:n],
        np.stack([row["projection"][:n] for row in components]) if components else np.zeros((0, n)),
        (facemap.FacialSignal.Summary & key).fetch1("avgframe"),
        np.stack([row["motmask"] for row in components]) if components else None,
        title=title(key),
        colour=_region_colours(key).get(region[0]["roi_name"], INK),
    )


def face_regions(key: Any) -> Figure:
    """Draw a camera's average frame with the regions that Facemap looked at.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``facemap.FacialSignal``.

    Raises
    ------
    ResultError
        The restriction chooses none or several, or Facemap's file is gone.
    """
    from ..elements.facemap import get_loader_result
    from ..pipeline import facemap

    key = only_key(facemap.FacialSignal, key, "result of Facemap")
    result, _ = get_loader_result(key, facemap.FacemapTask)
    # the full frame needs no box
    regions: list[Any] = [*(region for region in result.regions if region.number), *result.pupils, *result.blinks]
    return figures.face_regions(
        result.average_frame,
        [figures.FaceRegion(region.name, region.x_range, region.y_range) for region in regions],
        result.sbin,
        title=title(key),
    )


def eye(key: Any) -> Figure:
    """Draw pupils and lids of a camera.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``face.Pupil``.

    Raises
    ------
    ResultError
        The restriction chooses none or several, or Facemap was given no region with a pupil or a lid.
    """
    from ..pipeline import face, recording

    key = only_key(face.Pupil, key, "result of Facemap")
    pupils = (face.Pupil.Region & key).to_dicts(order_by="region_no")
    blinks = (face.Blink.Region & key).to_dicts(order_by="region_no")
    if not pupils and not blinks:
        raise ResultError(
            f"No pupil or lid of {name_of(key, camera=True)} was analysed: its Facemap task has no region of that kind."
        )
    times = (recording.CameraTimes & key).fetch1("times")
    n = len(times)  # the first frames of the video
    return figures.eye(
        times,
        [(row["region_name"], row["area"][:n], row["x"][:n], row["y"][:n]) for row in pupils],
        [(row["region_name"], row["darkness"][:n]) for row in blinks],
        (pupils or blinks)[0]["closed"][:n],
        _region_colours(key),
        title=title(key),
    )


def neural_prediction(key: Any, count: int = 6) -> Figure:
    """Draw how much of the cells' activity the motion of the face explains.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``face.NeuralPrediction``.
    count : int
        How many of the cells that are explained best to show.

    Raises
    ------
    ResultError
        The restriction chooses none or several.
    """
    from ..pipeline import face
    from ..tables.face import fetch_inputs, predict

    key = only_key(face.NeuralPrediction, key, "prediction")
    # the traces are not stored: they are computed again, which takes seconds and gives the same
    inputs = fetch_inputs(key)
    found = predict(inputs, (face.PredictionParams & key).fetch1("params") | {"shifts": 0})
    rows = (face.NeuralPrediction.Cell & key).proj("chance_explained").to_dicts()
    chance = {row["mask"]: row["chance_explained"] for row in rows}
    return figures.neural_prediction(
        inputs.times,
        inputs.activity,
        found.predicted,
        found.variance_explained,
        chance=np.array([chance.get(cell["mask"]) for cell in inputs.cells], float)
        if (face.NeuralPrediction & key).fetch1("n_shifts")
        else None,
        labels=[cell["mask"] for cell in inputs.cells],
        count=count,
        title=title(key),
    )


def write(folder: Path | str, restrict: Any = None, progress: bool = True) -> list[Path]:
    """Draw everything that is in the database into a folder.

    Parameters
    ----------
    folder : Path or str
        Where to write; made if missing. A figure that is there is written again.
    restrict : str, dict or list of them, optional
        Which recordings, such as ``subject=m1``; by default all.
    progress : bool
        Show a progress bar on a terminal.

    Returns
    -------
    list of Path
        One PNG file for each figure that could be drawn; of the others a warning says why not.

    Raises
    ------
    NothingMatched
        Nothing is computed yet, or nothing that fits the restriction.
    """
    every = drawings()
    chosen = choose([drawing.rows for drawing in every], restrict, "computed recording")
    jobs = [(one, key) for one, rows in zip(every, chosen, strict=True) for key in rows.keys()]
    if not jobs:
        raise NothingMatched(
            "There is nothing to draw yet: `workflow-miniscope process` computes it, and `workflow-miniscope status` "
            "says what is done."
        )
    paths = []
    for one, key in tqdm(jobs, desc="Figures", unit="figure", disable=None if progress else True):
        try:
            figure = one.draw(key)
        except WorkflowError as why:  # such as a recording that is not on this disk: the others are drawn
            logger.warning("No figure %s of %s: %s", one.name, name_of(key), why)
            continue
        paths.append(figures.save(figure, Path(folder) / f"{_file_name(key)}_{one.name}.png"))
    return paths


@dataclass(frozen=True)
class Drawing:
    """A figure that is drawn of every row of a table.

    Attributes
    ----------
    name : str
        What it is called.
    draw : callable
        Takes the key of a row.
    rows : DataJoint query
        Those that have all that the figure shows.
    """

    name: str
    draw: Callable[[Any], Figure]
    rows: Any


def drawings() -> list[Drawing]:
    """Return all figures, in the order in which they are read. Connects to the database."""
    from ..pipeline import face, facemap, miniscope

    known_shifts = (
        miniscope.MotionCorrection.RigidMotionCorrection,
        miniscope.MotionCorrection.NonRigidMotionCorrection,
    )
    traced = miniscope.Segmentation & miniscope.Fluorescence.proj()
    return [
        Drawing("frame_intervals", frame_intervals, miniscope.RecordingInfo),
        Drawing("motion_shifts", motion_shifts, miniscope.MotionCorrection & [part.proj() for part in known_shifts]),
        Drawing("registration", registration, miniscope.MotionCorrection & [part.proj() for part in known_shifts]),
        Drawing("images", summary_images, miniscope.MotionCorrection & miniscope.MotionCorrection.Summary.proj()),
        Drawing("footprints", footprints, miniscope.Segmentation),
        Drawing("cell_quality", cell_quality, miniscope.Segmentation),
        # these need the traces too
        Drawing("traces", traces, traced),
        Drawing("raster", raster, traced),
        Drawing("facial_motion", facial_motion, facemap.FacialSignal),
        Drawing("eye", eye, face.Pupil() & [(table() & "n_regions > 0").proj() for table in (face.Pupil, face.Blink)]),
        Drawing("neural_prediction", neural_prediction, _dff(face.NeuralPrediction() & "n_frames > 0")),
    ]


def _file_name(key: dict[str, Any]) -> str:
    number = f"{'v' if is_of_camera(key) else ''}{key['recording_id']}"
    parts = [key["subject"], f"{key['session_datetime']:%Y%m%d-%H%M%S}", number]
    parts += [f"{short}{key[name]}" for name, short in (("paramset_id", "p"), ("curation_id", "c")) if name in key]
    # the first of each of these needs no number of its own
    others = (("facemap_task_id", "t"), ("video_recording_id", "v"), ("prediction_params_id", "m"))
    parts += [f"{short}{key[name]}" for name, short in others if key.get(name)]
    return "_".join(parts)


def _dff(table: Any) -> Any:
    """Restrict a table to what was computed from dF/F, which reads better than deconvolved activity."""
    from ..pipeline import miniscope

    methods = miniscope.ActivityExtractionMethod.to_arrays("extraction_method")
    return table & [{"extraction_method": name} for name in methods if name.endswith("_dff")]


def _region_colours(key: dict[str, Any]) -> dict[str, str]:
    """Return the colours of a face's regions: of motion without the full frame, pupils, lids."""
    from ..pipeline import face, facemap

    task = {name: key[name] for name in facemap.FacemapTask.primary_key}
    motion = (facemap.FacialSignal.Region & task & "roi_no > 0").to_arrays("roi_name", order_by="roi_no").tolist()
    eyes = [
        name
        for table in (face.Pupil.Region, face.Blink.Region)
        for name in (table() & task).to_arrays("region_name", order_by="region_no").tolist()
    ]
    return figures.region_colours([*motion, *eyes])
