"""Uncompressed frames of 8 bits, whose pixels are numbers in a table of colours: a palette.

The table of a scope's recording is one of grey levels. Other programs save grey levels with a colour map as the table,
for the eye: then the numbers are the levels. What is left are pictures in colour, of which the brightness is taken.
OpenCV is not asked: it gives colours only, and ends the process where it is asked for the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingError
from . import avi

# Neighbours in a colour map differ by little; those in the table of a picture's colours are not even similar. So much,
# of 255 in any channel, may they differ, in all but some places: tables for the eye show the ends in other colours
_SMOOTH, _SMOOTH_PART = 24, 0.95
# A grey level's channels are equal, but for rounding in the program that wrote them
_SAME = 1
# ITU-R BT.601, as in OpenCV: blue, green, red
_BRIGHTNESS = np.array([0.114, 0.587, 0.299])


def is_indexed(file: avi.AviFile) -> bool:
    """Whether a file's frames are uncompressed and of 8 bits."""
    return file.codec in avi.UNCOMPRESSED and file.bits == 8


def grey_levels(file: avi.AviFile) -> tuple[NDArray[np.uint8], str | None]:
    """Give what a file's numbers stand for.

    Returns
    -------
    levels : ndarray of uint8 [256]
        The grey level of each number.
    note : str or None
        What is unusual, in one sentence.
    """
    numbers = np.arange(256, dtype=np.uint8)
    table = file.palette
    if table is None:
        return numbers, f"{file.path.name} has no table of its grey levels; its numbers are taken for them."
    if np.ptp(table.astype(int), axis=1).max() <= _SAME:
        found, note = table[:, 1], None
    elif np.mean(np.abs(np.diff(table.astype(int), axis=0)).max(axis=1) <= _SMOOTH) >= _SMOOTH_PART:
        return numbers, f"{file.path.name} shows its grey levels in a map of colours; the levels themselves are used."
    else:
        found, note = np.round(table @ _BRIGHTNESS).astype(np.uint8), None
    levels = np.zeros(256, np.uint8)
    levels[: len(found)] = found
    return levels, note


def decode(path: Path, start: int, stop: int, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    """Give the frames of one file as grey levels, uint8 [height, width].

    Raises
    ------
    RecordingError
        Its frames are of another kind, or one is not whole.
    """
    height, width = size
    file = avi.scan(path)
    if not is_indexed(file):
        raise RecordingError(f"{path} has another kind of frames than the first file; are they of the same recording?")
    levels, _ = grey_levels(file)
    as_they_are = np.array_equal(levels, np.arange(256))
    places = avi.frame_places(path)
    with open(path, "rb") as video:
        for i in range(start, stop):
            position, n_bytes = places[i]
            # rows are padded to 4 bytes, though not by every program
            stride = width if n_bytes == width * height else -(-width // 4) * 4
            video.seek(position)
            content = video.read(min(n_bytes, stride * height))
            if len(content) < stride * height:
                raise RecordingError(
                    f"{path} has a frame {i} that is not whole; copy it from the recording computer again."
                )
            rows = np.frombuffer(content, np.uint8).reshape(height, stride)[:, :width]
            rows = rows if file.top_down else rows[::-1]
            yield rows.copy() if as_they_are else levels[rows]
