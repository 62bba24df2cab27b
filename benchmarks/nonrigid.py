"""What piecewise-rigid registration gives where parts of the field move differently, beside rigid registration.

    python benchmarks/nonrigid.py                                   # 300 x 300 pixels, CA1, 60 s
    python benchmarks/nonrigid.py --region cortex_l23 --seed 322

A simulated recording is warped, frame by frame, by a smooth field of a known size on top of its motion: cosines of
half a period along the rows, the columns and both, whose amplitudes change from frame to frame as the motion does. Each
is processed with ``pw_rigid`` off and on, without any other parameter. The error is that of the correction, over
frames, both axes and 7 x 7 points of the field, but for a constant at each point, which the template chooses.
``nonrigid.md`` keeps what this gave. Needs minisim.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from estimates import save_estimate
from scoring import score
from simulated import REGIONS, Recording, frame_rate, videos

from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.registration.blocks import Blocks
from workflow_miniscope.daq import Movie
from workflow_miniscope.results.caiman import RigidShifts

# what is left of an amplitude after a frame
MEMORY = 0.95


def modes(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The fields, of root mean square 1, at places from 0 to 1; float64 [3, ...]."""
    down, across = np.cos(np.pi * y), np.cos(np.pi * x)
    return np.stack(np.broadcast_arrays(np.sqrt(2) * down, np.sqrt(2) * across, 2 * down * across))


def amplitudes(n: int, size: float, seed: int) -> np.ndarray:
    """Amplitudes [frames, 2, 3] that give displacements (dy, dx) of root mean square ``size``, pixels."""
    rng = np.random.default_rng(seed)
    out = rng.normal(size=(n, 2, 3))
    for t in range(1, n):
        out[t] = MEMORY * out[t - 1] + np.sqrt(1 - MEMORY**2) * out[t]
    out -= out.mean(axis=0)
    return out * size / np.sqrt(3) / out.std(axis=0)


def warp(movie: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Frames uint8 [n, height, width] displaced by the modes with these amplitudes."""
    height, width = movie.shape[1:]
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    fields = modes((y + 0.5) / height, (x + 0.5) / width).astype(np.float32)
    out = np.empty_like(movie)
    for t, frame in enumerate(movie):
        dy, dx = np.tensordot(given[t].astype(np.float32), fields, 1)
        moved = cv2.remap(frame.astype(np.float32), x - dx, y - dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        out[t] = np.clip(np.rint(moved), 0, 255)
    return out


def corrections(result, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What was applied at some rows and columns, float64 [frames, rows, columns, 2]."""
    if not result.params["motion"]["pw_rigid"]:
        return np.broadcast_to(result.motion.shifts[:, None, None], (len(result.motion.shifts), 7, 7, 2))
    motion = result.params["motion"]
    blocks = Blocks(result.dims, motion["strides"], motion["overlaps"])
    weights = [w[:, at] for w, at in zip(blocks.weights(result.dims), (rows, columns), strict=True)]
    found = np.stack([result.motion.y, result.motion.x], axis=-1).reshape(-1, *blocks.shape, 2)
    return np.einsum("tabk,ai,bj->tijk", found, *weights)


def run(folder: Path, size: float, pw_rigid: bool) -> str:
    """A line of the table."""
    source = Movie(videos(folder))
    with np.load(folder / "truth.npz") as truth:
        shifts = truth["shifts"]
    given = amplitudes(source.n_frames, size, seed=1)
    movie = warp(np.concatenate([block for _, block in source.blocks()]), given)
    begin = time.process_time()
    result = extract(movie, frame_rate(folder), {"pw_rigid": pw_rigid}, progress=False)
    spent = time.process_time() - begin
    rows, columns = (np.linspace(0.1, 0.9, 7) * side // 1 for side in result.dims)
    rows, columns = rows.astype(int), columns.astype(int)
    fields = modes((rows[:, None] + 0.5) / result.dims[0], (columns[None] + 0.5) / result.dims[1])
    applied = corrections(result, rows, columns)
    error = applied + shifts[:, None, None] + np.einsum("tkm,mij->tijk", given, fields)
    error = np.sqrt(np.mean((error - error.mean(axis=0)) ** 2))
    if pw_rigid:
        # what the score takes the offset of the template from
        result = replace(result, motion=RigidShifts(applied.mean(axis=(1, 2))))
    with tempfile.TemporaryDirectory() as scratch:
        save_estimate(Path(scratch) / "estimate.npz", result)
        found = score(Path(scratch) / "estimate.npz", folder / "truth.npz")
    how = "piecewise-rigid" if pw_rigid else "rigid"
    cells = f"{found.matched} of {found.cells}, {found.accepted} accepted"
    name = f"{folder.name} | {size:g} | {how}"
    return f"| {name} | {error:.2f} | {cells} | {found.f1:.2f} | {found.trace_r:.2f} | {spent:.0f} |"


def main() -> None:
    """Run all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=321)
    parser.add_argument("--region", choices=REGIONS, default=REGIONS[0])
    parser.add_argument("--px", type=int, default=300, help="side of the field, pixels")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--sizes", type=float, nargs="+", default=[0, 1, 2], help="root mean square of the warp, pixels"
    )
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "workflow-miniscope-benchmark")
    options = parser.parse_args()
    folder = Recording(options.seed, options.region, options.px, options.seconds).write(options.data)
    print("| Recording | Warp px | Registration | Error px | Cells | F1 | r of the traces | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for size in options.sizes:
        for pw_rigid in (False, True):
            print(run(folder, size, pw_rigid), flush=True)


if __name__ == "__main__":
    main()
