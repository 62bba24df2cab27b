"""Movies as the video files that cameras leave, in several codecs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from .made import Made

FRAMES_PER_FILE = 1000
# as OpenCV, and so the acquisition software, writes them
FOURCC = {"ffv1": "FFV1", "mjpg": "MJPG", "xvid": "XVID"}


def mjpg(made: Made, rng: np.random.Generator) -> Made:
    """Motion JPEG, as OpenCV writes it."""
    return replace(made, codec={"name": "mjpg"})


def xvid(made: Made, rng: np.random.Generator) -> Made:
    """MPEG-4, as OpenCV writes it."""
    return replace(made, codec={"name": "xvid"})


def x264(made: Made, rng: np.random.Generator, bpp: float = 0.11) -> Made:
    """H.264 with ``bpp`` bits a pixel; needs ffmpeg."""
    return replace(made, codec={"name": "x264", "bpp": bpp})


def write(folder: Path, made: Made) -> float:
    """Write ``0.avi, 1.avi, ...`` into a folder.

    Returns
    -------
    float
        Bits a pixel that they take.

    Raises
    ------
    SystemExit
        If H.264 is asked for and there is no ffmpeg.
    """
    for number, start in enumerate(range(0, len(made.movie), FRAMES_PER_FILE)):
        part, path = made.movie[start : start + FRAMES_PER_FILE], folder / f"{number}.avi"
        if made.codec["name"] == "x264":
            _h264(path, part, made.fps, float(made.codec["bpp"]))
        else:
            _opencv(path, part, FOURCC[str(made.codec["name"])])
    return 8 * sum(path.stat().st_size for path in folder.glob("*.avi")) / made.movie.size


def _opencv(path: Path, movie: np.ndarray, fourcc: str) -> None:
    height, width = movie.shape[1:]
    grey = fourcc == "FFV1"
    # 60 is what the acquisition software says of each file, whatever the rate
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*fourcc), 60, (width, height), not grey)
    for frame in movie:
        writer.write(frame if grey else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()


def _h264(path: Path, movie: np.ndarray, fps: float, bpp: float) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise SystemExit("H.264 needs ffmpeg on the PATH: install it, or leave x264 out of the recipe")
    height, width = movie.shape[1:]
    rate = bpp * height * width * fps
    source = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"]
    # two passes reach the rate; one thread makes the same file each time
    coded = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-threads", "1", "-b:v", f"{rate:.0f}"]
    for number in ("1", "2"):
        passes = ["-pass", number, "-passlogfile", str(path.with_suffix(".pass"))]
        to = ["-f", "null", "-"] if number == "1" else [str(path)]
        command = [program, "-loglevel", "error", "-y", *source, *coded, *passes, *to]
        subprocess.run(command, input=movie.tobytes(), check=True)
    for log in path.parent.glob(f"{path.stem}.pass*"):
        log.unlink()
