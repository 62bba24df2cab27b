"""The movie as the page asks for it: some frames at a time, each a JPEG picture of the part that is shown."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from starlette.datastructures import QueryParams

from ...errors import RecordingError, WorkflowError
from ...movies.types import Floats
from ...work.curation import Curating
from ...work.result_movie import OpenedMovie
from ..binary import pack

if TYPE_CHECKING:
    from ...cnmfe.editing.views import MovieViews

#: frames that a page may ask for at a time
MOST_FRAMES = 64
#: settings of the contrast whose values are kept
KEPT_CONTRASTS = 16
#: percentile of the excursions of all pixels from which on the darkest shade is counted, as the page asks at first
DARKEST = 1.0
#: noise (sn) below the mean that is still told from black
NOISE_BELOW = 2.0
#: quality of the pictures, 0 to 100: noise of single pixels may go. As JPEG they take a fifteenth of the time of WebP,
#: for a quarter more bytes
QUALITY = 85


@dataclass(frozen=True)
class Part:
    """Frames of one kind, and which part of the field.

    Attributes
    ----------
    kind : str
        See :data:`cnmfe.editing.views.KINDS`.
    start, stop : int
        Frames, the last one excluded.
    area : tuple of int
        (first row, end row, first column, end column).
    dark, bright : float
        Percentiles of the pixels that are black and white.
    """

    kind: str
    start: int
    stop: int
    area: tuple[int, int, int, int]
    dark: float
    bright: float


class MoviePictures:
    """Pictures of the movie of a result. It is opened when it is asked for the first time."""

    def __init__(self, curating: Curating) -> None:
        self._curating = curating
        self._lock = threading.Lock()
        self._opened: OpenedMovie | None = None
        self._views: MovieViews | None = None
        self._problem: str | None = None
        self._contrast = lru_cache(maxsize=KEPT_CONTRASTS)(self._measured_contrast)

    def opened(self) -> OpenedMovie:
        """Give the recording.

        Raises
        ------
        RecordingError
            It is not on the disk, or another one; what was said at first is said again.
        """
        with self._lock:
            if self._opened is None and self._problem is None:
                try:
                    self._open()
                except WorkflowError as error:
                    self._problem = str(error)
            if self._opened is None:
                raise RecordingError(self._problem or "The recording cannot be opened.")
            return self._opened

    def _open(self) -> None:
        opened, result = self._curating.open_movie(), self._curating.opened
        from ...cnmfe.editing.registered import Registered  # the engine takes long to import
        from ...cnmfe.editing.views import MovieViews

        model = result.movie_model()
        registered = Registered.of(opened.movie, result.components, model.motion, model.frames)
        self._views = MovieViews(registered, result.components, model, result.fitted_between)
        self._opened = opened

    def views(self) -> MovieViews:
        """Give the movie in its several ways; see :meth:`opened` for errors."""
        self.opened()
        if self._views is None:
            raise RecordingError("The recording cannot be opened.")
        return self._views

    def pictures(self, part: Part) -> bytes:
        """Compress frames: pictures one after the other, and where each ends."""
        low, high = self.contrast(part.kind, part.dark, part.bright)
        top, bottom, left, right = part.area
        frames = self.views().frames(part.kind, part.start, part.stop)[:, top:bottom, left:right]
        scaled = np.clip((frames - low) * (255 / max(high - low, 1e-9)), 0, 255).astype(np.uint8)
        pictures = [_jpeg(frame) for frame in scaled]
        ends = np.cumsum([len(picture) for picture in pictures]).astype(np.int32)
        return pack({"ends": ends, "pictures": np.frombuffer(b"".join(pictures), np.uint8)}, low=low, high=high)

    def contrast(self, kind: str, dark: float, bright: float) -> tuple[float, float]:
        """Values that are black and white: of the summary images, so that all frames have the same."""
        return self._contrast(kind, dark, bright)

    def _measured_contrast(self, kind: str, dark: float, bright: float) -> tuple[float, float]:
        result = self._curating.opened.components
        mean, highest = result.average_image, result.max_image
        if mean is None or highest is None:
            frames = self.views().frames(kind, 0, 1)
            low, high = np.percentile(frames, [dark, bright])
            return float(low), float(high)
        if kind == "registered":
            return float(np.percentile(mean, dark)), float(np.percentile(highest, bright))
        first, low, high = np.percentile(highest - mean, [DARKEST, dark, bright])
        if kind == "reconstructed" or result.sn is None:
            return float(low - first), float(high)
        return float(low - first - NOISE_BELOW * np.median(result.sn)), float(high)

    def part(self, query: QueryParams) -> Part:
        """Read what the page asks for.

        Raises
        ------
        ValueError
            It is not there, or more than is given at a time.
        """
        views = self.views()
        height, width = views.shape
        kind = query.get("kind", "registered")
        numbers = {name: int(query.get(name, default)) for name, default in (("start", 0), ("stop", 1))}
        start, stop = numbers["start"], min(numbers["stop"], views.n_frames)
        if kind not in views.kinds or not 0 <= start < stop <= start + MOST_FRAMES:
            raise ValueError("There are no such frames.")
        asked = [int(query.get(name, end)) for name, end in (("top", 0), ("bottom", height))]
        asked += [int(query.get(name, end)) for name, end in (("left", 0), ("right", width))]
        top, bottom, left, right = (
            int(np.clip(v, 0, n)) for v, n in zip(asked, [height] * 2 + [width] * 2, strict=True)
        )
        if top >= bottom or left >= right:
            raise ValueError("There is no such part of the field.")
        dark, bright = (float(np.clip(float(query.get(n, d)), 0, 100)) for n, d in (("dark", 1), ("bright", 99.7)))
        return Part(kind, start, stop, (top, bottom, left, right), dark, bright)


def _jpeg(frame: Floats) -> bytes:
    _, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return encoded.tobytes()
