"""Where the engine would begin to look for cells, seen in seconds: to choose the size of a soma and the thresholds."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..daq import open_movie
from ..daq.quality import MIN_FRAMES
from ..daq.source import MovieSource
from ..errors import RecordingError
from ..movies.types import Bools, Floats
from .arrays.workers import start_workers
from .calcium import time_constants
from .cells import seeds
from .extraction import register, start_fit
from .parameters import Parameters


@dataclass(frozen=True, eq=False)
class Preview:
    """A piece of a recording as the first search for cells sees it.

    Attributes
    ----------
    params : Parameters
        With everything that was suggested from the piece.
    mean : float32 [height, width]
        Of the registered frames.
    correlation, pnr : float32 [height, width]
        Of each pixel, without the background, in the band of a soma's size (:mod:`.cells.seeds`).
    """

    params: Parameters
    mean: Floats
    correlation: Floats
    pnr: Floats
    _bands: list[seeds.SeedImages]
    _covered: Bools
    _bin: int

    @property
    def soma(self) -> float:
        """Size of a soma (sigma), pixels."""
        return float(np.mean(self.params.gSig or [1]))

    def seeds(self, min_corr: float, min_pnr: float) -> Floats:
        """Return the places (row, column) where cells would be looked for first, pixels; float64 [n, 2].

        Parameters
        ----------
        min_corr : float
            Least correlation with the neighbours.
        min_pnr : float
            Least peak to noise ratio.
        """
        gSig = self.soma / self._bin
        most = seeds.room(self._covered.shape, gSig, 0)
        found = seeds.find(self._bands, gSig, min_corr, min_pnr, self._covered, most)
        places: Floats = (np.asarray(found.at, float).reshape(-1, 2) + 0.5) * self._bin - 0.5
        return places


def preview(movie: MovieSource, fps: float, params: Parameters | Mapping[str, Any] | None = None) -> Preview:
    """Register a piece of a recording, take its background away, and look for cells once.

    Parameters
    ----------
    movie : as :func:`.extraction.extract` takes it
        Some hundred frames: all are read.
    fps : float
        Frames per second.
    params : Parameters or mapping, optional
        Those that differ from what is suggested.

    Raises
    ------
    RecordingError
        There are too few frames.
    ParameterError
        A parameter is wrong.
    """
    source, parsed = open_movie(movie), Parameters.parse(params)
    if source.n_frames < MIN_FRAMES:
        raise RecordingError(f"{source.n_frames} frames are too few to look for cells; at least {MIN_FRAMES} are.")
    with tempfile.TemporaryDirectory(prefix="cnmfe-") as folder, start_workers(None) as workers:
        parsed, registered = register(source, parsed, Path(folder), workers, False)
        grid = registered.stored.grid
        fit = start_fit(registered, parsed, fps, workers)
        fit.update_background()
        times = time_constants.usual(parsed.rise_time, parsed.decay_time)
        bands = seeds.images(fit, float(np.mean(parsed.gSig or [1])) / grid.bin, seeds.bin_width(fps, times.decay))
        return Preview(
            parsed,
            registered.images.average(),
            grid.enlarge(bands[0].correlation),
            grid.enlarge(bands[0].pnr),
            bands,
            fit.seen > seeds.NOISE_COVERAGE,
            grid.bin,
        )
