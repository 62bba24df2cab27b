"""The one pass over the recording: decode, register, summarise, and write the scratch movies."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from ..errors import RecordingError
from ..movies.summary import SummaryImages
from .arrays import kernels
from .arrays.filtering import bin_frame, box_mean
from .calcium.deconvolution import noise
from .registration.piecewise import Blocks
from .registration.rigid import Registration, Still
from .storage.recorded import DECODED_FRAMES, Recorded
from .storage.repair import fill as fill_blind
from .storage.scratch import Scratch, block_length, n_bytes, parts, require_space

logger = logging.getLogger(__name__)

#: averages over time that the ring regressions see, at most, so that they fit into memory
RING_SAMPLES = 600
#: steps of the stored integers in one grey value of a camera of 8 bits: fine against its noise, and 255 twice over (the
#: overshoot of the interpolation) is less than 2**15
STEPS_PER_GREY_VALUE = 64.0
#: stored integer of the largest value of any other movie, which leaves as much again for the overshoot
LARGEST_STORED = 16000.0
#: pixels: shifts within this are rounded away when it is asked what a frame covers
COVER_TOLERANCE = 0.01


@dataclass
class Prepared:
    """The registered movie and what was seen on the way.

    Attributes
    ----------
    movie, small : Scratch
        Working grid, and background's grid with means of nine pixels (:func:`box_mean`).
    sample : float32 [small pixels, n]
        The small movie, averaged over ``step`` frames.
    shifts : float64 [frames, 2]
        Corrections (dy, dx) in pixels.
    registration : Registration or Still
        What registered it.
    deviations : float64 [frames, blocks, 2]
        Of a piecewise-rigid registration, what is added to the shift in each block; else of no blocks.
    images : SummaryImages
        Mean, maximum and correlation at full resolution.
    template : float32 [height, width]
        Mean of the first registered frames.
    sn : float32 [height, width]
        Noise of each pixel at full resolution.
    ceiling : float
        The largest value that the camera can give; infinity where that is not known.
    """

    movie: Scratch
    small: Scratch
    sample: np.ndarray
    shifts: np.ndarray
    images: SummaryImages
    template: np.ndarray
    sn: np.ndarray
    ceiling: float
    registration: Registration | Still
    deviations: np.ndarray

    @property
    def blocks(self) -> Blocks | None:
        """The grid of a piecewise-rigid registration."""
        return self.registration.blocks

    @property
    def edges(self) -> np.ndarray:
        """Shifts of the borders of each frame, for :func:`uncovered`."""
        return self.registration.edges(self.shifts, self.deviations)


def scale_for(frames: np.ndarray) -> float:
    """Steps of the scratch's integers for one unit of the movie: fine against the noise, no overflow."""
    if frames.dtype == np.uint8:
        # 255, and as much again for the overshoot of the interpolation
        return STEPS_PER_GREY_VALUE
    largest = float(np.abs(frames).max())
    return LARGEST_STORED / largest if largest > 0 else 1.0


def uncovered(shifts: np.ndarray, shape: tuple[int, int], full: tuple[int, int], size: int) -> tuple:
    """Rows and columns of the working grid that shifted frames do not cover, bool [n, height] and [n, width].

    ``shifts`` are (dy, dx) of each frame, float64 [n, 2], or, if the field was not moved as a whole, two of each: those
    of the first and of the last border, float64 [n, 2, 2]; pixels.
    """

    def along(n, extent, moves):
        first = np.arange(n) * size
        start, end = np.broadcast_to(moves.T, (2, len(moves)))[:, :, None]
        last = np.minimum(first + size, extent) - 1
        return (first < start - COVER_TOLERANCE) | (last > extent - 1 + end + COVER_TOLERANCE)

    return along(shape[0], full[0], shifts[:, 0]), along(shape[1], full[1], shifts[:, 1])


def prepare(
    recorded: Recorded,
    first: np.ndarray,
    blind: tuple,
    registration: Registration | None,
    size: int,
    factor: int,
    folder: Path,
    pool: ThreadPoolExecutor,
    workers: int,
    progress: bool,
) -> Prepared:
    """Read the recording once.

    Parameters
    ----------
    recorded : Recorded
        The frames.
    first : [n, height, width]
        The first frames, from which the template was made.
    blind : tuple
        Mask of the pixels that do not see and the weights that fill them, see :mod:`repair`.
    registration : Registration or None
        None: the movie is registered already.
    size, factor : int
        Pixels in a bin of the working grid, and working pixels in one of the background's grid.
    folder : Path
        For the scratch files.
    pool, workers
        Threads.

    Raises
    ------
    RecordingError
        If the number of frames is not what the movie said, or a frame cannot be used.
    """
    full, n = recorded.shape, recorded.n_frames
    whole = tuple(-(-side // (size * factor)) * factor for side in full)
    scale = scale_for(first)
    less, length = tuple(side // factor for side in whole), block_length(whole)
    need = n_bytes(whole, n, length) + n_bytes(less, n, length)
    logger.info("The scratch movie takes %.2f GB in %s until the end.", need / 1e9, folder)
    require_space(folder, need)
    movie = Scratch(folder / "movie.int16", whole, n, scale, length)
    small = Scratch(folder / "background.int16", less, n, scale, length)
    step = -(-n // RING_SAMPLES)
    sample = np.zeros((small.pixels, -(-n // step)), np.float32)
    counts = np.bincount(np.arange(n) // step, minlength=sample.shape[1]).astype(np.float32)
    shifts = np.zeros((n, 2))
    registration = registration or Still()
    deviations = np.zeros((n, registration.n_blocks, 2))
    images = SummaryImages(*full)
    fill = template = None
    middle, sn = (n - 1) // length // 2, np.zeros(full, np.float32)
    seen = 0
    pad = tuple((0, side * size - extent) for side, extent in zip(whole, full, strict=True))
    bar = tqdm(total=n, desc="register", unit="frame", disable=None if progress else True)
    with bar:
        for start, raw in recorded.blocks(length):
            raw = fill_blind(raw[: n - start], *blind)
            block = start // length
            if not len(raw):
                break
            here = slice(start, start + len(raw))
            shifts[here], deviations[here] = registration.register(raw)
            binned = np.empty((len(raw), *movie.shape), np.float32)
            for at in range(0, len(raw), DECODED_FRAMES):
                frames = raw[at : at + DECODED_FRAMES].astype(np.float32)
                span = slice(start + at, start + at + len(frames))

                def move(i, frames=frames, first=span.start):
                    frames[i] = registration.move(frames[i], shifts[first + i], deviations[first + i])

                list(pool.map(move, range(len(frames))))
                images.add(frames)
                fill = _fill(frames, registration.edges(shifts[span], deviations[span]), fill, pool, workers)
                if template is None:
                    template = frames.mean(axis=0)
                if block == middle and at == 0 and len(frames) > 2:
                    sn = np.array(list(pool.map(lambda y, frames=frames: noise(frames[:, y].T), range(full[0]))))

                def bin_into(i, frames=frames, at=at, binned=binned):
                    frame = np.pad(frames[i], pad, mode="edge") if any(p[1] for p in pad) else frames[i]
                    binned[at + i] = bin_frame(frame, size)

                list(pool.map(bin_into, range(len(frames))))
            movie.write(block, binned)
            coarse = np.stack([box_mean(bin_frame(frame, factor)) for frame in binned])
            small.write(block, coarse)
            kernels.add_frames(coarse.reshape(len(coarse), -1), start, step, sample)
            seen += len(raw)
            bar.update(len(raw))
    if seen < n:
        raise RecordingError(f"The movie ended after {seen} frames; {n} were expected.")
    sample /= counts
    ceiling = 255.0 if first.dtype == np.uint8 else np.inf
    sn = sn.astype(np.float32)
    return Prepared(movie, small, sample, shifts, images, template, sn, ceiling, registration, deviations)


def _fill(frames: np.ndarray, shifts: np.ndarray, before: np.ndarray | None, pool, workers: int) -> np.ndarray:
    """Fill what a shifted frame does not cover with the mean of those that do, in place; give the mean.

    It stands until the model of the movie can predict these pixels.
    """
    full = frames.shape[1:]
    rows, columns = uncovered(shifts, full, full, 1)
    total, count = np.zeros(full), np.zeros(full, np.float32)
    parts(pool, workers, full[0], lambda a, b: kernels.add_covered(frames, rows, columns, a, b, total, count))
    mean = (total / np.maximum(count, 1)).astype(np.float32)
    if not count.all():
        other = before if before is not None else frames.mean(axis=0)
        mean = np.where(count > 0, mean, other).astype(np.float32)
    parts(pool, workers, full[0], lambda a, b: kernels.fill_uncovered(frames, rows, columns, mean, a, b))
    return mean
