"""A short movie of a result: as recorded, registered, and as its cells and their traces have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bars import tqdm
from ..cnmfe.editing.registered import Registered
from ..database.conditions import name_of, result_path
from ..errors import ParameterError
from ..movies.types import Floats, Ints
from ..movies.write_video import usual_ending, write_video
from ..results.caiman import CaimanResult, OpenedResult, find_result
from ..results.outlines import outline
from ..work.result_movie import ResultMovie
from .scale import um_per_px

#: pictures a second of the movie that is written
PICTURES_PER_S = 25.0
#: part of a footprint's energy that its outline encloses
ENERGY = 0.85
#: percentiles of the mean that is black, and of the maximum that is white
DARK, BRIGHT = 1.0, 99.7


@dataclass(frozen=True)
class Excerpt:
    """What of a recording is shown, and how.

    Attributes
    ----------
    start, length : float
        Seconds from the start of the recording, and of the recording.
    speed : float
        Seconds of the recording in a second of the movie.
    outlines : bool
        Draw the outlines of the accepted cells.

    Raises
    ------
    ParameterError
        A value is out of range.
    """

    start: float = 0.0
    length: float = 40.0
    speed: float = 2.0
    outlines: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.start < np.inf:
            raise ParameterError(f"start must be 0 s or more, not {self.start:g}.")
        for name in ("length", "speed"):
            if not 0 < getattr(self, name) < np.inf:
                raise ParameterError(f"{name} must be above 0, not {getattr(self, name):g}.")

    def frames(self, times: Floats) -> tuple[Floats, Ints]:
        """Return the moments of the movie, and the frame that is seen at each.

        Parameters
        ----------
        times : ndarray [frame]
            Seconds from the start, nan where they are not known.

        Raises
        ------
        ParameterError
            The recording ends before.
        """
        known = np.flatnonzero(np.isfinite(times))
        end = float(times[known[-1]])
        if self.start > end:
            raise ParameterError(f"The recording is {end:.1f} s long, and the movie is to start at {self.start:g} s.")
        moments = np.arange(self.start, min(self.start + self.length, end + 1e-9), self.speed / PICTURES_PER_S)
        shown = np.searchsorted(times[known], moments, side="right") - 1
        return moments, known[np.maximum(shown, 0)]


def write_movie(
    source: str | Path,
    output: Path | None = None,
    excerpt: Excerpt | None = None,
    recording: Path | None = None,
    progress: bool = True,
) -> Path:
    """Write a movie of a result.

    Parameters
    ----------
    source : str or Path
        A result file, its folder, or a restriction that chooses one curation.
    output : Path, optional
        What to write, ``.mp4`` or ``.webp``; by default here, named after the result.
    excerpt : Excerpt, optional
        What of the recording.
    recording : Path, optional
        The scope's folder, where neither the result nor the database says where the recording is.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    Path
        The movie.

    Raises
    ------
    RecordingError
        The recording is not on the disk, or is not what the result was made from.
    ResultError, NothingMatched, ParameterError
        There is no such result, or the excerpt is not within it.
    """
    from ..figures.movie_frames import MovieFrames  # matplotlib takes long to import

    excerpt = Excerpt() if excerpt is None else excerpt
    path, key = _find(source)
    name = path.parent.name if key is None else name_of(key)
    output = Path(f"{name}_movie{usual_ending()}") if output is None else output
    with closing(OpenedResult(path)) as opened:
        result = opened.components
        movie = ResultMovie(path, recording, None if recording is not None else key).open()
        model = opened.movie_model()
        registered = Registered.of(movie.movie, result, model.motion, model.frames)
        times = np.arange(opened.n_frames) / (result.fps or 1.0) if movie.times is None else movie.times
        moments, frames = excerpt.frames(np.asarray(times, float))
        cells = np.sort(result.accepted)
        lines = (
            [line for mask in map(result.mask, cells) for line in _outline(mask, result)] if excerpt.outlines else []
        )
        traces = opened.fitted_between(int(frames.min()), int(frames.max()) + 1)[cells]
        drawn = MovieFrames(
            _panels(result, registered, traces, int(frames[0])), *result.dims, lines, um_per_px(key), name
        )
        hide = None if progress else True
        shown = tqdm(zip(moments, frames, strict=True), total=len(frames), desc="movie", unit="frame", disable=hide)
        pictures = _pictures(shown, drawn, registered, result.A[:, cells], traces, int(frames.min()))
        return write_video(output, pictures, drawn.size, PICTURES_PER_S)


def _find(source: str | Path) -> tuple[Path, dict[str, Any] | None]:
    """Return the result file, and its key in the database where it is named by that."""
    if (path := result_path(source)) is not None:
        return find_result(path), None
    from ..database.restriction import only_key
    from ..elements.miniscope import find_output
    from ..pipeline import miniscope

    key = only_key(miniscope.Curation, source, "curation")
    return find_result(find_output((miniscope.Curation & key).fetch1("curation_output_dir"))), key


def _outline(mask: Any, result: CaimanResult) -> list[Floats]:
    return outline((mask.xpix, mask.ypix, mask.weights), *result.dims, ENERGY)


def _panels(result: CaimanResult, registered: Registered, traces: Floats, first: int) -> list[Any]:
    """Return what stands side by side, with what is black and white."""
    from ..figures.movie_frames import Panel

    mean, highest = result.average_image, result.max_image
    if mean is None or highest is None:
        mean = highest = registered.frames(first, first + 1)[0]
    dark, bright = float(np.percentile(mean, DARK)), float(np.percentile(highest, BRIGHT))
    peaks = result.A[:, np.sort(result.accepted)].multiply(np.maximum(traces.max(axis=1, initial=0), 0)[None, :])
    seen = peaks.max(axis=1).toarray().ravel() if peaks.shape[1] else np.zeros(0)
    white = float(np.percentile(seen[seen > 0], BRIGHT)) if (seen > 0).any() else 1.0
    return [
        Panel("raw", dark, bright),
        Panel("registered", dark, bright, outlined=True),
        Panel("reconstructed", 0.0, white, outlined=True),
    ]


def _pictures(
    shown: Any, drawn: Any, registered: Registered, footprints: Any, traces: Floats, first: int
) -> Iterator[NDArray[np.uint8]]:
    """Draw one picture after the other; ``traces`` [cell, frame] begin at frame ``first``."""
    height, width = registered.shape
    for moment, frame in shown:
        raw = registered.raw(frame, frame + 1)[0]
        cells = footprints @ traces[:, frame - first]
        images = {
            "raw": raw,
            "registered": registered.move(raw, frame),
            "reconstructed": np.asarray(cells).reshape((height, width), order="F"),
        }
        yield drawn.picture(images, float(moment))
