"""A recording of any length from a simulated minute, made while it is read.

The minute is taken apart: the mean image of the tissue, a smooth background that changes, the cells (whose footprints
and traces are known) and how the variance of the noise grows with the brightness. In every minute of the long recording
the trace of each cell, and the background, begin at another moment of the simulated one and the noise is new; the brain
moves as it did.

    python lengthened.py RECORDING/minute.npz MINUTES        # the frames, uint8, to the standard output
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import scipy.sparse as sp
from scipy.ndimage import gaussian_filter1d
from simulated import videos

from workflow_miniscope.daq import open_movie

# background: its grid in pixels, its smoothness in pixels and frames
GRID, SMOOTH, SLOW = 8, 20.0, 3.0
# minisim's neuropil has three
COMPONENTS = 5
# structure coarser than this is background, when the brightness of the cells and the noise are looked for
LOCAL = 20.0
# normal numbers that the noise is taken from, at random places
POOL = 2**24


@dataclass
class Minute:
    """A simulated minute, taken apart.

    Attributes
    ----------
    still : float32 [height, width]
        Tissue without its cells' activity.
    background : float32 [frame, height / 8, width / 8]
        What changes smoothly.
    A : scipy.sparse.csr_matrix [pixels, cells]
        Footprints in grey levels; pixels in C order.
    C : float32 [cells, frames]
        Traces.
    shifts : float32 [frames, 2]
        Displacement (dy, dx) of the brain, pixels.
    noise : float64 [2]
        Variance of the noise, per grey level and at level 0.
    """

    still: np.ndarray
    background: np.ndarray
    A: sp.csr_matrix
    C: np.ndarray
    shifts: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, folder: Path) -> Minute:
        """Take apart what :meth:`simulated.Recording.write` wrote."""
        with np.load(folder / "truth.npz") as truth:
            A = sp.csr_matrix(truth["A"].reshape(len(truth["A"]), -1).T)
            C, shifts = truth["C"], truth["shifts"]
        movie = np.stack(list(open_movie(videos(folder)).frames()))
        shape, n = movie.shape[1:], len(movie)
        back = (moved(frame.astype(np.float32), -shift) for frame, shift in zip(movie, shifts, strict=True))
        mean, steady = np.zeros(shape), np.empty((n, *shape), np.float32)
        for t, frame in enumerate(back):
            steady[t] = frame
            mean += frame / n
        lit = [cells(A, C[:, t], shape) for t in range(0, n, 10)]
        dark = np.mean(lit, axis=0)
        change = [_local(image - dark) for image in lit]
        gain = sum(np.vdot(_local(steady[10 * k] - mean), image) for k, image in enumerate(change))
        A *= gain / sum(np.vdot(image, image) for image in change)
        still = (mean - cells(A, C.mean(axis=1), shape)).astype(np.float32)
        small = (-(-shape[1] // GRID), -(-shape[0] // GRID))
        background = np.stack(
            [
                cv2.resize(
                    cv2.GaussianBlur(steady[t] - still - cells(A, C[:, t], shape), (0, 0), SMOOTH),
                    small,
                    interpolation=cv2.INTER_AREA,
                )
                for t in range(n)
            ]
        )
        pairs = np.arange(0, n - 1, 10)
        differences = np.stack([_local(movie[t + 1].astype(np.float32) - movie[t]) for t in pairs])
        noise = np.polyfit(movie[pairs].mean(axis=0).ravel(), differences.var(axis=0).ravel() / 2, 1)
        background = _together(gaussian_filter1d(background, SLOW, axis=0))
        return cls(still, background, A.tocsr(), C, shifts, noise)

    def save(self, path: Path) -> None:
        """Write an ``.npz``, for :meth:`load`."""
        A = {name: getattr(self.A, name) for name in ("data", "indices", "indptr")}
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self) if field.name != "A"}, **A)

    @classmethod
    def load(cls, path: Path) -> Minute:
        """Read what :meth:`save` wrote."""
        with np.load(path) as file:
            values = dict(file)
        pixels, n_cells = values["still"].size, len(values["C"])
        A = tuple(values.pop(name) for name in ("data", "indices", "indptr"))
        return cls(A=sp.csr_matrix(A, shape=(pixels, n_cells)), **values)


class Lengthened:
    """The long recording, read once from its start as the engine does: frames come from a process of their own."""

    def __init__(self, folder: Path, minutes: int):
        with np.load(folder / "truth.npz") as truth:
            self.C, self.S, self.shifts = truth["C"], truth["S"], truth["shifts"]
        self.folder, self.minutes, self.path = folder, minutes, folder / "minute.npz"
        if not self.path.exists():
            Minute.of(folder).save(self.path)
        with np.load(self.path) as minute:
            # not from the footprints, which are large: the memory of who reads this is measured
            self.height, self.width = minute["still"].shape
        self.n_frames = minutes * len(self.shifts)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """Frames one after the other."""
        yield from islice((frame for _, block in self.blocks() for frame in block), start, stop)

    def blocks(self, size: int = 256) -> Iterator[tuple[int, np.ndarray]]:
        """Pairs of (index of the first frame, frames)."""
        pixels = self.height * self.width
        command = [sys.executable, __file__, str(self.path), str(self.minutes)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                for first in range(0, self.n_frames, size):
                    n = min(size, self.n_frames - first)
                    values = np.frombuffer(process.stdout.read(n * pixels), np.uint8)
                    yield first, values.reshape(n, self.height, self.width)
            finally:
                process.kill()

    def truth(self) -> dict[str, np.ndarray]:
        """What :mod:`scoring` compares with."""
        with np.load(self.folder / "truth.npz") as truth:
            A, detectable = truth["A"], truth["detectable"]
        C, S = (np.concatenate([_begin(x, m) for m in range(self.minutes)], axis=1) for x in (self.C, self.S))
        return {"A": A, "C": C, "S": S, "shifts": np.tile(self.shifts, (self.minutes, 1)), "detectable": detectable}


def cells(A: sp.csr_matrix, brightness: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Image of the cells."""
    return (A @ brightness).reshape(shape).astype(np.float32)


def moved(frame: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A frame moved by (dy, dx) pixels."""
    by = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float32)
    return cv2.warpAffine(frame, by, frame.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _together(background: np.ndarray) -> np.ndarray:
    """The largest principal components of a background: what changes in large parts of the field alike.

    The optics make a cell brighter here and darker there than its footprint says. What that leaves of it in the
    background would begin at another moment than the cell: a cell that nobody knows of.
    """
    n = len(background)
    u, s, v = np.linalg.svd(background.reshape(n, -1), full_matrices=False)
    return ((u[:, :COMPONENTS] * s[:COMPONENTS]) @ v[:COMPONENTS]).reshape(background.shape)


def _local(image: np.ndarray) -> np.ndarray:
    image = image.astype(np.float32)
    return image - cv2.GaussianBlur(image, (0, 0), LOCAL)


def _starts(n_cells: int, frames: int, minute: int) -> np.ndarray:
    """The frame of the simulated minute at which each cell, and last the background, begins."""
    return np.random.default_rng([1, minute]).integers(frames, size=n_cells + 1)


def _begin(traces: np.ndarray, minute: int) -> np.ndarray:
    """Traces in a minute of the long recording."""
    n_cells, frames = traces.shape
    starts = _starts(n_cells, frames, minute)[:-1]
    return np.stack([np.roll(trace, -start) for trace, start in zip(traces, starts, strict=True)])


def write_frames(minute: Minute, minutes: int, out) -> None:
    """All frames, as they are made."""
    shape, pixels = minute.still.shape, minute.still.size
    slope, least = minute.noise
    pool = np.random.default_rng(0).standard_normal(POOL, dtype=np.float32)
    for number in range(minutes):
        C = _begin(minute.C, number)
        frames = C.shape[1]
        start = _starts(len(C), frames, number)[-1]
        places = np.random.default_rng([2, number]).integers(POOL - pixels, size=frames)
        for t in range(frames):
            around = cv2.resize(minute.background[(t + start) % frames], shape[::-1], interpolation=cv2.INTER_LINEAR)
            frame = moved(minute.still + around + cells(minute.A, C[:, t], shape), minute.shifts[t])
            deviation = np.sqrt(np.maximum(slope * frame + least, 0.25))
            frame += deviation * pool[places[t] : places[t] + pixels].reshape(shape)
            out.write(np.clip(np.rint(frame), 0, 255).astype(np.uint8).tobytes())


if __name__ == "__main__":
    cv2.setNumThreads(1)
    try:
        write_frames(Minute.load(Path(sys.argv[1])), int(sys.argv[2]), sys.stdout.buffer)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has what it wants
