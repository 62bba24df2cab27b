"""How much of the database a camera takes: Facemap's masks as they are stored, their rounding, and time courses.

    python benchmarks/facemap_masks.py                 # a simulated 608 x 608 camera, 1000 frames
    python benchmarks/facemap_masks.py FACE_proc.npy   # a result of yours

Measured on 2026-11-21 with the simulated camera in bins of 4 pixels, 500 components: 42.9 MB of masks before rounding,
16.0 MB after, at most 1.1 % of a mask's norm off; 1.9 MB of time courses for 1000 frames.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from datajoint.blob import pack

from workflow_miniscope.demo.face_video import face_video
from workflow_miniscope.elements.facemap import rounded
from workflow_miniscope.engines.facemap import run_facemap
from workflow_miniscope.results.facemap import read_proc
from workflow_miniscope.work.text_table import format_table


def simulate(folder: Path, side: int, n_frames: int, sbin: int) -> Path:
    """Run Facemap on a noisy simulated camera."""
    frames, _ = face_video(n_frames, side, side, noise=2.0, seed=1)
    video = folder / "0.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"FFV1"), 30, (side, side), isColor=False)
    for frame in frames:
        writer.write(frame)
    writer.release()
    return run_facemap([video], {"sbin": sbin}, folder / "out")


def megabytes(arrays) -> float:
    """What DataJoint sends to the database for some arrays."""
    return round(sum(len(pack(array)) for array in arrays) / 1e6, 1)


def main() -> None:
    """Measure one result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="?", type=Path, help="a _proc.npy; without it a camera is simulated")
    parser.add_argument("--side", type=int, default=608)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--sbin", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.path or simulate(Path(folder), options.side, options.frames, options.sbin)
        result = read_proc(path)
        rows = []
        for region in result.regions:
            components = region.motion_svd
            if components is None:
                continue
            stored = np.stack([rounded(mask) for mask in components.masks])
            off = np.sqrt(((stored - components.masks) ** 2).sum((1, 2))).max()
            sizes = (megabytes(components.masks), megabytes(stored), f"{off:.4f}", megabytes(components.time_courses))
            rows.append((region.name, len(components), f"{stored.shape[1]} x {stored.shape[2]}", *sizes))
    header = ("region", "components", "bins", "masks (MB)", "rounded (MB)", "off by", "time courses (MB)")
    print(format_table(header, rows))


if __name__ == "__main__":
    main()
