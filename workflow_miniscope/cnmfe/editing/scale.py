"""What a fit must know of a result: how large cells are, how fast calcium is, and on which grid it was computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ...errors import EngineError
from ...results.caiman import CaimanResult
from .. import suggest
from ..arrays.grid import Grid
from ..calcium import time_constants
from ..calcium.deconvolution import TimeConstants

#: signal to noise ratio of a cell at least, where a result does not say
LEAST_SNR = 1.0


@dataclass(frozen=True)
class Scale:
    """Sizes and times of a result, from its parameters.

    Attributes
    ----------
    fps : float
        Frames per second.
    times : TimeConstants
        Rise and decay of calcium, s.
    p : int
        Order of the calcium model.
    gSig : float
        Size of a soma (sigma), px.
    ring : float
        Radius of the background's ring, px.
    grid : Grid
        Where it was computed.
    least_snr : float
        Signal to noise ratio below which a component is none.
    """

    fps: float
    times: TimeConstants
    p: int
    gSig: float
    ring: float
    grid: Grid
    least_snr: float

    @classmethod
    def of(cls, result: CaimanResult) -> Self:
        """Read them.

        Raises
        ------
        EngineError
            The result does not say how large a cell is, or how many frames there are in a second.
        """
        init, temporal = result.params.get("init", {}), result.params.get("temporal", {})
        gSig, fps = _size(init.get("gSig")), result.fps
        if gSig is None or fps is None:
            missing = "how large a cell is (gSig)" if gSig is None else "its frame rate (fr)"
            raise EngineError(f"Nothing can be fitted: the result does not say {missing}.")
        gSiz = _size(init.get("gSiz")) or suggest.SOMA_DIAMETER * gSig + 1
        bin_ = int(init.get("ssub") or 1)
        factor = max(1, int(init.get("ssub_B") or bin_) // bin_)
        ring = float(init.get("ring_size_factor") or suggest.RING_SIZE) * gSiz
        p = 1 if temporal.get("p", 2) == 1 else 2
        times = time_constants.usual(temporal.get("rise_time"), result.params.get("data", {}).get("decay_time"))
        lowest = result.params.get("quality", {}).get("SNR_lowest")
        least_snr = LEAST_SNR if lowest is None else float(lowest)
        return cls(fps, times, p, gSig, ring, Grid(result.dims, bin_, factor), least_snr)

    @property
    def radius(self) -> int:
        """Farthest a footprint reaches from its middle, working pixels."""
        return int(np.ceil(suggest.FOOTPRINT_REACH * self.gSig / self.grid.bin))


def _size(value: Any) -> float | None:
    try:
        size = float(np.mean(np.asarray(value, np.float64)))
    except (TypeError, ValueError):
        return None
    return size if np.isfinite(size) and size > 0 else None
