"""Some frames of the whole recording, from which the template, the size of a soma and the bad pixels are found.

They come in short runs of frames that follow each other, because what changes from one frame to the next is noise and
what changes over some frames is activity. The codecs of a Miniscope build each frame on those before, so that a frame
is reached through those of its file before it; of a recording in many files only the first of each are decoded.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...errors import RecordingError
from ...movies import Movie
from ...movies.types import Ints, Numbers
from .reader import refuse_not_finite

#: frames that follow each other in a sample
RUN_FRAMES = 8
#: runs of a sample
RUNS = 25
#: frames that may be decoded for the sample; a movie in one file is decoded up to its end all the same
DECODED_FOR_SAMPLE = 1500


def sample_frames(movie: Movie) -> tuple[Ints, Numbers]:
    """Give frames from the whole recording.

    Parameters
    ----------
    movie : Movie
        The recording.

    Returns
    -------
    int64 [n], [n, height, width]
        Their indices, which increase, and the frames; all of a short recording.

    Raises
    ------
    RecordingError
        If a frame has values that are not finite numbers; it names the frame.
    """
    indices = _indices(movie.n_frames, _file_lengths(movie))
    out: Numbers | None = None
    n = 0
    for frame in _frames(movie, indices):
        if out is None:
            out = np.empty((len(indices), *frame.shape), frame.dtype)
        out[n] = frame
        n += 1
    if out is None:
        raise RecordingError("The movie has no frames.")
    # fewer where the movie ends before it said
    refuse_not_finite(out[:n], indices[:n])
    return indices[:n], out[:n]


def _file_lengths(movie: Movie) -> list[int]:
    """Frames of each file that the movie uses; one length where it does not say."""
    counts = [int(n) for n in getattr(movie, "counts", [])]
    ends = np.minimum(np.cumsum(counts), movie.n_frames) if counts else np.array([movie.n_frames])
    lengths = np.diff(ends, prepend=0)
    return [int(n) for n in lengths if n > 0]


def _indices(n_frames: int, lengths: list[int]) -> Ints:
    """Choose the frames of a sample of a movie in files of these lengths."""
    if n_frames <= RUNS * RUN_FRAMES:
        return np.arange(n_frames)
    starts = np.cumsum([0, *lengths[:-1]])
    # what is decoded of each file, and the places of all this one after the other
    reach = max(RUN_FRAMES, DECODED_FOR_SAMPLE // len(lengths))
    if len(lengths) > RUNS:
        some = np.unique(np.linspace(0, len(lengths) - 1, RUNS).astype(int))
        starts, lengths, reach = starts[some], [lengths[i] for i in some], RUN_FRAMES
    whole = len(lengths) == 1 or n_frames <= DECODED_FOR_SAMPLE
    parts = [n if whole else min(n, reach) for n in lengths]
    within = np.concatenate([np.arange(start, start + n) for start, n in zip(starts, parts, strict=True)])
    first = np.linspace(0, len(within) - RUN_FRAMES, RUNS).astype(int)
    return within[np.unique(first[:, None] + np.arange(RUN_FRAMES))]


def _frames(movie: Movie, indices: Ints) -> Iterator[Numbers]:
    """Give the frames of a movie by their indices, which increase."""
    lengths = _file_lengths(movie)
    for start, n in zip(np.cumsum([0, *lengths[:-1]]), lengths, strict=True):
        own = indices[(indices >= start) & (indices < start + n)]
        if len(own):
            # from the first of them on, because all before it are decoded anyway
            frames = movie.frames(int(own[0]), int(own[-1]) + 1)
            wanted = np.isin(np.arange(own[0], own[-1] + 1), own)
            yield from (np.asarray(frame) for frame, use in zip(frames, wanted, strict=False) if use)
