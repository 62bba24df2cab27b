"""Time stamps as the acquisition programs wrote them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class TimeStamps:
    """The rows of a time stamp file for one device.

    Attributes
    ----------
    path : Path
        The file.
    times : ndarray of float64 [n]
        Seconds from the start of the recording; the first ones are often negative.
    frame_numbers : ndarray of int64 [n]
        The program's frame number, from 0.
    daq_frames : ndarray of int64 [n] or None
        The DAQ's own frame counter (Miniscope-DAQ-QT v2.0, scopes).
    warnings : tuple of str
        What was wrong with the file but could be handled.
    """

    path: Path
    times: np.ndarray
    frame_numbers: np.ndarray
    daq_frames: np.ndarray | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def consecutive(self) -> bool:
        """Whether the frame numbers are 0, 1, 2, ... so that row i is frame i of the video."""
        return np.array_equal(self.frame_numbers, np.arange(len(self)))

    def without_repeated_rows(self) -> TimeStamps:
        """Leave out rows that say the same of the same frame as the row before, with a warning."""
        again = (np.diff(self.frame_numbers) == 0) & (np.diff(self.times) == 0)
        n = int(np.count_nonzero(again))
        if not n:
            return self
        keep = np.concatenate([[True], ~again])
        said = f"{_count(n, 'row')} of {self.path.name} only repeated the row before and {'was' if n == 1 else 'were'}"
        return replace(
            self,
            times=self.times[keep],
            frame_numbers=self.frame_numbers[keep],
            daq_frames=None if self.daq_frames is None else self.daq_frames[keep],
            warnings=(*self.warnings, f"{said} left out."),
        )

    def first(self, n: int) -> TimeStamps:
        """Keep the first ``n`` rows."""
        daq_frames = None if self.daq_frames is None else self.daq_frames[:n]
        return replace(self, times=self.times[:n], frame_numbers=self.frame_numbers[:n], daq_frames=daq_frames)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
