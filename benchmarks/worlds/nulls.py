"""Movies in which no cell can be found, made of ones that have cells.

Fields that never had any are the generators' own, by ``density=0`` or ``cells=0``.
"""

from __future__ import annotations

import cv2
import numpy as np

from .camera import dimmed, expose, to_levels
from .made import Made


def shuffled(made: Made, rng: np.random.Generator, block: int = 1) -> Made:
    """Each pixel (or block of pixels) plays its time course from another moment on: no two have one in common.

    The mean image and how each pixel changes stay; the movie must not move, so that of the field without motion counts
    as tissue: use it on recordings made with ``motion=0``.
    """
    height, width = made.movie.shape[1:]
    movie = made.movie.copy()
    for y in range(0, height, block):
        for x in range(0, width, block):
            part = movie[:, y : y + block, x : x + block]
            part[:] = np.roll(part, rng.integers(len(movie)), axis=0)
    return made.hidden(movie)


def phases(made: Made, rng: np.random.Generator) -> Made:
    """Change around the mean image with random phases in space and time: its power spectrum, and nothing of its forms.

    What was in one place for a moment is everywhere at all times, as bright as dark.
    """
    movie = made.movie
    mean = movie.mean(axis=0)
    change = np.fft.rfftn(movie - mean.astype(np.float32))
    noise = np.fft.rfftn(rng.standard_normal(movie.shape, np.float32))
    # the phases of real noise have the symmetry that makes a real movie
    change = np.abs(change) * np.exp(1j * np.angle(noise))
    return made.hidden(to_levels(np.fft.irfftn(change, movie.shape) + mean))


def bleached_out(made: Made, rng: np.random.Generator, left: float = 0.01) -> Made:
    """Nearly all light is gone: ``left`` of it, with the noise that belongs to so little."""
    return made.hidden(dimmed(made.movie, np.full(len(made.movie), left), rng, black=4.0))


def defocused(made: Made, rng: np.random.Generator, sigma: float = 14.0) -> Made:
    """The lens is far from its focus: light smeared over ``sigma`` pixels, with the noise that the movie had."""
    from .camera import shot_noise

    dark, gain, floor = shot_noise(made.movie)
    movie = np.empty_like(made.movie)
    for t, frame in enumerate(made.movie):
        smeared = cv2.GaussianBlur(frame.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        movie[t] = expose(smeared - dark, rng, dark, gain, np.sqrt(floor))
    return made.hidden(movie)
