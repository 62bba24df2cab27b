"""When cells fire and how an indicator shows it."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import lfilter


def spike_times(seconds: float, rng: np.random.Generator, rate: float, burst: float, interval: float) -> np.ndarray:
    """Moments (s) at which a cell fires: events at ``rate`` (Hz), each of a geometric number of spikes.

    Parameters
    ----------
    seconds : float
        Time to fill.
    rng : Generator
        Source of the moments.
    rate : float
        Events a second.
    burst : float
        Mean number of spikes in an event, at least 1.
    interval : float
        Mean time between the spikes of an event, s; log-normally spread.
    """
    starts = np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds)))
    gaps = [interval * rng.lognormal(0, 0.4, rng.geometric(1 / burst) - 1) for _ in starts]
    times = [start + np.r_[0, np.cumsum(gap)] for start, gap in zip(starts, gaps, strict=True)]
    every = np.sort(np.concatenate([*times, np.zeros(0)]))
    return every[every < seconds]


def calcium(
    times: np.ndarray, weights: np.ndarray, frames: int, fps: float, rise: float, decay: float, lead: float
) -> tuple[np.ndarray, np.ndarray]:
    """Calcium that the indicator shows in each frame, and the spikes in it.

    A spike is answered by ``exp(-t/decay) - exp(-t/rise)``, scaled to a peak of 1; a frame shows the mean over its
    exposure.

    Parameters
    ----------
    times, weights : float [spike]
        Moment (s, from ``lead`` seconds before the first frame) and size of each spike.
    frames : int
        Number of frames.
    fps : float
        Frames a second.
    rise, decay : float
        Time constants, s.
    lead : float
        Seconds before the first frame, so that a recording does not begin in silence.

    Returns
    -------
    C, S : float32 [frame]
    """
    # bins that resolve the rise, a whole number in each frame
    fine = min(max(4, math.ceil(3 / (fps * rise))), 60)
    step = 1 / (fps * fine)
    before = math.ceil(lead * fps) * fine
    total = before + frames * fine
    fired = np.zeros(total)
    np.add.at(fired, np.clip(((times - lead) / step + before).astype(int), 0, total - 1), weights)
    slow, fast = np.exp(-step / decay), np.exp(-step / rise)
    seen = lfilter([1.0], [1.0, -slow], fired) - lfilter([1.0], [1.0, -fast], fired)
    top = math.log(decay / rise) * rise * decay / (decay - rise)
    seen /= math.exp(-top / decay) - math.exp(-top / rise)
    parts = (values[before:].reshape(frames, fine) for values in (seen, fired))
    mean, count = next(parts).mean(axis=1), next(parts).sum(axis=1)
    return mean.astype(np.float32), count.astype(np.float32)


def wandering(frames: int, fps: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Ornstein-Uhlenbeck process [frame] of unit variance that forgets itself within ``seconds``."""
    keep = np.exp(-1 / (fps * seconds))
    drive = rng.standard_normal(frames) * np.sqrt(1 - keep**2)
    drive[0] = rng.standard_normal()
    return lfilter([1.0], [1.0, -keep], drive)


def pink(frames: int, rng: np.random.Generator, power: float = 1.0) -> np.ndarray:
    """Noise [frame] of unit variance whose power falls with frequency as ``1 / f ** power``."""
    spectrum = np.fft.rfft(rng.standard_normal(frames))
    frequency = np.arange(len(spectrum))
    frequency[0] = 1
    values = np.fft.irfft(spectrum / frequency ** (power / 2), frames)
    return (values - values.mean()) / values.std()
