"""Planted cells in a field that is wider than high: what must come out at which row and column."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from workflow_miniscope.results.caiman import CaimanResult, PiecewiseShifts, RigidShifts

HEIGHT, WIDTH, FRAMES = 40, 64, 300
# (row, column) of the cells
CELLS = ((8, 50), (30, 12), (20, 33), (10, 20))


def disc(row: float, column: float, height: int = HEIGHT, width: int = WIDTH, sigma: float = 2.5) -> np.ndarray:
    """A Gaussian footprint, cut at 3 sigma."""
    rows, columns = np.mgrid[:height, :width]
    distance = (rows - row) ** 2 + (columns - column) ** 2
    return np.where(distance < (3 * sigma) ** 2, np.exp(-distance / (2 * sigma**2)), 0)


def footprints(cells=CELLS, height: int = HEIGHT, width: int = WIDTH) -> scipy.sparse.csc_matrix:
    """The cells as columns of unit norm, pixels in Fortran order."""
    images = [disc(row, column, height, width) for row, column in cells]
    columns = [image.ravel(order="F") / np.linalg.norm(image) for image in images]
    return scipy.sparse.csc_matrix(np.array(columns).T.astype(np.float32))


def spikes_and_traces(n: int, frames: int, rng: np.random.Generator, rate: float = 0.02, decay: float = 0.93):
    """Sparse activity and the calcium it makes."""
    spikes = (rng.random((n, frames)) < rate) * rng.uniform(0.7, 1.5, (n, frames))
    traces = np.zeros((n, frames))
    for t in range(frames):
        traces[:, t] = (decay * traces[:, t - 1] if t else 0) + spikes[:, t]
    return spikes, traces


def result(motion: str = "rigid", seed: int = 0) -> CaimanResult:
    """A result with every field filled."""
    rng = np.random.default_rng(seed)
    n, pixels = len(CELLS), HEIGHT * WIDTH
    spikes, traces = spikes_and_traces(n, FRAMES, rng)
    rows, columns = rng.normal(0, 2, (2, FRAMES))
    blocks = np.array([[0, 30, 0, 40], [0, 30, 24, 64], [10, 40, 0, 40], [10, 40, 24, 64]])
    shifts = {
        "rigid": RigidShifts(np.stack([rows, columns], axis=1)),
        "piecewise": PiecewiseShifts(
            y=rows[:, None] + rng.normal(0, 0.2, (FRAMES, 4)),
            x=columns[:, None] + rng.normal(0, 0.2, (FRAMES, 4)),
            blocks=blocks,
        ),
        "none": None,
    }[motion]
    image = rng.uniform(20, 90, (HEIGHT, WIDTH))
    return CaimanResult(
        dims=(HEIGHT, WIDTH),
        A=footprints(),
        C=200 * traces,
        S=200 * spikes,
        YrA=rng.normal(0, 5, (n, FRAMES)),
        F_dff=traces / 3,
        W=scipy.sparse.random(pixels // 4, pixels // 4, density=0.01, random_state=seed, format="csr"),
        b0=image.ravel(order="F"),
        Cn=rng.uniform(0, 1, (HEIGHT, WIDTH)),
        sn=rng.uniform(3, 9, pixels),
        g=np.full((n, 1), 0.93),
        bl=np.arange(n) + 0.5,
        c1=np.zeros(n),
        neurons_sn=np.full(n, 5.0),
        accepted=np.array([0, 1, 3]),
        rejected=np.array([2]),
        snr=np.array([8.0, 7.0, 1.0, 5.0]),
        r_values=np.array([0.9, 0.95, 0.2, 0.85]),
        cnn_preds=np.array([0.99, 0.9, 0.01, 0.8]),
        params={
            "data": {"fr": 20.0, "fnames": ["0.avi", "1.avi"], "dims": [HEIGHT, WIDTH]},
            "init": {
                "gSig": [4, 4],
                "K": None,
                "method_init": "corr_pnr",
                "min_corr": 0.75,
                "center_psf": True,
            },
            "motion": {"pw_rigid": motion == "piecewise", "strides": [20, 24], "overlaps": [10, 16]},
            "native": {"seeds": 3, "options": {"ring": [1, 2.5]}},
        },
        motion=shifts,
        reference_image=image - 3,
        average_image=image,
        correlation_image=rng.uniform(0, 1, (HEIGHT, WIDTH)),
        max_image=image + 40,
        method="cnmfe",
        version="0.1.0",
    )


@dataclass
class ArrayMovie:
    """An array as the movie that the engines take."""

    array: np.ndarray
    files: tuple = ()

    def __post_init__(self):
        self.n_frames, self.height, self.width = self.array.shape

    def frames(self, start: int = 0, stop: int | None = None):
        yield from self.array[start:stop]

    def blocks(self, size: int = 256):
        for first in range(0, self.n_frames, size):
            yield first, self.array[first : first + size]


@dataclass
class Recording:
    """A synthetic one-photon recording with its truth: shifts are the corrections to apply, (dy, dx)."""

    movie: ArrayMovie
    footprints: np.ndarray
    traces: np.ndarray
    shifts: np.ndarray


def recording(
    height: int = 64, width: int = 96, frames: int = 500, n: int = 8, motion: int = 3, seed: int = 1
) -> Recording:
    """Cells on a grid, off by some pixels, over vessels, a fluctuating background, motion and noise."""
    rng = np.random.default_rng(seed)
    pad = motion + 1
    tall, wide = height + 2 * pad, width + 2 * pad
    rows, columns = np.mgrid[:tall, :wide]
    # lines in many directions, so that every direction of motion shows
    vessels = sum(
        np.exp(-(((rows - tall / 2) * np.cos(a) + (columns - wide / 2) * np.sin(a) - b * tall) ** 2) / 18)
        for a, b in zip(np.pi * np.arange(6) / 6, rng.uniform(-0.4, 0.4, 6), strict=True)
    )
    vignette = np.exp(-((rows - tall / 2) ** 2 + (columns - wide / 2) ** 2) / (0.9 * wide) ** 2)
    still = 90 * vignette * (1 - 0.35 * np.minimum(vessels, 1))
    glow = np.cumsum(rng.normal(0, 0.4, frames))
    across, down = int(np.ceil(np.sqrt(2 * n))), int(np.ceil(n / np.ceil(np.sqrt(2 * n))))
    places = [
        (pad + height * (j + 0.5) / down, pad + width * (i + 0.5) / across) for j in range(down) for i in range(across)
    ][:n]
    places = [(r + dr, c + dc) for (r, c), (dr, dc) in zip(places, rng.uniform(-2, 2, (n, 2)), strict=True)]
    cells = np.array([disc(r, c, tall, wide, sigma=3.0) for r, c in places])
    _, traces = spikes_and_traces(n, frames, rng)
    walk = rng.integers(-motion, motion + 1, (frames, 2)) if motion else np.zeros((frames, 2), int)
    movie = np.empty((frames, height, width), np.uint8)
    for t in range(frames):
        scene = still + glow[t] * vignette + 25 * np.tensordot(traces[:, t], cells, 1)
        dy, dx = walk[t]
        view = scene[pad + dy : pad + dy + height, pad + dx : pad + dx + width]
        movie[t] = np.clip(view + rng.normal(0, 2.0, view.shape), 0, 255)
    inside = cells[:, pad : pad + height, pad : pad + width]
    # the view moved down by dy shows the scene moved up: the correction is dy down again
    return Recording(ArrayMovie(movie), inside, traces, walk.astype(float))
