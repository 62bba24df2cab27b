"""The frames of a recording, registered by the shifts that its result holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from ...errors import RecordingError
from ...movies import Movie
from ...movies.types import Floats, Numbers
from ...results.caiman import CaimanResult, FrameQuality, PiecewiseShifts, RigidShifts
from ..arrays.grid import Grid
from ..registration.blocks import Blocks, Mover
from ..registration.rigid import translate
from ..storage.light import Light

#: frames that are decoded to reach one further on: more of them take longer than going there at once
SKIPPED = 64
#: bytes of frames that are kept, for requests that overtake each other
KEPT_BYTES = 64 * 2**20


class FrameSource:
    """Reads a movie at any moment; frames that follow those read last come without going anywhere.

    Codecs whose frames build on those before can only be read in their order: reading on is what playing does. What was
    read last is kept: of several requests at a time, the first to be answered may be for a later frame.

    Parameters
    ----------
    movie : Movie
        The recording.
    """

    def __init__(self, movie: Movie):
        self.movie = movie
        self._lock = threading.Lock()
        self._frames: Iterator[Numbers] = iter(())
        self._at: int | None = None
        self._kept: dict[int, Numbers] = {}  # in the order in which they were read

    def read(self, start: int, stop: int) -> Numbers:
        """Give the frames from ``start`` up to, not including, ``stop``, [n, height, width]."""
        with self._lock:
            return np.stack([self._read_one(t) for t in range(start, stop)])

    def _read_one(self, t: int) -> Numbers:
        if t in self._kept:
            return self._kept[t]
        if self._at is None or not self._at <= t <= self._at + SKIPPED:
            self._frames, self._at = iter(self.movie.frames(t)), t
        while True:
            at, frame = self._at, next(self._frames, None)
            if frame is None:
                self._at = None
                raise RecordingError(f"The movie ended before frame {t + 1}.")
            self._keep(at, frame)
            self._at = at + 1
            if at == t:
                return frame

    def _keep(self, t: int, frame: Numbers) -> None:
        self._kept.pop(t, None)
        self._kept[t] = frame
        while len(self._kept) > 1 and len(self._kept) * frame.nbytes > KEPT_BYTES:
            del self._kept[next(iter(self._kept))]


class Registered:
    """Frames of the recording where they lie on the template; what they do not cover has its mean.

    Parameters
    ----------
    movie : Movie
        The recording as it was taken.
    motion : RigidShifts, PiecewiseShifts or None
        How its frames were moved; None: they stay where they are.
    mean : float32 [height, width] or None
        Mean of the registered movie.
    light : Light, optional
        Gain by which frames are divided, as they were when the result was made.

    Raises
    ------
    RecordingError
        The recording has other frames than the result is of.
    """

    def __init__(
        self,
        movie: Movie,
        motion: RigidShifts | PiecewiseShifts | None,
        mean: Floats | None,
        light: Light | None = None,
    ):
        self.shape = (movie.height, movie.width)
        self.n_frames = movie.n_frames
        if motion is not None and motion.n_frames != movie.n_frames:
            raise RecordingError(
                f"The recording has {movie.n_frames} frames, the result is of {motion.n_frames}: it is another one."
            )
        if mean is not None and mean.shape != self.shape:
            raise RecordingError(
                f"The recording has frames of {self.shape[1]} x {self.shape[0]} pixels, the result is of "
                f"{mean.shape[1]} x {mean.shape[0]}: it is another one."
            )
        self._source, self._light = FrameSource(movie), light or Light.steady()
        self._motion, self._mean = motion, mean
        self._field = Grid(self.shape, 1, 1)
        self._blocks: Blocks | None = None
        self._mover: Mover | None = None
        if isinstance(motion, PiecewiseShifts):
            self._blocks = Blocks.laid(self.shape, motion.blocks)
            self._mover = Mover(self._blocks, self.shape)

    @classmethod
    def of(
        cls,
        movie: Movie,
        result: CaimanResult,
        motion: RigidShifts | PiecewiseShifts | None,
        frames: FrameQuality | None = None,
    ) -> Registered:
        """Give the frames of a result's recording; ``frames``: what is known of them, with the gain of the light."""
        if (movie.height, movie.width) != result.dims:
            raise RecordingError(
                f"The recording has frames of {movie.width} x {movie.height} pixels, the result is of "
                f"{result.dims[1]} x {result.dims[0]}: it is another one."
            )
        light = None if frames is None else Light(frames.gain, frames.black)
        return cls(movie, motion, result.average_image, light)

    def edges(self, start: int, stop: int) -> Floats:
        """How far the borders of the field moved in some frames, for :meth:`Grid.uncovered`."""
        motion = self._motion
        if motion is None:
            return np.zeros((stop - start, 2))
        if isinstance(motion, RigidShifts):
            return motion.shifts[start:stop]
        moves = np.stack([motion.y[start:stop], motion.x[start:stop]], axis=-1)
        still = np.zeros((stop - start, 2))
        return still if self._blocks is None else self._blocks.edges(still, moves)

    def frames(self, start: int, stop: int) -> Floats:
        """Give registered frames, float32 [n, height, width]."""
        return np.stack([self.move(frame, start + i) for i, frame in enumerate(self.steady(start, stop))])

    def raw(self, start: int, stop: int) -> Numbers:
        """Give the frames as they were recorded, [n, height, width]."""
        return self._source.read(start, stop)

    def steady(self, start: int, stop: int) -> Numbers:
        """Give the frames where they were recorded, [n, height, width], with the same light in all."""
        return self._light.level(self.raw(start, stop), slice(start, stop))

    def move(self, frame: Numbers, t: int) -> Floats:
        """Move frame ``t``, [height, width], as the result says."""
        moved, motion = frame.astype(np.float32), self._motion
        if isinstance(motion, RigidShifts):
            moved = translate(moved, *motion.shifts[t])
        elif motion is not None and self._mover is not None:
            moved = self._mover(moved, (0.0, 0.0), np.stack([motion.y[t], motion.x[t]], axis=1))
        if motion is not None and self._mean is not None:
            rows, columns = (side[0] for side in self._field.uncovered(self.edges(t, t + 1)))
            moved[rows], moved[:, columns] = self._mean[rows], self._mean[:, columns]
        return moved
