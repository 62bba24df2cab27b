"""One pass over a movie: what its frames look like. It keeps 4 bytes of each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from .video import Movie

_BRIGHTEST = 255


@dataclass(frozen=True)
class Survey:
    """What the frames of a movie look like.

    Attributes
    ----------
    brightness : ndarray of float32 [n_frames]
        Mean of each frame, 0 to 255.
    saturated : float
        Part of all pixels that have the highest value, 0 to 1.
    repeated : ndarray of int64
        Frames that equal the frame before in every pixel.
    frames : tuple of int
        Indices of the first, the middle and the last frame.
    images : ndarray of uint8 [3, height, width]
        These frames.
    """

    brightness: np.ndarray
    saturated: float
    repeated: np.ndarray
    frames: tuple[int, int, int]
    images: np.ndarray


def survey_movie(movie: Movie, progress: bool = False, label: str = "Read frames") -> Survey:
    """Read each frame once.

    Parameters
    ----------
    movie : Movie
        At least one frame.
    progress : bool
        Show a progress bar on a terminal.
    label : str
        What the progress bar is called.

    Raises
    ------
    RecordingError
        A frame cannot be decoded.
    """
    import cv2

    shown = (0, movie.n_frames // 2, movie.n_frames - 1)
    images = np.empty((len(shown), movie.height, movie.width), np.uint8)
    brightness = np.empty(movie.n_frames, np.float32)
    repeated = []
    saturated = 0
    before = None
    frames = tqdm(
        movie.frames(),
        total=movie.n_frames,
        desc=label,
        unit="frame",
        disable=None if progress else True,
        leave=False,
    )
    for i, frame in enumerate(frames):
        brightness[i] = cv2.mean(frame)[0]  # ten times as fast as numpy's
        saturated += np.count_nonzero(frame == _BRIGHTEST)
        if before is not None and np.array_equal(frame, before):
            repeated.append(i)
        before = frame
        for place, index in enumerate(shown):
            if i == index:
                images[place] = frame
    share = saturated / (movie.n_frames * movie.height * movie.width)
    return Survey(brightness, share, np.array(repeated, np.int64), shown, images)
