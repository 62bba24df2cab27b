"""The stored movies of a recording: what the model is fitted to, and what the refinement rewrites."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...movies.types import Floats
from ..arrays import kernels
from ..arrays.filtering import bin_frame, box_mean
from ..arrays.grid import Grid
from .scratch import MOST_KEPT_BYTES, Scratch, block_length, n_bytes, require_space

logger = logging.getLogger(__name__)

#: averages over time of the stored movie that the ring regressions see, at most, so that they fit into memory
RING_SAMPLES = 600


@dataclass(frozen=True, eq=False)
class StoredMovies:
    """A registered recording on two grids, and averages of the coarser one over time; these three belong together.

    Attributes
    ----------
    grid : Grid
        Where the bins lie.
    movie : Scratch
        The working grid, on disk, or in memory if it is short.
    small : Scratch
        The background's grid, likewise, with means of nine bins (:func:`filtering.box_mean`).
    sample : float32 [small pixels, n]
        The small movie, averaged over every :attr:`step` frames.
    ceiling : float
        The largest value that the camera can give; infinity where that is not known.
    """

    grid: Grid
    movie: Scratch
    small: Scratch
    sample: Floats
    ceiling: float = np.inf

    @classmethod
    def create(cls, folder: Path, grid: Grid, n_frames: int, scale: float, ceiling: float) -> StoredMovies:
        """Make room for a recording; its sample is a sum until :meth:`finish_sample`.

        Parameters
        ----------
        folder : Path
            A temporary folder.
        grid : Grid
            Of the recording.
        n_frames : int
            Length.
        scale : float
            Steps of the stored integers for one unit of the movie.
        ceiling : float
            The largest value that the camera can give.

        Raises
        ------
        EngineError
            If the disk has too little space.
        """
        fine, coarse, length = grid.shape, grid.coarse_shape, block_length(grid.shape)
        need = n_bytes(fine, n_frames, length) + n_bytes(coarse, n_frames, length)
        keep = need <= MOST_KEPT_BYTES
        if keep:
            logger.info("The scratch movie takes %.2f GB of memory until the end.", need / 1e9)
        else:
            logger.info("The scratch movie takes %.2f GB in %s until the end.", need / 1e9, folder)
            require_space(folder, need)
        movie = Scratch(folder / "movie.int16", fine, n_frames, scale, length, keep)
        small = Scratch(folder / "background.int16", coarse, n_frames, scale, length, keep)
        return cls(grid, movie, small, np.zeros((small.pixels, sample_size(n_frames)), np.float32), ceiling)

    @property
    def step(self) -> int:
        """Frames in an average of the sample."""
        return -(-self.movie.n_frames // int(self.sample.shape[1]))

    def coarse_frame(self, frame: Floats) -> Floats:
        """Give a frame of the small movie, float32 [coarse_shape], from one on the working grid."""
        return box_mean(bin_frame(frame, self.grid.factor))

    def write(self, block: int, frames: Floats) -> None:
        """Store a block of frames on the working grid, float32 [n, height, width], and what follows from them."""
        self.movie.write(block, frames)
        coarse = np.stack([self.coarse_frame(frame) for frame in frames])
        self.small.write(block, coarse)
        self.add_to_sample(block, coarse)

    def add_to_sample(self, block: int, coarse: Floats) -> None:
        """Count the frames of a block of the small movie, float32 [n, *coarse_shape]."""
        kernels.add_frames(coarse.reshape(len(coarse), -1), self.movie.span(block).start, self.step, self.sample)

    def shortened(self, n_frames: int) -> StoredMovies:
        """Give the same movies that end after so many frames, with a sample of these, which is finished."""
        for scratch in (self.movie, self.small):
            scratch.shorten(n_frames)
        sample = np.zeros((self.small.pixels, sample_size(n_frames)), np.float32)
        stored = replace(self, sample=sample)
        for block in range(self.small.blocks):
            span = self.small.span(block)
            stored.add_to_sample(block, self.small.frames(self.small.chunk(block), 0, span.stop - span.start))
        stored.finish_sample()
        return stored

    def clear_sample(self) -> None:
        """Set the sample to 0, in place: it is as large as the memory that was planned for it."""
        self.sample[:] = 0

    def finish_sample(self) -> None:
        """Make averages of the sums, when all blocks are counted."""
        frames = np.arange(self.movie.n_frames) // self.step
        self.sample[:] /= np.bincount(frames, minlength=self.sample.shape[1]).astype(np.float32)


def sample_size(n_frames: int) -> int:
    """Count the averages in the sample of a recording."""
    return -(-n_frames // -(-n_frames // RING_SAMPLES))
