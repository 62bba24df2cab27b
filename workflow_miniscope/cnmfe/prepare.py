"""The one pass over the recording: decode, register, summarise, and write the stored movies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..bars import tqdm
from ..daq.quality import MIN_FRAMES
from ..errors import RecordingError
from ..movies.summary import SummaryImages
from ..movies.types import Bools, Floats, Ints, Numbers
from ..results.caiman import FrameQuality, Reason
from .arrays import kernels
from .arrays.grid import Grid
from .arrays.workers import Workers
from .calcium.deconvolution import noise
from .registration.blocks import Blocks
from .registration.protocol import FrameRegistration
from .storage.left_out import FrameLook, name_other_field
from .storage.light import Light
from .storage.reader import DECODED_FRAMES, FrameReader
from .storage.repair import Repair
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
        The movie: the frames that are used, one after the other.
    shifts : float64 [used frames, 2]
        Corrections (dy, dx) in pixels.
    deviations : float64 [used frames, blocks, 2]
        Of a piecewise-rigid registration, what is added to the shift in each block; else of no blocks.
    registration : FrameRegistration
        What registered it.
    images : SummaryImages
        Mean, maximum and correlation at full resolution.
    template : float32 [height, width]
        Mean of the first registered frames.
    sn : float32 [height, width]
        Noise of each pixel at full resolution.
    quality : FrameQuality
        Which frames are used, and how well they lie on the template.
    """

    stored: StoredMovies
    shifts: Floats
    deviations: Floats
    registration: FrameRegistration
    images: SummaryImages
    template: Floats
    sn: Floats
    quality: FrameQuality

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
    sample: Numbers,
    repair: Repair,
    light: Light,
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
    sample : [n, height, width]
        Frames of the whole recording that show the tissue.
    repair : Repair
        What is wrong with the camera's frames.
    light : Light
        Its gain in each frame; the sample has the same light in all.
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
        If the number of frames is not what the movie said, a frame cannot be used, or too few can.
    """
    n = reader.n_frames
    ceiling = 255.0 if sample.dtype == np.uint8 else np.inf
    stored = _Blocks(StoredMovies.create(folder, grid, n, scale_for(sample), ceiling))
    look, log = FrameLook(sample), _Log(n, light)
    summary = _Summary(grid, n // 2, workers)
    seen = 0
    with tqdm(total=n, desc="register", unit="frame", disable=None if progress else True) as bar:
        for start, recorded in reader.blocks(stored.length):
            raw = repair.apply(recorded[: n - start])
            if not len(raw):
                break
            new = np.flatnonzero(~look.repeated(raw))
            raw = light.level(raw, slice(start, start + len(raw)))
            used, shifts, deviations = log.register(raw, new, start, registration, look)
            for at in range(0, len(used), DECODED_FRAMES):
                part = slice(at, at + DECODED_FRAMES)
                frames = _some(raw, used[part]).astype(np.float32)
                _move(frames, registration, shifts[part], deviations[part], workers)
                summary.add(frames, registration.edges(shifts[part], deviations[part]), start + int(used[at]))
                stored.add(_bin(frames, grid, workers))
            seen += len(raw)
            bar.update(len(raw))
    if seen < n:
        raise RecordingError(f"The movie ended after {seen} frames; {n} were expected.")
    quality = log.quality(registration.usual_score, repair)
    if stored.n_frames < MIN_FRAMES or summary.template is None:
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in quality.counts.items())
        raise RecordingError(
            f"Of the {n} frames {stored.n_frames} can be used ({counts}), and at least {MIN_FRAMES} are needed: was "
            "the light on, and does the recording show one field?"
        )
    images, template, sn = summary.images, summary.template, summary.sn
    return RegisteredMovie(stored.finish(), *log.motion(), registration, images, template, sn, quality)


class _Log:
    """What is found of every frame, and the motion of those that are used; ``n``: frames of the recording."""

    def __init__(self, n: int, light: Light):
        self.reason = np.full(n, Reason.REPEATED, np.uint8)
        self.score = np.full(n, np.nan, np.float32)
        self.at_limit = np.zeros(n, bool)
        self.light = light
        self._motion: list[tuple[Floats, Floats]] = []

    def register(
        self, raw: Numbers, new: Ints, start: int, registration: FrameRegistration, look: FrameLook
    ) -> tuple[Ints, Floats, Floats]:
        """Register those frames of a block, [n, height, width] from frame ``start`` on, that repeat none before.

        Returns
        -------
        int64 [used], float64 [used, 2], float64 [used, blocks, 2]
            Indices of the frames in the block that are used, their shifts and deviations.
        """
        if not len(new):
            return new, np.zeros((0, 2)), np.zeros((0, 0, 2))
        frames = _some(raw, new)
        motion = registration.register(frames)
        reason = look.reasons(frames, motion.matched, motion.lying)
        at, good = start + new, reason == Reason.USED
        self.reason[at], self.score[at], self.at_limit[at] = reason, motion.score, motion.at_limit
        self._motion.append((motion.shifts[good], motion.deviations[good]))
        return new[good], *self._motion[-1]

    def motion(self) -> tuple[Floats, Floats]:
        """Shifts and deviations of the frames that are used."""
        shifts, deviations = (np.concatenate(parts) for parts in zip(*self._motion, strict=True))
        return shifts, deviations

    def quality(self, usual_score: float, repair: Repair) -> FrameQuality:
        """Give the figures, when all frames were seen."""
        name_other_field(self.reason)
        rows, columns = repair.bands
        return FrameQuality(
            self.reason,
            self.score,
            self.at_limit,
            self.light.gain,
            self.light.black,
            typical_score=usual_score,
            stuck_pixels=int(np.count_nonzero(repair.stuck)),
            flickering_pixels=int(np.count_nonzero(repair.flickering)),
            row_bands=rows.found,
            column_bands=columns.found,
        )


class _Blocks:
    """Puts frames that come in any number into the blocks of the stored movies.

    Attributes
    ----------
    length : int
        Frames of a block.
    n_frames : int
        Frames so far.
    """

    def __init__(self, stored: StoredMovies):
        self.stored, self.length = stored, stored.movie.length
        self.n_frames = 0
        self._block = np.empty((self.length, *stored.grid.shape), np.float32)

    def add(self, frames: Floats) -> None:
        """Take some frames on the working grid, float32 [n, height, width], no more than a block."""
        at = self.n_frames % self.length
        fit = min(len(frames), self.length - at)
        self._block[at : at + fit] = frames[:fit]
        self.n_frames += fit
        if at + fit == self.length:
            self.stored.write(self.n_frames // self.length - 1, self._block)
            if fit < len(frames):
                self.add(frames[fit:])

    def finish(self) -> StoredMovies:
        """Write what is left; give the movies of the frames that came."""
        rest = self.n_frames % self.length
        if rest:
            self.stored.write(self.n_frames // self.length, self._block[:rest])
        if self.n_frames < self.stored.movie.n_frames:
            return self.stored.shortened(self.n_frames)
        self.stored.finish_sample()
        return self.stored


def _some(frames: Numbers, which: Ints) -> Numbers:
    """Frames by their indices, which increase; without a copy where they follow each other."""
    if len(which) == which[-1] - which[0] + 1:
        return frames[which[0] : which[-1] + 1]
    return frames[which]


def _move(
    frames: Floats, registration: FrameRegistration, shifts: Floats, deviations: Floats, workers: Workers
) -> None:
    """Move frames, float32 [n, height, width], in place."""

    def move(i: int) -> None:
        frames[i] = registration.move(frames[i], shifts[i], deviations[i])

    workers.map(move, range(len(frames)))


def _bin(frames: Floats, grid: Grid, workers: Workers) -> Floats:
    """Put frames, float32 [n, height, width], on the working grid, float32 [n, grid height, grid width]."""
    binned = np.empty((len(frames), *grid.shape), np.float32)

    def put(i: int) -> None:
        binned[i] = grid.bin_frame(frames[i])

    workers.map(put, range(len(frames)))
    return binned


class _Summary:
    """What is kept of the registered frames at full resolution.

    Parameters
    ----------
    grid : Grid
        Of the recording.
    middle : int
        The noise comes from the first frames and, if there are any, from the next ones after this frame.
    workers : Workers
        Rows are shared out over them.

    Attributes
    ----------
    images, template, sn
        See :class:`RegisteredMovie`; the template is None before the first frames.
    """

    def __init__(self, grid: Grid, middle: int, workers: Workers):
        self.field = Grid(grid.field, 1, 1)
        self.workers = workers
        self.images = SummaryImages(*grid.field)
        self.template: Floats | None = None
        self.sn: Floats = np.zeros(grid.field, np.float32)
        self._mean: Floats | None = None
        self._noise_from: list[int] = [0, middle]

    def add(self, frames: Floats, edges: Floats, first: int) -> None:
        """Count frames, float32 [n, height, width], of which one is frame ``first``, and fill what they do not cover.

        ``edges``: how far their borders moved, see :meth:`Grid.uncovered`.
        """
        self.images.add(frames, self.workers.map)
        self._mean = _fill(frames, self.field.uncovered(edges), self._mean, self.workers)
        if self.template is None:
            self.template = frames.mean(axis=0)
        if self._noise_from and first >= self._noise_from[0] and len(frames) > 2:
            self._noise_from.pop(0)
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
