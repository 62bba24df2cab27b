"""Arrays that are written in pieces, so that an hour of video or a thousand traces need little memory."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from hdmf.data_utils import GenericDataChunkIterator
from numpy.typing import NDArray
from tqdm.auto import tqdm

#: Bytes of traces or frames that are held at once: enough for whole files, little beside what a computer has.
HELD = 64 * 2**20
#: Bytes of a chunk, which is what a reader must decompress to see one value; HDF5's cache of a dataset holds one.
CHUNK = 2**20


#: Bytes that are free on a disk when the next piece of a file is written to it: one that fills up within HDF5 ends the
#: whole program. Two pieces, and as much for what HDF5 holds back.
ROOM = 4 * HELD

_folder: ContextVar[Path | None] = ContextVar("_folder", default=None)


@contextmanager
def room_watched(folder: Path) -> Iterator[None]:
    """Have pieces that are written in the block refused, by an OSError, where the disk of a folder is almost full."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def _check_room() -> None:
    folder = _folder.get()
    if folder is not None and shutil.disk_usage(folder).free < ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Columns(GenericDataChunkIterator):
    """Columns [row, column] that are fetched some at a time.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape.
    dtype : dtype
        Of the values.
    fetch : function of (first, stop)
        Gives these columns, each [row].
    """

    def __init__(
        self, n_rows: int, n_columns: int, dtype: Any, fetch: Callable[[int, int], list[NDArray[Any]]]
    ) -> None:
        self._all = (n_rows, n_columns)
        self._fetch = fetch
        self._type: np.dtype[Any] = np.dtype(dtype)
        itemsize = self._type.itemsize
        per_buffer = max(1, min(n_columns, HELD // max(1, n_rows * itemsize)))
        chunk = (max(1, min(n_rows, CHUNK // itemsize)), 1)
        super().__init__(buffer_shape=(n_rows, per_buffer), chunk_shape=chunk)

    def _get_data(self, selection: tuple[slice, ...]) -> NDArray[Any]:
        _check_room()
        rows, columns = selection
        first, stop, _ = columns.indices(self._all[1])
        return np.stack(self._fetch(first, stop), axis=1)[rows].astype(self._type, copy=False)

    def _get_maxshape(self) -> tuple[int, ...]:
        return self._all

    def _get_dtype(self) -> np.dtype[Any]:
        return self._type


class Source(Protocol):
    """A movie that can be written: ``daq.Movie``, or anything else with these members."""

    n_frames: int
    height: int
    width: int
    dtype: np.dtype[Any]

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[Any]]:
        """Give the frames [height, width] from ``start`` up to, not including, ``stop``, one after the other."""


class Frames(GenericDataChunkIterator):
    """Frames [time, x, y] of a movie, decoded once, in their order.

    Parameters
    ----------
    movie : Source
        What to read.
    progress : bool
        Show a progress bar on a terminal.
    named : str
        What the bar says they are.
    """

    def __init__(self, movie: Source, progress: bool = True, named: str = "Frames") -> None:
        self._movie = movie
        self._next, self._frames = 0, movie.frames()
        size = movie.height * movie.width * np.dtype(movie.dtype).itemsize
        per_chunk = max(1, min(movie.n_frames, CHUNK // size))
        per_buffer = min(movie.n_frames, max(1, HELD // (size * per_chunk)) * per_chunk)
        self._bar = tqdm(
            total=movie.n_frames, desc=named, unit="frame", disable=None if progress else True, leave=False
        )
        super().__init__(
            buffer_shape=(per_buffer, movie.width, movie.height), chunk_shape=(per_chunk, movie.width, movie.height)
        )

    def _get_data(self, selection: tuple[slice, ...]) -> NDArray[Any]:
        _check_room()
        first, stop, _ = selection[0].indices(self._movie.n_frames)
        if first != self._next:
            self._frames = self._movie.frames(first)
        frames = [next(self._frames).T for _ in range(first, stop)]
        self._next = stop
        self._bar.update(stop - first)
        if stop == self._movie.n_frames:
            self._bar.close()
        return np.stack(frames)[:, selection[1], selection[2]]

    def _get_maxshape(self) -> tuple[int, ...]:
        return (self._movie.n_frames, self._movie.width, self._movie.height)

    def _get_dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self._movie.dtype)
        return dtype


def compressed(data: Any) -> H5DataIO:
    """Return data to be stored without loss in less space."""
    return H5DataIO(data, compression="gzip", compression_opts=4, shuffle=True)
