"""The registered movie on disk, in blocks that are read as pixels over time or as frames.

Blocks are read and written, not mapped into memory: the pages of a mapped file would count as memory of the process,
as many as the recording is long.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from io import FileIO
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ...errors import EngineError
from ...movies.types import Floats, Ints, Shape
from ..arrays import kernels
from ..arrays.workers import Workers

#: frames in a block, a pixel's part of which is in one piece: the first that the size of a frame allows
BLOCK_LENGTHS = (256, 128, 64)
#: bytes of movies up to which they stay in memory, because reading them again and again takes time
MOST_KEPT_BYTES = 5 * 2**26
#: values in a block at most: steps hold several blocks as float32
MOST_BLOCK_VALUES = 2**26
#: bytes that stay free on the disk beside the stored movie: other programs use it too
SPARE_BYTES = 2**27


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
    keep : bool
        Keep the blocks in memory, and leave the file empty.

    Attributes
    ----------
    pixels : int
        Pixels of a frame.
    blocks : int
        Number of blocks; the last one may have fewer frames.
    """

    def __init__(
        self,
        path: Path,
        shape: Shape,
        n_frames: int,
        scale: float,
        length: int = BLOCK_LENGTHS[0],
        keep: bool = False,
    ):
        self.shape, self.n_frames, self.scale, self.length = shape, n_frames, float(scale), length
        self.pixels = shape[0] * shape[1]
        self.blocks = -(-n_frames // length)
        self.path = path
        path.touch(exist_ok=False)
        self._kept: dict[int, Ints] | None = {} if keep else None

    def shorten(self, n_frames: int) -> None:
        """End the movie after so many frames: fewer came than there is room for."""
        self.n_frames = n_frames
        self.blocks = -(-n_frames // self.length)

    @property
    def block_bytes(self) -> int:
        """Size of a block on disk."""
        return self.pixels * self.length * 2

    def span(self, block: int) -> slice:
        """Frames of a block."""
        return slice(block * self.length, min((block + 1) * self.length, self.n_frames))

    def spread(self, n_frames: int) -> list[int]:
        """Blocks at equal distances over the recording that have about ``n_frames`` together."""
        n = min(max(1, n_frames // self.length), self.blocks)
        return [int(block) for block in np.unique(np.linspace(0, self.blocks - 1, n).astype(int))]

    def bins(self, blocks: Iterable[int], width: int) -> Ints:
        """Averages over ``width`` frames (which divides ``length``) that lie in some blocks, by their index."""
        spans = [self.span(block) for block in blocks]
        return np.concatenate([np.arange(span.start // width, -(-span.stop // width)) for span in spans])

    def write(self, block: int, frames: Floats) -> None:
        """Store a block of frames, float32 [n, height, width]."""
        chunk = np.zeros((self.pixels, self.length), np.int16)
        self.put(frames, chunk, 0)
        self.write_chunk(block, chunk)

    def put(self, frames: Floats, chunk: Ints, first: int) -> None:
        """Put frames, float32 [n, height, width], into the integers of a block, from its frame ``first`` on."""
        kernels.put_frames(frames.reshape(len(frames), self.pixels), first, np.float32(self.scale), chunk)

    def frames(self, chunk: Ints, first: int, n: int) -> Floats:
        """``n`` frames from frame ``first`` of a block on, float32 [n, height, width]; ``chunk``: its integers."""
        out = np.empty((n, self.pixels), np.float32)
        kernels.take_frames(chunk, first, np.float32(self.scale), out)
        return out.reshape(n, *self.shape)

    def write_chunk(self, block: int, chunk: Ints) -> None:
        """Store the integers of a block, as :meth:`chunk` gives them; they are no longer the caller's."""
        if self._kept is not None:
            self._kept[block] = chunk
            return
        with open(self.path, "r+b", buffering=0) as file:
            file.seek(block * self.block_bytes)
            view = chunk.data.cast("B")
            while len(view):
                view = view[file.write(view) or 0 :]

    def chunk(self, block: int, out: Ints | None = None) -> Ints:
        """Give the stored integers of a block, int16 [pixels, length]; those beyond the last frame are 0.

        Who changes them stores them again (:meth:`write_chunk`); ``out``: where they may be put.
        """
        if self._kept is not None:
            return self._kept[block]
        integers: Ints = np.empty((self.pixels, self.length), np.int16) if out is None else out
        with open(self.path, "rb", buffering=0) as file:
            file.seek(block * self.block_bytes)
            _fill(file, integers, self.path)
        return integers

    def part(self, block: int, first: int, last: int) -> Ints:
        """Give the stored integers of some pixels of a block that follow each other, int16 [last - first, length]."""
        if self._kept is not None:
            return self._kept[block][first:last]
        integers: Ints = np.empty((last - first, self.length), np.int16)
        with open(self.path, "rb", buffering=0) as file:
            file.seek(block * self.block_bytes + first * self.length * 2)
            _fill(file, integers, self.path)
        return integers

    def read(self, block: int) -> Floats:
        """Give a block of pixels over time, float32 [pixels, n]."""
        span = self.span(block)
        return self.chunk(block)[:, : span.stop - span.start] * np.float32(1 / self.scale)

    def read_averages(self, block: int, width: int, workers: Workers) -> Floats:
        """Give a block averaged over every ``width`` frames, float32 [pixels, bins]; ``width`` divides ``length``."""
        chunk, span = self.chunk(block), self.span(block)
        n = span.stop - span.start
        out = np.empty((self.pixels, -(-n // width)), np.float32)
        scale = np.float32(1 / self.scale)
        workers.split(self.pixels, lambda a, b: kernels.average_frames(chunk, n, width, scale, a, b, out))
        return out

    def __iter__(self) -> Iterator[tuple[slice, Ints]]:
        """(frames, the stored integers as :meth:`chunk` gives them) block after block, in the same memory."""
        integers = np.empty((self.pixels, self.length), np.int16) if self._kept is None else None
        for block in range(self.blocks):
            yield self.span(block), self.chunk(block, integers)

    def project(self, weights: sp.csr_matrix, workers: Workers, out: Floats | None = None) -> Floats:
        """Weighted sums of pixels in every frame.

        Parameters
        ----------
        weights : scipy.sparse.csr_matrix [n, pixels]
            One row for each sum.
        workers : Workers
            Sums are shared out over them.
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
            add = partial(_add_weighted_rows, chunk, weights, data, part)
            workers.split(len(out), add)
            out[:, span] += part
        return out

    def correlate(self, traces: Floats, indptr: Ints, indices: Ints, workers: Workers) -> Floats:
        """Products of traces with some pixels, ``sum_t Y(p, t) c_k(t)``.

        Parameters
        ----------
        traces : float32 [n, frames]
            Traces, of mean zero if the mean of the pixels is not to count.
        indptr, indices : int [n + 1], [entries]
            The pixels of each trace, as in a scipy.sparse.csr_matrix [n, pixels].
        workers : Workers
            Traces are shared out over them.

        Returns
        -------
        float64 [entries]
        """
        out = np.zeros(len(indices))
        for span, chunk in self:
            part = np.ascontiguousarray(traces[:, span]) * np.float32(1 / self.scale)
            workers.split(len(traces), partial(_add_products, chunk, indptr, indices, part, out))
        return out


def _fill(file: FileIO, integers: Ints, path: Path) -> None:
    """Read as many integers as there is room for."""
    view = integers.data.cast("B")
    while len(view):
        got = file.readinto(view)
        if not got:
            raise EngineError(f"The scratch movie {path} ended early: was it removed while in use?")
        view = view[got:]


def _add_weighted_rows(chunk: Ints, rows: sp.csr_matrix, data: Floats, out: Floats, first: int, last: int) -> None:
    kernels.add_weighted_rows(chunk, rows.indptr, rows.indices, data, first, last, out)


def _add_products(chunk: Ints, indptr: Ints, indices: Ints, traces: Floats, out: Floats, first: int, last: int) -> None:
    kernels.add_products(chunk, indptr, indices, traces, first, last, out)


def block_length(shape: Shape) -> int:
    """Frames in a block of a movie with frames of this shape."""
    longest = MOST_BLOCK_VALUES // (shape[0] * shape[1])
    return next((length for length in BLOCK_LENGTHS if length <= longest), BLOCK_LENGTHS[-1])


def n_bytes(shape: Shape, n_frames: int, length: int = BLOCK_LENGTHS[0]) -> int:
    """Give what a movie takes on disk; the arguments are those of :class:`Scratch`."""
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
