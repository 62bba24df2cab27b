"""A field of our own: irregular cells, neuropil that follows them, drifting light below, a vessel tree that pulsates.

It shares neither code nor assumption with minisim: no Gaussian soma, no ring of background, time courses of the
background that depend on the cells', a camera with column noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse as sp
from scipy.ndimage import gaussian_filter1d

from . import kinetics, motion
from .camera import expose
from .detectable import detectable
from .made import Made, generator
from .textures import smooth, vessel_tree

# tissue around the field that the brain's motion may bring into it, pixels
MARGIN = 20
DARK, SHOT, READ = 8.0, 0.07, 1.2
# the light below is drawn on a grid of this many pixels
COARSE = 4
LEAD = 10.0


@dataclass(frozen=True)
class Tissue:
    """Knobs of the field.

    Attributes
    ----------
    seed : int
        Seed of everything random.
    px : int
        Side of the square field, pixels.
    seconds, fps : float
        Length (s) and frame rate (Hz).
    radius : float
        Mean radius of a soma, pixels (2 to 9); a gSig of CaImAn's is about two thirds of it.
    density : float
        Part of the field that somata would cover if none overlapped; 0 for a field without cells.
    rise, decay : float
        Time constants of the indicator, s.
    brightness : float
        Of the cells' transients, 1 for about 8 grey levels a spike.
    background : float
        Of what changes beside the cells: neuropil, the light below, the pulse of the vessels.
    noise : float
        Of the camera: standard deviation, 1 for about 2.5 grey levels in the middle of the field.
    motion : float
        1 for jumps of about 3 pixels, 0 for none.
    bleaching : float
        Part of the light that is lost by the end.
    processes : float
        Part of the cells that show a piece of dendrite.
    """

    seed: int = 1
    px: int = 176
    seconds: float = 60.0
    fps: float = 20.0
    radius: float = 4.5
    density: float = 0.14
    rise: float = 0.05
    decay: float = 0.5
    brightness: float = 1.0
    background: float = 1.0
    noise: float = 1.0
    motion: float = 1.0
    bleaching: float = 0.15
    processes: float = 0.35

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.seconds * self.fps)

    def make(self) -> Made:
        """Draw the tissue and record it."""
        side = self.px + 2 * MARGIN
        cells = _cells(self, side)
        C, S, resting = _activity(self, len(cells))
        vessels = _Vessels(self, side)
        below = _Below(self, side, cells, C)
        light = cells.reshape(len(cells), side**2)
        still = _still(self, side) + (resting @ light).reshape(side, side)
        lit = sp.csr_matrix(light.T)
        shifts = motion.jumpy(self.frames, self.fps, generator(self.seed, 5), self.motion)
        lamp = _lamp(self.px, generator(self.seed, 6))
        rng = generator(self.seed, 7)
        columns = rng.normal(0, 0.8, self.px).astype(np.float32)
        fading = _bleaching(self)
        shear = _shear(self)
        movie = np.empty((self.frames, self.px, self.px), np.uint8)
        total = np.zeros((self.px, self.px))
        for t in range(self.frames):
            tissue = (still + (lit @ C[:, t]).reshape(side, side) + below.at(t)) * vessels.at(t)
            field = _through_the_lens(tissue, shifts[t], shear[t], self.px) * lamp * fading[t]
            total += field
            flicker = columns + rng.normal(0, 0.35 * self.noise, self.px).astype(np.float32)
            movie[t] = expose(field, rng, DARK, SHOT * self.noise**2, READ * self.noise, flicker)
        inner = slice(MARGIN, MARGIN + self.px)
        A = (cells * vessels.resting)[:, inner, inner] * lamp
        noise = np.sqrt(self.noise**2 * (SHOT * total / self.frames + READ**2) + 1 / 12)
        inside = A.sum(axis=(1, 2)) / np.maximum((cells * vessels.resting).sum(axis=(1, 2)), 1e-9)
        visible = detectable(A, C, S, noise, inside / np.mean(lamp))
        seen = A.max(axis=(1, 2), initial=0) > 0.05
        truth = (A[seen].astype(np.float32), C[seen], S[seen], shifts, visible[seen])
        return Made(movie, self.fps, *truth, np.zeros(self.frames, bool))


def _cells(knobs: Tissue, side: int) -> np.ndarray:
    """Footprints [cell, side, side] in grey levels a unit of calcium, before vessels and lamp."""
    rng = generator(knobs.seed, 1)
    n = round(knobs.density * side**2 / (np.pi * knobs.radius**2))
    centers: list[np.ndarray] = []
    for _ in range(200 * n):
        place = rng.uniform(0, side, 2)
        # cells overlap, but no two are at the same place
        if all(np.hypot(*(place - other)) > 1.1 * knobs.radius for other in centers):
            centers.append(place)
        if len(centers) == n:
            break
    images = np.zeros((len(centers), side, side), np.float32)
    for image, center in zip(images, centers, strict=True):
        image += _cell(knobs, center, side, rng)
    return images


def _cell(knobs: Tissue, center: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:side, :side].astype(np.float32) - center[:, None, None].astype(np.float32)
    size = knobs.radius * rng.lognormal(0, 0.12)
    angle = np.arctan2(y, x)
    outline = np.ones_like(angle)
    for order, spread in ((2, 0.16), (3, 0.1), (4, 0.06), (5, 0.04)):
        outline += rng.normal(0, spread) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    inside = np.hypot(y, x) / (size * np.maximum(outline, 0.4))
    edge = rng.uniform(0.15, 0.4)
    soma = np.clip((1 + edge - inside) / (2 * edge), 0, 1)
    if rng.random() < 0.4:
        # the nucleus of many indicators is dark
        off = rng.normal(0, 0.15 * size, 2)
        soma *= 1 - rng.uniform(0.3, 0.7) * np.exp(-(((y - off[0]) ** 2 + (x - off[1]) ** 2) / (0.5 * size) ** 2))
    soma *= 1 + 0.15 * smooth((side, side), max(1.0, size / 3), rng)
    if rng.random() < knobs.processes:
        soma = np.maximum(soma, _process(y, x, size, rng))
    depth = abs(rng.normal())
    image = cv2.GaussianBlur(np.maximum(soma, 0), (0, 0), 0.6 + 0.22 * depth * knobs.radius)
    image[image < 0.02 * image.max()] = 0
    return image / image.max() * knobs.brightness * 8 * rng.lognormal(0, 0.35) / (1 + 0.25 * depth)


def _process(y: np.ndarray, x: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """Give a piece of dendrite that leaves the soma, bends and tapers."""
    heading, bend, length = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.5), size * rng.uniform(2, 4)
    image = np.zeros_like(y)
    point = np.zeros(2)
    steps = max(6, int(2 * length))
    for k in range(steps):
        heading += bend / steps
        point = point + length / steps * np.array([np.sin(heading), np.cos(heading)])
        width = max(0.6, size * 0.28 * (1 - 0.6 * k / steps))
        bright = 0.5 * (1 - 0.6 * k / steps)
        image = np.maximum(image, bright * np.exp(-((y - point[0]) ** 2 + (x - point[1]) ** 2) / (2 * width**2)))
    return image


def _activity(knobs: Tissue, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calcium and spikes [cell, frame], and the brightness of each cell at rest, in units of calcium."""
    rng = generator(knobs.seed, 2)
    C, S = np.zeros((2, n, knobs.frames), np.float32)
    for k in range(n):
        rate = 0.12 * rng.lognormal(0, 0.5)
        times = kinetics.spike_times(knobs.seconds + LEAD, rng, rate, 2.5, 0.09)
        same = np.ones(len(times))
        C[k], S[k] = kinetics.calcium(times, same, knobs.frames, knobs.fps, knobs.rise, knobs.decay, LEAD)
    return C, S, rng.uniform(0.2, 1.2, n).astype(np.float32)


class _Vessels:
    """Part of the light that passes between the vessels, which widen with the heart and with slow waves."""

    def __init__(self, knobs: Tissue, side: int):
        dark = [vessel_tree(side, generator(knobs.seed, 3), 3, 6.0, wider) for wider in (1.0, 1.25)]
        self.resting = 1 - 0.55 * dark[0]
        self.change = 0.55 * (dark[0] - dark[1]) * knobs.background
        rng = generator(knobs.seed, 3, 1)
        t = np.arange(knobs.frames) / knobs.fps
        heart = np.sin(2 * np.pi * rng.uniform(6, 9) * t + 0.5 * kinetics.wandering(knobs.frames, knobs.fps, 3, rng))
        waves = np.sin(2 * np.pi * rng.uniform(0.07, 0.13) * t + rng.uniform(0, 6))
        self.course = 0.35 * heart + 0.5 * waves + 0.3 * kinetics.wandering(knobs.frames, knobs.fps, 1.0, rng)

    def at(self, t: int) -> np.ndarray:
        return self.resting + self.change * np.float32(self.course[t])


class _Below:
    """Light that changes beside the cells': neuropil around them, and broad sources that drift."""

    def __init__(self, knobs: Tissue, side: int, cells: np.ndarray, C: np.ndarray):
        rng = generator(knobs.seed, 4)
        self.side, self.small = side, -(-side // COARSE)
        self.grid = np.mgrid[: self.small, : self.small].astype(np.float32) * COARSE
        frames, fps = knobs.frames, knobs.fps
        n = max(4, round((side / (5 * knobs.radius)) ** 2))
        reach = 3.0 * knobs.radius
        places = rng.uniform(0, side, (n, 2))
        middle = np.array([_middle(image) for image in cells]).reshape(-1, 2)
        slow = gaussian_filter1d(C, 0.15 * fps, axis=1) if len(C) else C
        self.patches = np.empty((self.small**2, n), np.float32)
        self.course = np.empty((n, frames), np.float32)
        for k, place in enumerate(places):
            distance = np.hypot(*(self.grid - place[:, None, None]))
            texture = 1 + 0.5 * smooth((self.small, self.small), max(1.0, knobs.radius / COARSE), rng)
            self.patches[:, k] = (np.exp(-0.5 * (distance / reach) ** 2) * np.maximum(texture, 0)).ravel()
            own = 1.6 * kinetics.wandering(frames, fps, rng.uniform(0.5, 2), rng)
            if len(middle):
                weight = np.exp(-0.5 * (np.hypot(*(middle - place).T) / reach) ** 2)
                own = own + 2.5 * (weight @ slow) / max(weight.sum(), 1.0)
            self.course[k] = knobs.background * own
        sources = 7
        self.path = np.stack(
            [
                [rng.uniform(0, side) + 0.12 * side * kinetics.wandering(frames, fps, 20, rng) for _ in range(2)]
                for _ in range(sources)
            ]
        )
        self.width = rng.uniform(0.12, 0.3, sources) * side
        self.glow = np.stack(
            [
                rng.uniform(2, 4) * (1 + kinetics.wandering(frames, fps, rng.uniform(0.7, 6), rng))
                for _ in range(sources)
            ]
        )
        self.glow *= knobs.background

    def at(self, t: int) -> np.ndarray:
        image = (self.patches @ self.course[:, t]).reshape(self.small, self.small)
        for (cy, cx), width, glow in zip(self.path[:, :, t], self.width, self.glow[:, t], strict=True):
            image += np.float32(glow) * np.exp(
                ((self.grid[0] - cy) ** 2 + (self.grid[1] - cx) ** 2) * np.float32(-0.5 / width**2)
            )
        return cv2.resize(image.astype(np.float32), (self.side, self.side), interpolation=cv2.INTER_CUBIC)


def _middle(image: np.ndarray) -> tuple[float, float]:
    y, x = np.nonzero(image > 0.5 * image.max())
    return y.mean(), x.mean()


def _still(knobs: Tissue, side: int) -> np.ndarray:
    """Light of the tissue at rest."""
    rng = generator(knobs.seed, 8)
    texture = sum(part * smooth((side, side), sigma, rng) for part, sigma in ((0.2, 25), (0.09, 7), (0.04, 2.5)))
    return 75 * np.maximum(1 + texture, 0.2)


def _lamp(px: int, rng: np.random.Generator) -> np.ndarray:
    """Illumination and vignette, which do not move with the brain."""
    y, x = np.mgrid[-1 : 1 : px * 1j, -1 : 1 : px * 1j]
    cy, cx = rng.normal(0, 0.15, 2)
    return (1.1 - 0.32 * ((y - cy) ** 2 + (x - cx) ** 2)).astype(np.float32)


def _bleaching(knobs: Tissue) -> np.ndarray:
    t = np.arange(knobs.frames) / knobs.frames
    return 1 - knobs.bleaching * (1 - np.exp(-2 * t)) / (1 - np.exp(-2))


def _shear(knobs: Tissue) -> np.ndarray:
    """Slow shear [frame, 2] (of y along x, of x along y), about a pixel at the border."""
    rng = generator(knobs.seed, 9)
    t = np.arange(knobs.frames) / knobs.frames
    return np.stack(
        [rng.normal(0, 0.006) * np.sin(np.pi * t * rng.uniform(0.5, 2) + rng.uniform(0, 6)) for _ in range(2)], axis=1
    ) * min(knobs.motion, 1.0)


def _through_the_lens(tissue: np.ndarray, shift: np.ndarray, shear: np.ndarray, px: int) -> np.ndarray:
    """Field [px, px] of a tissue that is displaced by ``shift`` (dy, dx) at its middle and sheared around it."""
    middle = px / 2
    # where in the tissue what is seen at a place of the field comes from
    where = np.array(
        [
            [1, shear[1], MARGIN - shift[1] - shear[1] * middle],
            [shear[0], 1, MARGIN - shift[0] - shear[0] * middle],
        ]
    )
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(tissue.astype(np.float32), where, (px, px), flags=flags, borderMode=cv2.BORDER_REFLECT)
