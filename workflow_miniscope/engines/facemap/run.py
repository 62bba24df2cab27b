"""Run Facemap without a window, so that its result is whole and right, or not there."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ... import daq
from ...bars import tqdm
from ...errors import EngineError, ParameterError, RecordingError, ResultError
from ...results.facemap import load_pickled_npy
from ..base import run_engine
from .params import Pass, check_params, default_params, fit_rois, plan_passes
from .video import frames_read, given_to_facemap

logger = logging.getLogger(__name__)

RUN_NAME = "facemap_run.json"
_FEWEST_FRAMES = 3
# Lists that Facemap has one entry in for the full frame, and one for each motion region
_BY_REGION = ("motion", "motSVD", "motMask", "motMask_reshape", "movSVD", "movMask", "movMask_reshape")


def run_facemap(
    files: Sequence[Path | str],
    params: dict[str, Any] | None,
    output_dir: Path | str,
    progress: bool = True,
    n_frames: int | None = None,
) -> Path:
    """Run Facemap on one camera's video.

    Regions that would disturb one another in Facemap are processed in passes of their own and come together in
    one result. Every frame is decoded first, because Facemap says nothing of those that it cannot read.

    Parameters
    ----------
    files : sequence of Path or str
        The camera's AVI files in the order they were recorded. Several cameras are run one after the other: those of a
        Miniscope-DAQ recording have frames of their own, which Facemap's mode for simultaneous cameras would mix up.
    params : dict or None
        What differs from :func:`default_params`; see :mod:`.params`.
    output_dir : Path or str
        Folder of the result; it must not exist yet, or be empty. Nothing is written elsewhere.
    progress : bool
        Show progress bars.
    n_frames : int, optional
        How many frames the recording has, from its time stamps. With it a last file that was cut off is used as
        far as it goes; without it, nobody would know what is missing, and it is refused.

    Returns
    -------
    Path
        The ``_proc.npy`` in ``output_dir``, in Facemap's format: read it with
        :func:`workflow_miniscope.results.facemap.read_proc`, which puts right what Facemap leaves wrong. Beside
        it ``facemap_run.json`` has the parameters, the files, and Facemap's version.

    Raises
    ------
    RecordingError
        A file is missing, damaged or cut off, frames differ in size, there are fewer than 3, or not ``n_frames``.
    ParameterError
        A parameter is wrong, a region does not fit the frame, or the files are those of several cameras.
    EngineError
        Facemap is missing or failed, or ``output_dir`` is in use.
    """
    params = check_params(params or {})
    movie = _open(files, n_frames)
    fit_rois(params, movie.height, movie.width)
    _decode_all(movie, progress)
    # Facemap counts in frames: it has no use for a rate
    return run_engine(_Facemap(), movie, 1.0, params, output_dir, progress=progress)


def _open(files: Sequence[Path | str], n_frames: int | None) -> daq.Movie:
    if isinstance(files, (str, Path)) or not all(isinstance(path, (str, Path)) for path in files):
        raise ParameterError(
            "The files must be a list of the paths of one camera's videos, in order; run several cameras one by one."
        )
    movie = daq.Movie([Path(path).absolute() for path in files])
    # the legacy software leaves an empty last file when a recording ends with a full one
    filled = [file for file, count in zip(movie.files, movie.counts, strict=True) if count]
    if len(filled) < len(movie.files):
        movie = daq.Movie(filled)
    if n_frames is None and movie.warnings:
        raise RecordingError(
            f"{movie.files[0].parent}: {movie.warnings[0]} How many are missing is not known; copy the file again."
        )
    if n_frames is not None and movie.n_frames != n_frames:
        raise RecordingError(
            f"{movie.files[0].parent} holds {movie.n_frames} frames of video, {n_frames} were expected; did its files "
            "change?"
        )
    if movie.n_frames < _FEWEST_FRAMES:
        raise RecordingError(
            f"{movie.files[0]} has {movie.n_frames} frame{'s' * (movie.n_frames != 1)}; Facemap needs at least "
            f"{_FEWEST_FRAMES}."
        )
    return movie


def _decode_all(movie: daq.Movie, progress: bool) -> None:
    """Raise the movie's error where a frame cannot be decoded."""
    bar = tqdm(
        movie.frames(),
        desc="Checking frames",
        total=movie.n_frames,
        unit="frame",
        leave=False,
        disable=None if progress else True,
    )
    for _ in bar:
        pass


def version() -> str:
    """Version of the installed Facemap."""
    return metadata.version("facemap")


def unavailable() -> str | None:
    """Say in one sentence why Facemap cannot run here, or None when it can."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            import facemap.process  # noqa: F401
    except ImportError as error:
        return (
            f"Facemap cannot be imported ({error}); install it with: python -m pip install facemap==1.0.8, or, "
            "from Python 3.13 on, by `make install` in a clone, which uses uv."
        )
    return None


def read_run(folder: Path | str) -> dict[str, Any] | None:
    """Read what a run noted beside its result, or give None where there is no such note.

    Returns
    -------
    dict or None
        ``version`` of Facemap, ``created`` (ISO 8601, UTC), ``params`` as checked, ``files``, ``n_frames``.

    Raises
    ------
    ResultError
        The note is damaged.
    """
    path = Path(folder) / RUN_NAME
    if not path.is_file():
        return None
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        datetime.fromisoformat(about["created"])
        missing = {"version", "params", "files", "n_frames"} - about.keys()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{path} is damaged ({error}); move its folder away and run Facemap again.") from None
    if missing:
        raise ResultError(f"{path} lacks {', '.join(sorted(missing))}; move its folder away and run Facemap again.")
    return about


class _Facemap:
    """Facemap behind the interface that ``run_engine`` knows."""

    name = "facemap"
    description = "Facemap: motion of the face, pupil and blinks"
    unavailable = staticmethod(unavailable)
    version = staticmethod(version)
    default_params = staticmethod(default_params)
    check_params = staticmethod(check_params)

    def run(self, movie, fps, params, output_dir, progress=True) -> Path:
        rois = fit_rois(params, movie.height, movie.width)
        passes = plan_passes(params["fullSVD"], rois)
        total = sum(frames_read(movie.n_frames, _decomposes(one)) for one in passes)
        procs = []
        with tqdm(total=total, desc="Facemap", unit="frame", disable=None if progress else True) as bar:
            for one in passes:
                procs.append(_run_pass(movie, params, one, output_dir, lambda: bar.update()))
        merged = _merge(procs, passes, params)
        path = output_dir / f"{movie.files[0].stem}_proc.npy"
        np.save(path, merged)
        about = {
            "program": self.name,
            "version": version(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "params": params,
            "files": [str(file) for file in movie.files],
            "n_frames": movie.n_frames,
        }
        (output_dir / RUN_NAME).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        return path


def _decomposes(one: Pass) -> bool:
    return one.full or any(roi.kind == "motion" for roi in one.rois)


def _run_pass(movie, params: dict[str, Any], one: Pass, folder: Path, on_read) -> dict[str, Any]:
    """Let Facemap do what fits one pass, and give its result as it is."""
    from facemap import process

    proc = {
        "sbin": params["sbin"],
        "fullSVD": one.full,
        "save_mat": False,
        "rois": [_as_facemap_bins(roi.proc, params["sbin"]) for roi in one.rois],
        "sy": 0,
        "sx": 0,
    }
    # Consecutive files are [[first], [second]]; [[first, second]] would be two cameras at once
    filenames = [[str(file)] for file in movie.files]
    with _quiet(), given_to_facemap(movie, on_read):
        saved = process.run(
            filenames,
            sbin=params["sbin"],
            motSVD=params["motSVD"],
            movSVD=params["movSVD"],
            proc=proc,
            savepath=str(folder),
        )
    found = load_pickled_npy(saved)
    Path(saved).unlink()  # the merged result gets its name
    if not isinstance(found, dict):
        raise EngineError(f"Facemap wrote {saved}, which is no result.")
    for mine, roi in zip(found["rois"] or [], one.rois, strict=True):
        mine["xrange"], mine["yrange"] = roi.proc["xrange"], roi.proc["yrange"]
    return found


def _as_facemap_bins(roi: dict[str, Any], sbin: int) -> dict[str, Any]:
    """Give a copy, which Facemap may change. Of a motion region's last pixel it takes the bin as the end + 1."""
    roi = dict(roi)
    if roi["rtype"] == "motion SVD":
        for axis in ("xrange", "yrange"):
            roi[axis] = np.arange(roi[axis][0], roi[axis][-1] + 2)
    return roi


def _merge(procs: list[dict], passes: list[Pass], params: dict[str, Any]) -> dict[str, Any]:
    """Bring the passes together as if Facemap had done them in one."""
    merged = dict(procs[0])
    merged["fullSVD"] = params["fullSVD"]
    by_roi: dict[str, dict[str, Any]] = {}  # name of a region -> its entries in the lists
    for proc, one in zip(procs, passes, strict=True):
        places = {"motion": 0, "pupil": 0, "blink": 0}
        for roi, described in zip(one.rois, proc["rois"] or [], strict=True):
            entry = by_roi[roi.name] = {"rois": described, "kind": roi.kind}
            place = places[roi.kind]
            places[roi.kind] += 1
            if roi.kind == "motion":
                # number 0 is the full frame, or what Facemap leaves for it
                entry |= {key: proc[key][place + 1] for key in _BY_REGION if _filled(key, params)}
            else:
                entry[roi.kind] = proc[roi.kind][place]
    ordered = [by_roi[roi["name"]] for roi in params["rois"]]
    moving = [entry for entry in ordered if entry["kind"] == "motion"]
    merged["rois"] = [entry["rois"] for entry in ordered]
    for key in _BY_REGION:
        merged[key] = []
        if _filled(key, params):
            first = procs[0][key][0] if procs[0][key] else np.zeros((0, 1), np.float32)
            merged[key] = [first, *(entry[key] for entry in moving)]
    for kind in ("pupil", "blink"):
        merged[kind] = [entry[kind] for entry in ordered if entry["kind"] == kind]
    return merged


def _filled(key: str, params: dict[str, Any]) -> bool:
    return params["movSVD"] if key.startswith("mov") else params["motSVD"] or key == "motion"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave numpy's random state as it was (Facemap sets it), and put what Facemap prints into the log."""
    state = np.random.get_state()  # noqa: NPY002  the one that Facemap sets
    try:
        with contextlib.redirect_stdout(_Log()), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing, where there is no pupil
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


class _Log(io.TextIOBase):
    """A stream whose lines go to the log."""

    def write(self, text: str) -> int:
        for line in filter(None, map(str.strip, text.splitlines())):
            logger.debug("%s", line)
        return len(text)
