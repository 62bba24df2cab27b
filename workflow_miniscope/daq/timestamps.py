"""Time stamps: reading them, and what they say of a recording."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordingError

GAP = 1.5  # intervals longer than this many median intervals have lost a frame


@dataclass(frozen=True)
class TimeStamps:
    """The rows of a device's time stamp file.

    Attributes
    ----------
    times : ndarray of float64 [n]
        Seconds since the start of the recording, as written: the first ones may be negative.
    daq_frames : ndarray of int64 [n] or None
        The scope's own count of frames, which jumps where frames were lost on their way to the software.
    warnings : tuple of str
        What a person should know of the file.
    """

    times: np.ndarray
    daq_frames: np.ndarray | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timing:
    """What is irregular in the times of frames. Every index is that of the frame after the interval.

    Attributes
    ----------
    interval : float
        Median time from frame to frame, seconds.
    gaps : ndarray of int64
        Frames that came late: after more than 1.5 median intervals.
    duplicates, backward : ndarray of int64
        Frames with the time of the one before, or an earlier one.
    lost : int
        Frames lost: by the scope's own count where there is one, else how many fit into the gaps.
    """

    interval: float
    gaps: np.ndarray
    duplicates: np.ndarray
    backward: np.ndarray
    lost: int

    def warnings(self, times: np.ndarray) -> list[str]:
        """Say it in sentences."""
        said = []
        if self.lost or len(self.gaps):
            about = f"about {self.lost} frame{'s are' if self.lost != 1 else ' is'} missing"
            said.append(f"{_times(len(self.gaps), 'gap')} in the time stamps, {about}{_at(self.gaps)}.")
        if len(self.duplicates):
            same = f"{_times(len(self.duplicates), 'frame')} with the time stamp of the frame before"
            said.append(f"{same}{_at(self.duplicates)}.")
        if len(self.backward):
            back = (times[self.backward - 1] - times[self.backward]).max()
            said.append(
                f"The time stamps go back {_times(len(self.backward), 'time')}, by up to {back:.3f} s"
                f"{_at(self.backward)}: the clock of the computer was set while recording."
            )
        return said


def _times(n: int, name: str) -> str:
    return f"{n} {name}{'' if n == 1 else 's'}"


def _at(frames: np.ndarray) -> str:
    return f" (the first before frame {frames[0]})" if len(frames) else ""


def timing(times: np.ndarray, daq_frames: np.ndarray | None = None) -> Timing:
    """Find the median interval and the irregular ones.

    Parameters
    ----------
    times : ndarray of float [n]
        Seconds, n > 1.
    daq_frames : ndarray of int [n], optional
        The scope's own count of frames.
    """
    steps = np.diff(times)
    interval = float(np.median(steps))
    late = np.flatnonzero(steps > GAP * interval) if interval > 0 else np.array([], np.int64)
    if daq_frames is not None:
        jumps = np.diff(daq_frames)
        lost = int((jumps[jumps > 1] - 1).sum())  # a step back is a counter that began anew
    else:
        lost = int((np.round(steps[late] / interval) - 1).clip(1).sum()) if len(late) else 0
    return Timing(interval, late + 1, np.flatnonzero(steps == 0) + 1, np.flatnonzero(steps < 0) + 1, lost)


def read_text(path: Path) -> str:
    """Read a text file that may hold any bytes.

    Raises
    ------
    RecordingError
        It is missing or cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        raise RecordingError(f"{path} is missing; copy it from the recording computer.") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}.") from error


def number(text: str) -> float | None:
    """Give the finite number that a field holds, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_rows(path: Path) -> tuple[list[str] | None, list[tuple[int, list[str]]]]:
    """Split a table of numbers, with tabs or commas, with or without a line of names.

    Returns
    -------
    names : list of str or None
        Column names, None if the first line holds a number.
    rows : list of (line number from 1, fields)
        Blank lines left out.
    """
    lines = [(i, line) for i, line in enumerate(read_text(path).split("\n"), start=1) if line.strip()]
    if not lines:
        return None, []
    separator = "\t" if "\t" in lines[0][1] else ","
    rows = [(i, [field.strip() for field in line.split(separator)]) for i, line in lines]
    if number(rows[0][1][0]) is None:
        return rows[0][1], rows[1:]
    return None, rows


def read_csv(path: Path) -> TimeStamps:
    """Read ``timeStamps.csv`` of any version of the QT software.

    v0.1 wrote tabs and no names; later versions ``Frame Number,Time Stamp (ms),Buffer Index`` and, from v2.0 on for
    scopes, ``DAQ Frame Number``. An incomplete last line, which a full disk or a crash leaves, is left out.

    Raises
    ------
    RecordingError
        The file is missing, has no row or no column of times, or another row that cannot be read.
    """
    names, rows = read_rows(path)
    columns = ["frame number", "time stamp (ms)", "buffer index"]
    if names is not None:
        columns = [name.lower() for name in names]
        if "time stamp (ms)" not in columns:
            raise RecordingError(f"{path} has no column 'Time Stamp (ms)'; is it a file of Miniscope-DAQ?")
    time = columns.index("time stamp (ms)")
    frame = columns.index("frame number") if "frame number" in columns else None
    daq = columns.index("daq frame number") if "daq frame number" in columns else None
    needed = min(time + 2, len(columns))  # a time that another field follows was written to its end

    warnings = []
    times, frames, daq_frames = [], [], []
    for line, fields in rows:
        value = number(fields[time]) if len(fields) >= needed else None
        index = number(fields[frame]) if frame is not None and len(fields) > frame else float(len(frames))
        if value is None or index is None:
            if line != rows[-1][0]:
                raise RecordingError(f"{path} line {line} cannot be read as a time stamp: {_shown(fields)}.")
            warnings.append(f"The last line of {path.name} is incomplete and is left out.")
            continue
        times.append(value)
        frames.append(index)
        daq_frames.append(number(fields[daq]) if daq is not None and len(fields) > daq else None)
    if not times:
        raise RecordingError(f"{path} holds no time stamp.")
    irregular = np.flatnonzero(np.diff(frames) != 1)
    if len(irregular):
        row = int(irregular[0])
        warnings.append(
            f"{path.name}: Frame Number goes from {frames[row]:g} to {frames[row + 1]:g}; rows are missing or repeated."
        )
    if None in daq_frames:
        # the last row may be cut in this column; then the count of the others says what was lost
        daq_frames = daq_frames[:-1] if None not in daq_frames[:-1] and len(daq_frames) > 2 else []
    counts = np.array(daq_frames, np.float64) if daq_frames else None
    if counts is not None and (np.abs(counts) > 2**53).any():
        counts = None
    return TimeStamps(
        np.array(times) / 1000, None if counts is None else counts.astype(np.int64), tuple(warnings)
    )


def _shown(fields: list[str]) -> str:
    return repr(",".join(fields)[:60])
