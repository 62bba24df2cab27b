"""Facemap's regions placed in a frame, and which of them it can measure at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ParameterError
from ...movies.types import Bools
from .parameters import Parameters, PupilRegion, Region

#: Facemap's number and name for a kind, and the color it draws it in
KINDS = {
    "pupil": (0, "pupil", (128, 200, 255)),
    "motion": (1, "motion SVD", (255, 220, 90)),
    "blink": (2, "blink", (120, 255, 120)),
}


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


def fit_rois(params: Parameters, height: int, width: int) -> list[Roi]:
    """Place the regions of parameters in a frame, in their order.

    Raises
    ------
    ParameterError
        A region is not inside the frame or has fewer than 2 bins in one direction, or the frame has.
    """
    sbin = params.sbin
    if min(height, width) < 2 * sbin:
        raise ParameterError(f"sbin of {sbin} pixels is too large for frames of {height} x {width} pixels.")
    return [_fit(number, roi, sbin, height, width) for number, roi in enumerate(params.rois)]


def _fit(number: int, region: Region, sbin: int, height: int, width: int) -> Roi:
    name, kind = region.name, region.kind
    x, y = ((first, end) for first, end in (region.x, region.y))
    for axis, edges, size in (("x", x, width), ("y", y, height)):
        if edges[1] > size:
            raise ParameterError(
                f"Region '{name}' is outside the frame: its {axis} ends at {edges[1]}, the frame at {size} pixels."
            )
    rind, rtype, color = KINDS[kind]
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
        "saturation": getattr(region, "saturation", 0.0),
    }
    if isinstance(region, PupilRegion):
        proc["pupil_sigma"] = region.sigma
    return Roi(name, kind, x, y, proc)


def _ellipse(width: int, height: int) -> Bools:
    """Give the pixels [height, width] inside the ellipse that touches the box's sides."""
    x = (np.arange(width) + 0.5) / width * 2 - 1
    y = (np.arange(height) + 0.5) / height * 2 - 1
    inside: Bools = x[None, :] ** 2 + y[:, None] ** 2 <= 1
    return inside


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
