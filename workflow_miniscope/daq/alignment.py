"""Times in order, and one device's signal at another's frames.

All devices of a session are stamped by one computer, in time from the start of the recording, so their clocks are one
and only their frames differ.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A frame farther away than this many of the signal's intervals says nothing about a moment: there, frames are missing.
# Half an interval is the rule, and a late frame is allowed.
MAX_ERROR_INTERVALS = 1.25


@dataclass(frozen=True)
class Aligned:
    """A signal at another device's frames.

    Attributes
    ----------
    values : ndarray of float [n, ...]
        The signal; nan where it has no frame near enough.
    frames : ndarray of int64 [n]
        The signal's frame that is nearest in time; -1 where none is near enough.
    error_ms : ndarray of float64 [n]
        Time of that frame less the time wanted; nan where none is near enough. Interpolated values have it too:
        how far from a measurement they are.
    method : str
        ``nearest`` or ``linear``.
    """

    values: np.ndarray
    frames: np.ndarray
    error_ms: np.ndarray
    method: str


def in_order(times: np.ndarray) -> np.ndarray:
    """Choose the frames whose times can be trusted: each is later than all before, and as few as possible are left out.

    One wrong time, early or late, leaves out that frame alone; that is why the longest increasing subsequence is taken
    and not each time that is later than the one before.

    Parameters
    ----------
    times : ndarray [n]
        Frame times as recorded; nan is never trusted.

    Returns
    -------
    ndarray of bool [n]
        ``times[in_order(times)]`` are cleaned times, ``np.flatnonzero(in_order(times))`` their frames.
    """
    times = np.asarray(times, float)
    known: NDArray[np.bool_] = ~np.isnan(times)
    if not known.all():
        known[known] = in_order(times[known])
        return known
    if np.all(np.diff(times) > 0):
        return np.ones(len(times), bool)
    # patience sorting: the last frame of the best sequence of each length so far, and who came before each frame
    last_times: list[float] = []
    last_frames: list[int] = []
    before = np.full(len(times), -1)
    for i, time in enumerate(times):
        length = bisect_left(last_times, time)
        if length:
            before[i] = last_frames[length - 1]
        if length == len(last_times):
            last_times.append(time)
            last_frames.append(i)
        else:
            last_times[length], last_frames[length] = time, i
    chosen = np.zeros(len(times), bool)
    frame = last_frames[-1] if last_frames else -1
    while frame >= 0:
        chosen[frame] = True
        frame = before[frame]
    return chosen


def cleaned(times: np.ndarray) -> np.ndarray:
    """Give times with nan for those that :func:`in_order` does not trust, float64 [n]."""
    times = np.asarray(times, np.float64)
    return np.where(in_order(times), times, np.nan)


def align(
    values: np.ndarray,
    times: np.ndarray,
    wanted: np.ndarray,
    method: str = "nearest",
    max_error_ms: float | None = None,
) -> Aligned:
    """Read a signal at other times.

    Parameters
    ----------
    values : ndarray [m, ...]
        The signal, frame by frame.
    times : ndarray [m]
        Times of its frames (s), as recorded; frames whose times are out of order are not used.
    wanted : ndarray [n]
        Times at which to read it (s); they may be in any order.
    method : "nearest" or "linear"
        Value of the nearest frame, or linear interpolation between the frames before and after.
    max_error_ms : float, optional
        Give nan where the nearest frame is farther away. By default 1.25 of the signal's usual intervals.

    Raises
    ------
    ValueError
        The lengths differ, or the method is unknown.
    """
    values, times, wanted = np.asarray(values), np.asarray(times, float), np.asarray(wanted, float)
    if method not in ("nearest", "linear"):
        raise ValueError(f"The method is '{method}'; write nearest or linear.")
    if len(values) != len(times):
        raise ValueError(f"The signal has {len(values)} frames and {len(times)} times.")
    used = np.flatnonzero(in_order(times))
    if not len(used):
        raise ValueError("The signal has no frame.")
    clean = times[used]
    if max_error_ms is None:
        usual = np.median(np.diff(clean)) if len(clean) > 1 else 0.0
        max_error_ms = MAX_ERROR_INTERVALS * 1000 * float(usual)

    after = np.minimum(np.searchsorted(clean, wanted), len(clean) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(wanted - clean[before] <= clean[after] - wanted, before, after)
    error_ms = 1000 * (clean[nearest] - wanted)
    # a nanosecond of tolerance, for the difference of two times is not exact; what is nan is not near
    near = np.abs(error_ms) <= max_error_ms + 1e-6

    if method == "nearest":
        at = values[used[nearest]].astype(np.result_type(values, np.float32))
    else:
        span = clean[after] - clean[before]
        # beyond the first and the last frame their values go on
        part = np.clip(np.divide(wanted - clean[before], span, out=np.zeros_like(wanted), where=span > 0), 0, 1)
        part = part.reshape(-1, *[1] * (values.ndim - 1))
        at = values[used[before]] * (1 - part) + values[used[after]] * part
    at[~near] = np.nan
    return Aligned(at, np.where(near, used[nearest], -1), np.where(near, error_ms, np.nan), method)
