"""What the devices of a session say about each other: whether they recorded at the same time, on clocks that agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .quality import Check
from .recording import Recording

# Part of the scope's time that a camera must cover, or all but some seconds: devices never start and end together
MIN_COVERED, _SECONDS_APART = 0.95, 1.0
# A step of the clock (s) that no device's own hiccup is as long as, and how near (s) those of two devices are to be one
_MIN_STEP, _SAME_STEP = 1.0, 0.25


def relate(checks: Sequence[Check]) -> tuple[str, ...]:
    """Compare the times of the devices of one session.

    Parameters
    ----------
    checks : sequence of Check
        The devices; those that cannot be read are passed over.

    Returns
    -------
    tuple of str
        A sentence for each device that did not record while the first scope did, and for each step that all clocks
        made at once.
    """
    read = [(check.name, check.recording) for check in checks if check.recording is not None]
    return (*_not_covered(read), *_common_steps(read))


def _not_covered(read: list[tuple[str, Recording]]) -> Iterator[str]:
    if not read:
        return
    reference, first = read[0]
    start, end = _span(first)
    for name, recording in read[1:]:
        begin, stop = _span(recording)
        together = max(0.0, min(end, stop) - max(start, begin))
        length = end - start
        if together < MIN_COVERED * length and (together < length - _SECONDS_APART or not together):
            part = f"only {together / length:.0%}" if together else "nothing"
            yield (
                f"{name} recorded {part} of the time of {reference}: it has frames from {begin:.1f} to {stop:.1f} s, "
                f"{reference} from {start:.1f} to {end:.1f} s."
            )


def _span(recording: Recording) -> tuple[float, float]:
    times = recording.times[recording.in_order]
    return max(float(times[0]), 0.0), float(times[-1]) + recording.timing.interval


def _common_steps(read: list[tuple[str, Recording]]) -> Iterator[str]:
    if len(read) < 2:
        return
    first, *others = (_steps(recording) for _, recording in read)
    for place, size in first:
        if all(any(abs(place - p) < 1 and abs(size - s) < _SAME_STEP for p, s in steps) for steps in others):
            way = "back" if size < 0 else "on"
            yield (
                f"After {place:.1f} s the times of all devices jump {way} by {abs(size):.1f} s: the computer's clock "
                f"was set{', or the computer stood still' if size > 0 else ''}."
            )


def _steps(recording: Recording) -> list[tuple[float, float]]:
    """Give where a clock stepped: seconds of frames before, and seconds beyond the usual interval."""
    interval = recording.timing.interval
    beyond = np.diff(recording.times) - interval
    return [((i + 1) * interval, float(beyond[i])) for i in np.flatnonzero(np.abs(beyond) > _MIN_STEP).tolist()]
