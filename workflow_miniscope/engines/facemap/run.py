"""One pass of Facemap without a window, and what several found as one result."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import EngineError
from ...movies import Movie
from ...results.facemap import load_pickled_npy
from .parameters import Parameters
from .passes import Pass
from .video import given_to_facemap

logger = logging.getLogger(__name__)

# Lists that Facemap has one entry in for the full frame, and one for each motion region
_BY_REGION = ("motion", "motSVD", "motMask", "motMask_reshape", "movSVD", "movMask", "movMask_reshape")


def decomposes(one: Pass) -> bool:
    """Whether Facemap decomposes anything in a pass."""
    return one.full or any(roi.kind == "motion" for roi in one.rois)


def run_pass(
    movie: Movie, files: Sequence[str], params: Parameters, one: Pass, folder: Path, on_read: Callable[[], object]
) -> dict[str, Any]:
    """Let Facemap do what fits one pass, and give its result as it is."""
    from facemap import process

    proc = {
        "sbin": params.sbin,
        "fullSVD": one.full,
        "save_mat": False,
        "rois": [_as_facemap_bins(roi.proc, params.sbin) for roi in one.rois],
        "sy": 0,
        "sx": 0,
    }
    # Consecutive files are [[first], [second]]; [[first, second]] would be two cameras at once
    filenames = [[file] for file in files]
    with _quiet(), given_to_facemap(movie, on_read):
        saved = process.run(
            filenames,
            sbin=params.sbin,
            motSVD=params.motSVD,
            movSVD=params.movSVD,
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


def merge(procs: list[dict[str, Any]], passes: list[Pass], params: Parameters) -> dict[str, Any]:
    """Bring the passes together as if Facemap had done them in one."""
    merged = dict(procs[0])
    merged["fullSVD"] = params.fullSVD
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
    ordered = [by_roi[region.name] for region in params.rois]
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


def _filled(key: str, params: Parameters) -> bool:
    return params.movSVD if key.startswith("mov") else params.motSVD or key == "motion"


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
