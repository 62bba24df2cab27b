"""Videos of colour pictures: MP4 that browsers and slides play, or WebP where its encoder is not there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ParameterError, WorkflowError

ENDINGS = (".mp4", ".webp")
#: quality of the pictures, 0 to 10 of MP4 and 0 to 100 of WebP: noise of single pixels may go
MP4_QUALITY, WEBP_QUALITY = 7, 80

Picture = NDArray[np.uint8]


def usual_ending() -> str:
    """Return what a video is written as where nobody says: ``.mp4``, or ``.webp`` without its encoder."""
    return ENDINGS[0] if importlib.util.find_spec("imageio_ffmpeg") else ENDINGS[1]


def write_video(path: Path, pictures: Iterable[Picture], size: tuple[int, int], fps: float) -> Path:
    """Write a video as its ending says; it is there when it is whole.

    Parameters
    ----------
    path : Path
        ``.mp4`` (H.264) or ``.webp``; what is there is replaced.
    pictures : iterable of ndarray of uint8 [height, width, 3]
        Red, green, blue.
    size : tuple of int
        (height, width), both even.
    fps : float
        Pictures a second.

    Raises
    ------
    ParameterError
        The ending is another one, or MP4's encoder is not installed.
    WorkflowError
        The file cannot be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ParameterError(f"A movie is written as {' or '.join(ENDINGS)}; {path.name} ends otherwise.")
    if path.suffix.lower() == ENDINGS[0] and usual_ending() != ENDINGS[0]:
        raise ParameterError(
            "MP4 needs the package imageio-ffmpeg: install it with `python -m pip install imageio-ffmpeg`, or write a "
            "movie whose name ends with .webp, which browsers show."
        )
    partial = path.with_name(f".{path.stem}.partial{path.suffix.lower()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (_write_mp4 if partial.suffix == ENDINGS[0] else _write_webp)(partial, pictures, size, fps)
        partial.replace(path)
    except OSError as error:
        raise WorkflowError(f"The movie cannot be written to {path}: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return path


def _write_mp4(path: Path, pictures: Iterable[Picture], size: tuple[int, int], fps: float) -> None:
    import imageio_ffmpeg

    height, width = size
    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=fps, quality=MP4_QUALITY, macro_block_size=2, ffmpeg_log_level="error"
    )
    writer.send(None)
    try:
        for picture in pictures:
            writer.send(np.ascontiguousarray(picture))
    finally:
        writer.close()


def _write_webp(path: Path, pictures: Iterable[Picture], size: tuple[int, int], fps: float) -> None:
    first, *others = (Image.fromarray(picture) for picture in pictures)
    first.save(path, save_all=True, append_images=others, duration=round(1000 / fps), quality=WEBP_QUALITY, loop=0)
