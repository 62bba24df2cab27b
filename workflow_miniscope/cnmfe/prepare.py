"""The one pass over the recording: decode, register, summarise, and write the stored movies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..bars import tqdm
from ..errors import RecordingError
from ..movies.summary import SummaryImages
from ..movies.types import Bools, Floats, Numbers
from .arrays import kernels
from .arrays.grid import Grid
from .arrays.workers import Workers
from .calcium.deconvolution import noise
from .registration.blocks import Blocks
from .registration.protocol import FrameRegistration
from .storage.reader import DECODED_FRAMES, FrameReader
from .storage.repair import StuckPixels
from .storage.stored import StoredMovies

#: steps of the stored integers in one grey value of a camera of 8 bits: fine against its noise, and 255 twice over (the
#: overshoot of the interpolation) is less than 2**15
STEPS_PER_GREY_VALUE = 64.0
#: stored integer of the largest value of any other movie, which leaves as much again for the overshoot
LARGEST_STORED = 16000.0


@dataclass
class RegisteredMovie:
    """The registered movie and what was seen on the way.

    Attributes
    ----------
    stored : StoredMovies
        The movie, without what is not needed any more.
    shifts : float64 [frames, 2]
        Corrections (dy, dx) in pixels.
    deviations : float64 [frames, blocks, 2]
        Of a piecewise-rigid registration, what is added to the shift in each block; else of no blocks.
    registration : FrameRegistration
        What registered it.
    images : SummaryImages
        Mean, maximum and correlation at full resolution.
    template : float32 [height, width]
        Mean of the first registered frames.
    sn : float32 [height, width]
        Noise of each pixel at full resolution.
    """

    stored: StoredMovies
    shifts: Floats
    deviations: Floats
    registration: FrameRegistration
    images: SummaryImages
    template: Floats
    sn: Floats

    @property
    def blocks(self) -> Blocks | None:
        """The blocks of a piecewise-rigid registration."""
        return self.registration.blocks

    @property
    def edges(self) -> Floats:
        """Shifts of the borders of each frame, for :meth:`Grid.uncovered`."""
        return self.registration.edges(self.shifts, self.deviations)


def scale_for(frames: Numbers) -> float:
    """Choose the steps of the stored integers for one unit of the movie: fine against the noise, no overflow."""
    if frames.dtype == np.uint8:
        return STEPS_PER_GREY_VALUE
    largest = float(np.abs(frames).max())
    return LARGEST_STORED / largest if largest > 0 else 1.0


def prepare(
    reader: FrameReader,
    first: Numbers,
    stuck: StuckPixels,
    registration: FrameRegistration,
    grid: Grid,
    folder: Path,
    workers: Workers,
    progress: bool,
) -> RegisteredMovie:
    """Read the recording once.

    Parameters
    ----------
    reader : FrameReader
        The frames.
    first : [n, height, width]
        The first frames, from which the template was made.
    stuck : StuckPixels
        Pixels that do not see.
    registration : FrameRegistration
        What registers the frames.
    grid : Grid
        Of the stored movies.
    folder : Path
        For the stored movies.
    workers : Workers
        Frames are shared out over them.
    progress : bool
        Show a bar.

    Raises
    ------
    EngineError
        If the disk has too little space.
    RecordingError
        If the number of frames is not what the movie said, or a frame cannot be used.
    """
    n = reader.n_frames
    ceiling = 255.0 if first.dtype == np.uint8 else np.inf
    stored = StoredMovies.create(folder, grid, n, scale_for(first), ceiling)
    length = stored.movie.length
    blocks = 0 if registration.blocks is None else len(registration.blocks.blocks)
    shifts, deviations = np.zeros((n, 2)), np.zeros((n, blocks, 2))
    summary = _Summary(grid, (n - 1) // length // 2, workers)
    seen = 0
    with tqdm(total=n, desc="register", unit="frame", disable=None if progress else True) as bar:
        for start, recorded in reader.blocks(length):
            raw = stuck.fill(recorded[: n - start])
            if not len(raw):
                break
            block, span = start // length, slice(start, start + len(raw))
            shifts[span], deviations[span] = registration.register(raw)
            binned = np.empty((len(raw), *grid.shape), np.float32)
            for at in range(0, len(raw), DECODED_FRAMES):
                frames = raw[at : at + DECODED_FRAMES].astype(np.float32)
                part = slice(start + at, start + at + len(frames))
                _move(frames, registration, shifts[part], deviations[part], workers)
                summary.add(frames, registration.edges(shifts[part], deviations[part]), block, at)
                _bin(frames, grid, binned[at : at + len(frames)], workers)
            stored.write(block, binned)
            seen += len(raw)
            bar.update(len(raw))
    if seen < n or summary.template is None:
        raise RecordingError(f"The movie ended after {seen} frames; {n} were expected.")
    stored.finish_sample()
    return RegisteredMovie(stored, shifts, deviations, registration, summary.images, summary.template, summary.sn)


def _move(
    frames: Floats, registration: FrameRegistration, shifts: Floats, deviations: Floats, workers: Workers
) -> None:
    """Move frames, float32 [n, height, width], in place."""

    def move(i: int) -> None:
        frames[i] = registration.move(frames[i], shifts[i], deviations[i])

    workers.map(move, range(len(frames)))


def _bin(frames: Floats, grid: Grid, binned: Floats, workers: Workers) -> None:
    """Put frames, float32 [n, height, width], on the working grid, float32 [n, grid height, grid width]."""

    def put(i: int) -> None:
        binned[i] = grid.bin_frame(frames[i])

    workers.map(put, range(len(frames)))


class _Summary:
    """What is kept of the registered frames at full resolution.

    Parameters
    ----------
    grid : Grid
        Of the recording.
    middle : int
        Block whose first frames the noise comes from.
    workers : Workers
        Rows are shared out over them.

    Attributes
    ----------
    images, template, sn
        See :class:`RegisteredMovie`; the template is None before the first frames.
    """

    def __init__(self, grid: Grid, middle: int, workers: Workers):
        self.field = Grid(grid.field, 1, 1)
        self.middle, self.workers = middle, workers
        self.images = SummaryImages(*grid.field)
        self.template: Floats | None = None
        self.sn: Floats = np.zeros(grid.field, np.float32)
        self._mean: Floats | None = None

    def add(self, frames: Floats, edges: Floats, block: int, at: int) -> None:
        """Count frames, float32 [n, height, width], from frame ``at`` of a block on, and fill what they do not cover.

        ``edges``: how far their borders moved, see :meth:`Grid.uncovered`.
        """
        self.images.add(frames)
        self._mean = _fill(frames, self.field.uncovered(edges), self._mean, self.workers)
        if self.template is None:
            self.template = frames.mean(axis=0)
        if block == self.middle and at == 0 and len(frames) > 2:
            rows = self.workers.map(lambda y: noise(frames[:, y].T), range(frames.shape[1]))
            self.sn = np.array(rows).astype(np.float32)


def _fill(frames: Floats, uncovered: tuple[Bools, Bools], before: Floats | None, workers: Workers) -> Floats:
    """Fill what a shifted frame does not cover with the mean of those that do, in place; give the mean.

    It stands until the model of the movie can predict these pixels.
    """
    rows, columns = uncovered
    full = frames.shape[1:]
    total, count = np.zeros(full), np.zeros(full, np.float32)
    workers.split(full[0], lambda a, b: kernels.add_covered(frames, rows, columns, a, b, total, count))
    mean: Floats = (total / np.maximum(count, 1)).astype(np.float32)
    if not count.all():
        other = before if before is not None else frames.mean(axis=0)
        mean = np.where(count > 0, mean, other).astype(np.float32)
    workers.split(full[0], lambda a, b: kernels.fill_uncovered(frames, rows, columns, mean, a, b))
    return mean
