"""What goes wrong with recordings, done to a clean one. Each takes the recording and random numbers, then its knobs."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from .camera import dimmed, to_levels
from .made import Made

# grey level of a frame without light
BLACK = 4


def _nothing(made: Made) -> np.ndarray:
    return np.zeros(len(made.movie), bool)


def _dark(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return to_levels(BLACK + 1.2 * rng.standard_normal(shape, np.float32))


def _some(made: Made, rng: np.random.Generator, count: int) -> np.ndarray:
    """Frames [count] that lie apart from one another and from both ends."""
    slots = np.linspace(5, len(made.movie) - 5, count + 1)
    return np.array([rng.integers(int(a) + 1, int(b) - 1) for a, b in zip(slots[:-1], slots[1:], strict=True)])


# ---------------------------------------------------------------------------------------------------- time and order


def twice(made: Made, rng: np.random.Generator) -> Made:
    """Each frame twice in a row, at twice the rate."""
    again = np.repeat(np.arange(len(made.movie)), 2)
    first = (np.arange(len(again)) % 2 == 0).astype(np.float32)
    return replace(
        made,
        movie=made.movie[again],
        fps=2 * made.fps,
        C=made.C[:, again],
        S=made.S[:, again] * first,
        shifts=made.shifts[again],
        spoiled=made.spoiled[again],
    )


def stalled(made: Made, rng: np.random.Generator, part: float = 0.5) -> Made:
    """A camera that delivers the last frame again instead of a part of the frames."""
    again = rng.random(len(made.movie)) < part
    again[0] = False
    source = np.maximum.accumulate(np.where(again, 0, np.arange(len(again))))
    return made.seen(made.movie[source])


def binned(made: Made, rng: np.random.Generator, frames: int = 4) -> Made:
    """Mean of some frames in a row as one, with the rate that belongs to it."""
    n = len(made.movie) // frames

    def together(values, axis=0):
        values = np.moveaxis(values, axis, 0)[: n * frames]
        return np.moveaxis(values.reshape(n, frames, *values.shape[1:]), 1, 0)

    movie = np.stack([np.mean(block, axis=0, dtype=np.float32) for block in np.split(made.movie[: n * frames], n)])
    return replace(
        made,
        movie=to_levels(movie),
        fps=made.fps / frames,
        C=np.moveaxis(together(made.C, 1).mean(axis=0), 0, -1),
        S=np.moveaxis(together(made.S, 1).sum(axis=0), 0, -1),
        shifts=together(made.shifts).mean(axis=0),
        spoiled=together(made.spoiled).any(axis=0),
    )


def averaged(made: Made, rng: np.random.Generator, frames: int = 5) -> Made:
    """Running mean over some frames, as programs for denoising do: the noise of successive frames is alike."""
    total = np.cumsum(np.pad(made.movie, ((frames // 2 + 1, (frames - 1) // 2), (0, 0), (0, 0)), "edge"), 0, np.float32)
    return made.seen(to_levels((total[frames:] - total[:-frames]) / frames))


def smoothed(made: Made, rng: np.random.Generator, sigma: float = 1.5) -> Made:
    """Each frame blurred over ``sigma`` pixels: the noise of neighbouring pixels is alike."""
    return made.seen(np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in made.movie]))


def denoised(made: Made, rng: np.random.Generator, side: int = 22, rank: int = 4) -> Made:
    """Blocks of ``side`` pixels by their first ``rank`` principal components: hardly any noise is left."""
    movie = made.movie.copy()
    height, width = movie.shape[1:]
    for y in range(0, height, side):
        for x in range(0, width, side):
            block = movie[:, y : y + side, x : x + side].astype(np.float32).reshape(len(movie), -1)
            mean = block.mean(axis=0)
            _, vectors = np.linalg.eigh((block - mean).T @ (block - mean))
            main = vectors[:, -rank:]
            kept = (block - mean) @ main @ main.T + mean
            movie[:, y : y + side, x : x + side] = to_levels(kept).reshape(movie[:, y : y + side, x : x + side].shape)
    return made.seen(movie)


# ------------------------------------------------------------------------------------------------------------- place


def step(made: Made, rng: np.random.Generator, px: int = 25, at: float = 0.5) -> Made:
    """From ``at`` of the recording on the brain is ``px`` pixels lower and a quarter of that further to the right.

    The field becomes smaller by as much, its sides even. Cells that only one of the two parts shows whole do not count
    as detectable.
    """
    n, (height, width) = len(made.movie), made.movie.shape[1:]
    dy, dx = px, px // 4
    after = np.arange(n) >= at * n
    # codecs cut odd sides
    h, w = (height - dy) // 2 * 2, (width - dx) // 2 * 2
    before = (slice(None), slice(dy, dy + h), slice(dx, dx + w))
    movie = np.where(after[:, None, None], made.movie[:, :h, :w], made.movie[before])
    A = made.A[before]
    share = [part.sum(axis=(1, 2)) / np.maximum(made.A.sum(axis=(1, 2)), 1e-9) for part in (A, made.A[:, :h, :w])]
    return replace(
        made,
        movie=movie,
        A=A,
        shifts=made.shifts + after[:, None] * np.array([dy, dx], np.float32),
        detectable=made.detectable & (np.minimum(*share) > 0.6),
    )


def elsewhere(made: Made, rng: np.random.Generator, at: float = 0.5) -> Made:
    """From ``at`` of the recording on another field is seen: the same one turned by half a turn and mirrored.

    The truth is that of the first part.
    """
    after = np.arange(len(made.movie)) >= at * len(made.movie)
    return made.seen(np.where(after[:, None, None], made.movie[:, ::-1].transpose(0, 2, 1), made.movie), after)


# ------------------------------------------------------------------------------------------------------------- light


def lamp_off(made: Made, rng: np.random.Generator, frames: int = 100) -> Made:
    """The LED is off for the first frames."""
    off = np.arange(len(made.movie)) < frames
    movie = made.movie.copy()
    movie[off] = _dark(movie[off].shape, rng)
    return made.seen(movie, off)


def blackouts(made: Made, rng: np.random.Generator, count: int = 5, seconds: float = 1.0) -> Made:
    """Black frames, several times for a while."""
    long = round(seconds * made.fps)
    spoiled = _nothing(made)
    for start in _some(made, rng, count):
        spoiled[start : start + long] = True
    movie = made.movie.copy()
    movie[spoiled] = _dark(movie[spoiled].shape, rng)
    return made.seen(movie, spoiled)


def lamp_steps(made: Made, rng: np.random.Generator, factor: float = 0.5) -> Made:
    """The LED is turned to ``factor`` of its brightness from a third to two thirds of the recording."""
    place = np.arange(len(made.movie)) / len(made.movie)
    less = (place >= 1 / 3) & (place < 2 / 3)
    return made.seen(dimmed(made.movie, np.where(less, factor, 1.0), rng, BLACK))


def bleaching(made: Made, rng: np.random.Generator, left: float = 0.4) -> Made:
    """The light falls exponentially to ``left`` of what it was."""
    return made.seen(dimmed(made.movie, left ** np.linspace(0, 1, len(made.movie)), rng, BLACK))


def bubble(made: Made, rng: np.random.Generator, radius: float = 22.0, light: float = 18.0) -> Made:
    """A bubble out of focus crosses the field slowly: a bright rim, its inside a little dark."""
    n, (height, width) = len(made.movie), made.movie.shape[1:]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    start, end = np.array([0.15 * height, -radius / 2]), np.array([0.8 * height, width + radius / 2])
    wobble = np.cumsum(rng.normal(0, 0.25, (n, 2)), axis=0)
    path = start + (end - start) * np.linspace(0, 1, n)[:, None] + wobble - wobble[-1] * np.linspace(0, 1, n)[:, None]
    movie = np.empty_like(made.movie)
    for t, (frame, (cy, cx)) in enumerate(zip(made.movie, path, strict=True)):
        away = np.hypot(y - cy, x - cx)
        rim = light * np.exp(-0.5 * ((away - radius) / 3.5) ** 2)
        inside = -0.08 * frame / (1 + np.exp((away - radius) / 2))
        movie[t] = to_levels(frame + rim + inside)
    return made.seen(movie)


# -------------------------------------------------------------------------------------------------- cables and pixels


def bands(made: Made, rng: np.random.Generator, levels: float = 6.0) -> Made:
    """A bad cable: in each frame, bands of rows that are up to ``levels`` grey levels brighter or darker."""
    height = made.movie.shape[1]
    movie = np.empty_like(made.movie)
    for t, frame in enumerate(made.movie):
        edges = np.sort(rng.integers(0, height, rng.integers(3, 9)))
        offset = rng.uniform(-levels, levels, len(edges) + 1)[np.searchsorted(edges, np.arange(height), "right")]
        movie[t] = to_levels(frame + offset[:, None])
    return made.seen(movie)


def flickering_pixels(made: Made, rng: np.random.Generator, count: int = 40, part: float = 0.1) -> Made:
    """Some pixels are at 255 in a part of the frames, each when it likes."""
    height, width = made.movie.shape[1:]
    movie = made.movie.copy()
    for place in rng.choice(height * width, count, replace=False):
        y, x = divmod(place, width)
        movie[rng.random(len(movie)) < part, y, x] = 255
    return made.seen(movie)


def half_black(made: Made, rng: np.random.Generator, count: int = 12) -> Made:
    """Single frames whose lower half is black."""
    movie, spoiled = made.movie.copy(), _nothing(made)
    half = movie.shape[1] // 2
    for t in _some(made, rng, count):
        movie[t, half:] = _dark(movie[t, half:].shape, rng)
        spoiled[t] = True
    return made.seen(movie, spoiled)


def rolled(made: Made, rng: np.random.Generator, count: int = 12) -> Made:
    """Single frames that begin at another row: what is above it comes last."""
    movie, spoiled = made.movie.copy(), _nothing(made)
    height = movie.shape[1]
    for t in _some(made, rng, count):
        movie[t] = np.roll(movie[t], rng.integers(height // 6, height - height // 6), axis=0)
        spoiled[t] = True
    return made.seen(movie, spoiled)


def torn(made: Made, rng: np.random.Generator, count: int = 12) -> Made:
    """Single frames whose rows, from one on, are displaced to the side by a part of the width."""
    movie, spoiled = made.movie.copy(), _nothing(made)
    height, width = movie.shape[1:]
    for t in _some(made, rng, count):
        row = rng.integers(height // 5, 4 * height // 5)
        movie[t, row:] = np.roll(movie[t, row:], rng.integers(width // 6, width - width // 6), axis=1)
        spoiled[t] = True
    return made.seen(movie, spoiled)
