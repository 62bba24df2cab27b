"""Whatever can be given as a movie: an array, video files, or an object that reads frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import movies
from ..errors import RecordingError
from .video import Movie

#: What :func:`open_movie` takes.
MovieSource = NDArray[Any] | str | Path | Sequence[str | Path] | movies.Movie


def open_movie(source: MovieSource) -> movies.Movie:
    """Give a movie for whatever stands for one.

    Parameters
    ----------
    source : ndarray, path, sequence of paths, or movie
        An array [frames, height, width], one AVI file, several in the order given, or an object with the members of
        :class:`workflow_miniscope.movies.Movie`.

    Raises
    ------
    RecordingError
        It is none of these, or has no frames.
    """
    opened: Any = source
    if isinstance(source, np.ndarray):
        opened = movies.ArrayMovie(source)
    elif isinstance(source, str | Path):
        opened = Movie([Path(source)])
    elif isinstance(source, list | tuple) and source and all(isinstance(item, str | Path) for item in source):
        opened = Movie([Path(item) for item in source])
    if not isinstance(opened, movies.Movie):
        raise RecordingError(
            f"{type(source).__name__} is not a movie: give an array [frames, height, width], AVI files or daq.Movie."
        )
    if opened.n_frames < 1 or min(opened.height, opened.width) < 1:
        raise RecordingError("The movie has no frames.")
    return opened
