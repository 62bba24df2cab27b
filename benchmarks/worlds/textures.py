"""Images of nothing in particular: smooth and scale-free noise, vessels."""

from __future__ import annotations

import cv2
import numpy as np


def smooth(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise [height, width] of mean 0 and variance 1, smooth over ``sigma`` pixels."""
    field = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), sigma)
    return (field - field.mean()) / field.std()


def scale_free(shape: tuple[int, int], power: float, rng: np.random.Generator) -> np.ndarray:
    """Noise [height, width] of mean 0 and variance 1 whose amplitude falls with spatial frequency as ``1/f**power``."""
    height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) / frequency**power, shape)
    return ((field - field.mean()) / field.std()).astype(np.float32)


def vessel_tree(side: int, rng: np.random.Generator, roots: int, width: float, wider: float = 1.0) -> np.ndarray:
    """Darkness [side, side], 0 to 1, of vessels that enter at the border and branch.

    ``width`` is that of a root in pixels; ``wider`` widens all of them, the course being the same for the same numbers.
    """
    fine = 4
    canvas = np.zeros((side * fine, side * fine), np.uint8)
    for _ in range(roots):
        angle = rng.uniform(0, 2 * np.pi)
        start = side * (0.5 + 0.68 * np.array([np.sin(angle), np.cos(angle)]))
        branches = [(start, angle + np.pi + rng.normal(0, 0.4), width * rng.uniform(0.7, 1.2))]
        while branches:
            point, heading, thick = branches.pop()
            for _ in range(int(rng.uniform(0.3, 0.7) * side / 2)):
                heading += rng.normal(0, 0.13)
                ahead = point + 2 * np.array([np.sin(heading), np.cos(heading)])
                ends = [tuple(int(v) for v in np.rint(fine * p[::-1])) for p in (point, ahead)]
                cv2.line(canvas, *ends, 255, max(1, round(fine * thick * wider)), cv2.LINE_AA)
                point, thick = ahead, thick * 0.996
            if thick > 1.2 and len(branches) < 12:
                for turn in (-1, 1):
                    branches.append((point, heading + turn * rng.uniform(0.3, 0.8), thick * rng.uniform(0.6, 0.8)))
    small = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.GaussianBlur(small, (0, 0), 1.4)
