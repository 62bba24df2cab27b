"""Parameters of a Facemap run, as a small JSON object, and what they are in Facemap's own words.

    {"sbin": 4, "motSVD": true, "movSVD": false, "fullSVD": true,
     "rois": [{"name": "whiskers", "kind": "motion", "x": [96, 160], "y": [30, 110]},
              {"name": "pupil", "kind": "pupil", "x": [40, 80], "y": [20, 60], "saturation": 60, "sigma": 2}]}

====================  ============================================================================
``sbin``              side of a bin in pixels; motion is computed on binned frames
``motSVD``            decompose the absolute changes; without it no motion is computed
``movSVD``            decompose the pictures too
``fullSVD``           analyse the full frame
``rois``              regions of interest, each with
``name``              unique among them
``kind``              ``motion``, ``pupil`` or ``blink``
``x``, ``y``          first and last + 1 column and row, in pixels; of a motion region the whole bins
                      inside are used
``saturation``        pupil, blink: pixels darker than this grey level (0 to 255) are taken for dark
``sigma``             pupil: how many standard deviations of the dark pixels its ellipse reaches (2)
====================  ============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from ...errors import ParameterError, in_brackets
from ...movies.types import Floats
from ..base import check_names

_DEFAULTS = {"sbin": 4, "motSVD": True, "movSVD": False, "fullSVD": True, "rois": []}
#: Facemap's number and name for a kind, the color it draws it in, and the keys beside name, kind, x and y
KINDS = {
    "pupil": (0, "pupil", (128, 200, 255), ("saturation", "sigma")),
    "motion": (1, "motion SVD", (255, 220, 90), ()),
    "blink": (2, "blink", (120, 255, 120), ("saturation",)),
}
_SIGMA = 2.0
_LARGEST_BIN = 64


def default_params() -> dict[str, Any]:
    """Give the parameters that are used where none are given: motion of the full frame in bins of 4 pixels."""
    return deepcopy(_DEFAULTS)


def check_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Give all parameters, the defaults filled in, as plain numbers, text and lists; the argument is not changed.

    Raises
    ------
    ParameterError
        A parameter is unknown, of the wrong kind or out of range, or nothing is left to compute.
    """
    if not isinstance(params, Mapping):
        raise ParameterError(f"Facemap's parameters must be an object of names and values, not {params!r}.")
    check_names(dict(params), _DEFAULTS, "Facemap")
    checked = default_params() | dict(params)
    sbin = checked["sbin"]
    if isinstance(sbin, bool) or not isinstance(sbin, Integral) or not 1 <= sbin <= _LARGEST_BIN:
        raise ParameterError(f"sbin must be a whole number of pixels from 1 to {_LARGEST_BIN}, not {sbin!r}.")
    checked["sbin"] = int(sbin)
    for name in ("motSVD", "movSVD", "fullSVD"):
        if checked[name] not in (True, False):
            raise ParameterError(f"{name} must be true or false, not {checked[name]!r}.")
        checked[name] = bool(checked[name])
    rois = checked["rois"]
    if rois is None or isinstance(rois, (str, Mapping)) or not isinstance(rois, Sequence):
        raise ParameterError(f"rois must be a list of regions, not {rois!r}.")
    checked["rois"] = [_check_roi(number, roi) for number, roi in enumerate(rois, start=1)]
    names = [roi["name"] for roi in checked["rois"]]
    for name in names:
        if names.count(name) > 1:
            raise ParameterError(f"Two regions are named '{name}'; give each its own name.")
    _check_work(checked)
    return checked


def _check_work(params: dict[str, Any]) -> None:
    kinds = [roi["kind"] for roi in params["rois"]]
    moving = params["fullSVD"] or "motion" in kinds
    if params["movSVD"] and not params["motSVD"]:
        # Facemap: then it leaves motion at 0 and the masks of the movie without their norms
        raise ParameterError("movSVD needs motSVD: Facemap computes no motion without it. Set motSVD to true.")
    if moving and not params["motSVD"]:
        raise ParameterError(
            "Without motSVD Facemap computes no motion; set motSVD to true, or fullSVD to false and leave out the "
            "motion regions."
        )
    if not moving and not kinds:
        raise ParameterError("Nothing is left to compute: fullSVD is false and there are no regions (rois).")


def _check_roi(number: int, roi: Any) -> dict[str, Any]:
    if not isinstance(roi, Mapping):
        raise ParameterError(f"Region {number} must be an object with name, kind, x and y, not {roi!r}.")
    kind = roi.get("kind")
    if kind == "running":
        raise ParameterError("Regions of kind 'running' are not offered: Facemap 1.0.8 computes them wrongly.")
    if kind not in KINDS:
        raise ParameterError(
            f"Region {number} is of the unknown kind {kind!r}{in_brackets(str(kind), KINDS)}; "
            f"there are {', '.join(KINDS)}."
        )
    allowed = ("name", "kind", "x", "y", *KINDS[kind][3])
    check_names(dict(roi), allowed, f"A {kind} region")
    name = roi.get("name") or f"{kind} {number}"
    if not isinstance(name, str):
        raise ParameterError(f"The name of region {number} must be text, not {name!r}.")
    checked = {"name": name, "kind": kind}
    for axis in ("x", "y"):
        checked[axis] = _check_range(name, axis, roi.get(axis))
    if "saturation" in allowed:
        checked["saturation"] = _check_number(name, "saturation", roi.get("saturation"), 0, 255)
    if "sigma" in allowed:
        checked["sigma"] = _check_number(name, "sigma", roi.get("sigma", _SIGMA), 0, 10)
    return checked


def _check_range(name: str, axis: str, value: Any) -> list[int]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    whole = isinstance(value, Sequence) and all(
        isinstance(edge, Integral) and not isinstance(edge, bool) for edge in value
    )
    if not whole or len(value) != 2 or not 0 <= value[0] < value[1]:
        raise ParameterError(
            f"{axis} of region '{name}' must be two whole numbers [first, last + 1] of pixels, not {value!r}."
        )
    return [int(edge) for edge in value]


def _check_number(name: str, key: str, value: Any, above: float, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not above < value <= highest:
        raise ParameterError(f"{key} of region '{name}' must be a number up to {highest:g}, not {value!r}.")
    return float(value)


@dataclass(frozen=True)
class Roi:
    """A region as Facemap will see it.

    Attributes
    ----------
    name, kind : str
        As in the parameters.
    x, y : tuple of int
        First and last + 1 pixel; of a motion region, of its whole bins.
    proc : dict
        Facemap's description of it.
    """

    name: str
    kind: str
    x: tuple[int, int]
    y: tuple[int, int]
    proc: dict[str, Any]

    def overlaps(self, other: Roi) -> bool:
        """Whether the two share a pixel."""
        return all(
            mine[0] < others[1] and others[0] < mine[1] for mine, others in ((self.x, other.x), (self.y, other.y))
        )


def fit_rois(params: dict[str, Any], height: int, width: int) -> list[Roi]:
    """Place checked parameters' regions in a frame, in their order.

    Raises
    ------
    ParameterError
        A region is not inside the frame or has fewer than 2 bins in one direction, or the frame has.
    """
    sbin = params["sbin"]
    if min(height, width) < 2 * sbin:
        raise ParameterError(f"sbin of {sbin} pixels is too large for frames of {height} x {width} pixels.")
    return [_fit(number, roi, sbin, height, width) for number, roi in enumerate(params["rois"])]


def _fit(number: int, roi: dict[str, Any], sbin: int, height: int, width: int) -> Roi:
    name, kind, x, y = roi["name"], roi["kind"], tuple(roi["x"]), tuple(roi["y"])
    for axis, edges, size in (("x", x, width), ("y", y, height)):
        if edges[1] > size:
            raise ParameterError(
                f"Region '{name}' is outside the frame: its {axis} ends at {edges[1]}, the frame at {size} pixels."
            )
    rind, rtype, color, _ = KINDS[kind]
    if kind == "motion":
        # Facemap rounds x and y to bins differently and takes bins that are not in the frame; whole bins are safe
        x, y = ((-(-first // sbin) * sbin, end // sbin * sbin) for first, end in (x, y))
        if min(x[1] - x[0], y[1] - y[0]) < 2 * sbin:
            raise ParameterError(
                f"Region '{name}' is too small: it needs at least 2 whole bins of {sbin} pixels in x and in y."
            )
    proc = {
        "name": name,
        "rind": rind,
        "rtype": rtype,
        "iROI": number,
        "ivid": 0,
        "color": color,
        "xrange": np.arange(*x),
        "yrange": np.arange(*y),
        "ellipse": _ellipse(x[1] - x[0], y[1] - y[0]),
        # a float: with an integer Facemap's 8-bit arithmetic overflows
        "saturation": roi.get("saturation", 0.0),
    }
    if "sigma" in roi:
        proc["pupil_sigma"] = roi["sigma"]
    return Roi(name, kind, x, y, proc)


def _ellipse(width: int, height: int) -> Floats:
    """The pixels [height, width] inside the ellipse that touches the box's sides."""
    x = (np.arange(width) + 0.5) / width * 2 - 1
    y = (np.arange(height) + 0.5) / height * 2 - 1
    return x[None, :] ** 2 + y[:, None] ** 2 <= 1


@dataclass
class Pass:
    """What Facemap can do at once, in one pass over the video."""

    full: bool
    rois: list[Roi]

    def takes(self, roi: Roi) -> bool:
        """Whether a region can be added without disturbing the others.

        Facemap paints a pupil's or blink's surroundings white in the frame that everything else is computed
        from, and subtracts the mean from the frame once for each motion region that holds a pixel.
        """
        if self.full and roi.kind != "motion":
            return False
        return not any(roi.overlaps(other) for other in self.rois)


def plan_passes(full: bool, rois: Sequence[Roi]) -> list[Pass]:
    """Distribute regions over as few passes as they need, the full frame in the first."""
    passes = [Pass(True, [])] if full else []
    for roi in rois:
        chosen = next((one for one in passes if one.takes(roi)), None)
        if chosen is None:
            passes.append(chosen := Pass(False, []))
        chosen.rois.append(roi)
    return passes
