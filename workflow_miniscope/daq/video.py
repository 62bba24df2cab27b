"""A recording's AVI files as one movie, read in pieces."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import cv2
import numpy as np
from tqdm.auto import tqdm

from ..errors import RecordingError
from . import avi


class Movie:
    """The frames of one or more AVI files, one after the other.

    Parameters
    ----------
    files : sequence of Path or str
        The files, in the order of the recording.
    n_frames : int, optional
        How many frames to use from the beginning. Without it the files are decoded once, to count them: the counts
        in AVI headers, and OpenCV's ``CAP_PROP_FRAME_COUNT``, can be wrong.
    progress : bool
        Show a progress bar while counting.

    Attributes
    ----------
    files : tuple of Path
        Files that hold frames. An empty last file is not among them: the legacy software leaves one when a recording
        ends with a full file.
    n_frames : int
        Frames in all.
    height, width : int
        Of every frame, in pixels.

    Raises
    ------
    RecordingError
        A file is missing, damaged, empty (unless it is the last), or has frames of another size.
    """

    def __init__(self, files: Sequence[Path | str], n_frames: int | None = None, progress: bool = False):
        paths = [Path(path) for path in files]
        stored = [_stored_frames(path) for path in paths]
        if paths and stored[-1] == 0:
            paths.pop(), stored.pop()
        if not paths:
            raise RecordingError(
                f"{files[0]} holds no frame." if len(files) else "A movie needs at least one file."
            )
        for path, count in zip(paths, stored, strict=True):
            if count == 0:
                raise RecordingError(f"{path} holds no frame, and it is not the last file of the recording.")
        self.files: tuple[Path, ...] = tuple(paths)
        self._lengths = stored  # by file; what can be decoded, once counted
        with _opened(self.files[0]) as capture:
            ok, first = capture.read()
        if not ok:
            raise _cannot_decode(self.files[0], 0, stored[0])
        self.height, self.width = first.shape[:2]
        if n_frames is None:
            bar = tqdm(
                self.files, "Counting frames", unit="file", leave=False, disable=None if progress else True
            )
            self._lengths = [self._count(i) for i, _ in enumerate(bar)]
            n_frames = sum(self._lengths)
        elif not 0 <= n_frames <= sum(stored):
            raise RecordingError(
                f"{self.files[0].parent} holds {sum(stored)} frames, not {n_frames}; did its files change?"
            )
        self.n_frames: int = int(n_frames)

    def __repr__(self) -> str:
        return f"Movie({self.files[0].parent}: {self.n_frames} frames of {self.height} x {self.width} pixels)"

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """Give frames one after the other, in memory for one frame.

        Parameters
        ----------
        start, stop : int
            First frame, and the one after the last (None: to the end), as in a slice, from 0.

        Yields
        ------
        ndarray of uint8 [height, width]
            Gray; colour is weighed as in ITU-R BT.601.

        Raises
        ------
        RecordingError
            A file can no longer be decoded, or has frames of another size.
        """
        start, stop, _ = slice(start, stop).indices(self.n_frames)
        first = 0  # index of the file's first frame in the movie
        for number, length in enumerate(self._lengths):
            if first >= stop:
                return
            if start < first + length:
                yield from self._file_frames(number, max(start - first, 0), min(stop - first, length))
            first += length

    def blocks(self, size: int = 256) -> Iterator[tuple[int, np.ndarray]]:
        """Give the movie in blocks of frames, in memory for one block.

        Parameters
        ----------
        size : int
            Frames of a block; the last one may have fewer.

        Yields
        ------
        first : int
            Index of the block's first frame.
        block : ndarray of uint8 [frames, height, width]
            A new array each time.
        """
        if size < 1:
            raise ValueError(f"A block has at least one frame, not {size}.")
        reader = self.frames()
        for first in range(0, self.n_frames, size):
            block = np.empty((min(size, self.n_frames - first), self.height, self.width), np.uint8)
            for frame in block:
                frame[:] = next(reader)
            yield first, block

    def first(self, n_frames: int) -> Movie:
        """Give the same movie, ended after ``n_frames`` frames."""
        shorter = copy(self)
        shorter.n_frames = min(n_frames, self.n_frames)
        return shorter

    def _file_frames(self, number: int, start: int, stop: int) -> Iterator[np.ndarray]:
        path = self.files[number]
        with _opened(path) as capture:
            for i in range(stop):
                # Skipped by decoding: seeking lands on neighbouring frames with some codecs.
                if not capture.grab():
                    raise _cannot_decode(path, i, self._lengths[number])
                if i < start:
                    continue
                yield self._gray(capture, path, i)

    def _gray(self, capture: cv2.VideoCapture, path: Path, index: int) -> np.ndarray:
        ok, image = capture.retrieve()
        if not ok:
            raise _cannot_decode(path, index, index + 1)
        if image.shape[:2] != (self.height, self.width):
            raise RecordingError(
                f"{path} has frames of {image.shape[0]} x {image.shape[1]} pixels, {self.files[0].name} has "
                f"{self.height} x {self.width}; are they of one recording?"
            )
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image

    def _count(self, number: int) -> int:
        path = self.files[number]
        count = 0
        with _opened(path) as capture:
            while capture.grab():
                if count == 0:
                    self._gray(capture, path, 0)  # for its size
                count += 1
        if count < self._lengths[number]:
            raise _cannot_decode(path, count, self._lengths[number])
        return count


def numbered(paths: Iterable[Path], prefix: str, first: int) -> tuple[Path, ...]:
    """Give the files ``<prefix><number>.avi`` in the order of their numbers, not of the alphabet.

    Parameters
    ----------
    paths : iterable of Path
        The files of one folder, of any name.
    prefix : str
        What the names begin with.
    first : int
        The number a recording begins with.

    Raises
    ------
    RecordingError
        A number is missing.
    """
    pattern = re.compile(re.escape(prefix) + r"(0|[1-9][0-9]{0,8})\.avi", re.IGNORECASE)
    found = {int(match[1]): path for path in paths if (match := pattern.fullmatch(path.name))}
    for expected, number in enumerate(sorted(found), start=first):
        if number != expected:
            there = found[number]
            raise RecordingError(
                f"{there.parent} has {there.name} but no {prefix}{expected}.avi; copy the whole recording."
            )
    return tuple(found[number] for number in sorted(found))


def _stored_frames(path: Path) -> int:
    if not path.is_file():
        raise RecordingError(f"{path} is missing.")
    content = avi.scan(path)
    if content.problem:
        raise RecordingError(
            f"{path} {content.problem}; copy it again, or repair it with: "
            f"ffmpeg -i {path.name} -c copy repaired.avi"
        )
    return content.n_frames


def _cannot_decode(path: Path, count: int, expected: int) -> RecordingError:
    return RecordingError(
        f"{path} is damaged: {count} of its {expected} frames can be decoded; copy it again from the original."
    )


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    # FFmpeg writes to stderr what we say in errors. Read once by OpenCV, when it first opens a file.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise RecordingError(
                f"{path} cannot be decoded: FFmpeg does not know its codec, or it is damaged."
            )
        yield capture
    finally:
        capture.release()
