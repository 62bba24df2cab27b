"""What registration did to a recording: measured on frames of the recording itself."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .. import figures
from ..analysis.registration_quality import lying
from ..cnmfe.editing.registered import Registered
from ..cnmfe.storage.sample import sample_frames
from ..database.restriction import only_key
from ..errors import ResultError
from ..results.caiman import OpenedResult, RigidShifts, find_result
from ..work.result_movie import ResultMovie
from .scale import um_per_px
from .titles import title


def registration(key: Any) -> Figure:
    """Draw the mean before and after registration, how crisp both are, and how alike the frames are.

    Frames from the whole recording are read and moved as the result says, whichever engine it is of.

    Parameters
    ----------
    key : dict or str
        Restriction that chooses one row of ``miniscope.MotionCorrection``.

    Raises
    ------
    RecordingError
        The recording is not on the disk, or is not what the result was made from.
    ResultError
        The restriction chooses none or several, or the result holds no shifts.
    """
    from ..elements.miniscope import find_output
    from ..pipeline import miniscope

    key = only_key(miniscope.MotionCorrection, key, "motion correction")
    path = find_result(find_output((miniscope.ProcessingTask & key).fetch1("processing_output_dir")))
    with closing(OpenedResult(path)) as opened:
        motion = opened.movie_model().motion
        if motion is None:
            raise ResultError(f"{path} holds no shifts.")
        movie = ResultMovie(path, key=key).open()
        moved = Registered.of(movie.movie, opened.components, motion)
        indices, recorded = sample_frames(movie.movie)
        shifts = motion.shifts if isinstance(motion, RigidShifts) else np.stack([motion.y, motion.x])
        margin = int(np.ceil(np.abs(shifts).max(initial=0)))
        before = lying(recorded, margin)
        after = lying([moved.move(frame, int(i)) for i, frame in zip(indices, recorded, strict=True)], margin)
    times = np.asarray((miniscope.RecordingInfo & key).fetch1("time_stamps"), float)
    return figures.registration(
        (before.mean, after.mean),
        (before.crispness, after.crispness),
        times[indices],
        (before.correlation, after.correlation),
        um_per_px(key),
        title(key),
    )
