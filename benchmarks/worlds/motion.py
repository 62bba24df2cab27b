"""How the brain moves under the lens."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .kinetics import wandering

# more than any of these movements, so that the margin around the field holds
FARTHEST = 9.0


def jumpy(frames: int, fps: float, rng: np.random.Generator, amount: float) -> np.ndarray:
    """Displacement [frame, 2] (dy, dx), pixels: jitter, a slow drift, steps, and jumps that return within a second.

    ``amount`` scales it; 1 gives jumps of about 3 pixels.
    """
    t = np.arange(frames) / fps
    jitter = gaussian_filter1d(rng.standard_normal((frames, 2)), 0.04 * fps + 0.3, axis=0)
    path = 0.25 * jitter * np.sqrt(0.04 * fps + 1)
    path += rng.uniform(-1.5, 1.5, 2) * (t / t[-1])[:, None]
    for start in rng.uniform(0, t[-1], rng.poisson(0.08 * t[-1])):
        after = t - start
        course = np.where(after > 0, np.exp(-np.maximum(after, 0) / rng.uniform(0.2, 0.8)), 0)
        path += course[:, None] * rng.normal(0, 2.5, 2)
    for start in rng.uniform(0, t[-1], rng.poisson(0.02 * t[-1])):
        path += (t > start)[:, None] * rng.normal(0, 1.0, 2)
    return np.clip(amount * (path - path.mean(axis=0)), -FARTHEST, FARTHEST).astype(np.float32)


def breathing(frames: int, fps: float, rng: np.random.Generator, amount: float) -> np.ndarray:
    """Displacement [frame, 2] (dy, dx), pixels: a breath of varying depth along one direction on a wandering place."""
    t = np.arange(frames) / fps
    angle, rate = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 2.5)
    phase = 2 * np.pi * rate * t + wandering(frames, fps, 5, rng)
    depth = 0.6 + 0.2 * wandering(frames, fps, 10, rng)
    breath = (depth * np.sin(phase))[:, None] * [np.sin(angle), np.cos(angle)]
    place = np.stack([wandering(frames, fps, 4, rng) for _ in range(2)], axis=1)
    return np.clip(amount * (breath + 1.3 * place), -FARTHEST, FARTHEST).astype(np.float32)
