"""Where the frames of a camera lie on its own clock, from times that are those of their arrival.

A camera takes frames at even intervals; the computer stamps each when it gets to it. So stamps jitter, by the tick of
the operating system or by whatever else kept the computer busy, and a frame that is late is followed by ones that
catch up. A frame that was lost is never caught up: from there on all stamps are later by a whole interval. The times
are therefore

    time = start + interval * (frame + frames lost before it) + delay

with a delay that comes and goes. The number of lost frames only grows, and which one explains the delays best is
found by following several at once along the recording and keeping those that do well (a beam search for the most
probable path, as in the decoding of convolutional codes). The interval holds for a stretch of the recording; where
another one explains the times better, the rate changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Standard deviations of a normal distribution in one median absolute deviation
MAD_TO_SD = 1.4826

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Seconds, and intervals, without a frame after which the recording was paused: no camera recovers from being stuck
# after so long, and nothing is left of a transient
PAUSE, PAUSE_INTERVALS = 5.0, 20
# Rates that differ by less are one clock: it drifts with temperature, by some hundredths of a percent
MIN_CHANGE = 0.01
# Where a straight line leaves no more than this many intervals, nothing was lost: one lost frame leaves a half
_STRAIGHT = 0.35
_LOOKS = 8
# Fewer frames have no rate of their own
_FEW = 16
# Delays (intervals) that stamps in whole milliseconds have at least
_ROUNDING = 0.01
# Frames of a piece, by which stretches of one rate are found, and what a change costs (the costs are below)
_PIECE, _SMALLEST_PIECE, _NEW_STRETCH = 64, 32, 6.0
# Periods tried, as part of the usual interval, and phases. A tick makes the usual interval up to a fifth too short
_PERIODS, _N_PHASES = np.arange(0.80, 1.20, 0.005), 10
# What a period is given for each frame, if the whole recording keeps step with it to the point. Less than half of what
# it costs to lose every second frame: that is a lower rate
_BEAT = 0.25
# Frames for which it is looked for, and bins of the periodogram a frame, beyond which it is all gaps
_LONG, _MOST_BINS = 100, 100
# Of several periods that the times keep step with, the power beside the first, and how many
_MOIRE, _MOST_BEATS = 0.3, 3
_MOST_PIECES, _MOST_PERIODS = 64, 8
# Cost of a delay of one interval is 1, of one half a quarter; of a place where frames are lost this
_LOSS = 0.5
# Paths worse than the best by this are given up, and so many are kept
_HOPELESS, _MOST_PATHS = 30.0, 6
# Memory of the phase, frames: long beside jitter, short beside drift
_MEMORY = 25
# Delays (intervals) with which a frame needs no second thought
_NEAR = 0.4
# The earliest that a frame comes before its time, intervals
_EARLIEST = 0.6
# Frames lost at once after which the camera may have started anew
_NEW_PHASE = 5


@dataclass(frozen=True)
class Stretch:
    """Frames with one rate.

    Attributes
    ----------
    start, stop : int
        The first frame and the one after the last.
    interval : float
        Time between two frames (s).
    """

    start: int
    stop: int
    interval: float

    @property
    def fps(self) -> float:
        """Frames per second."""
        return 1 / self.interval


class Clock(NamedTuple):
    """What :func:`fit` finds.

    Attributes
    ----------
    stretches : tuple of Stretch
        They follow one another without a gap, and neighbours differ in rate.
    missing : ndarray of int64 [n - 1]
        Frames missing between each frame and the next, those that a pause would have held too.
    paused : ndarray of bool [n - 1]
        Whether the recording was paused between.
    """

    stretches: tuple[Stretch, ...]
    missing: Integers
    paused: NDArray[np.bool_]


def fit(times: Floats, frames: Integers) -> Clock:
    """Find the rates of a recording, and where frames were lost.

    Parameters
    ----------
    times : ndarray of float64 [n]
        Times (s), each later than the one before; two at least.
    frames : ndarray of int64 [n]
        Their frames: those left out between are there, but without a time.
    """
    steps, spans = np.diff(times), np.diff(frames)
    usual = float(np.median(steps / spans))
    missing = np.zeros(len(steps), np.int64)
    paused = steps > spans * usual + max(PAUSE, PAUSE_INTERVALS * usual)
    # more frames than have room: the clock was set back, and what follows is another line
    broken = paused | (steps < (spans - 2) * usual)
    edges = [0, *(np.flatnonzero(broken) + 1).tolist(), len(times)]
    found: list[Stretch] = []
    for first, stop in zip(edges[:-1], edges[1:], strict=True):
        part = slice(first, stop)
        stretches, lost = _fit_part(times[part], frames[part], usual)
        missing[first : stop - 1] = lost
        found += [Stretch(first + one.start, first + one.stop, one.interval) for one in stretches]
    for first in edges[1:-1]:
        interval = next(one.interval for one in found if one.start < first <= one.stop)
        missing[first - 1] = max(0, round(float(steps[first - 1]) / interval) - int(spans[first - 1]))
    joined = _joined(found)
    last = [*(int(frames[one.start]) for one in joined[1:]), int(frames[-1]) + 1]
    starts = [0, *last[:-1]]
    return Clock(
        tuple(Stretch(a, b, one.interval) for a, b, one in zip(starts, last, joined, strict=True)), missing, paused
    )


def _fit_part(times: Floats, frames: Integers, usual: float) -> tuple[list[Stretch], Integers]:
    """Fit what no pause interrupts. Stretches are in rows here, not in frames."""
    n = len(times)
    lost = np.zeros(max(n - 1, 0), np.int64)
    if n < 3:  # two frames have an interval, but no rate
        return [Stretch(0, n, usual)], lost
    interval, residual = _line(times, frames)
    straight = float(np.abs(residual).max()) < _STRAIGHT * interval
    if straight and n >= 2 * _PIECE:
        return [Stretch(0, n, interval)], lost
    if not straight and n >= 2 * _FEW:
        return _fit_bent(times, frames)
    # of few frames, a line may swallow one that is lost
    period, lost = _lost(times, frames, float(np.median(np.diff(times) / np.diff(frames))))
    _, bent = _line(times, frames + np.append(0, np.cumsum(lost)))
    # Schwarz's criterion: two more parameters for each loss, where and how many
    gain = n * np.log(_spread(residual / interval) / _spread(bent / interval))
    if gain <= np.log(n) * np.count_nonzero(lost):
        return [Stretch(0, n, interval)], np.zeros_like(lost)
    return [Stretch(0, n, period)], lost


def _spread(delays: Floats) -> float:
    """Give the root mean square of delays in intervals, no less than what rounding to milliseconds leaves."""
    return float(np.hypot(np.sqrt(np.mean(delays**2)), _ROUNDING))


def _fit_bent(times: Floats, frames: Integers) -> tuple[list[Stretch], Integers]:
    """Fit what is not on one line; as :func:`_fit_part`."""
    lost = np.zeros(len(times) - 1, np.int64)
    bounds = _stretches(times, frames)
    found = [_lost(times[start:stop], frames[start:stop], period) for start, stop, period in bounds]
    for i in range(len(bounds) - 1, 0, -1):  # two that are one after all
        if _same(found[i - 1][0], found[i][0]):
            start, stop, period = bounds[i - 1][0], bounds[i][1], found[i - 1][0]
            bounds[i - 1 : i + 1] = [(start, stop, period)]
            found[i - 1 : i + 1] = [_lost(times[start:stop], frames[start:stop], period)]
    for (start, stop, _), (_, inside) in zip(bounds, found, strict=True):
        lost[start : stop - 1] = inside
    found_in = [Stretch(start, stop, one[0]) for (start, stop, _), one in zip(bounds, found, strict=True)]
    places = frames + np.append(0, np.cumsum(lost))
    for before, after in pairwise(found_in):
        row = after.start
        span = _first(times, places, after) - _last(times, places, before)
        # frames at either rate may be between
        lost[row - 1] = max(0, round(span / max(before.interval, after.interval)) - int(frames[row] - frames[row - 1]))
    return found_in, lost


def _first(times: Floats, places: Integers, stretch: Stretch) -> float:
    """Give when a stretch's first frame was taken, by those that follow it; some may have come late."""
    part = slice(stretch.start, min(stretch.stop, stretch.start + _MEMORY))
    return float(np.median(times[part] - stretch.interval * (places[part] - places[stretch.start])))


def _last(times: Floats, places: Integers, stretch: Stretch) -> float:
    """Give when a stretch's last frame was taken, by those before it."""
    part = slice(max(stretch.start, stretch.stop - _MEMORY), stretch.stop)
    return float(np.median(times[part] + stretch.interval * (places[stretch.stop - 1] - places[part])))


def _line(times: Floats, places: Integers, groups: Integers | None = None) -> tuple[float, Floats]:
    """Give the slope of straight lines that are parallel, one for each group, and what they leave.

    What is far from the line is left out of the next, until nothing changes.
    """
    x, y = places.astype(np.float64), times - times[0]
    groups = np.zeros(len(x), np.int64) if groups is None else groups
    near = np.ones(len(x), bool)
    for _ in range(_LOOKS):
        counts = np.maximum(np.bincount(groups, near), 1)
        dx = x - (np.bincount(groups, near * x) / counts)[groups]
        dy = y - (np.bincount(groups, near * y) / counts)[groups]
        slope = float(dx[near] @ dy[near] / (dx[near] @ dx[near]))
        residual = dy - slope * dx
        scale = MAD_TO_SD * float(np.median(np.abs(residual)))
        before, near = near, np.abs(residual) <= 4 * scale + 1e-9
        if near.sum() < 0.5 * len(x) or not np.any(dx[near]) or np.array_equal(near, before):
            break
    return slope, residual


def _joined(found: list[Stretch]) -> list[Stretch]:
    """Make one of neighbours whose rates are the same, and of those too short to have a rate with the longer one."""
    joined = list(found)
    while len(joined) > 1:
        pairs = list(pairwise(joined))
        few = [min(one.stop - one.start, after.stop - after.start) for one, after in pairs]
        i = int(np.argmin(few))
        if few[i] >= _FEW:
            same = [_same(one.interval, after.interval) for one, after in pairs]
            if not any(same):
                break
            i = same.index(True)
        one, after = pairs[i]
        lengths = (one.stop - one.start, after.stop - after.start)
        if min(lengths) < _FEW:
            interval = (one if lengths[0] >= lengths[1] else after).interval
        else:
            interval = float(np.average([one.interval, after.interval], weights=lengths))
        joined[i : i + 2] = [Stretch(one.start, after.stop, interval)]
    return joined


def _same(one: float, other: float) -> bool:
    return abs(one / other - 1) < MIN_CHANGE


# Stretches of one rate ---------------------------------------------------------


def _stretches(times: Floats, frames: Integers) -> list[tuple[int, int, float]]:
    """Find where the rate changes: start, stop and period of each stretch, in rows."""
    n = len(times)
    edges = np.linspace(0, n, max(1, n // min(_PIECE, max(_SMALLEST_PIECE, n // 8))) + 1).astype(int)
    pieces = [(times[a:b], frames[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    periods = _candidates(pieces)
    costs = np.array([_costs(*piece, periods) for piece in pieces])
    beats, kept = _beats(times, float(np.median(np.diff(times) / np.diff(frames))))
    if len(beats):
        of_beats = [_costs(*piece, beats) - _BEAT * kept * len(piece[0]) for piece in pieces]
        periods, costs = np.append(periods, beats), np.append(costs, np.array(of_beats), axis=1)
    chosen = _cheapest(costs, np.abs(periods[:, None] / periods - 1) >= MIN_CHANGE)
    found = []
    start = 0
    for i in range(1, len(pieces) + 1):
        if i == len(pieces) or not _same(periods[chosen[i]], periods[chosen[i - 1]]):
            stop = int(edges[i])
            if i < len(pieces):
                around = slice(max(start, int(edges[i - 1])), int(edges[i + 1]))
                stop = around.start + _turn(times[around], frames[around], periods[chosen[i - 1]], periods[chosen[i]])
            if start < stop:  # the turn may be at the end of the next piece, and leave nothing of it
                used = chosen[np.searchsorted(edges, start, "right") - 1 : i]
                found.append((start, stop, float(np.median(periods[used]))))
            start = stop
    return found


def _candidates(pieces: list[tuple[Floats, Integers]]) -> Floats:
    """Give the periods that explain some of the pieces best."""
    looked_at = np.unique(np.linspace(0, len(pieces) - 1, _MOST_PIECES).astype(int))
    best = []
    for i in looked_at:
        times, frames = pieces[i]
        if len(times) < 3:
            continue
        usual = float(np.median(np.diff(times) / np.diff(frames)))
        # the slope is exact where nothing was lost, and is what jitter harms least
        tried = np.append(usual * _PERIODS, _line(times, frames)[0])
        costs = _costs(times, frames, tried)
        costs[-1] -= 0.1
        best.append(float(tried[np.argmin(costs)]))
    periods = np.sort(best)
    groups = np.split(periods, np.flatnonzero(np.diff(periods) / periods[:-1] > MIN_CHANGE / 3) + 1)
    groups = sorted(groups, key=len, reverse=True)[:_MOST_PERIODS]
    return np.array([np.median(group) for group in groups])


def _beats(times: Floats, usual: float) -> tuple[Floats, Floats]:
    """Find periods with which all times of a long recording keep step, however late and however many are missing.

    The sum of exp(2 pi i time / period) is long at the period of the camera, for lost frames leave it as it is. That
    is the Rayleigh test of a periodogram; none where nothing stands out. Where stamps lie on a tick, so do others, as
    moire does. With each period comes how well the times keep step: the square of the mean of those numbers, 1 without
    any jitter.
    """
    none = np.zeros(0), np.zeros(0)
    bin_width = usual * _PERIODS[0] / 6
    if len(times) < _LONG or times[-1] - times[0] > _MOST_BINS * len(times) * bin_width:
        return none
    counts = np.bincount(((times - times[0]) / bin_width).astype(np.int64))
    n_bins = 1 << (2 * len(counts) - 1).bit_length()
    power = np.abs(np.fft.rfft(counts, n_bins)) ** 2 / len(times)
    frequency = np.arange(len(power)) / (n_bins * bin_width)
    near = np.flatnonzero((frequency * usual * _PERIODS[-1] > 1) & (frequency * usual * _PERIODS[0] < 1))
    if not len(near):
        return none
    found: list[int] = []
    seen = power[near]
    least = max(4 + 2 * np.log(len(near)), _MOIRE * float(seen.max()))
    while len(found) < _MOST_BEATS and seen.max() > least:
        best = int(near[np.argmax(seen)])
        found.append(best)
        seen[np.abs(frequency[near] / frequency[best] - 1) < MIN_CHANGE] = 0
    return 1 / frequency[found], np.minimum(1.0, power[found] / len(times))


def _costs(times: Floats, frames: Integers, periods: Floats) -> Floats:
    """Give what is left to explain of a piece, for each of some periods, at the phase that is best for it."""
    phases = np.arange(_N_PHASES) / _N_PHASES
    x = (times - times[0]) / periods[:, None] - (frames - frames[0])
    x = x[:, None, :] - phases[:, None]
    lost = np.minimum.accumulate(np.round(x)[..., ::-1], axis=-1)[..., ::-1]  # what was lost does not come back
    delay = np.abs(x - lost)
    cost = np.minimum(delay**2, 1.0).sum(axis=-1) + _LOSS * np.count_nonzero(np.diff(lost, axis=-1), axis=-1)
    best: Floats = cost.min(axis=-1)
    return best


def _cheapest(costs: Floats, differ: NDArray[np.bool_]) -> Integers:
    """Choose a period for each piece, where changing it costs (Viterbi's algorithm)."""
    change = np.where(differ, _NEW_STRETCH, 0.0)
    total = costs[0]
    before = np.zeros(costs.shape, np.int64)
    for i in range(1, len(costs)):
        reach = total[:, None] + change
        before[i] = reach.argmin(axis=0)
        total = reach.min(axis=0) + costs[i]
    chosen = np.zeros(len(costs), np.int64)
    chosen[-1] = total.argmin()
    for i in range(len(costs) - 1, 0, -1):
        chosen[i - 1] = before[i, chosen[i]]
    return chosen


def _turn(times: Floats, frames: Integers, first: float, second: float) -> int:
    """Find the row at which one period is followed by another: that of the least error of the intervals."""
    steps = np.diff(times) / np.diff(frames)
    errors = np.minimum(np.abs(np.array([steps / first, steps / second]) - 1), 1)
    before = np.append(0, np.cumsum(errors[0]))
    after = np.append(np.cumsum(errors[1][::-1])[::-1], 0)
    return int(np.argmin(before + after)) + 1 if len(steps) else 0


# Lost frames -------------------------------------------------------------------


def _lost(times: Floats, frames: Integers, period: float) -> tuple[float, Integers]:
    """Give the interval of a stretch, and the frames lost before each but its first."""
    none = np.zeros(max(len(times) - 1, 0), np.int64)
    if len(times) < 3:
        return period, none
    start: float | None = None
    for _ in range(3):
        lost = _follow(times / period - frames, start)
        places = frames + np.append(0, np.cumsum(lost))
        # after a long gap the camera started anew, at any phase
        interval, _ = _line(times, places, np.append(0, np.cumsum(lost >= _NEW_PHASE)))
        # the phase at the start, as seen by the frames that follow it
        phase = times / interval - places
        again = float(np.median(phase[:_MEMORY]))
        if start is not None and abs(interval / period - 1) < 1e-4 and abs(start - again) < 0.05:
            break
        period, start = interval, again
    return interval, _settled(times / interval - frames, lost)


def _settled(phases: Floats, lost: Integers) -> Integers:
    """Count what long gaps swallowed by where the phase settles: the first frames after one come late."""
    lost = lost.copy()
    for i in np.flatnonzero(lost >= _NEW_PHASE).tolist():
        steady = phases - np.append(0, np.cumsum(np.where(np.arange(len(lost)) == i, 0, lost)))
        before, after = steady[max(0, i + 1 - _MEMORY) : i + 1], steady[i + 1 : i + 1 + _MEMORY]
        if min(len(before), len(after)) >= _MEMORY // 2:
            lost[i] = max(1, round(float(np.median(after) - np.median(before))))
    return lost


class _Path(NamedTuple):
    """One explanation of the frames so far: its cost, frames lost, phase, frames seen, and where frames were lost."""

    cost: float
    lost: int
    phase: float
    seen: int
    trail: tuple | None  # type: ignore[type-arg]  # (row, frames lost, trail before)


def _follow(phases: Floats, start: float | None) -> Integers:
    """Follow the phase (intervals) of a stretch's frames and give how many were lost before each but the first."""
    rows = phases.tolist()
    paths = [_Path(0.0, 0, rows[0] if start is None else start, 0 if start is None else _MEMORY, None)]
    for row, phase in enumerate(rows):
        if len(paths) == 1:
            path = paths[0]
            delay = phase - path.lost - path.phase
            if -_NEAR < delay < _NEAR:
                seen = path.seen + 1 if path.seen < _MEMORY else path.seen
                paths = [path._replace(phase=path.phase + delay / (seen + 1), seen=seen)]
                continue
        paths = _branched(paths, row, phase)
    lost = np.zeros(len(rows), np.int64)
    trail = paths[0].trail
    while trail is not None:
        row, n, trail = trail
        lost[row] = n
    return lost[1:]


def _branched(paths: list[_Path], row: int, phase: float) -> list[_Path]:
    """Give the best paths after one more frame."""
    best: dict[int, _Path] = {}
    for path in paths:
        delay = phase - path.lost - path.phase
        # frames come late, but hardly ever as early as this: only what explains this frame with one of them is tried
        whole = int(delay // 1)
        for more in {0, *(n for n in (whole, whole + 1) if n > 0 and row and delay - n > -_EARLIEST)}:
            left = delay - more
            far = abs(left)
            cost = path.cost + (far * far if far < 1 else 2 * far - 1) + (_LOSS if more else 0.0)
            lost = path.lost + more
            if lost in best and best[lost].cost <= cost:
                continue
            seen = 1 if more >= _NEW_PHASE else min(path.seen + 1, _MEMORY)
            moved = path.phase + min(max(left, -0.5), 0.5) / (seen + 1)
            best[lost] = _Path(cost, lost, moved, seen, (row, more, path.trail) if more else path.trail)
    ranked = sorted(best.values())[:_MOST_PATHS]
    least = ranked[0].cost
    return [path._replace(cost=path.cost - least) for path in ranked if path.cost - least < _HOPELESS]
