"""The registered recording on the working grid, kept on disk while components are edited: read once, cut many times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ...movies.types import Bools, Floats, Ints, Numbers
from ..arrays.filtering import band_pass
from ..arrays.grid import Grid
from ..arrays.workers import Workers
from ..cells import seeds
from ..prepare import scale_for
from ..storage.repair import Repair
from ..storage.scratch import Scratch, block_length, n_bytes, require_space
from ..storage.stored import StoredMovies, sample_size
from .registered import Registered

#: frames that are decoded, moved and put on the grid at a time
AT_ONCE = 64


class KeptMovie:
    """The frames that are used, one after the other, on the working grid.

    Parameters
    ----------
    registered : Registered
        The recording.
    grid : Grid
        The working grid.
    used : bool [frames]
        Which frames the estimates come from.
    folder : Path
        A temporary folder with room for it.
    workers : Workers
        Frames are shared out over them.
    progress : callable
        Takes the part that is done, 0 to 1.

    Attributes
    ----------
    coverage : float64 [height, width]
        Fraction of the frames that cover each bin.

    Raises
    ------
    EngineError
        The disk has too little space.
    RecordingError
        The recording cannot be read.
    """

    def __init__(
        self,
        registered: Registered,
        grid: Grid,
        used: Bools,
        folder: Path,
        workers: Workers,
        progress: Callable[[float], None],
        repair: Repair | None = None,
    ):
        self.grid, self.used = grid, used
        at = np.flatnonzero(used)
        length = block_length(grid.shape)
        require_space(folder, n_bytes(grid.shape, len(at), length))
        first = registered.raw(0, 1)
        self.movie = Scratch(folder / "registered.int16", grid.shape, len(at), scale_for(first), length)
        edges = registered.edges(0, registered.n_frames)
        self.coverage = grid.coverage(edges[used])
        for block in range(self.movie.blocks):
            self._write(block, at[self.movie.span(block)], registered, workers, repair)
            progress((block + 1) / self.movie.blocks)

    def _write(self, block: int, at: Ints, registered: Registered, workers: Workers, repair: Repair | None) -> None:
        chunk = np.zeros((self.movie.pixels, self.movie.length), np.int16)
        for begin in range(0, len(at), AT_ONCE):
            some = at[begin : begin + AT_ONCE]
            raw: Numbers = registered.steady(int(some[0]), int(some[-1]) + 1)
            raw = repair.apply(raw) if repair is not None else raw

            def put(t: int, raw: Numbers = raw, first: int = int(some[0])) -> Numbers:
                return self.grid.bin_frame(registered.move(raw[t - first], t))

            self.movie.put(np.stack(workers.map(put, some.tolist())).astype(np.float32), chunk, begin)
        self.movie.write_chunk(block, chunk)

    def light(self, y: int, x: int, gSig: float, workers: Workers) -> Floats:
        """Give how bright a pixel is beside what is around it, float32 [frames]: in the narrowest band of the search.

        Frames that are not used have what lies between those around them. ``y``, ``x``, ``gSig``: px of the recording.
        """
        bin_ = self.grid.bin
        image = np.zeros(self.grid.shape, np.float32)
        image[min(y // bin_, self.grid.shape[0] - 1), min(x // bin_, self.grid.shape[1] - 1)] = 1
        weights = band_pass(image, seeds.BAND_INNER * gSig / bin_, seeds.BAND_OUTER * gSig / bin_)
        seen = self.movie.project(sp.csr_matrix(weights.reshape(1, -1)), workers)[0]
        seen -= np.median(seen)
        at = np.flatnonzero(self.used)
        return np.asarray(np.interp(np.arange(len(self.used)), at, seen), np.float32)

    def cut(self, rows: slice, columns: slice, folder: Path) -> StoredMovies:
        """Give the movies of a part of the field, which begins and ends with whole bins of the background's grid.

        Parameters
        ----------
        rows, columns : slice
            Of the working grid.
        folder : Path
            A temporary folder.
        """
        whole, bin_ = self.movie, self.grid.bin
        ends = [min(part.stop * bin_, px) for part, px in zip((rows, columns), self.grid.field, strict=True)]
        field = (ends[0] - rows.start * bin_, ends[1] - columns.start * bin_)
        grid = Grid(field, bin_, self.grid.factor)
        movie = Scratch(folder / "movie.int16", grid.shape, whole.n_frames, whole.scale, whole.length)
        small = Scratch(folder / "background.int16", grid.coarse_shape, whole.n_frames, whole.scale, whole.length)
        sample = np.zeros((small.pixels, sample_size(whole.n_frames)), np.float32)
        stored = StoredMovies(grid, movie, small, sample)
        across = self.grid.shape[1]
        for block in range(whole.blocks):
            chunk = whole.part(block, rows.start * across, rows.stop * across)
            chunk = chunk.reshape(rows.stop - rows.start, across, -1)[:, columns].reshape(movie.pixels, -1)
            span = whole.span(block)
            stored.write(block, movie.frames(np.ascontiguousarray(chunk), 0, span.stop - span.start))
        stored.finish_sample()
        return stored
