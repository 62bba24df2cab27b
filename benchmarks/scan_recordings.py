"""How long it takes to find, describe and judge many recordings, without looking at their frames.

    python benchmarks/scan_recordings.py                     # 50 sessions of a scope and a camera, 10 AVIs each
    python benchmarks/scan_recordings.py FOLDER              # yours, below a folder

This is what ``workflow-miniscope ingest`` does with new sessions before it inserts them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from read_recording import simulate

from workflow_miniscope import daq
from workflow_miniscope.work.text_table import format_table


def write_sessions(root: Path, n_sessions: int) -> None:
    """Write sessions of a scope and a camera, each of 10 AVIs of 1000 small frames, which share their bytes on disk."""
    source = simulate(root / "source", 10_000, 32)
    for number in range(n_sessions):
        session = root / "data" / f"m{number}" / "2026_01_15" / "10_20_30"
        for name in ("My_V4_Miniscope", "Face_Cam"):
            (session / name).mkdir(parents=True)
            for path in source.glob("*.avi"):
                os.link(path, session / name / path.name)
            shutil.copy(source / "timeStamps.csv", session / name)
            about = {"deviceName": name, "deviceType": "WebCam" if "Cam" in name else "Miniscope_V4"}
            (session / name / "metaData.json").write_text(json.dumps({**about, "framesPerFile": 1000}))
        about = {"animalName": f"m{number}", "miniscopes": ["My_V4_Miniscope"], "cameras": ["Face_Cam"]}
        about["recordingStartTime"] = {"msecSinceEpoch": 1768472430125}
        (session / "metaData.json").write_text(json.dumps(about))


def measure(root: Path) -> None:
    """Time each step and print a table."""
    rows = []

    def step(what: str, work) -> list:
        start, cpu = time.perf_counter(), time.process_time()
        found = work()
        rows.append((what, len(found), round(time.perf_counter() - start, 2), round(time.process_time() - cpu, 2)))
        return found

    folders = step("find sessions", lambda: daq.find_sessions(root))
    sessions = step("describe them", lambda: [daq.open_session(folder, allow_broken=True) for folder in folders])
    devices = [device for session in sessions for device in session.devices]
    step("count frames of devices, read times", lambda: [device.read(decode_first=False) for device in devices])
    step("judge them", lambda: [daq.check_device(device, frames=False) for device in devices])
    print(f"{sum(len(device.files) for device in devices)} AVI files in {len(devices)} device folders")
    print(format_table(("step", "n", "s", "CPU s"), rows))


def main() -> None:
    """Measure the sessions of a folder, or simulated ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="folder above sessions")
    parser.add_argument("--sessions", type=int, default=50, help="number of simulated sessions")
    arguments = parser.parse_args()
    if arguments.folder:
        measure(arguments.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        write_sessions(Path(scratch), arguments.sessions)
        measure(Path(scratch) / "data")


if __name__ == "__main__":
    main()
