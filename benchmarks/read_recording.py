"""How fast a recording is read, and in how much memory.

    python benchmarks/read_recording.py                         # a simulated 608 x 608 recording, FFV1
    python benchmarks/read_recording.py DEVICE_FOLDER           # one of yours

Compares reading every frame by this project (``Movie.frames``, ``Movie.blocks`` and all of the check) with a plain
OpenCV loop and, where it is installed, with roiextractors' MiniscopeImagingExtractor. Each reader runs in a process of
its own, because the peak memory of a process never falls. The files are read once before, so that all readers find them
in the system's cache. What was measured is in ``benchmarks/reading.md``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workflow_miniscope.work.text_table import format_table


def read_opencv(folder: Path) -> int:
    """Read every frame as any script does: three channels, of which one is kept."""
    import cv2

    n = 0
    for path in _videos(folder):
        capture = cv2.VideoCapture(str(path))
        while True:
            good, frame = capture.read()
            if not good:
                break
            frame[..., 0].mean()
            n += 1
    return n


def read_frames(folder: Path) -> int:
    """Read every frame with ``Movie.frames``."""
    from workflow_miniscope import daq

    return sum(frame.mean() >= 0 for frame in daq.open_device(folder).read().movie.frames())


def read_blocks(folder: Path) -> int:
    """Read every frame with ``Movie.blocks``."""
    from workflow_miniscope import daq

    n = 0
    for _, block in daq.open_device(folder).read().movie.blocks():
        block.mean()
        n += len(block)
    return n


def read_check(folder: Path) -> int:
    """Do everything that ``workflow-miniscope check`` does but the picture."""
    from workflow_miniscope.work.check import check_folder

    (device,) = check_folder(folder, progress=False).devices
    return device.quality.n_frames or 0


def read_roiextractors(folder: Path) -> int:
    """Read every frame with roiextractors, in pieces of 256."""
    from roiextractors import MiniscopeImagingExtractor

    extractor = MiniscopeImagingExtractor(folder_path=str(folder))
    n = extractor.get_num_samples()
    for start in range(0, n, 256):
        extractor.get_series(start, min(start + 256, n)).mean()
    return n


def _videos(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.avi"), key=lambda path: int(path.stem))


READERS = {
    "plain OpenCV loop": read_opencv,
    "Movie.frames": read_frames,
    "Movie.blocks": read_blocks,
    "check": read_check,
    "roiextractors": read_roiextractors,
}


def simulate(root: Path, n_frames: int, size: int, per_file: int = 1000, codec: str = "FFV1") -> Path:
    """Write a device folder of noisy frames, as Miniscope-DAQ-QT would, and return it."""
    import cv2
    import numpy as np

    folder = root / "2026_01_15" / "10_20_30" / "My_V4_Miniscope"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size - 0.5
    field = 60 + 80 * np.exp(-6 * (x**2 + y**2))
    # a few hundred frames of sensor noise, again and again: as hard to decode, and quick to make
    frames = [np.clip(field + rng.normal(0, 3, (size, size)), 0, 255).astype(np.uint8) for _ in range(200)]
    for number, start in enumerate(range(0, n_frames, per_file)):
        writer = cv2.VideoWriter(
            str(folder / f"{number}.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), 60, (size, size), False
        )
        for i in range(start, min(start + per_file, n_frames)):
            writer.write(frames[i % len(frames)])
        writer.release()
    rows = [f"{i},{50 * i - 40},0" for i in range(n_frames)]
    stamps = "\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *rows]) + "\n"
    (folder / "timeStamps.csv").write_text(stamps)
    about = {"deviceName": "My V4 Miniscope", "deviceType": "Miniscope_V4", "framesPerFile": per_file}
    (folder / "metaData.json").write_text(json.dumps(about))
    return folder


def measure(name: str, folder: Path) -> dict[str, float]:
    """Run one reader in a process of its own; return frames, seconds, CPU seconds, peak memory beyond imports (MB)."""
    done = subprocess.run([sys.executable, __file__, str(folder), "--only", name], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout)


def run_one(name: str, folder: Path) -> None:
    """Run one reader here and print what was measured."""
    # imports are not what is measured
    import cv2  # noqa: F401

    import workflow_miniscope.work.check  # noqa: F401

    if name == "roiextractors":
        import roiextractors  # noqa: F401
    before = memory()
    start, cpu = time.perf_counter(), time.process_time()
    frames = READERS[name](folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"frames": int(frames), "seconds": seconds, "cpu": cpu, "peak": memory() - before}))


def memory() -> float:
    """Return the most memory this process has had so far (MB)."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux the other number is inherited from the process that started this one
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Measure all readers and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="folder of one device of Miniscope-DAQ-QT")
    parser.add_argument("--frames", type=int, default=3000, help="frames of the simulated recording")
    parser.add_argument("--size", type=int, default=608, help="height and width of its frames")
    parser.add_argument("--codec", default="FFV1", help="its codec: FFV1, GREY or MJPG")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each reader, of which the fastest counts")
    parser.add_argument("--only", choices=READERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        run_one(arguments.only, arguments.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or simulate(Path(scratch), arguments.frames, arguments.size, codec=arguments.codec)
        for path in _videos(folder):
            path.read_bytes()
        rows = []
        for name in READERS:
            try:
                measured = min((measure(name, folder) for _ in range(arguments.repeat)), key=lambda one: one["seconds"])
            except RuntimeError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                continue
            rate = measured["frames"] / measured["seconds"]
            cpu = 1000 * measured["cpu"] / measured["frames"]
            rows.append((name, int(measured["frames"]), round(rate), round(cpu, 2), round(measured["peak"])))
    print(format_table(("reader", "frames", "frames/s", "CPU ms/frame", "memory MB"), rows))


if __name__ == "__main__":
    main()
