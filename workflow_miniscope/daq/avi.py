"""What an AVI file holds, from its own structure: how many frames, and whether the file is whole.

FFmpeg plays what it can of a damaged file and says nothing to its caller, so a cut file would look like a short
recording. An AVI is a tree of chunks that say how long they are (Microsoft's "AVI RIFF File Reference"; the
OpenDML extension adds further RIFF parts for large files), which tells the two apart without decoding.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordingError

_MAX_UNFINISHED = (0, 0xFFFFFFFF)  # what a writer leaves where it meant to write a size at the end


@dataclass(frozen=True)
class AviContent:
    """Frames that an AVI file stores, and what is wrong with it, as the end of a sentence (None: it is whole)."""

    n_frames: int
    problem: str | None


def scan(path: Path) -> AviContent:
    """Walk the chunks of an AVI file.

    Parameters
    ----------
    path : Path
        The file. It is mapped, not loaded; only the heads of its chunks are touched.

    Returns
    -------
    AviContent
        A file of no bytes, or one closed before its first frame, is whole and has no frames.

    Raises
    ------
    RecordingError
        The file cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            if file.seek(0, 2) == 0:
                return AviContent(0, None)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _scan(data)
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}.") from error


def _scan(data: mmap.mmap) -> AviContent:
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"AVI ":
        return AviContent(0, "is no AVI file")
    video: bytes | None = None
    n_frames = 0
    found_movi = False
    position = 0
    try:
        while data[position : position + 4] == b"RIFF" and data[position + 8 : position + 12] in (
            b"AVI ",
            b"AVIX",
        ):
            # the size a RIFF part states is not used: its chunks say the same, and writers get it wrong
            start, position = position + 12, len(data)
            for name, begin, end in _chunks(data, start, len(data)):
                if name == b"RIFF":
                    position = begin - 8
                    break
                if name == b"LIST" and data[begin : begin + 4] == b"hdrl" and video is None:
                    video = _video_stream(data, begin + 4, end)
                elif name == b"LIST" and data[begin : begin + 4] == b"movi":
                    found_movi = True
                    n_frames += _count(data, begin + 4, end, video)
    except _Cut as cut:
        return AviContent(n_frames + cut.n_frames, cut.problem)
    if not found_movi:
        return AviContent(0, "ends before its first frame")
    if video is None:
        return AviContent(0, "holds no video")
    return AviContent(n_frames, None)


class _Cut(Exception):
    def __init__(self, problem: str, n_frames: int = 0):
        super().__init__(problem)
        self.problem, self.n_frames = problem, n_frames


def _chunks(data: mmap.mmap, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Give (name, first byte, byte after the last) of the chunks between two places."""
    position = start
    while position + 8 <= stop:
        name = data[position : position + 4]
        if position + 8 > len(data):
            raise _Cut("is cut off")
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        begin, end = position + 8, position + 8 + size
        if name == b"RIFF":
            yield name, begin, end
            return
        if name == b"LIST" and size in _MAX_UNFINISHED:
            raise _Cut("was not closed by the program that wrote it", _rest(data, begin))
        if end > len(data):
            raise _Cut("is cut off")
        yield name, begin, end
        position = end + size % 2  # chunks begin at even places


def _rest(data: mmap.mmap, begin: int) -> int:
    """Whether frames follow the head of a list that was never closed."""
    return int(len(data) >= begin + 12)


def _video_stream(data: mmap.mmap, start: int, stop: int) -> bytes | None:
    """Give the two digits that the chunks of the first video stream begin with."""
    number = 0
    for name, begin, end in _chunks(data, start, stop):
        if name == b"LIST" and data[begin : begin + 4] == b"strl":
            for inner, first, _ in _chunks(data, begin + 4, end):
                if inner == b"strh" and data[first : first + 4] == b"vids":
                    return b"%02d" % number
            number += 1
    return None


def _count(data: mmap.mmap, start: int, stop: int, video: bytes | None) -> int:
    n_frames = 0
    try:
        for name, begin, end in _chunks(data, start, stop):
            if name == b"LIST" and data[begin : begin + 4] == b"rec ":
                n_frames += _count(data, begin + 4, end, video)
            elif name[:2] == video and name[2:] in (b"dc", b"db") and end > begin:
                n_frames += 1
    except _Cut as cut:
        cut.n_frames += n_frames
        raise
    return n_frames
