"""Regions that were drawn in Facemap's own window, as parameters of a run.

In the window, "Save ROIs" and "process" both write a ``_proc.npy`` with the regions and the settings.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ParameterError, ResultError
from ...results.facemap import load_pickled_npy
from .parameters import Parameters
from .passes import KINDS

logger = logging.getLogger(__name__)

_RUNNING = 3


def is_drawn(params: Any) -> bool:
    """Tell whether parameters are in Facemap's own words, as its window saves them."""
    if not isinstance(params, Mapping):
        return False
    rois = params.get("rois")
    numbered = isinstance(rois, (list, tuple)) and any(isinstance(roi, Mapping) and "rind" in roi for roi in rois)
    return numbered or ("filenames" in params and "sbin" in params)


def drawn_params(source: Path | str | Mapping[str, Any], camera: int = 0) -> Parameters:
    """Read the regions and settings of a ``_proc.npy``; nothing in the file is executed.

    Facemap numbers the kinds and gives its regions no names: they are named by kind and number, such as "motion 1".
    Running regions, corneal reflections, and the regions of other cameras are left out, with a warning.

    Parameters
    ----------
    source : Path, str or dict
        What Facemap saved, with results or without, or the dictionary in it.
    camera : int
        Which of several cameras that were shown side by side, from 0; each is run on its own.

    Returns
    -------
    facemap.Parameters
        For ``run_facemap``; their ``plain()`` is for the ``facemap_params`` of a task.

    Raises
    ------
    ResultError
        The file cannot be read, or is not one of Facemap's.
    ParameterError
        There is no such camera, or what was drawn cannot be run.
    """
    what, proc = ("The dictionary", source) if isinstance(source, Mapping) else (source, load_pickled_npy(source))
    if not isinstance(proc, Mapping) or "rois" not in proc or "sbin" not in proc:
        raise ResultError(f"{what} was not saved by Facemap: it has no regions (rois) and no sbin.")
    try:
        return _Drawn(what, proc, camera).params()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ResultError(f"{what} is not whole ({type(error).__name__}: {error}).") from None


class _Drawn:
    """One file's regions of one camera."""

    def __init__(self, path: Any, proc: Mapping[str, Any], camera: int):
        self.path, self.proc, self.camera = path, proc, camera
        cameras = len(np.ravel(proc["Ly"])) if "Ly" in proc else 1
        if not 0 <= camera < cameras:
            raise ParameterError(f"{path} has {cameras} camera{'s' * (cameras != 1)}, from 0; there is no {camera}.")
        self.kinds = {number: kind for kind, (number, *_) in KINDS.items()}

    def params(self) -> Parameters:
        rois = self.proc["rois"] or []  # 0 where Facemap saved a .mat too
        mine = [roi for roi in rois if int(roi.get("ivid", 0)) == self.camera]
        self._leave_out(len(rois) - len(mine), "are of other cameras")
        running = [roi for roi in mine if int(roi["rind"]) == _RUNNING]
        self._leave_out(len(running), "measure running, which Facemap 1.0.8 computes wrongly")
        mine = [roi for roi in mine if int(roi["rind"]) != _RUNNING]
        wanted: dict[str, Any] = {
            "sbin": max(int(self.proc["sbin"]), 1),
            "fullSVD": bool(self.proc.get("fullSVD", True)),
        }
        wanted |= {name: self._decomposed(name, default) for name, default in (("motSVD", True), ("movSVD", False))}
        if not wanted["motSVD"] and (wanted["fullSVD"] or any(int(roi["rind"]) == 1 for roi in mine)):
            logger.warning("%s: motSVD is set to true, without which Facemap computes no motion.", self.path)
            wanted["motSVD"] = True
        counts = dict.fromkeys(KINDS, 0)
        return Parameters.parse(wanted | {"rois": [self._roi(roi, counts) for roi in mine]})

    def _leave_out(self, count: int, why: str) -> None:
        if count:
            logger.warning("%s: regions that %s are left out: %d.", self.path, why, count)

    def _decomposed(self, name: str, default: bool) -> bool:
        """Whether it was ticked; a file with results has the results themselves there."""
        found = self.proc.get(name, default)
        return bool(found) if isinstance(found, bool | np.bool_ | int) else any(np.size(part) for part in found)

    def _roi(self, roi: Mapping[str, Any], counts: dict[str, int]) -> dict[str, Any]:
        kind = self.kinds.get(int(roi["rind"]))
        if kind is None:
            raise ParameterError(f"{self.path} has a region of the unknown kind {roi['rind']!r}.")
        counts[kind] += 1
        given: dict[str, Any] = {"name": str(roi.get("name") or f"{kind} {counts[kind]}"), "kind": kind}
        for axis in ("x", "y"):
            pixels = np.asarray(roi[f"{axis}range"], int)
            if not len(pixels):
                raise ParameterError(f"{self.path}: the region '{given['name']}' is outside the picture.")
            given[axis] = [int(pixels[0]), int(pixels[-1]) + 1]
        if kind != "motion":
            given["saturation"] = float(roi["saturation"])
        if kind == "pupil" and roi.get("pupil_sigma"):
            given["sigma"] = float(roi["pupil_sigma"])
        if roi.get("reflector"):
            logger.warning("%s: the reflections in '%s' are not left out of it.", self.path, given["name"])
        return given
