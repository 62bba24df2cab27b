"""What the model of a result says of its movie: the background, the cells, and what both leave.

The background is the ring model's, as CaImAn applies it: on the background's grid, and interpolated; or the low-rank
one of plain CNMF.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ...movies.types import Floats, Shape
from ...results.caiman import CaimanResult, MovieModel
from ..arrays.grid import Grid
from .registered import Registered

#: kinds of movies, and what to call each
KINDS = {
    "registered": "Registered",
    "subtracted": "Background subtracted",
    "residual": "Residual",
    "reconstructed": "Reconstructed",
}
#: those for which the background must be known
WITHOUT_BACKGROUND = ("subtracted", "residual")


class MovieViews:
    """The movie of a result in several ways.

    Parameters
    ----------
    registered : Registered
        Its frames.
    result : CaimanResult
        Footprints, images and parameters.
    model : MovieModel
        The model of the background.
    fitted : callable
        Gives the fitted traces of all components between two frames, float32 [components, n].
    """

    def __init__(
        self,
        registered: Registered,
        result: CaimanResult,
        model: MovieModel,
        fitted: Callable[[int, int], Floats],
    ):
        self._registered, self._fitted = registered, fitted
        self._A, self.shape = result.A.tocsr(), result.dims
        self._background = _background(result, model)

    @property
    def n_frames(self) -> int:
        """Frames of the movie."""
        return self._registered.n_frames

    @property
    def kinds(self) -> dict[str, str]:
        """Those of :data:`KINDS` that there are."""
        return {
            name: label
            for name, label in KINDS.items()
            if self._background is not None or name not in WITHOUT_BACKGROUND
        }

    def frames(self, kind: str, start: int, stop: int) -> Floats:
        """Give frames of one kind, float32 [n, height, width], from ``start`` up to, not including, ``stop``."""
        if kind == "registered":
            return self._registered.frames(start, stop)
        cells = self._cells(start, stop)
        if kind == "reconstructed":
            return cells
        frames = self._registered.frames(start, stop)
        left = frames - cells
        if self._background is not None:
            around = self._background(left, start, stop)
            return (frames if kind == "subtracted" else left) - around
        return left

    def _cells(self, start: int, stop: int) -> Floats:
        """Give what the components contribute, float32 [n, height, width]."""
        height, width = self.shape
        cells = np.asarray(self._A @ self._fitted(start, stop), np.float32)
        return np.ascontiguousarray(cells.reshape(width, height, stop - start).transpose(2, 1, 0))


#: takes frames without the components, and between which two they are
_Background = Callable[[Floats, int, int], Floats]


def _background(result: CaimanResult, model: MovieModel) -> _Background | None:
    if model.b is not None and model.f is not None and model.b.shape[1]:
        b, f = model.b, model.f
        height, width = result.dims
        return lambda _, start, stop: (b @ f[:, start:stop]).T.reshape(-1, width, height).transpose(0, 2, 1)
    if model.W is None or result.b0 is None:
        return None
    grid = _grid(result)
    if grid is None or grid.coarse_shape[0] * grid.coarse_shape[1] != model.W.shape[0]:
        return None
    W, constant = model.W, result.b0.reshape(result.dims, order="F")

    def ring(left: Floats, _start: int, _stop: int) -> Floats:
        return constant + _ring(left - constant, grid, W)

    return ring


def _ring(fluctuations: Floats, grid: Grid, W: Floats) -> Floats:
    """Interpolate what the rings say of every pixel, [n, height, width], from fluctuations around the constant."""
    side = grid.bin * grid.factor
    height, width = grid.coarse_shape
    down, right = (n * side - px for n, px in zip((height, width), grid.field, strict=True))
    coarse = np.empty((width, height, len(fluctuations)), np.float32)  # pixels in Fortran order
    for t, frame in enumerate(fluctuations):
        whole = cv2.copyMakeBorder(frame, 0, down, 0, right, cv2.BORDER_REPLICATE) if down or right else frame
        coarse[..., t] = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).T
    around = (W @ coarse.reshape(width * height, -1)).reshape(width, height, -1).astype(np.float32)
    fine = np.empty((len(fluctuations), *grid.field), np.float32)
    for t in range(len(fine)):
        rings = cv2.resize(around[..., t].T, (width * side, height * side), interpolation=cv2.INTER_LINEAR)
        fine[t] = rings[: grid.field[0], : grid.field[1]]
    return fine


def _grid(result: CaimanResult) -> Grid | None:
    init = result.params.get("init", {})
    try:
        bin_, side = int(init.get("ssub") or 1), int(init.get("ssub_B") or 1)
    except (TypeError, ValueError):
        return None
    field: Shape = result.dims
    return Grid(field, bin_, max(1, side // bin_))
