"""What an engine saw of single frames and pixels: which it left out, how well they lay on the template, the light."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from ...errors import WorkflowError
from ...results.caiman import FrameQuality, OpenedResult, Reason
from ..contents import Analysis
from .result_file import result_file
from .streams import compressed
from .tables import table

#: Columns of the table with a row for each frame, by their names in :class:`FrameQuality`.
OF_FRAMES = {
    "reason": "Why the frame was left out of every estimate: "
    + ", ".join(f"{int(reason)} {reason.name.lower().replace('_', ' ')}" for reason in Reason)
    + ".",
    "score": "Correlation of the registered frame with the template; nan where there was none.",
    "at_limit": "Whether the frame was moved as far as was allowed.",
    "gain": "Gain of the light, as part of that of the brightest frames, by which the frame was divided.",
}
#: Columns of the table with one row, likewise.
OF_RECORDING = {
    "black": "Grey level without light, which is no part of what was divided by the gain.",
    "typical_score": "Score of most frames.",
    "stuck_pixels": "Pixels that never change, filled from their neighbours.",
    "flickering_pixels": "Pixels that flash, filled from their neighbours.",
    "row_bands": "Whether rows were brighter or darker as a whole in single frames, which was taken away.",
    "column_bands": "Whether columns were.",
}


def frame_tables(analysis: Analysis, n_frames: int, suffix: str) -> Iterator[Any]:
    """Give the tables of an analysis; none where its result file is gone, or says nothing of frames.

    Parameters
    ----------
    analysis : Analysis
        Whose.
    n_frames : int
        Frames of the recording.
    suffix : str
        End of the tables' names.
    """
    try:
        with closing(OpenedResult(result_file(analysis))) as opened:
            _, frames = opened.registration()
    except WorkflowError:  # which is said where the raw traces are left out
        return
    if frames is None or frames.n_frames != n_frames:
        return
    columns = {name: (text, compressed(getattr(frames, name))) for name, text in OF_FRAMES.items()}
    told = "What was seen of each frame of the recording, a row for each."
    yield table(f"frame_quality{suffix}", told, columns)
    columns = {name: (text, [getattr(frames, name)]) for name, text in OF_RECORDING.items()}
    yield table(f"pixel_quality{suffix}", "What was seen of the pixels and the light of all frames.", columns)


def read_frame_tables(module: Any, suffix: str) -> FrameQuality | None:
    """Read what :func:`frame_tables` wrote from the module ``ophys``; None where there is nothing."""
    names = [f"{kind}{suffix}" for kind in ("frame_quality", "pixel_quality")]
    if not all(name in module.data_interfaces for name in names):
        return None
    of_frames, of_recording = (module[name] for name in names)
    values: dict[str, Any] = {name: np.asarray(of_frames[name][:]) for name in OF_FRAMES}
    values |= {name: np.asarray(of_recording[name][:])[0].item() for name in OF_RECORDING}
    return FrameQuality(**values)
