"""Corrected computations of element-facemap 0.1.7.

The tables are the published ones. What their ``make`` would store wrongly, or cannot store at all, is computed here
instead; each correction names the published defect it is for. Times are UTC, x is a column, y is a row. The full frame
is region 0, the motion regions follow from 1 in the order of the parameters; published are only these, from 0.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..database.large_inserts import insert_large
from ..engines import facemap as engine
from ..engines import in_child, run_engine
from ..errors import ParameterError, ResultError
from ..movies.types import Floats
from ..paths import find_full_path, get_facemap_processed_data_dir, get_facemap_root_data_dir
from ..results.cache import read_once
from ..results.facemap import Components, FacemapResult, find_proc, read_proc
from .finished_runs import find_face
from .recordings import find_videos, open_camera
from .stored_values import naive_utc
from .translation import Key, Published, import_element, replace_methods

logger = logging.getLogger(__name__)

# As long as the published columns are
_NAME_LENGTH = 16
_PATH_LENGTH = 255
# How far a stored mask, of norm 1, may be from the one in Facemap's file
_MASK_ERROR = 0.02


facemap = import_element("element_facemap.facial_behavior_estimation")


def correct() -> None:
    """Replace what is wrong on the published module. Call before it is activated."""
    for corrections in (_RecordingInfo, _FacemapTask, _FacemapProcessing, _FacialSignal):
        replace_methods(getattr(facemap, corrections.__name__.lstrip("_")), corrections)
    vars(facemap).update(get_facemap_root_data_dir=get_roots, get_loader_result=get_loader_result)


def get_roots() -> list[Path]:
    """Return the root directories of videos, and the one of results.

    Published: appends the latter to the caller's own list, which grows at every call.
    """
    return [*get_facemap_root_data_dir(), get_facemap_processed_data_dir()]


# Recordings ------------------------------------------------------------------


class _RecordingInfo(Published):
    """Published: files in any order, the AVI header's number of frames and frame rate (always 60, or 20) taken for the
    real ones, the duration computed from these, no recording time.

    ``nframes`` is what can be read from all files. The published column ``fps`` is a whole number: the rate of the time
    stamps is rounded. ``recording_duration`` is exact.
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        return ((facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id").tolist(),)

    def make_compute(self, key: Key, files: list[str]) -> tuple[Any, ...]:
        recorded, device = open_camera(find_videos(files))
        recording = device.read()
        for warning in recording.warnings:
            logger.warning("%s: %s", device.folder, warning)
        return (
            {
                "px_height": recording.movie.height,
                "px_width": recording.movie.width,
                "nframes": recording.n_video,
                "fps": round(recording.fps),
                "recording_duration": recording.duration,
                "recording_time": naive_utc(recorded.start_utc),
            },
        )

    def make_insert(self, key: Key, info: dict[str, Any]) -> None:
        self.insert1({**key, **info})


# Tasks -----------------------------------------------------------------------


class _FacemapTask(Published):
    """Published: the directory of whichever file comes first from the database; fails for a video that is not there."""

    def infer_output_dir(self, key: Key, relative: bool = True, mkdir: bool = True) -> Any:
        """Return the directory of a task's results: the video's own, below the processed root, and ``facemap_<task>``.

        Parameters
        ----------
        key : dict
            Chooses one task.
        relative : bool
            Relative to the processed root.
        mkdir : bool
            Make it.
        """
        task = (facemap.FacemapTask & key).fetch1("KEY")
        files = (facemap.VideoRecording.File & task).to_arrays("file_path", order_by="file_id").tolist()
        output_dir = default_output_dir(files, task["facemap_task_id"])
        full = find_task_folder(output_dir)
        if mkdir:
            full.mkdir(parents=True, exist_ok=True)
        return Path(output_dir) if relative else full


def default_output_dir(files: list[str], task_id: int) -> str:
    """Return a task's output directory, relative to the processed root."""
    return (PurePosixPath(files[0]).parent / f"facemap_{task_id}").as_posix()


def find_task_folder(output_dir: str) -> Path:
    """Return the folder that a task writes to.

    Raises
    ------
    ParameterError
        It is not below the processed root, or longer than its column.
    """
    root = Path(get_facemap_processed_data_dir())
    folder = root / output_dir
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ParameterError(
            f"facemap_output_dir {output_dir} leads outside the processed directory {root}; results are written only "
            "there."
        )
    if len(output_dir) > _PATH_LENGTH:
        raise ParameterError(f"facemap_output_dir {output_dir} is longer than {_PATH_LENGTH} characters.")
    return folder


def find_output(output_dir: str) -> Path:
    """Return the folder of a result, which lies below the processed root, or below a raw one if loaded from there."""
    # in this order, because the folder that a task writes to may have the name of one with videos
    return find_full_path([get_facemap_processed_data_dir(), *get_facemap_root_data_dir()], output_dir)


# Processing ------------------------------------------------------------------


class _FacemapProcessing(Published):
    """Published: several files of one camera are run as simultaneous cameras, inside one database transaction, in any
    order; damaged videos give wrong results; do_mot_svd and do_mov_svd are not used; any one of several results is
    loaded; the time is when the file's inode last changed; no package version.
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        columns = ("task_mode", "facemap_output_dir", "facemap_params", "do_mot_svd", "do_mov_svd")
        mode, output_dir, params, motion, movie = (facemap.FacemapTask & key).fetch1(*columns)
        files = (facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id").tolist()
        n_frames = [int(n) for n in (facemap.RecordingInfo & key).to_arrays("nframes")]
        return mode, output_dir, params, bool(motion), bool(movie), files, n_frames

    def make_compute(
        self,
        key: Key,
        mode: str,
        output_dir: str,
        params: dict[str, Any],
        motion: bool,
        movie: bool,
        files: list[str],
        n_frames: list[int],
    ) -> tuple[Any, ...]:
        output_dir = output_dir or default_output_dir(files, key["facemap_task_id"])
        if mode == "trigger":
            folder = find_task_folder(output_dir)
            parsed = task_params(params, motion, movie)
            paths = find_videos(files)
            path = find_face(folder, paths, parsed)
            if path is None:
                video = engine.open_video(paths, n_frames[0] if n_frames else None)
                child = in_child(engine.ENGINE, by_default=True)
                path = run_engine(engine.ENGINE, video, parsed, folder, child=child, note=True)
        else:
            path = find_proc(find_output(output_dir))
        result = read_once(read_proc, path)
        if result.n_cameras > 1:
            raise ResultError(
                f"{path} is of {result.n_cameras} cameras side by side, but a task is of one camera and its times: "
                "give each camera a task of its own (workflow-miniscope facemap-params reads the regions of one)."
            )
        if n_frames and result.n_frames != n_frames[0]:
            raise ResultError(
                f"{path} has signals of {result.n_frames} frames, the recording has {n_frames[0]}: it belongs to "
                "another recording, or was made from part of the files."
            )
        about = engine.read_run(path.parent) or {}
        return output_dir, result_time(path), str(about.get("version", ""))[:_NAME_LENGTH]

    def make_insert(self, key: Key, output_dir: str, processing_time: datetime, package_version: str) -> None:
        if not (facemap.FacemapTask & key).fetch1("facemap_output_dir"):
            facemap.FacemapTask.update1({**key, "facemap_output_dir": output_dir})
        self.insert1({**key, "processing_time": processing_time, "package_version": package_version})


def task_params(params: dict[str, Any], motion: bool, movie: bool) -> engine.Parameters:
    """Parse a task's parameters, with those that are columns of their own.

    Parameters in Facemap's own words, which users of the published Element load from what its window saves, are
    translated; what they say of ``motSVD`` and ``movSVD`` gives way to the columns.

    Raises
    ------
    ParameterError
        A parameter is wrong, contradicts ``do_mot_svd`` or ``do_mov_svd``, or is too long for the tables.
    """
    if engine.is_drawn(params):
        parsed = engine.drawn_params({**params, "motSVD": motion, "movSVD": movie})
        parsed = engine.Parameters.parse(parsed.replaced(motSVD=motion, movSVD=movie))
    else:
        for name, column, wanted in (("motSVD", "do_mot_svd", motion), ("movSVD", "do_mov_svd", movie)):
            if name in params and bool(params[name]) != wanted:
                raise ParameterError(
                    f"The task's facemap_params have {name} {str(bool(params[name])).lower()}, but its {column} is "
                    f"{int(wanted)}; make them agree."
                )
        parsed = engine.Parameters.parse({**params, "motSVD": motion, "movSVD": movie})
    check_names(parsed)
    return parsed


def check_names(params: engine.Parameters) -> None:
    """Refuse parameters with a region whose name the tables cannot hold.

    Raises
    ------
    ParameterError
        Naming the region.
    """
    for region in params.rois:
        _check_name(region.name, ParameterError)


def _check_name(name: str, error: type[Exception]) -> None:
    if len(name) > _NAME_LENGTH:
        raise error(
            f"The region name '{name}' is longer than the {_NAME_LENGTH} characters that roi_name holds; shorten it."
        )


def result_time(path: Path) -> datetime:
    """Return when a result was computed, UTC: as its run noted, else when the file was last written.

    Published: ``st_ctime``, in the rig's zone, which a copy or a chmod changes.
    """
    about = engine.read_run(path.parent)
    if about is not None:
        return naive_utc(datetime.fromisoformat(about["created"]))
    return naive_utc(datetime.fromtimestamp(path.stat().st_mtime, UTC))


def get_loader_result(key: Key, table: Any) -> tuple[FacemapResult, datetime]:
    """Return the result of a FacemapTask and when it was computed.

    Published: runs whatever code the file holds; takes any of several files.
    """
    path = find_proc(find_output((table & key).fetch1("facemap_output_dir")))
    return read_once(read_proc, path), result_time(path)


# Signals ---------------------------------------------------------------------


class _FacialSignal(Published):
    """Published: IndexError on every result with a motion region (motSv has one dimension), TypeError without any
    region; the projection of component i is the row of frame i; motion leads by a frame for the first 500; singular
    values are zeros or another region's; the full frame is left out; regions have no names.

    Masks are rounded before they are stored (:func:`rounded`), because most of what a database would hold of a camera
    are the last digits of noise. 500 components of 608 x 608 pixels take 16 MB in bins of 4 pixels instead of 43, and
    1.9 MB for every 1000 frames of their time courses, which are stored exactly. Facemap's file keeps all digits.
    """

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        return ((facemap.FacemapTask & key).fetch1("facemap_output_dir"),)

    def make_compute(self, key: Key, output_dir: str) -> tuple[Any, ...]:
        result = read_once(read_proc, find_proc(find_output(output_dir)))
        for region in result.regions:
            _check_name(region.name, ResultError)
        return (result,)

    def make_insert(self, key: Key, result: FacemapResult) -> None:
        self.insert1(key)
        insert_large(
            self.Region,
            (
                {
                    **key,
                    "roi_no": region.number,
                    "roi_name": region.name,
                    "xrange": region.x_range,
                    "yrange": region.y_range,
                    "xrange_bin": region.x_bins,
                    "yrange_bin": region.y_bins,
                    "motion": region.motion,
                }
                for region in result.regions
            ),
        )
        for region in result.regions:
            place = {**key, "roi_no": region.number}
            insert_large(self.MotionSVD, _component_rows(place, "motmask", region.motion_svd))
            insert_large(self.MovieSVD, _component_rows(place, "movmask", region.movie_svd))
        self.Summary.insert1(
            {
                **key,
                "sbin": result.sbin,
                "avgframe": result.average_frame,
                "avgmotion": result.average_motion,
            }
        )


def _component_rows(place: dict[str, Any], mask: str, components: Components | None) -> Iterator[Key]:
    if components is None:
        return
    for number in range(len(components)):
        yield {
            **place,
            "pc_no": number,
            "singular_value": float(components.singular_values[number]),
            mask: rounded(components.masks[number]),
            "projection": components.time_courses[number],
        }


def rounded(mask: Floats) -> Floats:
    """Round a mask of unit norm to multiples of a power of two, so that the database can compress it.

    Parameters
    ----------
    mask : ndarray of float32 [y bin, x bin]

    Returns
    -------
    ndarray of float32 [y bin, x bin]
        At most 0.02, in norm, from what was given.
    """
    # no value moves by more than half a step
    step = 2.0 ** np.floor(np.log2(2 * _MASK_ERROR / np.sqrt(mask.size)))
    return np.asarray(np.rint(mask / step) * step, np.float32)
