"""An hour of a full field with a thousand cells, and its result, for ``benchmarks/curation.py``.

The recording is one video of 1000 frames under 72 names (or fewer, for less than an hour), so that it is made in a
minute and takes the room of one; it is as hard to read, move, show and fit as any other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import scipy.signal
import scipy.sparse as sp
from read_recording import simulate

from workflow_miniscope.cnmfe.arrays.grid import Grid
from workflow_miniscope.cnmfe.model.background import ring
from workflow_miniscope.movies.types import Floats
from workflow_miniscope.results.caiman import RESULT_NAME, CaimanResult, RigidShifts, write_result

COMPONENTS, SIDE, FPS = 1000, 608, 20.0
#: frames of the video
PERIOD = 1000
#: grey levels of the noise of a pixel
NOISE = 3.0
#: px: soma, bins of the working grid and of the background's, as the engine chooses them for such cells
GSIG, SSUB, SSUB_B = 4, 2, 4
RING_SIZE = 2.0


@dataclass(frozen=True)
class Cells:
    """What is seen: footprints [pixels, components], traces and activity [components, PERIOD], shifts [PERIOD, 2]."""

    A: sp.csc_matrix
    C: Floats
    S: Floats
    shifts: Floats
    field: Floats


def cells(seed: int = 0) -> Cells:
    """Round footprints at random places, sparse activity, a bright middle, and a brain that moves."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-12:13, -12:13]
    rows, columns, values = [], [], []
    for k, (row, column) in enumerate(rng.integers(13, SIDE - 13, (COMPONENTS, 2))):
        weights = np.exp(-(x**2 + y**2) / (2 * rng.uniform(2.5, 4.5) ** 2))
        keep = weights > 0.1
        rows.append((x[keep] + column) * SIDE + y[keep] + row)
        columns.append(np.full(keep.sum(), k))
        values.append(weights[keep] / np.linalg.norm(weights[keep]))
    where = (np.concatenate(rows), np.concatenate(columns))
    A = sp.csc_matrix((np.concatenate(values), where), shape=(SIDE**2, COMPONENTS), dtype=np.float32)
    S = ((rng.random((COMPONENTS, PERIOD)) < 0.004) * rng.uniform(30, 200, (COMPONENTS, PERIOD))).astype(np.float32)
    C = scipy.signal.lfilter([1], [1, -0.95], S, axis=1).astype(np.float32)
    shifts = np.cumsum(rng.normal(0, 0.3, (PERIOD, 2)), axis=0)
    shifts -= np.linspace(0, 1, PERIOD)[:, None] * shifts[-1]
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    return Cells(A, C, S, np.clip(shifts, -6, 6), (60 + 80 * np.exp(-6 * (x**2 + y**2))).astype(np.float32))


def write_made(place: Path, minutes: float = 60, seed: int = 0) -> Path:
    """Write the result, and the recording beside it, unless they are there; return the scope's folder."""
    times = round(minutes * 60 * FPS / PERIOD)
    scope = place / "2026_01_15" / "10_20_30" / "My_V4_Miniscope"
    if (place / RESULT_NAME).exists():
        return scope
    made = cells(seed)
    simulate(place, PERIOD, SIDE, PERIOD)
    _write_video(scope / "0.avi", made, seed)
    for number in range(1, times):
        os.link(scope / "0.avi", scope / f"{number}.avi")
    lines = [f"{i},{50 * i - 40},0" for i in range(PERIOD * times)]
    (scope / "timeStamps.csv").write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *lines]) + "\n")
    write_result(place, _result(made, times, seed))
    return scope


def _write_video(path: Path, made: Cells, seed: int) -> None:
    rng = np.random.default_rng(seed + 1)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), 60, (SIDE, SIDE), False)
    for t in range(PERIOD):
        lit = (made.A @ made.C[:, t]).reshape((SIDE, SIDE), order="F")
        seen = made.field * (1 + 0.03 * np.sin(t / 40)) + lit
        (dy, dx) = -made.shifts[t]
        seen = cv2.warpAffine(seen, np.float32([[1, 0, dx], [0, 1, dy]]), (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
        writer.write(np.clip(np.rint(seen + NOISE * rng.standard_normal(seen.shape)), 0, 255).astype(np.uint8))
    writer.release()


def _result(made: Cells, times: int, seed: int) -> CaimanResult:
    rng = np.random.default_rng(seed + 2)
    snr, r = rng.lognormal(1.5, 0.7, COMPONENTS), rng.beta(8, 2, COMPONENTS)
    accepted = (snr >= 3) | (r >= 0.88)
    YrA = NOISE * rng.standard_normal((COMPONENTS, PERIOD * times), dtype=np.float32)
    brightest = np.asarray((made.A.multiply(made.C.max(axis=1))).max(axis=1).todense()).reshape((SIDE, SIDE), order="F")
    average = made.field + (made.A @ made.C.mean(axis=1)).reshape((SIDE, SIDE), order="F")
    seen = np.asarray(made.A.max(axis=1).todense()).reshape((SIDE, SIDE), order="F")
    params = {
        "data": {"fr": FPS, "decay_time": 1.0},
        "init": {
            "gSig": [GSIG, GSIG], "gSiz": [4 * GSIG + 1] * 2, "ssub": SSUB, "ssub_B": SSUB_B,
            "ring_size_factor": RING_SIZE,
        },
        "temporal": {"p": 1},
        "quality": {"min_SNR": 3.0, "rval_thr": 0.88},
    }  # fmt: skip
    return CaimanResult(
        dims=(SIDE, SIDE), A=made.A, C=np.tile(made.C, times), S=np.tile(made.S, times), YrA=YrA,
        W=_rings(), b0=made.field.ravel(order="F"), Cn=0.3 + 0.5 * seen / seen.max(), average_image=average,
        max_image=average + brightest + 3 * NOISE, sn=np.full(SIDE**2, NOISE), snr=snr, r_values=r,
        accepted=np.flatnonzero(accepted), rejected=None, motion=RigidShifts(np.tile(made.shifts, (times, 1))),
        params=params, method="cnmfe",
    )  # fmt: skip


def _rings() -> sp.csr_matrix:
    """Weights of the background: the mean of each ring, on the background's grid, pixels in Fortran order."""
    height, width = Grid((SIDE, SIDE), SSUB, SSUB_B // SSUB).coarse_shape
    rows, columns = np.mgrid[:height, :width]
    of, on = [], []
    for dy, dx in ring(RING_SIZE * (4 * GSIG + 1) / SSUB_B):
        inside = (0 <= rows + dy) & (rows + dy < height) & (0 <= columns + dx) & (columns + dx < width)
        of.append((columns * height + rows)[inside])
        on.append(((columns + dx) * height + rows + dy)[inside])
    places = (np.concatenate(of), np.concatenate(on))
    W = sp.csr_matrix((np.ones(len(places[0]), np.float32), places), shape=(height * width,) * 2)
    return sp.csr_matrix(sp.diags(1 / np.asarray(W.sum(axis=1)).ravel()) @ W)
