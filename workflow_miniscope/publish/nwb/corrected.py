"""The motion-corrected movie of a scope: its frames where they lie on the template of a result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pynwb.base import TimeSeries
from pynwb.ophys import CorrectedImageStack, OnePhotonSeries

from ... import daq
from ...cnmfe.editing.registered import Registered
from ...errors import ResultError
from ...movies.types import Floats
from ...results.caiman import OpenedResult, PiecewiseShifts, RigidShifts
from ..contents import Analysis
from .devices import wrong_times
from .imaging import Imaged
from .result_file import OTHER_FILE, result_file
from .streams import Frames, compressed

#: Frames that are read and moved at once.
_AT_ONCE = 32


class CorrectedMovie:
    """The frames of a recording as a result has moved them, one after the other.

    Parameters
    ----------
    registered : Registered
        What moves them.
    """

    dtype: np.dtype[Any] = np.dtype(np.float32)

    def __init__(self, registered: Registered) -> None:
        self._registered = registered
        self.n_frames = registered.n_frames
        self.height, self.width = registered.shape

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Floats]:
        """Give the frames, float32 [height, width], from ``start`` up to, not including, ``stop``."""
        start, stop, _ = slice(start, stop).indices(self.n_frames)
        for first in range(start, stop, _AT_ONCE):
            for i, frame in enumerate(self._registered.steady(first, min(first + _AT_ONCE, stop))):
                yield self._registered.move(frame, first + i)


def corrected_stack(analysis: Analysis, imaged: Imaged, moved: Any, name: str, progress: bool) -> CorrectedImageStack:
    """Return the corrected movie with what it is from and how far each frame was moved, as NWB wants them together.

    Parameters
    ----------
    analysis : Analysis
        The result whose shifts and light are used.
    imaged : Imaged
        The scope.
    moved : TimeSeries
        How far each frame was moved, [frame, x and y] or [frame, block, x and y].
    name : str
        Of the stack.
    progress : bool
        Show a progress bar on a terminal.

    Raises
    ------
    ResultError
        The result file cannot be read, or holds other shifts.
    RecordingError
        It is of another recording.
    """
    scope = imaged.scope
    with closing(OpenedResult(result_file(analysis))) as opened:
        motion, frames = opened.registration()
        _check_motion(motion, moved.data.data)
        movie = daq.Movie(scope.files, n_frames=len(scope.times))
        registered = Registered.of(movie, opened.components, motion, frames)
    shared = {"timestamps": imaged.series, **wrong_times(scope)}
    corrected = OnePhotonSeries(
        name="corrected",
        description=f"Frames of {scope.device} moved as {analysis.engine} {analysis.version} found, with cubic "
        "interpolation, and with the same light in all where it changed; along the borders, which the field did not "
        "cover in some frames, is the mean of the others.",
        data=compressed(Frames(CorrectedMovie(registered), progress, "Motion-corrected frames")),
        imaging_plane=imaged.plane,
        device=imaged.series.device,
        dimension=[scope.width, scope.height],
        unit="grey levels",
        format="raw",
        **shared,
    )
    return CorrectedImageStack(
        name=name, corrected=corrected, original=imaged.series, xy_translation=_translation(moved, shared)
    )


def _check_motion(motion: RigidShifts | PiecewiseShifts | None, stored: NDArray[Any]) -> None:
    """Refuse a result file whose shifts are not those of the database, [frame, x and y] or [frame, block, x and y]."""
    if isinstance(motion, RigidShifts):
        same = np.array_equal(motion.shifts[:, ::-1], stored)
    else:
        same = motion is not None and np.array_equal(np.stack([motion.x, motion.y], axis=-1), stored)
    if not same:
        raise ResultError(OTHER_FILE.format("shifts"))


def _translation(moved: Any, shared: dict[str, Any]) -> TimeSeries:
    """Return how far each frame was moved, x and y, where NWB wants it: in whole, also where blocks were moved."""
    by_block = np.ndim(moved.data.data) == 3
    text = f"The mean over the blocks; how far each of them was moved is in {moved.name}." if by_block else ""
    return TimeSeries(
        name="xy_translation",
        description=f"How far each frame was moved to lie on the template: x (right) and y (down). {text}".strip(),
        data=compressed(moved.data.data.mean(axis=1)) if by_block else moved,
        unit="pixels",
        **shared,
    )
