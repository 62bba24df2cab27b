"""Run MiniAn on a simulated recording: ``run_minian.py RECORDING OUT``.

The steps and parameters are those of the notebook ``pipeline`` that MiniAn 2 ships, without its figures and videos.
Arrays stay in memory, as in its notebook ``pipeline_groundtruth``, and threads of one process share the work: for a
recording of this size both cost less than the notebook's files and processes. Imports nothing of this project.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

for library in ("OMP", "MKL", "OPENBLAS"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
warnings.filterwarnings("ignore")

import cv2  # noqa: E402
import dask  # noqa: E402
import numpy as np  # noqa: E402
import xarray as xr  # noqa: E402
from minian.cnmf import (  # noqa: E402
    compute_trace,
    get_noise_fft,
    unit_merge,
    update_background,
    update_spatial,
    update_temporal,
)
from minian.initialization import initA, initC, ks_refine, pnr_refine, seeds_init, seeds_merge  # noqa: E402
from minian.motion_correction import apply_transform, estimate_motion  # noqa: E402
from minian.preprocessing import denoise, remove_background  # noqa: E402
from minian.utilities import get_optimal_chk  # noqa: E402

NOISE = 0.06  # noise begins at this part of the frame rate
CORRELATED = {"thres_corr": 0.8, "chunk": 600}
SPATIAL = {"dl_wnd": 10, "sparse_penal": 0.01, "size_thres": (25, None)}
TEMPORAL = {"noise_freq": NOISE, "sparse_penal": 1, "p": 1, "add_lag": 20}


def read(folder: Path) -> xr.DataArray:
    """Movie [frame, height, width], read with OpenCV: MiniAn's reader needs ffmpeg and gives the same pixels."""
    frames = []
    for path in sorted(folder.glob("*.avi"), key=lambda path: int(path.stem)):
        capture = cv2.VideoCapture(str(path))
        while True:
            good, frame = capture.read()
            if not good:
                break
            frames.append(frame[..., 0])
    movie = np.array(frames)
    axes = {name: np.arange(size) for name, size in zip(("frame", "height", "width"), movie.shape, strict=True)}
    return xr.DataArray(movie, dims=tuple(axes), coords=axes, name="movie")


def register(movie: xr.DataArray, chunk: dict) -> tuple[xr.DataArray, xr.DataArray]:
    """Take glow, noise and background away, and align; gives the movie and the corrections (dy, dx)."""
    movie = movie.chunk({"frame": chunk["frame"], "height": -1, "width": -1})
    movie = (movie - movie.min("frame").compute()).rename("movie")
    movie = remove_background(denoise(movie, method="median", ksize=7), method="tophat", wnd=15).persist()
    motion = estimate_motion(movie, dim="frame").persist()
    return apply_transform(movie, motion, fill=0).astype(np.float32).persist(), motion


def merge(A: xr.DataArray, C: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Merge units that overlap and are correlated."""
    try:
        A, C = unit_merge(A, C, **CORRELATED)
    except ValueError:
        pass  # what it raises when no units overlap
    return A.persist(), C.persist()


def main(recording: Path, out: Path) -> None:
    """Register, extract and save."""
    os.environ["MINIAN_INTERMEDIATE"] = str(out / "intermediate")
    dask.config.set(scheduler="threads", num_workers=os.cpu_count())
    print("version", version("minian"))
    print("done start", flush=True)

    movie = read(recording)
    chunk, _ = get_optimal_chk(movie, dtype=float)
    frames, motion = register(movie, chunk)
    pixels = frames.chunk({"frame": -1, "height": chunk["height"], "width": chunk["width"]}).persist()
    print("done registration", flush=True)

    brightest = frames.max("frame").compute()
    seeds = seeds_init(frames, wnd_size=1000, method="rolling", stp_size=500, max_wnd=15, diff_thres=3)
    seeds, _, _ = pnr_refine(pixels, seeds, noise_freq=NOISE, thres=1)
    seeds = ks_refine(pixels, seeds, sig=0.05)
    seeds = seeds[seeds["mask_ks"] & seeds["mask_pnr"]].reset_index(drop=True)
    seeds = seeds_merge(pixels, brightest, seeds, thres_dist=10, noise_freq=NOISE, **CORRELATED)
    A = initA(pixels, seeds[seeds["mask_mrg"]], wnd=10, noise_freq=NOISE, **CORRELATED).persist()
    A, C = merge(A, initC(frames, A).persist())
    noise = get_noise_fft(pixels, noise_range=(NOISE, 0.5)).persist()
    for last, jac_thres in ((False, 0.2), (True, 0.4)):
        A, kept, scale = update_spatial(pixels, A, C, noise, in_memory=True, **SPATIAL)
        A, C = A.persist(), (C.sel(unit_id=kept) * scale).persist()
        by_frames = C.chunk({"unit_id": -1, "frame": chunk["frame"]}).persist()
        b, f = update_background(frames, A, by_frames)
        raw = compute_trace(frames, A, b.persist(), by_frames, f.persist()).chunk({"unit_id": 1, "frame": -1}).persist()
        C, S, *_ = update_temporal(A, C, YrA=raw, jac_thres=jac_thres, **TEMPORAL)
        C, S = C.persist(), S.persist()
        # the traces come back in another order than the footprints
        A = A.sel(unit_id=C.coords["unit_id"])
        if not last:
            A, C = merge(A, C)
    S = S.sel(unit_id=C.coords["unit_id"])
    estimate = {
        "A": A.transpose("unit_id", "height", "width").values.astype(np.float32),
        "C": C.transpose("unit_id", "frame").values.astype(np.float32),
        "S": S.transpose("unit_id", "frame").values.astype(np.float32),
        "shifts": motion.transpose("frame", "shift_dim").values,
    }
    print("done extraction", flush=True)
    np.savez(out / "estimate.npz", **estimate)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
