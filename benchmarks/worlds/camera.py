"""From light to grey levels: shot noise, read noise, fixed patterns, eight bits; and back to what noise a movie has."""

from __future__ import annotations

import cv2
import numpy as np

# standard deviation of a difference of two equal normal values, per median absolute difference
MAD = 1.4826 / np.sqrt(2)


def expose(
    light: np.ndarray, rng: np.random.Generator, dark: float, gain: float, read: float, offset: np.ndarray | float = 0.0
) -> np.ndarray:
    """Record light.

    Parameters
    ----------
    light : float32 [height, width]
        Grey levels above the dark one that would be seen without noise.
    rng : Generator
        Source of the noise.
    dark : float
        Grey level without light.
    gain : float
        Grey levels per photoelectron, so that the variance of the shot noise is ``gain * light``.
    read : float
        Standard deviation of the read noise, grey levels.
    offset : float [height, width]
        Pattern that the electronics add.

    Returns
    -------
    uint8 [height, width]
    """
    light = np.maximum(light, 0)
    noisy = light + np.sqrt(gain * light + read**2) * rng.standard_normal(light.shape, np.float32)
    return to_levels(noisy + dark + offset)


def to_levels(values: np.ndarray) -> np.ndarray:
    """Round to 8 bits."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def noise_of(movie: np.ndarray) -> np.ndarray:
    """Estimate the standard deviation of the noise at each pixel from differences of successive frames.

    Parameters
    ----------
    movie : uint8 [frame, height, width]

    Returns
    -------
    float32 [height, width]
    """
    some = movie[: 2 * (min(len(movie), 600) // 2)].astype(np.float32)
    return np.sqrt(np.mean((some[1::2] - some[::2]) ** 2, axis=0) / 2).astype(np.float32)


def shot_noise(movie: np.ndarray) -> tuple[float, float, float]:
    """Fit how the noise grows with the brightness.

    Returns
    -------
    dark, gain, floor : float
        Darkest level of the mean image; variance per grey level above it; variance at it. The robust spread of
        successive differences is used, so that rare changes (motion) count little.
    """
    some = movie[: 2 * (min(len(movie), 600) // 2)].astype(np.float32)
    variance = (MAD * np.median(np.abs(some[1::2] - some[::2] + 1e-3), axis=0)) ** 2
    variance = cv2.blur(variance, (9, 9))
    mean = cv2.blur(some.mean(axis=0), (9, 9))
    dark = float(mean.min())
    slope, at_dark = np.polyfit((mean - dark).ravel(), variance.ravel(), 1)
    return dark, max(float(slope), 0.01), max(float(at_dark), 0.25)


def dimmed(movie: np.ndarray, factor: np.ndarray, rng: np.random.Generator, black: float = 0.0) -> np.ndarray:
    """Show a movie with less light, with the shot noise that belongs to less light.

    Scaling scales the noise too, by the factor; shot noise falls by its square root only and read noise not at all, so
    the rest is added.

    Parameters
    ----------
    movie : uint8 [frame, height, width]
    factor : float [frame]
        Light that is left, 0 to 1.
    rng : Generator
        Source of the noise that is added.
    black : float
        Grey level without light.
    """
    dark, gain, floor = shot_noise(movie)
    read = max(floor - gain * (dark - black), 0.25)
    out = np.empty_like(movie)
    for t, (frame, part) in enumerate(zip(movie, np.broadcast_to(factor, len(movie)), strict=True)):
        light = np.maximum(frame.astype(np.float32) - black, 0) * np.float32(part)
        missing = np.maximum(gain * light * (1 - part) + read * (1 - part**2), 0)
        added = np.sqrt(missing).astype(np.float32) * rng.standard_normal(light.shape, np.float32)
        out[t] = frame if part == 1 else to_levels(light + added + black)
    return out
