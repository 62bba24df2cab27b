"""Read Facemap's ``_proc.npy``, and put right what Facemap leaves wrong in it.

Measured on Facemap 1.0.8. A file made in its graphical window, by a script, or by
:mod:`workflow_miniscope.engines.facemap` is read alike. Full frame and regions have their positions as x =
column, y = row; a bin is a square of ``sbin`` by ``sbin`` pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ...errors import ResultError
from ...movies.types import Floats
from .model import Blink, Components, FacemapResult, Pupil, Region
from .unpickle import load_pickled_npy

SUFFIX = "_proc.npy"
# Facemap's number for the kind of a region of interest
PUPIL, MOTION, BLINK = 0, 1, 2
_CHUNK = 500  # frames that Facemap projects at a time
#: Pixels of a side of a frame, at most: what is more is damaged
MOST_SIDE = 2**14
_NULL = 1e-5  # a component this much weaker than the strongest is rounding error, or padding


def find_proc(folder: str | Path) -> Path:
    """Find the one ``_proc.npy`` in a folder.

    Raises
    ------
    ResultError
        There is none, or there are several.
    """
    folder = Path(folder)
    found = sorted(folder.glob(f"*{SUFFIX}"))
    if not found:
        raise ResultError(f"{folder} holds no Facemap result (a file named *{SUFFIX}).")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ResultError(f"{folder} holds several Facemap results ({names}); leave the one that is meant.")
    return found[0]


def read_proc(path: str | Path) -> FacemapResult:
    """Read a ``_proc.npy``; nothing in it is executed.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    ResultError
        The file cannot be read, asks for code to be run, or is not a whole result of Facemap.
    """
    path = Path(path)
    proc = load_pickled_npy(path)
    if not isinstance(proc, dict) or "rois" not in proc or "motion" not in proc:
        raise ResultError(f"{path} is no result of Facemap: it has no ROIs and no motion.")
    try:
        return _Reader(path, proc).result()
    except KeyError as error:
        raise ResultError(f"{path} is no whole result of Facemap: {error} is missing.") from None
    except (IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, MemoryError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ResultError(f"{path} is no whole result of Facemap ({what}).") from None


class _Reader:
    """Takes one file's dictionary apart."""

    def __init__(self, path: Path, proc: dict[str, Any]):
        self.path, self.proc = path, proc
        self.rois: list[dict[str, Any]] = proc["rois"] or []
        self.n_frames = self._count_frames()
        self.sbin = max(int(proc["sbin"]), 1)
        if self.sbin > MOST_SIDE:
            raise ResultError(f"{path} is damaged: its bins have {self.sbin} pixels.")

    def result(self) -> FacemapResult:
        # avgframe and avgmotion are 1-D or 2-D depending on other settings; these are always pictures
        average_motion = np.atleast_2d(np.asarray(self.proc["avgmotion_reshape"], np.float32))
        return FacemapResult(
            path=self.path,
            n_frames=self.n_frames,
            sbin=self.sbin,
            files=tuple(str(name) for names in self.proc["filenames"] for name in _as_list(names)),
            regions=tuple(self._regions(average_motion)),
            average_frame=np.atleast_2d(np.asarray(self.proc["avgframe_reshape"], np.float32)),
            average_motion=average_motion,
            pupils=tuple(self._pupils()),
            blinks=tuple(self._blinks()),
            n_cameras=len(np.ravel(self.proc.get("Ly", 0))),
        )

    def _count_frames(self) -> int:
        signals = [len(motion) for motion in self.proc["motion"]]
        signals += [len(pupil["area"]) for pupil in self.proc.get("pupil", [])]
        signals += [len(blink) for blink in self.proc.get("blink", [])]
        # with fullSVD off, number 0 is an empty array or None: nothing was computed of the full frame
        lengths = {length for length in signals if length}
        if len(lengths) != 1:
            found = " and ".join(map(str, sorted(lengths))) or "no"
            raise ResultError(f"{self.path} is no whole result of Facemap: its signals have {found} frames.")
        return lengths.pop()

    def _regions(self, average_motion: Floats) -> Iterator[Region]:
        if self._has_full_frame():
            bins_y, bins_x = average_motion.shape
            yield Region(
                number=0,
                name="full frame",
                x_range=np.arange(self._side("Lx", bins_x)),
                y_range=np.arange(self._side("Ly", bins_y)),
                x_bins=np.arange(bins_x),
                y_bins=np.arange(bins_y),
                average_motion=average_motion,
                **self._signals(0),
            )
        tops, lefts = (np.ravel(self.proc.get(name, 0)) for name in ("sybin", "sxbin"))
        for number, roi in enumerate(self._of_kind(MOTION), start=1):
            x_bins, y_bins = np.asarray(roi["xrange_bin"], int), np.asarray(roi["yrange_bin"], int)
            camera = int(roi.get("ivid", 0))
            # with several cameras their pictures lie side by side in one
            rows, columns = y_bins + int(tops[camera]), x_bins + int(lefts[camera])
            yield Region(
                number=number,
                x_bins=x_bins,
                y_bins=y_bins,
                average_motion=average_motion[np.ix_(rows, columns)],
                **self._place(roi, "motion", number),
                **self._signals(number),
            )

    def _has_full_frame(self) -> bool:
        motion = self.proc["motion"]
        return bool(self.proc.get("fullSVD", True)) and len(motion) > 0 and len(motion[0]) > 0

    def _side(self, name: str, bins: int) -> int:
        sides = np.ravel(self.proc.get(name, bins * self.sbin))
        side = int(sides[0]) if len(sides) == 1 else bins * self.sbin
        if not 1 <= side <= MOST_SIDE:
            raise ResultError(f"{self.path} is damaged: {name} is {side}, and no camera has so many pixels.")
        return side

    def _of_kind(self, kind: int) -> list[dict[str, Any]]:
        return [roi for roi in self.rois if int(roi["rind"]) == kind]

    def _place(self, roi: dict[str, Any], kind: str, number: int) -> dict[str, Any]:
        return {
            "name": str(roi.get("name") or f"{kind} {number}"),
            "x_range": np.asarray(roi["xrange"], int),
            "y_range": np.asarray(roi["yrange"], int),
            "camera": int(roi.get("ivid", 0)),
        }

    def _signals(self, number: int) -> dict[str, Any]:
        motion_svd = self._components("mot", number)
        # Facemap: without motSVD the motion is never computed, and left 0
        motion = np.full(self.n_frames, np.nan, np.float32)
        if motion_svd is not None or np.any(self.proc["motion"][number]):
            motion = _aligned(self.proc["motion"][number])
        return {"motion": motion, "motion_svd": motion_svd, "movie_svd": self._components("mov", number)}

    def _components(self, kind: str, number: int) -> Components | None:
        projections = self.proc.get(f"{kind}SVD")
        if projections is None or len(projections) <= number or not np.size(projections[number]):
            return None
        masks = np.asarray(self.proc[f"{kind}Mask_reshape"][number], np.float32)
        courses = np.asarray(projections[number], np.float32)
        if masks.ndim != 3 or courses.shape != (self.n_frames, masks.shape[2]):
            raise ResultError(
                f"{self.path} is no whole result of Facemap: region {number} has {kind}SVD of shape "
                f"{courses.shape} with masks of {masks.shape}, for {self.n_frames} frames."
            )
        # Facemap: below 2000 frames the masks are not of unit norm and may be padded with zeros, and motSv and
        # movSv are zeros; above, these hold the last region's values, whichever region is meant. So they are
        # not used: masks and projections are scaled to masks of unit norm, and the projections' norms are the
        # singular values.
        norms = np.sqrt((masks.astype(np.float64) ** 2).sum((0, 1)))
        kept = norms > _NULL * norms.max(initial=0)
        norms = norms[kept].astype(np.float32)
        # Facemap: a row is a frame; here a row is a component's time course
        courses = np.ascontiguousarray((courses[:, kept] / norms).T)
        masks = np.ascontiguousarray(np.moveaxis(masks[:, :, kept] / norms, 2, 0))
        values = np.sqrt((courses[:, 1:].astype(np.float64) ** 2).sum(1)).astype(np.float32)
        return Components(masks, courses, values)

    def _pupils(self) -> Iterator[Pupil]:
        rois, pupils = self._of_kind(PUPIL), self.proc.get("pupil", [])
        for number, (roi, pupil) in enumerate(zip(rois, pupils, strict=True), start=1):
            place = self._place(roi, "pupil", number)
            # Facemap: the centre is (row, column) in the region
            rows, columns = np.asarray(pupil["com"], float).T
            area = np.asarray(pupil["area"], float)
            yield Pupil(
                area=area,
                area_smooth=np.asarray(pupil.get("area_smooth", area), float),
                x=columns + place["x_range"][0],
                y=rows + place["y_range"][0],
                axis_lengths=np.asarray(pupil["axlen"], float),
                **place,
            )

    def _blinks(self) -> Iterator[Blink]:
        rois, blinks = self._of_kind(BLINK), self.proc.get("blink", [])
        for number, (roi, blink) in enumerate(zip(rois, blinks, strict=True), start=1):
            yield Blink(signal=np.asarray(blink, float), **self._place(roi, "blink", number))


def _aligned(motion: Any) -> Floats:
    """Put the motion of the first 500 frames at their places.

    Facemap: the first chunk of 500 frames has 499 changes, which are stored from index 0, so that they lead
    by one frame and index 499 stays 0. From 500 on all is right. The first frame repeats the second, as in
    motSVD.
    """
    aligned = np.array(motion, np.float32)
    first = min(_CHUNK, len(aligned))
    aligned[1:first] = aligned[: first - 1].copy()
    return aligned


def _as_list(names: Any) -> list[Any]:
    return [names] if isinstance(names, str | PurePath) else list(names)
