"""The registered movie on disk, in blocks that are read as pixels over time or as frames.

Blocks are read and written, not mapped into memory: the pages of a mapped file would count as memory of the process,
as many as the recording is long.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ...errors import EngineError
from ..arrays import kernels

#: frames in a block, a pixel's part of which is in one piece: the first that the size of a frame allows
BLOCK_LENGTHS = (256, 128, 64)
#: values in a block at most: steps hold several blocks as float32
MOST_BLOCK_VALUES = 2**26
#: bytes that stay free on the disk beside the stored movie: other programs use it too
SPARE_BYTES = 2**27
#: parts that work is shared out in, for each thread: those that end early take another one
PARTS_PER_WORKER = 4


class Scratch:
    """A movie as int16, block after block of frames, each block pixel after pixel.

    Parameters
    ----------
    path : Path
        The file, which must not exist; its folder is temporary, and has room for it (:func:`require_space`).
    shape : tuple of int
        (height, width) of the stored frames.
    n_frames : int
        Length.
    scale : float
        Steps of the integers for one unit of the movie.
    length : int
        Frames in a block.
    """

    def __init__(self, path: Path, shape: tuple[int, int], n_frames: int, scale: float, length: int = BLOCK_LENGTHS[0]):
        self.shape, self.n_frames, self.scale, self.length = shape, n_frames, float(scale), length
        self.pixels = shape[0] * shape[1]
        self.blocks = -(-n_frames // length)
        self.path = path
        path.touch(exist_ok=False)

    @property
    def block_bytes(self) -> int:
        """Size of a block on disk."""
        return self.pixels * self.length * 2

    def span(self, block: int) -> slice:
        """Frames of a block."""
        return slice(block * self.length, min((block + 1) * self.length, self.n_frames))

    def spread(self, n_frames: int) -> np.ndarray:
        """Blocks at equal distances over the recording that have about ``n_frames`` together."""
        n = min(max(1, n_frames // self.length), self.blocks)
        return np.unique(np.linspace(0, self.blocks - 1, n).astype(int))

    def bins(self, blocks, width: int) -> np.ndarray:
        """Averages over ``width`` frames (which divides ``length``) that lie in some blocks, by their index."""
        spans = [self.span(block) for block in blocks]
        return np.concatenate([np.arange(span.start // width, -(-span.stop // width)) for span in spans])

    def write(self, block: int, frames: np.ndarray) -> None:
        """Store a block of frames, float32 [n, height, width]."""
        chunk = np.zeros((self.pixels, self.length), np.int16)
        self.put(frames, chunk, 0)
        self.write_chunk(block, chunk)

    def put(self, frames: np.ndarray, chunk: np.ndarray, first: int) -> None:
        """Put frames, float32 [n, height, width], into the integers of a block, from its frame ``first`` on."""
        kernels.put_frames(frames.reshape(len(frames), self.pixels), first, np.float32(self.scale), chunk)

    def frames(self, chunk: np.ndarray, first: int, n: int) -> np.ndarray:
        """``n`` frames from frame ``first`` of a block on, float32 [n, height, width]; ``chunk``: its integers."""
        out = np.empty((n, self.pixels), np.float32)
        kernels.take_frames(chunk, first, np.float32(self.scale), out)
        return out.reshape(n, *self.shape)

    def write_chunk(self, block: int, chunk: np.ndarray) -> None:
        """Store the integers of a block, as :meth:`chunk` gives them."""
        with open(self.path, "r+b", buffering=0) as file:
            file.seek(block * self.block_bytes)
            view = memoryview(chunk).cast("B")
            while len(view):
                view = view[file.write(view) :]

    def chunk(self, block: int, out: np.ndarray | None = None) -> np.ndarray:
        """The stored integers of a block, int16 [pixels, length]; those beyond the last frame are 0."""
        integers = np.empty((self.pixels, self.length), np.int16) if out is None else out
        with open(self.path, "rb", buffering=0) as file:
            file.seek(block * self.block_bytes)
            view = memoryview(integers).cast("B")
            while len(view):
                got = file.readinto(view)
                if not got:
                    raise EngineError(f"The scratch movie {self.path} ended early: was it removed while in use?")
                view = view[got:]
        return integers

    def read(self, block: int) -> np.ndarray:
        """A block of pixels over time, float32 [pixels, n]."""
        span = self.span(block)
        return self.chunk(block)[:, : span.stop - span.start] * np.float32(1 / self.scale)

    def read_averages(self, block: int, width: int, pool: ThreadPoolExecutor, workers: int) -> np.ndarray:
        """A block averaged over every ``width`` frames, float32 [pixels, bins]; ``width`` divides ``length``."""
        chunk, span = self.chunk(block), self.span(block)
        n = span.stop - span.start
        out = np.empty((self.pixels, -(-n // width)), np.float32)
        scale = np.float32(1 / self.scale)
        parts(pool, workers, self.pixels, lambda a, b: kernels.average_frames(chunk, n, width, scale, a, b, out))
        return out

    def __iter__(self) -> Iterator[tuple[slice, np.ndarray]]:
        """(frames, the stored integers as :meth:`chunk` gives them) block after block, in the same memory."""
        integers = np.empty((self.pixels, self.length), np.int16)
        for block in range(self.blocks):
            yield self.span(block), self.chunk(block, integers)

    def project(self, weights, pool: ThreadPoolExecutor, workers: int, out: np.ndarray | None = None) -> np.ndarray:
        """Weighted sums of pixels in every frame.

        Parameters
        ----------
        weights : scipy.sparse.csr_matrix [n, pixels]
            One row for each sum.
        out : float32 [n, frames], optional
            What the sums are added to.

        Returns
        -------
        float32 [n, frames]
        """
        weights = weights.tocsr()
        if out is None:
            out = np.zeros((weights.shape[0], self.n_frames), np.float32)
        data = weights.data.astype(np.float32) / np.float32(self.scale)
        for span, chunk in self:
            part = np.zeros((len(out), span.stop - span.start), np.float32)
            parts(
                pool,
                workers,
                len(out),
                lambda a, b, chunk=chunk, part=part: kernels.add_weighted_rows(
                    chunk, weights.indptr, weights.indices, data, a, b, part
                ),
            )
            out[:, span] += part
        return out

    def correlate(self, traces, indptr, indices, pool: ThreadPoolExecutor, workers: int) -> np.ndarray:
        """Products of traces with some pixels, ``sum_t Y(p, t) c_k(t)``.

        Parameters
        ----------
        traces : float32 [n, frames]
            Traces, of mean zero if the mean of the pixels is not to count.
        indptr, indices : int [n + 1], [entries]
            The pixels of each trace, as in a scipy.sparse.csr_matrix [n, pixels].

        Returns
        -------
        float64 [entries]
        """
        out = np.zeros(len(indices))
        for span, chunk in self:
            part = np.ascontiguousarray(traces[:, span]) * np.float32(1 / self.scale)
            parts(
                pool,
                workers,
                len(traces),
                lambda a, b, chunk=chunk, part=part: kernels.add_products(chunk, indptr, indices, part, a, b, out),
            )
        return out


def parts(pool: ThreadPoolExecutor, workers: int, n: int, function: Callable[[int, int], None]) -> None:
    """Call ``function(first, last)`` for consecutive parts of ``range(n)``, on the threads of a pool."""
    pieces = max(1, min(n, PARTS_PER_WORKER * workers)) if workers > 1 else 1
    edges = np.linspace(0, n, pieces + 1).astype(int)
    list(pool.map(lambda i: function(int(edges[i]), int(edges[i + 1])), range(pieces)))


def block_length(shape: tuple[int, int]) -> int:
    """Frames in a block of a movie with frames of this shape."""
    longest = MOST_BLOCK_VALUES // (shape[0] * shape[1])
    return next((length for length in BLOCK_LENGTHS if length <= longest), BLOCK_LENGTHS[-1])


def n_bytes(shape: tuple[int, int], n_frames: int, length: int = BLOCK_LENGTHS[0]) -> int:
    """What a movie takes on disk; the arguments are those of :class:`Scratch`."""
    return -(-n_frames // length) * length * shape[0] * shape[1] * 2


def require_space(folder: Path, size: int) -> None:
    """Refuse to start what would fill the disk.

    Raises
    ------
    EngineError
        If the free space is less than ``size`` bytes and a little.
    """
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        raise EngineError(
            f"The scratch movie needs {size / 2**30:.1f} GiB in {folder}, where {free / 2**30:.1f} GiB are free: "
            "free some space or set TMPDIR to a folder on a larger disk."
        )
