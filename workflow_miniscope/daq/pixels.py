"""From the bytes of a video file to grey levels: the codecs' depths and colours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordingError
from . import indexed
from .avi import UNCOMPRESSED, AviFile

Frame = NDArray[np.uint8 | np.uint16]

_CHANNELS = ("blue", "green", "red")
# Frames by which a colour's channels are compared, means of so many pixels squared
_LOOKED_AT, _BINNED = 32, 4
# A picture whose channels vary about equally is a picture in colour, and its brightness is taken. Where one of them
# varies so many times as much (variance) as another, it is a signal shown in a colour
_DOMINANT = 4.0
# Channels that differ by less (grey levels, mean) are one: compression makes them differ
_SAME = 2.0
# Codecs with a frame every few that builds on none before
_KEYED = ("FFV1", "MJPG")
# Frames from the start of a file from which on going there at once is quicker than decoding up to it
_FAR = 64
# Of a frame: how far the times of a decoder may be from those of the header at the end of a file
_SAME_TIME = 0.1
_LOSSLESSLY = "save it as FFV1 with grey levels of 16 bits (ffmpeg: -c:v ffv1 -pix_fmt gray16le), which can be"


@dataclass(frozen=True)
class Reading:
    """How the frames of a movie are read.

    Attributes
    ----------
    dtype : dtype
        Of the grey levels.
    as_stored : bool
        Whether OpenCV gives the grey levels themselves; otherwise it gives colours.
    channel : int or None
        Which channel of a colour, of blue, green and red, is taken; None for the brightness.
    note : str or None
        What is unusual, in one sentence.
    indexed : bool
        Whether the frames are uncompressed and of 8 bits, whose numbers a table explains.
    """

    dtype: np.dtype[Any]
    as_stored: bool = False
    channel: int | None = None
    note: str | None = None
    indexed: bool = False


def refuse_unknown_levels(file: AviFile) -> None:
    """Raise RecordingError for a file whose pixels are numbers that stand for nothing known."""
    if not file.n_frames:
        return
    if file.codec.upper().startswith("Y16") or (file.codec in UNCOMPRESSED and file.bits == 16):
        raise RecordingError(f"{file.path} has uncompressed frames of 16 bits, which cannot be read; {_LOSSLESSLY}.")


def look(file: AviFile) -> Reading:
    """Find how a file's frames are to be read.

    Raises
    ------
    RecordingError
        The file cannot be opened, or it holds more than 8 bits a pixel in a way that OpenCV cannot give.
    """
    path, n_frames = file.path, file.n_frames
    if indexed.is_indexed(file):
        return Reading(np.dtype(np.uint8), note=indexed.grey_levels(file)[1], indexed=True)
    with _capture(path) as capture:
        name, bits = _pixel_format(capture)
        if name == "Y800":
            return Reading(np.dtype(np.uint8), as_stored=True)
        if (name, bits) == ("Y1", 16):
            return Reading(np.dtype(np.uint16), as_stored=True)
        if bits > 8:
            raise RecordingError(
                f"{path} holds {bits} bits a pixel in a format that cannot be read at this depth; {_LOSSLESSLY}."
            )
        seen = _colours(capture, min(n_frames, _LOOKED_AT))
    if seen is None:
        return Reading(np.dtype(np.uint8))
    # over time first, for that is what activity does; a movie that does not change has a picture at least
    variance = seen.var(axis=0).mean(axis=(0, 1))
    if not variance.max() > 0:
        variance = seen.mean(axis=0).var(axis=(0, 1))
    channel = int(np.argmax(variance))
    if variance[channel] <= _DOMINANT * variance.min():
        return Reading(np.dtype(np.uint8))
    note = f"{path.name} holds colour: its {_CHANNELS[channel]} channel, which carries the signal, is used."
    return Reading(np.dtype(np.uint8), channel=channel, note=note)


def _pixel_format(capture: Any) -> tuple[str, int]:
    """Give FFmpeg's name of a pixel format, and its bits: Y800, BGR 24; the names of deeper ones end with the bits."""
    import cv2

    code = int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) & 0xFFFFFFFF
    letters = code.to_bytes(4, "little")
    if letters[2] in (0, 10, 11) and letters[:1].isalpha() and 8 < letters[3] <= 16:
        return letters[:2].decode("latin-1"), letters[3]  # little endian: Y1 0 16, Y3 11 16, G3 0 16
    if letters[3:].isalpha() and 8 < letters[0] <= 16 and not letters[1:2].isalpha():
        return letters[:1:-1].decode("latin-1") + " big endian", letters[0]
    return letters.decode("latin-1").strip("\0"), 8


def _colours(capture: Any, n_frames: int) -> NDArray[np.float64] | None:
    """Give the first frames in colour, made smaller, float64 [n, h, w, 3]; None where they are grey or not there."""
    import cv2

    seen: list[NDArray[np.float64]] = []
    for _ in range(n_frames):
        good, frame = capture.read()
        if not good or frame is None or frame.ndim != 3:
            break
        if not seen:
            levels = frame.astype(np.int16)
            if np.abs(levels - levels[..., 1:2]).mean() < _SAME:
                return None
        size = (max(1, frame.shape[1] // _BINNED), max(1, frame.shape[0] // _BINNED))
        seen.append(cv2.resize(frame.astype(np.float64), size, interpolation=cv2.INTER_AREA))
    return np.array(seen) if seen else None


def decode(file: AviFile, start: int, stop: int, size: tuple[int, int], reading: Reading) -> Iterator[Frame]:
    """Give the frames of one file, with memory for one frame."""
    import cv2

    path = file.path
    if reading.indexed:
        yield from indexed.decode(path, start, stop, size)
        return
    with _capture(path) as capture:
        # of everything but grey levels OpenCV makes BGR, whatever the codec's format
        if reading.as_stored:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        begin = start if start >= _FAR and _go_to(capture, file, start) else 0
        for i in range(begin, stop):
            # frames of FFV1 and XVID build on those before, so that skipping is decoding too
            if not capture.grab():
                raise RecordingError(_cannot_decode(path, i))
            if i < start:
                continue
            frame: Frame | None
            good, frame = capture.retrieve()
            if not good or frame is None:
                raise RecordingError(_cannot_decode(path, i))
            if frame.shape[:2] != size:
                raise RecordingError(
                    f"{path} has a frame {i} of {frame.shape[1]} x {frame.shape[0]} pixels, its header says "
                    f"{size[1]} x {size[0]}; it is damaged."
                )
            if frame.dtype != reading.dtype:
                raise RecordingError(
                    f"{path} has frames of {8 * frame.itemsize} bits, the first file of {8 * reading.dtype.itemsize}; "
                    "are they of the same recording?"
                )
            yield _grey(frame, reading.channel)


def reaches_frames(file: AviFile) -> bool:
    """Whether the codec of a file lets a frame be decoded without all those before it."""
    return file.codec.upper() in _KEYED


def _go_to(capture: Any, file: AviFile, frame: int) -> bool:
    """Let the next frame be this one, from a file just opened; False where that is not certain: nothing was changed.

    OpenCV finds a frame by its time, decoding from the last one before it that builds on none. That is right where it
    counts time as the header does, and the index has all frames.
    """
    import cv2

    if file.fps is None or not reaches_frames(file):
        return False
    if abs(capture.get(cv2.CAP_PROP_FPS) / file.fps - 1) * file.n_frames > _SAME_TIME:
        return False
    if capture.set(cv2.CAP_PROP_POS_FRAMES, frame) and capture.get(cv2.CAP_PROP_POS_FRAMES) == frame:
        return True
    capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
    return False


def _grey(frame: Frame, channel: int | None) -> Frame:
    import cv2

    if frame.ndim == 2:
        return frame
    if channel is not None:
        return np.ascontiguousarray(frame[..., channel])
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), frame.dtype)


def _cannot_decode(path: Path, frame: int) -> str:
    return f"{path} cannot be decoded at its frame {frame}; it is damaged, copy it again from the original."


@contextmanager
def _capture(path: Path) -> Iterator[Any]:
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
