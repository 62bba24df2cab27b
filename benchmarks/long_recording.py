"""Memory, cost and accuracy of the native engine on a full field, for minutes or for hours.

    python benchmarks/long_recording.py --minutes 2 60

The recording is made while it is read, see ``lengthened.py``: no video is decoded, and what makes it is not counted. An
hour of 608 x 608 pixels needs 17 GB of scratch space and, on 2 cores, most of an hour. Prints a table. Needs minisim
(``pip install "workflow-miniscope[demo]"``).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from estimates import save_estimate
from lengthened import Lengthened
from scoring import score
from simulated import Recording

from workflow_miniscope.cnmfe import extract

COLUMNS = ("minutes", "components", "cells", "accepted", "f1", "trace r", "CPU s", "wall s", "peak GiB")


def run(folder: Path, minutes: int, fps: float, out: Path) -> None:
    """Extract, in this process, and write down what it took and found."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = extract(Lengthened(folder, minutes), fps, output=out, progress=False)
    took = {
        "components": result.n_components,
        "CPU s": time.process_time() - cpu,
        "wall s": time.perf_counter() - wall,
        "peak GiB": peak(),
    }
    (out / "took.json").write_text(json.dumps(took))
    save_estimate(out / "estimate.npz", result)


def peak() -> float:
    """Most memory that this process had, GiB, without those it started, which made the frames. Linux only."""
    # not getrusage: that begins with what the process had that started this one
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 2**20


def measure(recording: Recording, minutes: int, root: Path) -> dict:
    """One row of the table."""
    folder = recording.write(root)
    recorded = Lengthened(folder, minutes)
    with tempfile.TemporaryDirectory(dir=root) as out:
        out = Path(out)
        command = [sys.executable, __file__, "--run", folder, "--minutes", minutes, "--fps", recording.fps]
        subprocess.run([str(part) for part in [*command, "--out", out]], check=True)
        row = {"minutes": minutes} | json.loads((out / "took.json").read_text())
        np.savez(out / "truth.npz", **recorded.truth())
        found = score(out / "estimate.npz", out / "truth.npz")
    return row | {"cells": found.cells, "accepted": found.accepted, "f1": found.f1, "trace r": found.trace_r}


def _text(name: str, value: float) -> str:
    digits = {"f1": 3, "trace r": 3, "peak GiB": 2}.get(name, 0)
    return f"{value:.{digits}f}"


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs="+", default=[2], help="lengths of the recording")
    parser.add_argument("--px", type=int, default=608, help="side of the field, pixels")
    parser.add_argument("--seed", type=int, default=900, help="seed of the simulated minute")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "long_recording", help="scratch")
    parser.add_argument("--fps", type=float, default=20.0, help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(arguments.run, arguments.minutes[0], arguments.fps, arguments.out)
        return
    recording = Recording(arguments.seed, px=arguments.px, seconds=60.0)
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for minutes in arguments.minutes:
        row = measure(recording, minutes, arguments.folder)
        print("| " + " | ".join(_text(name, row[name]) for name in COLUMNS) + " |", flush=True)


if __name__ == "__main__":
    main()
