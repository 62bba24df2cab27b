"""Which frames and pixels of a recording were used, and how well each frame lay on the template."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from enum import IntEnum

import h5py
import numpy as np

from ...errors import ResultError
from ...movies.types import Bools, Floats, Ints
from .hdf5 import read_whole

#: group of the result file; CaImAn makes an attribute of it that nothing reads
GROUP = "frame_quality"


class Reason(IntEnum):
    """Why a frame was left out."""

    USED = 0
    #: the same pixels as the frame before
    REPEATED = 1
    #: the light was off, or much less than in the frames around
    DARK = 2
    #: much more light than in the frames around
    BRIGHT = 3
    #: a part of it shows what it should: torn, half-black
    DAMAGED = 4
    #: found nowhere on the template
    UNMATCHED = 5
    #: one of a long stretch of frames with structure that is found nowhere on the template
    OTHER_FIELD = 6


@dataclass(frozen=True, eq=False)
class FrameQuality:
    """What was seen of the frames and pixels of a recording.

    Attributes
    ----------
    reason : uint8 [frames]
        :class:`Reason` why a frame was left out of every estimate; 0: it was used. Its traces are what the frames
        around say of it.
    score : float32 [frames]
        Weighted correlation of the registered frame with the template, -1 to 1; nan where there was none.
    at_limit : bool [frames]
        The shift is the largest that was allowed: the frame may have moved further.
    gain : float32 [frames]
        Gain of the light, as part of that of the brightest frames, by which the frame was divided; 1 where the light is
        steady.
    black : float
        Grey level without light, which is no part of what was divided.
    typical_score : float
        Score of most frames; nan if nothing was compared.
    stuck_pixels, flickering_pixels : int
        Pixels that never change and that flash, filled from their neighbours.
    row_bands, column_bands : bool
        Rows or columns were brighter or darker as a whole in single frames, which was taken away.
    noise_of_neighbours : float
        Correlation of the noise of neighbouring pixels as they were recorded: -0.05 as a camera gives them, 0.1 and
        more after denoising or compression; nan if it was not measured.
    """

    reason: Ints
    score: Floats
    at_limit: Bools
    gain: Floats = field(default_factory=lambda: np.ones(0, np.float32))
    black: float = 0.0
    typical_score: float = float("nan")
    stuck_pixels: int = 0
    flickering_pixels: int = 0
    row_bands: bool = False
    column_bands: bool = False
    noise_of_neighbours: float = float("nan")

    def __post_init__(self) -> None:
        for name, dtype in (("reason", np.uint8), ("score", np.float32), ("at_limit", bool)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype))
        gain = np.asarray(self.gain, np.float32)
        object.__setattr__(self, "gain", gain if len(gain) else np.ones(len(self.reason), np.float32))
        shapes = [getattr(self, name).shape for name in ("reason", "score", "at_limit", "gain")]
        if not self.reason.ndim == 1 or len(set(shapes)) > 1:
            raise ResultError(f"The figures of frames must be one each, not {', '.join(map(str, shapes))}.")

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.reason)

    @property
    def used(self) -> Bools:
        """Frames that the estimates come from, bool [frames]."""
        used: Bools = self.reason == Reason.USED
        return used

    @property
    def least_gain(self) -> float:
        """Gain of the light in the used frames with the least; 1 where it is steady."""
        return float(self.gain[self.used].min(initial=1))

    @property
    def counts(self) -> dict[str, int]:
        """How many frames were left out for each reason that occurs, by its name in lower case."""
        counted = {reason: int(np.count_nonzero(self.reason == reason)) for reason in Reason if reason}
        return {reason.name.lower(): n for reason, n in counted.items() if n}

    @property
    def fraction_at_limit(self) -> float:
        """Fraction of the used frames whose shift is the largest that was allowed."""
        used = self.used
        return float(self.at_limit[used].mean()) if used.any() else 0.0


def write_frames(file: h5py.File, quality: FrameQuality) -> None:
    """Write the group ``frame_quality`` into a result file that is open for writing."""
    group = file.create_group(GROUP)
    for item in fields(quality):
        value = getattr(quality, item.name)
        if item.name == "gain" and (value == 1).all():
            continue
        if isinstance(value, np.ndarray):
            group[item.name] = value
        else:
            group.attrs[item.name] = value
    group.attrs["reasons"] = json.dumps({reason.name.lower(): int(reason) for reason in Reason})


def read_frames(file: h5py.File) -> FrameQuality | None:
    """Read the group ``frame_quality``; None where a file has none, as those of CaImAn.

    Raises
    ------
    ResultError
        If the arrays are not of one length.
    KeyError
        If an array is missing.
    """
    if GROUP not in file:
        return None
    group = file[GROUP]
    names = ("reason", "score", "at_limit", *(("gain",) if "gain" in group else ()))
    arrays = {name: read_whole(group[name]) for name in names}
    attributes = {item.name for item in fields(FrameQuality)} & set(group.attrs)
    return FrameQuality(**arrays, **{name: group.attrs[name].item() for name in attributes})
