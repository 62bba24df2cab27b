"""Cells planted into another background: a real movie's, or one that is drawn without any of the usual assumptions.

The drawn background is scale-free in space and time: textures without a size, dark ridges for vessels, blobs that float
by, a lamp that flickers. Nothing in it looks like a ring around a cell. The cells are level sets of random fields with
spikes of varying size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import scipy.sparse as sp
from scipy import ndimage

from . import kinetics, motion
from .camera import noise_of, to_levels
from .detectable import detectable
from .frames import read_movie
from .made import Made, generator
from .textures import scale_free

MARGIN = 16
LEAD = 10.0
GAIN, READ, DARK = 0.05, 1.5, 4.0


@dataclass(frozen=True)
class Hybrid:
    """Knobs of a planted recording.

    Attributes
    ----------
    seed : int
        Seed of everything random.
    px : int
        Side of the square field, pixels; a real background is cut to its middle, or enlarged.
    seconds, fps : float
        Length (s) and frame rate (Hz).
    radius : float
        Mean radius of a cell, pixels.
    cells : int
        How many are planted.
    rise, decay : float
        Time constants of the indicator, s.
    snr : float
        Median over the cells of the peak of an average spike over the noise of a pixel.
    background : float
        Of what changes in a drawn background.
    noise : float
        Of the camera before a drawn background.
    motion : float
        1 for a wandering of 1.3 pixels with a breath of 0.6. A real background is moved by whole pixels, on top of
        what it moves by itself, which nobody knows; 0 leaves it as it is.
    movie : str
        A real background: an AVI, TIFF or NPY file or a folder of AVIs. It is played forwards and backwards. Empty for
        a drawn one.
    """

    seed: int = 1
    px: int = 176
    seconds: float = 60.0
    fps: float = 20.0
    radius: float = 5.0
    cells: int = 45
    rise: float = 0.08
    decay: float = 0.7
    snr: float = 3.0
    background: float = 1.0
    noise: float = 1.0
    motion: float = 1.0
    movie: str = ""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.seconds * self.fps)

    def make(self) -> Made:
        """Plant the cells."""
        side = self.px + 2 * MARGIN
        shapes = _shapes(self, side)
        C, S = _activity(self)
        shifts = motion.breathing(self.frames, self.fps, generator(self.seed, 5), self.motion)
        behind = _Real(self) if self.movie else _Drawn(self, side)
        if self.movie:
            shifts = np.rint(shifts)
        cells = shapes * behind.noise * self.snr
        lit = sp.csr_matrix(cells.reshape(len(cells), side**2).T)
        movie = np.empty((self.frames, self.px, self.px), np.uint8)
        for t in range(self.frames):
            movie[t] = behind.record(t, (lit @ C[:, t]).reshape(side, side), shifts[t])
        inner = slice(MARGIN, MARGIN + self.px)
        A = cells[:, inner, inner]
        inside = A.sum(axis=(1, 2)) / np.maximum(cells.sum(axis=(1, 2)), 1e-9)
        visible = detectable(A, C, S, noise_of(movie), inside)
        seen = A.max(axis=(1, 2), initial=0) > 0
        truth = (A[seen].astype(np.float32), C[seen], S[seen], shifts, visible[seen])
        return Made(movie, self.fps, *truth, np.zeros(self.frames, bool))


def _shapes(knobs: Hybrid, side: int) -> np.ndarray:
    """Footprints [cell, side, side], peak 1 on average: level sets of random fields around a place."""
    rng = generator(knobs.seed, 1)
    images = np.zeros((knobs.cells, side, side), np.float32)
    places: list[np.ndarray] = []
    while len(places) < knobs.cells:
        place = rng.uniform(MARGIN / 2, side - MARGIN / 2, 2)
        if all(np.hypot(*(place - other)) > knobs.radius for other in places[-400:]):
            places.append(place)
    for image, place in zip(images, places, strict=True):
        size = knobs.radius * rng.lognormal(0, 0.15)
        half = int(3 * size) + 2
        y, x = np.mgrid[-half : half + 1, -half : half + 1]
        turn, long = rng.uniform(0, np.pi), rng.uniform(1.0, 1.5)
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        rough = cv2.GaussianBlur(rng.standard_normal(y.shape).astype(np.float32), (0, 0), 0.45 * size)
        field = 1 - ((u / long) ** 2 + (v * long) ** 2) / size**2 + 0.35 * rough / rough.std()
        parts, _ = ndimage.label(field > 0)
        largest = np.argmax(np.bincount(parts.ravel())[1:]) + 1
        own = parts == (parts[half, half] or largest)
        shape = cv2.GaussianBlur(np.where(own, np.maximum(field, 0) ** 0.6, 0).astype(np.float32), (0, 0), 0.8)
        shape *= rng.lognormal(0, 0.4) / shape.max()
        _paste(image, shape, np.rint(place).astype(int) - half)
    return images


def _paste(image: np.ndarray, part: np.ndarray, corner: np.ndarray) -> None:
    (y, x), (h, w) = corner, part.shape
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + h, image.shape[0]), min(x + w, image.shape[1])
    image[top:bottom, left:right] += part[top - y : bottom - y, left - x : right - x]


def _activity(knobs: Hybrid) -> tuple[np.ndarray, np.ndarray]:
    """Calcium and spikes: quiet for long, then trains of spikes of varying size."""
    rng = generator(knobs.seed, 2)
    C, S = np.zeros((2, knobs.cells, knobs.frames), np.float32)
    for k in range(knobs.cells):
        singles = kinetics.spike_times(knobs.seconds + LEAD, rng, 0.06 * rng.lognormal(0, 0.4), 1.0, 0.1)
        trains = kinetics.spike_times(knobs.seconds + LEAD, rng, 0.05 * rng.lognormal(0, 0.4), 6.0, 0.15)
        times = np.sort(np.concatenate([singles, trains]))
        sizes = rng.gamma(6, 1 / 6, len(times))
        C[k], S[k] = kinetics.calcium(times, sizes, knobs.frames, knobs.fps, knobs.rise, knobs.decay, LEAD)
    return C, S


class _Drawn:
    """A drawn background and the camera before it."""

    def __init__(self, knobs: Hybrid, side: int):
        rng = generator(knobs.seed, 3)
        self.px, self.knobs, self.rng = knobs.px, knobs, generator(knobs.seed, 4)
        frames, shape = knobs.frames, (side, side)
        ridges = np.exp(-((scale_free(shape, 2.6, rng) / 0.035) ** 2)) * (scale_free(shape, 2.6, rng) > -0.3)
        dark = 1 - 0.45 * cv2.GaussianBlur(ridges.astype(np.float32), (0, 0), 1.0)
        self.still = 75 * np.exp(0.3 * scale_free(shape, 1.8, rng)) * dark
        modes = 8
        self.maps = np.stack([scale_free(shape, rng.uniform(1.4, 2.2), rng) * dark for _ in range(modes)])
        self.courses = np.stack([kinetics.pink(frames, rng, rng.uniform(0.8, 1.6)) for _ in range(modes)])
        self.courses = (1.6 * knobs.background * self.courses).astype(np.float32)
        self.lamp = 1 + 0.008 * knobs.background * kinetics.pink(frames, rng)
        blobs = 6
        speed, width = rng.uniform(0.5, 4, blobs), rng.uniform(8, 25, blobs)
        self.width, self.bright = width, knobs.background * rng.uniform(2, 6, blobs) * rng.choice([-0.7, 1], blobs)
        heading = rng.uniform(0, 2 * np.pi, blobs)
        t = np.arange(frames) / knobs.fps
        way = np.stack([np.sin(heading), np.cos(heading)], axis=1)[:, :, None] * (speed[:, None] * t)[:, None]
        self.path = (rng.uniform(0, side, (blobs, 2, 1)) + way) % (side + 100) - 50
        self.sensitivity = 1 + 0.01 * rng.standard_normal((knobs.px, knobs.px)).astype(np.float32)
        self.grid = np.mgrid[:side:4, :side:4].astype(np.float32)
        level = float(np.median(self.still))
        self.noise = knobs.noise * float(np.sqrt(GAIN * level + READ**2))

    def record(self, t: int, cells: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Frame [px, px] with the light of the cells."""
        light = self.still + np.tensordot(self.courses[:, t], self.maps, 1) + cells
        floating = np.zeros(self.grid.shape[1:], np.float32)
        for (cy, cx), width, bright in zip(self.path[:, :, t], self.width, self.bright, strict=True):
            floating += bright * np.exp(-0.5 * ((self.grid[0] - cy) ** 2 + (self.grid[1] - cx) ** 2) / width**2)
        light += cv2.resize(floating, light.shape, interpolation=cv2.INTER_CUBIC)
        where = np.array([[1, 0, MARGIN - shift[1]], [0, 1, MARGIN - shift[0]]], np.float64)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(light.astype(np.float32), where, (self.px, self.px), flags=flags)
        seen = np.maximum(seen * self.sensitivity * np.float32(self.lamp[t]), 0)
        spread = self.knobs.noise * np.sqrt(GAIN * seen + READ**2)
        return to_levels(seen + DARK + spread * self.rng.standard_normal(seen.shape, np.float32))


class _Real:
    """A real movie as background."""

    def __init__(self, knobs: Hybrid):
        side = knobs.px + 2 * MARGIN
        movie = read_movie(Path(knobs.movie).expanduser())
        self.px, self.movie = knobs.px, _square(movie, side if knobs.motion else knobs.px)
        self.noise = float(np.median(noise_of(self.movie)))
        self.motion = bool(knobs.motion)

    def record(self, t: int, cells: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Frame [px, px] with the light of the cells."""
        n = len(self.movie)
        turn = t % max(2 * n - 2, 1)
        behind = self.movie[turn if turn < n else 2 * n - 2 - turn].astype(np.float32)
        dy, dx = (MARGIN - int(v) for v in shift)
        planted = cells[dy : dy + self.px, dx : dx + self.px]
        if self.motion:
            behind = behind[dy : dy + self.px, dx : dx + self.px]
        # what is between two grey levels is decided by chance, or faint cells would vanish
        between = planted + behind
        low = np.floor(between)
        chance = generator(t, 77).random(between.shape)
        return np.clip(low + (chance < between - low), 0, 255).astype(np.uint8)


def _square(movie: np.ndarray, side: int) -> np.ndarray:
    """Middle [frame, side, side] of a movie, enlarged if it is smaller."""
    height, width = movie.shape[1:]
    least = min(height, width)
    if least < side:
        size = (round(width * side / least), round(height * side / least))
        movie = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC) for frame in movie])
        height, width = movie.shape[1:]
    y, x = (height - side) // 2, (width - side) // 2
    return movie[:, y : y + side, x : x + side]
