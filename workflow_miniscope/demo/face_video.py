"""A synthetic camera video of a mouse's face, with what truly moved in it.

The head looks to the right: eye above, nose and mouth to the right, and a whisker pad whose whiskers sweep
back and forth in bouts. The pupil widens and narrows slowly; now and then the eye blinks. Everything is drawn
with soft edges and moves by less than their width between two frames, so the change of a picture is
proportional to the speed, and Facemap's motion signal can be compared with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from ..movies.types import Floats, Numbers

Box = tuple[int, int, int, int]

# Places and sizes as fractions (x, y) of the width and the height
_EYE, _EYE_RADII = (0.36, 0.33), (0.105, 0.125)
_PAD = (0.66, 0.58)
_NOSE = (0.835, 0.50)
_WHISKERS = 7
_LASHES = 3  # frames that a lid takes to close


def face_video(
    n_frames: int,
    height: int = 120,
    width: int = 160,
    *,
    fps: float = 30.0,
    blinks: int = 2,
    noise: float = 0.7,
    seed: int = 0,
) -> tuple[NDArray[np.uint8], dict[str, Numbers]]:
    """Draw a face video.

    Parameters
    ----------
    n_frames : int
        Number of frames.
    height, width : int
        Size of a frame in pixels; at least 48 by 64 for a face that can be recognised.
    fps : float
        Frames per second; only the tempo depends on it.
    blinks : int
        Number of blinks; 0 for none.
    noise : float
        Standard deviation of the camera's noise, in grey levels.
    seed : int
        Seed of the noise, the whisking and the blinks.

    Returns
    -------
    frames : ndarray of uint8 [frame, height, width]
    truth : dict of ndarray
        ``whisker_position`` [frame] in pixels at the whiskers' middle; ``whisker_speed`` [frame], its
        absolute change since the frame before (0 for the first); ``pupil_area`` [frame] in square pixels;
        ``eye_open`` [frame] from 0, closed, to 1; ``whisker_box`` and ``eye_box`` [4] as first column, last
        column + 1, first row, last row + 1.
    """
    rng = np.random.default_rng(seed)
    unit = min(width, height * 4 / 3)  # the face keeps its proportions in any frame
    fur = _fur(height, width, unit, rng)
    position = _whisking(n_frames, fps, unit, rng)
    radius = unit * (0.042 + 0.016 * _slow(n_frames, fps, rng))
    eye_open = _lids(n_frames, blinks, rng)
    eye, whiskers = _Eye(height, width, unit), _Whiskers(height, width, unit)

    frames = np.empty((n_frames, height, width), np.uint8)
    for t in range(n_frames):
        picture = fur.copy()
        eye.draw(picture, radius[t], eye_open[t])
        whiskers.draw(picture, position[t])
        if noise:
            picture += noise * rng.standard_normal(picture.shape, dtype=np.float32)
        frames[t] = np.clip(np.rint(picture), 0, 255)

    truth = {
        "whisker_position": position,
        "whisker_speed": np.abs(np.diff(position, prepend=position[:1])),
        "pupil_area": np.pi * radius**2,
        "eye_open": eye_open,
        "whisker_box": np.array(whiskers.box),
        "eye_box": np.array(eye.box),
    }
    return frames, truth


def _soft(depth: Floats) -> Floats:
    """Coverage of a pixel that lies ``depth`` pixels inside an edge: 0 outside, 1 inside."""
    covered: Floats = np.clip(depth + 0.5, 0, 1)
    return covered


def _fur(height: int, width: int, unit: float, rng: np.random.Generator) -> Floats:
    """Everything that stands still: the head before a dark background, ear, nose, mouth, hairs."""
    u, v = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    head = 1 / (1 + np.exp(-40 * (1 - np.hypot((u - 0.22) / 0.46, (v - 0.52) / 0.50))))
    snout = 1 / (1 + np.exp(-40 * (1 - np.hypot((u - 0.54) / 0.31, (v - 0.57) / 0.27))))
    hairs = gaussian_filter(rng.normal(0, 1, u.shape), (0.006 * unit, 0.015 * unit))
    fur = 140 + 30 * (0.5 - v) + 8 * hairs / hairs.std()
    fur -= 38 * np.exp(-((u - 0.06) ** 2 / 0.012 + (v - 0.16) ** 2 / 0.030))  # ear
    fur += 22 * np.exp(-((u - _PAD[0]) ** 2 / 0.016 + (v - _PAD[1]) ** 2 / 0.020))  # whisker pad
    fur -= 50 * np.exp(-((v - 0.765 + 0.25 * (u - 0.70)) ** 2 / 0.0003 + (u - 0.70) ** 2 / 0.006))  # mouth
    rim = np.hypot((u - _EYE[0]) / (_EYE_RADII[0] * 1.18), (v - _EYE[1]) / (_EYE_RADII[1] * 1.2))
    fur -= 34 * np.exp(-((rim - 1) ** 2) / 0.02)
    picture = 26 + (fur - 26) * np.maximum(head, snout)
    nose = np.exp(-((u - _NOSE[0]) ** 2 / 0.0010 + (v - _NOSE[1]) ** 2 / 0.0022))
    still: Floats = (picture + (66 - picture) * nose * 0.8).astype(np.float32)
    return still


class _Eye:
    """A dark pupil with a glint in a round eye; the lid is fur that comes down."""

    def __init__(self, height: int, width: int, unit: float) -> None:
        (cx, cy), (rx, ry) = _EYE, _EYE_RADII
        cx, cy, rx, ry = cx * width, cy * height, rx * width, ry * height
        self.box = _box(cx - rx, cx + rx, cy - ry, cy + ry, width, height)
        x, y = _pixels(self.box)
        x, y = x - cx, y - cy
        self.unit = unit
        self.coverage = _soft((1 - np.hypot(x / rx, y / ry)) * min(rx, ry))
        self.distance = np.hypot(x, y)
        self.glint = 70 * _soft(unit * 0.012 - np.hypot(x + 0.015 * unit, y + 0.045 * unit))
        self.drop = 0.5 + y / (2 * ry)  # 0 at the top of the eye, 1 at the bottom

    def draw(self, picture: Floats, radius: float, opened: float) -> None:
        x0, x1, y0, y1 = self.box
        ball = 96 - 84 * _soft(radius - self.distance) + self.glint
        seen = self.coverage * _soft((opened * 1.3 - self.drop) * 0.25 * self.unit)
        picture[y0:y1, x0:x1] += (ball - picture[y0:y1, x0:x1]) * seen


class _Whiskers:
    """Bright soft lines that fan out of the pad, and sweep together up and down."""

    def __init__(self, height: int, width: int, unit: float) -> None:
        fan = np.linspace(-1, 1, _WHISKERS)
        left, length = (_PAD[0] - 0.03) * width, 0.34 * width
        roots = (_PAD[1] + 0.10 * fan) * height
        slopes = 0.45 * fan + 0.05
        top, bottom = (roots + slopes * length)[[0, -1]] + np.array([-0.05, 0.05]) * height
        self.box = _box(left, left + length, top, bottom, width, height)
        x, y = _pixels(self.box)
        along = (x - left) / length  # 0 at the roots, 1 at the tips
        self.sweep = 2 * along  # the middle moves by the position, the tip by twice as much
        self.across = y[None] - roots[:, None, None] - slopes[:, None, None] * (x - left)[None]
        self.light = 50 * np.clip(along * 5, 0, 1) * np.clip((1 - along) * 3, 0, 1)
        self.thick = 0.010 * unit + 0.3

    def draw(self, picture: Floats, position: float) -> None:
        x0, x1, y0, y1 = self.box
        lines = np.exp(-0.5 * ((self.across - position * self.sweep) / self.thick) ** 2).sum(0)
        picture[y0:y1, x0:x1] += self.light * lines


def _box(left: float, right: float, top: float, bottom: float, width: int, height: int) -> Box:
    """First column, last column + 1, first row, last row + 1, within the frame."""
    return max(round(left), 0), min(round(right), width), max(round(top), 0), min(round(bottom), height)


def _pixels(box: Box) -> tuple[Floats, Floats]:
    """Give x and y of the centres of the pixels in a box."""
    x0, x1, y0, y1 = box
    x, y = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
    return x.astype(np.float32), y.astype(np.float32)


def _whisking(n_frames: int, fps: float, unit: float, rng: np.random.Generator) -> Floats:
    """Bouts of sweeps at 2 to 3 Hz: slower than a mouse whisks, so that a 30 Hz camera follows."""
    seconds = np.arange(n_frames) / fps
    vigour = gaussian_filter1d(rng.normal(0, 1, n_frames), fps * 0.8, mode="wrap") * np.sqrt(fps)
    phase = 2 * np.pi * np.cumsum(2.4 + 0.5 * np.sin(2 * np.pi * seconds / 7.3)) / fps
    position: Floats = 0.014 * unit * np.clip(2 * vigour, 0.06, 1) * np.sin(phase)
    return position


def _slow(n_frames: int, fps: float, rng: np.random.Generator) -> Floats:
    """Give a smooth signal between -1 and 1 with periods of several seconds."""
    seconds = np.arange(n_frames) / fps
    first, second = rng.uniform(0, 2 * np.pi, 2)
    turns = 2 * np.pi * seconds
    signal: Floats = 0.65 * np.sin(turns / 9.1 + first) + 0.35 * np.sin(turns / 3.7 + second)
    return signal


def _lids(n_frames: int, blinks: int, rng: np.random.Generator) -> Floats:
    """How far the eye is open; blinks lie apart from one another and from the ends."""
    opened = np.ones(n_frames)
    shape = np.concatenate([np.linspace(1, 0, _LASHES + 1)[1:], [0, 0], np.linspace(0, 1, _LASHES + 1)[1:]])
    edges = np.linspace(0.1, 0.95, blinks + 1)
    for left, right in zip(edges[:-1], edges[1:], strict=True):
        start = int(rng.uniform(left, (left + right) / 2) * n_frames)
        stop = min(start + len(shape), n_frames)
        opened[start:stop] = shape[: stop - start]
    return opened
