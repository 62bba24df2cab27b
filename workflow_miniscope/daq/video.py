"""A recording's video files as one movie."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import numpy as np

from ..errors import RecordingError
from . import avi

# What OpenCV names the pixel format of files that hold one byte a pixel
_GRAY = int.from_bytes(b"Y800", "little")


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
    warnings : tuple of str
        What is wrong with a file but could be handled.

    Raises
    ------
    RecordingError
        There is no file or no frame; a file is no AVI, cannot be decoded, has another frame size than the
        others, or has lost frames and is not the last one, so that all later frames would get wrong times.
    """

    def __init__(self, files: Iterable[str | Path], n_frames: int | None = None, decode_first: bool | None = None):
        self.files = tuple(Path(file) for file in files)
        if not self.files:
            raise RecordingError("A movie needs at least one AVI file.")
        scanned = [avi.scan(file) for file in self.files]
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
        counted = sum(self.counts)
        if n_frames is None if decode_first is None else decode_first:
            for file in filled:
                next(_decode(file.path, 0, 1, self.height, self.width))
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

    def first(self, n_frames: int) -> Movie:
        """Give the same movie, ending after ``n_frames`` frames."""
        shorter = copy(self)
        shorter.n_frames = min(n_frames, self.n_frames)
        return shorter

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """Give the frames from ``start`` up to, not including, ``stop``; negative ones count from the end.

        Yields
        ------
        ndarray of uint8 [height, width]
            A frame in memory of its own; colour is turned into brightness.

        Raises
        ------
        RecordingError
            A frame cannot be decoded.
        """
        start, stop, _ = slice(start, stop).indices(self.n_frames)
        first = 0  # frame of the file, in the movie
        for file, count in zip(self.files, self.counts, strict=True):
            begin, end = max(start - first, 0), min(stop - first, count)
            if begin < end:
                yield from _decode(file, begin, end, self.height, self.width)
            first += count

    def blocks(self, size: int = 256) -> Iterator[tuple[int, np.ndarray]]:
        """Give the movie in pieces of up to ``size`` frames.

        Yields
        ------
        first : int
            Index of the piece's first frame.
        block : ndarray of uint8 [n, height, width]
            The piece, in memory of its own.
        """
        if size < 1:
            raise ValueError(f"A block has at least one frame, not {size}.")
        frames = self.frames()
        for first in range(0, self.n_frames, size):
            block = np.empty((min(size, self.n_frames - first), self.height, self.width), np.uint8)
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


def _decode(path: Path, start: int, stop: int, height: int, width: int) -> Iterator[np.ndarray]:
    """Give the frames of one file, with memory for one frame."""
    import cv2

    with _capture(path) as capture:
        # one byte a pixel comes as it is; of everything else OpenCV makes BGR, whatever the codec's format
        if int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) == _GRAY:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        for i in range(stop):
            # frames of FFV1 and XVID build on those before, so that skipping is decoding too
            if not capture.grab():
                raise RecordingError(_cannot_decode(path, i))
            if i < start:
                continue
            good, frame = capture.retrieve()
            if not good or frame is None:
                raise RecordingError(_cannot_decode(path, i))
            if frame.shape[:2] != (height, width):
                raise RecordingError(
                    f"{path} has a frame {i} of {frame.shape[1]} x {frame.shape[0]} pixels, its header says "
                    f"{width} x {height}; it is damaged."
                )
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if frame.ndim == 3 else frame


def _cannot_decode(path: Path, frame: int) -> str:
    return f"{path} cannot be decoded at its frame {frame}; it is damaged, copy it again from the original."


@contextmanager
def _capture(path: Path):
    """Open a file with OpenCV's FFmpeg, without their messages on the terminal."""
    # read by OpenCV when it opens its first video; who has set it wants the messages
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    # FFmpeg by name, because other backends take a digit in a name for a pattern of image files
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise RecordingError(
                f"{path} cannot be opened as video; it is damaged, or in a codec this OpenCV does not have."
            )
        yield capture
    finally:
        capture.release()
