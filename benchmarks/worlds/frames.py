"""Any movie as an array, with reference cells if somebody marked them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def read_movie(path: Path) -> np.ndarray:
    """Read a movie.

    Parameters
    ----------
    path : Path
        A video file, a NPY array [frame, height, width], a TIFF with several pages, or a folder of numbered AVIs.

    Returns
    -------
    uint8 [frame, height, width]
        More than 8 bits are scaled so that their 99.9th percentile becomes 250.
    """
    if path.is_dir():
        files = sorted(path.glob("*.avi"), key=lambda file: (len(file.stem), file.stem))
        if not files:
            raise SystemExit(f"{path} holds no AVI: name a folder with 0.avi, 1.avi, ... or a file")
        return np.concatenate([read_movie(file) for file in files])
    if path.suffix == ".npy":
        movie = np.load(path)
    elif path.suffix in (".tif", ".tiff"):
        read, pages = cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)
        movie = np.stack(pages) if read else np.empty(0)
    else:
        movie = _video(path)
    if movie.ndim != 3 or not len(movie):
        raise SystemExit(f"{path} is not a movie of grey frames [frame, height, width]; convert it, or take another")
    if movie.dtype != np.uint8:
        bright = np.percentile(movie[:: max(1, len(movie) // 100)], 99.9)
        movie = np.clip(movie * (250 / bright), 0, 255).astype(np.uint8)
    return movie


def _video(path: Path) -> np.ndarray:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        read, frame = capture.read()
        if not read:
            break
        grey = (frame[..., 0] == frame[..., 1]).all()
        frames.append(frame[..., 0] if grey else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
    capture.release()
    return np.stack(frames) if frames else np.empty(0)
