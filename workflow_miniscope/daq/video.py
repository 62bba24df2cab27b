"""A recording's video files as one movie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingError
from . import avi, pixels

# Codecs that give back every pixel as it was; what else there is does not
_LOSSLESS = {
    "",
    "DIB",
    "FFV1",
    "FFVH",
    "GREY",
    "HFYU",
    "LAGS",
    "MPNG",
    "MRLE",
    "RAW",
    "RGB",
    "RLE4",
    "RLE8",
    "ULRG",
    "ULY0",
    "ULY2",
    "ULY4",
    "Y8",
    "Y800",
}


class Movie:
    """Video files in their order as one movie, read frame by frame.

    Parameters
    ----------
    files : sequence of path
        AVI files, in the order they were recorded.
    n_frames : int, optional
        Use this many of the first frames. By default all are used.
    decode_first : bool, optional
        Check that each file can be decoded, by its first frame. By default where ``n_frames`` is not given.

    Attributes
    ----------
    files : tuple of Path
        The files.
    counts : tuple of int
        Whole frames in each file, counted by reading; headers and indices are not believed.
    n_frames : int
        Frames of the movie.
    height, width : int
        Size of a frame, pixels.
    dtype : dtype
        Of the frames: uint8, or uint16 where the files hold more than 8 bits a pixel.
    codec : str
        FOURCC of the codec; empty for uncompressed frames.
    bits_per_pixel : float
        Size of the files for each pixel of each frame.
    reaches_frames : bool
        Any frame can be decoded without all those before it.
    warnings : tuple of str
        What is wrong with a file but could be handled.

    Raises
    ------
    RecordingError
        There is no file or no frame; a file is no AVI, cannot be decoded, has another frame size than the
        others, or has lost frames and is not the last one, so that all later frames would get wrong times; or its
        pixels are of a kind that cannot be read without loss.
    """

    def __init__(self, files: Iterable[str | Path], n_frames: int | None = None, decode_first: bool | None = None):
        self.files = tuple(Path(file) for file in files)
        if not self.files:
            raise RecordingError("A movie needs at least one AVI file.")
        scanned = [avi.scan(file) for file in self.files]
        self._scanned = scanned
        self.counts = tuple(file.n_frames for file in scanned)
        self.warnings = tuple(_problems(scanned))
        filled = [file for file in scanned if file.n_frames]
        if not filled:
            beside = "" if len(scanned) == 1 else ", and none of the files beside it holds a frame"
            raise RecordingError(f"{self.files[0]} {scanned[0].problem or 'holds no frame'}{beside}.")
        self.height, self.width = filled[0].height, filled[0].width
        for file in filled:
            if (file.height, file.width) != (self.height, self.width):
                raise RecordingError(
                    f"{file.path} has frames of {file.width} x {file.height} pixels, {filled[0].path.name} of "
                    f"{self.width} x {self.height}; are they of the same recording?"
                )
        if not self.height or not self.width:
            raise RecordingError(
                f"{filled[0].path} is damaged: its header says frames of {self.width} x {self.height} pixels; copy it "
                "from the recording computer again."
            )
        counted = sum(self.counts)
        self.codec = filled[0].codec
        self.reaches_frames = all(map(pixels.reaches_frames, filled))
        size = sum(file.path.stat().st_size for file in filled)
        self.bits_per_pixel = 8 * size / (counted * self.height * self.width)
        for file in filled:
            pixels.refuse_unknown_levels(file)
        self._reading = pixels.look(filled[0])
        self.dtype = self._reading.dtype
        self.warnings += (self._reading.note,) if self._reading.note else ()
        if n_frames is None if decode_first is None else decode_first:
            for file in filled:
                next(pixels.decode(file, 0, 1, (self.height, self.width), self._reading))
        if n_frames is not None and n_frames > counted:
            raise RecordingError(
                f"{self.files[0].parent} holds {counted} frames of video, {n_frames} were expected; are files missing?"
            )
        self.n_frames = counted if n_frames is None else n_frames

    def __repr__(self) -> str:
        return (
            f"<Movie of {self.n_frames} frames, {self.height} x {self.width} pixels, in {len(self.files)} files "
            f"of {self.files[0].parent}>"
        )

    def __len__(self) -> int:
        return self.n_frames

    @property
    def lossless(self) -> bool:
        """Whether every pixel is as it was recorded."""
        return self.codec.upper() in _LOSSLESS

    def first(self, n_frames: int) -> Movie:
        """Give the same movie, ending after ``n_frames`` frames."""
        shorter = copy(self)
        shorter.n_frames = min(n_frames, self.n_frames)
        return shorter

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[np.uint8 | np.uint16]]:
        """Give the frames from ``start`` up to, not including, ``stop``; negative ones count from the end.

        Yields
        ------
        ndarray of uint8 or uint16 [height, width]
            A frame in memory of its own. Of colour it is the channel that carries the signal, where one does; then
            ``warnings`` says which. Else it is the brightness.

        Raises
        ------
        RecordingError
            A frame cannot be decoded.
        """
        start, stop, _ = slice(start, stop).indices(self.n_frames)
        first = 0  # frame of the file, in the movie
        for file, count in zip(self._scanned, self.counts, strict=True):
            begin, end = max(start - first, 0), min(stop - first, count)
            if begin < end:
                yield from pixels.decode(file, begin, end, (self.height, self.width), self._reading)
            first += count

    def blocks(self, size: int = 256) -> Iterator[tuple[int, NDArray[np.uint8 | np.uint16]]]:
        """Give the movie in pieces of up to ``size`` frames.

        Yields
        ------
        first : int
            Index of the piece's first frame.
        block : ndarray of uint8 or uint16 [n, height, width]
            The piece, in memory of its own.
        """
        if size < 1:
            raise ValueError(f"A block has at least one frame, not {size}.")
        frames = self.frames()
        for first in range(0, self.n_frames, size):
            block = np.empty((min(size, self.n_frames - first), self.height, self.width), self.dtype)
            for i in range(len(block)):
                block[i] = next(frames)
            yield first, block


def _problems(scanned: list[avi.AviFile]) -> Iterator[str]:
    """Give a warning for each file that is not quite right, or raise where it cannot be used."""
    last = max((i for i, file in enumerate(scanned) if file.n_frames), default=-1)
    for i, file in enumerate(scanned):
        if i < last and not (file.complete and file.n_frames):
            raise RecordingError(
                f"{file.path} {file.problem or 'holds no frame'} and is not the last file, so the frames after "
                "it would get wrong times; copy it from the recording computer again."
            )
        if file.problem:
            used = f"; its {file.n_frames} whole frames are used" if file.n_frames else ""
            yield f"{file.path.name} {file.problem}{used}."
