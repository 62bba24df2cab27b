"""The structure of an AVI file: how many whole frames it holds, whatever its header says.

Headers and indices are written when a file is closed, so they are wrong in a file that was not, and decoders
make a frame of whatever is left of the last one. Walking the chunks reads 8 bytes a frame and sees both. Those are
a thousand places of a file, which takes long on a network drive, so an index is believed where it accounts for every
byte of the frames, the file ends where its first bytes say, and the chunks at some of its places are what it says.

The format: a file is made of chunks (4 letters, a 32-bit length, the content, padded to an even length).
``RIFF`` and ``LIST`` chunks hold chunks; the ``movi`` list holds one a frame, named after the stream and what
it is, such as ``00dc``. A large file goes on in more ``RIFF`` chunks, of type ``AVIX`` (OpenDML).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingError

_OPENED_LISTS = {b"hdrl", b"strl", b"movi", b"rec "}
_LENGTHS_OF_OPEN_FILES = {0, 0xFFFFFFFF}  # what writers put there until they close the file
_ENTRY = np.dtype([("name", "S4"), ("flags", "<u4"), ("offset", "<u4"), ("size", "<u4")])  # of an index
# Names of uncompressed frames: none, or one of these. By number, those of which rows of equal pixels are shortened
UNCOMPRESSED = ("", "DIB", "RGB", "RAW")
_RUN_LENGTHS = {1: "RLE8", 2: "RLE4"}
#: Pixels of a side of a frame, at most
MOST_SIDE = 2**14
_LONGEST_HEADER = 124 + 4 * 256  # bytes: the longest there is, and its table
_LOOKED_AT = 9  # places of a file where an index is compared with it


@dataclass(frozen=True)
class AviFile:
    """What an AVI file holds.

    Attributes
    ----------
    path : Path
        The file.
    n_frames : int
        Frames that are there as a whole.
    height, width : int
        Size of a frame in pixels; 0 where the header is not there.
    codec : str
        FOURCC of the codec, such as ``FFV1``; empty for uncompressed frames.
    bits : int
        Bits of a pixel as the header says, which only means something for uncompressed frames.
    palette : ndarray of uint8 [n, 3] or None
        Table of the colours that the pixels' values stand for: blue, green, red.
    top_down : bool
        Whether the first row of an uncompressed frame is its highest.
    fps : float or None
        Frames per second by the header, in which decoders count time; None where it says none, or a decoder may count
        other frames than ``n_frames``: then no frame can be found by its time.
    problem : str or None
        What is wrong with the file, to follow its name in a sentence.
    complete : bool
        Whether all frames that were written are there; False when some are lost, or may be.
    """

    path: Path
    n_frames: int
    height: int
    width: int
    codec: str
    problem: str | None
    complete: bool
    bits: int = 0
    palette: NDArray[np.uint8] | None = field(default=None, compare=False)
    top_down: bool = False
    fps: float | None = None


def scan(path: Path) -> AviFile:
    """Count the whole frames of an AVI file by going through its chunks.

    Parameters
    ----------
    path : Path
        The file. It is not decoded, so this takes a millisecond, or some where its index cannot be used.

    Raises
    ------
    RecordingError
        The file cannot be read, or is no AVI.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            return _Walk(path, file).result()
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror or error}).") from None


def frame_places(path: Path) -> list[tuple[int, int]]:
    """Give where the bytes of each whole frame of a file begin, and how many they are.

    Raises
    ------
    RecordingError
        The file cannot be read, or is no AVI.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            walk = _Walk(path, file)
            walk.result()
            return walk.places
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror or error}).") from None


class _Walk:
    """One pass over the chunks of a file."""

    def __init__(self, path: Path, file: BinaryIO):
        self.path = path
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        self.n_frames = 0
        self.height = self.width = 0
        self.codec = ""
        self.bits = 0
        self.palette: NDArray[np.uint8] | None = None
        self.top_down = False
        self.places: list[tuple[int, int]] = []  # of the frames: where their bytes are, and how many
        self.stream = -1  # number of the last stream header seen
        self.video: int | None = None  # number of the video stream
        self.fps: float | None = None
        self.indexed = False  # whether the index has all frames, and no chunk of no bytes
        self.declared_end = 0  # where the file ends by the lengths of its RIFF chunks
        self.closed = True

    def result(self) -> AviFile:
        if self.size == 0:
            return self._file("is empty (0 bytes)", complete=False)
        start = self.file.read(12)
        if not b"RIFF".startswith(start[:4]) or not b"AVI ".startswith(start[8:12]):
            raise RecordingError(f"{self.path} is not an AVI file; copy it from the recording computer again.")
        position = 0
        while position < self.size:
            self.file.seek(position)
            head = self.file.read(8)
            if len(head) < 8:
                return self._file("is cut off", complete=False)
            name, length = head[:4], struct.unpack("<I", head[4:])[0]
            if not all(32 <= letter < 127 for letter in name):
                return self._file(f"is damaged after frame {self.n_frames}", complete=False)
            inside = self._enter(name, position, length)
            if inside is not None:
                position = inside
                continue
            end = position + 8 + length
            if end > self.size:
                # a cut index loses no frame, anything else may
                return self._file("is cut off", complete=name == b"idx1")
            if self._is_frame(name):
                self._count(position + 8, length)
            elif name in (b"strh", b"strf"):
                self._read_header(name, position + 8, length)
            position = end + (length & 1)
        if not self.closed:
            return self._file("was never closed by the recording program", complete=False)
        if self.declared_end > self.size + 1:  # some writers forget the padding
            return self._file("is cut off", complete=False)
        return self._file(None, complete=True)

    def _enter(self, name: bytes, position: int, length: int) -> int | None:
        """Give where to go on in a chunk that holds others, or None for one that is read or left out whole."""
        if name == b"RIFF":
            self._open_riff(position, length)
            return position + 12
        if name == b"LIST":
            what = self.file.read(4)
            if what == b"movi" and (after := self._read_index(position, length)):
                return after
            if what in _OPENED_LISTS:
                return position + 12
        return None

    def _read_index(self, movi: int, length: int) -> int | None:
        """Count the frames of a list by the index that follows it.

        Returns
        -------
        int or None
            Where the index ends; None where there is none, or it does not say the same as the file.
        """
        end = movi + 8 + length + (length & 1)
        if not self.closed or not self.size <= self.declared_end <= self.size + 1:
            return None
        self.file.seek(end)
        head = self.file.read(8)
        if len(head) < 8 or head[:4] != b"idx1":
            return None
        n_bytes = struct.unpack("<I", head[4:])[0]
        if n_bytes % _ENTRY.itemsize or not 0 < n_bytes <= self.size - end - 8:
            return None
        entries = np.frombuffer(self._read(n_bytes), _ENTRY)
        if len(entries) * _ENTRY.itemsize != n_bytes:
            return None
        sizes = entries["size"].astype(np.int64)
        places = movi + 12 + np.concatenate([[0], np.cumsum(8 + sizes + (sizes & 1))])
        # offsets are from the list's type, or from the file's start
        offsets = entries["offset"].astype(np.int64) + (movi + 8 if entries["offset"][0] == 4 else 0)
        if places[-1] != end or not np.array_equal(offsets, places[:-1]):
            return None
        for i in np.unique(np.linspace(0, len(entries) - 1, _LOOKED_AT).astype(int)):
            self.file.seek(int(places[i]))
            if self.file.read(8) != entries["name"][i].ljust(4, b"\0") + struct.pack("<I", sizes[i]):
                return None
        names = {name: self._is_frame(name) for name in set(entries["name"].tolist())}
        frames = np.array([names[name] for name in entries["name"].tolist()])
        shown = frames & (sizes > 0)
        self.indexed = self.n_frames == 0 and np.array_equal(shown, frames)
        self.n_frames += int(np.count_nonzero(shown))
        self.places += zip((places[:-1][shown] + 8).tolist(), sizes[shown].tolist(), strict=True)
        return int(end + 8 + n_bytes + (n_bytes & 1))

    def _read(self, n_bytes: int) -> bytes:
        """Read so many bytes, or those there are; one call may give fewer."""
        parts = []
        while n_bytes and (part := self.file.read(n_bytes)):
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)

    def _open_riff(self, position: int, length: int) -> None:
        self.closed = length not in _LENGTHS_OF_OPEN_FILES
        if self.closed:
            self.declared_end = position + 8 + length

    def _count(self, position: int, n_bytes: int) -> None:
        """Count a frame; a chunk of no bytes stands for "as before", and decoders give no frame for it."""
        self.indexed = False
        if n_bytes:
            self.n_frames += 1
            self.places.append((position, n_bytes))

    def _is_frame(self, name: bytes) -> bool:
        if name[2:] not in (b"dc", b"db") or not name[:2].isdigit():
            return False
        return self.video is None or int(name[:2]) == self.video

    def _read_header(self, name: bytes, position: int, length: int) -> None:
        self.file.seek(position)
        content = self._read(min(length, _LONGEST_HEADER))
        if name == b"strh":
            self.stream += 1
            if content[:4] == b"vids" and self.video is None:
                self.video = self.stream
                if len(content) >= 28:
                    scale, rate = struct.unpack("<II", content[20:28])
                    self.fps = rate / scale if rate and scale else None
        elif self.stream == self.video and len(content) >= 20:
            size, width, height, _, self.bits, codec = struct.unpack("<IiiHH4s", content[:20])
            table = content[size : size + 4 * (1 << min(self.bits, 8))]
            if 40 <= size and len(table) >= 4 and self.bits <= 8:
                self.palette = np.frombuffer(table[: len(table) // 4 * 4], np.uint8).reshape(-1, 4)[:, :3]
            # rows of uncompressed frames go from the bottom up, or down when the height is negative
            self.width, self.height, self.top_down = abs(width), abs(height), height < 0
            if max(self.width, self.height) > MOST_SIDE:
                raise RecordingError(
                    f"{self.path} is damaged: its header says frames of {self.width} x {self.height} pixels, which no "
                    "camera has; copy it from the recording computer again."
                )
            number = struct.unpack("<I", codec)[0]
            if number in _RUN_LENGTHS:
                self.codec = _RUN_LENGTHS[number]
            else:
                self.codec = codec.decode("latin-1").strip("\0 ") if codec.strip(b"\0 ").isalnum() else ""

    def _file(self, problem: str | None, complete: bool) -> AviFile:
        return AviFile(
            self.path,
            self.n_frames,
            self.height,
            self.width,
            self.codec,
            problem,
            complete,
            self.bits,
            self.palette,
            self.top_down,
            self.fps if self.indexed and complete else None,
        )
