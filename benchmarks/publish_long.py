"""Memory, time and space of exporting a full field with its frames in the NWB file, for minutes or for an hour.

    python benchmarks/publish_long.py --minutes 2 10

Frames are of 608 x 608 pixels with noise (FFV1), 20 a second, in files of 1000, which share their bytes on disk; there
are 300 components. Exporting is done in a process of its own: peak is the most memory that it had. The file of an hour
has about 17 GB. Prints a table.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from long_recording import peak
from own_database import own_database
from read_recording import simulate

from workflow_miniscope.work.text_table import format_table

SIDE, FPS, PER_FILE = 608, 20, 1000


def run(out: Path) -> None:
    """Export, in this process, and print what it took."""
    from workflow_miniscope import pipeline  # noqa: F401  connecting is not what is measured
    from workflow_miniscope.publish.dataset import Options, export_nwb

    wall, cpu = time.perf_counter(), time.process_time()
    export_nwb("subject=long", out / "long.nwb", options=Options(embed=True, progress=False))
    size = (out / "long.nwb").stat().st_size
    took = {"CPU s": time.process_time() - cpu, "wall s": time.perf_counter() - wall}
    print(json.dumps({**took, "peak GB": peak() * 1.073741824, "file GB": size / 1e9}))


def prepare(root: Path, source: Path, minutes: int, cells: int) -> None:
    """Write a session and put it and a result of it into the database."""
    from workflow_miniscope import pipeline
    from workflow_miniscope.ingest import ingest
    from workflow_miniscope.results.caiman import write_result

    n_frames = -(-minutes * 60 * FPS // PER_FILE) * PER_FILE
    session = root / "raw" / "long" / "2026_01_15" / "10_20_30"
    scope = session / "My_V4_Miniscope"
    scope.mkdir(parents=True)
    for number in range(n_frames // PER_FILE):
        os.link(source / "0.avi", scope / f"{number}.avi")
    stamps = (f"{i},{50 * i - 40},0" for i in range(n_frames))
    (scope / "timeStamps.csv").write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *stamps]) + "\n")
    shutil.copy(source / "metaData.json", scope)
    about = {"animalName": "long", "miniscopes": ["My V4 Miniscope"], "cameras": []}
    about["recordingStartTime"] = {"msecSinceEpoch": 1768472430125}
    (session / "metaData.json").write_text(json.dumps(about))
    (root / "subjects.csv").write_text(
        "subject,sex,subject_birth_date,subject_description,species\nlong,F,2025-09-01,long,Mus musculus\n"
    )
    (root / "sessions.csv").write_text(
        f"subject,session_dir,acq_software\nlong,{session.relative_to(root / 'raw').as_posix()},Miniscope-DAQ-V4\n"
    )
    report = ingest(root / "subjects.csv", root / "sessions.csv", progress=False)
    if report.problems:
        raise RuntimeError(str(report))
    miniscope = pipeline.miniscope
    miniscope.RecordingInfo.populate()
    folder = pipeline.get_processed_root_data_dir() / "long"
    folder.mkdir(parents=True)
    write_result(folder, _result(cells, n_frames))
    miniscope.ProcessingParamSet.insert_new_params("cnmfe", 0, "long", {"gSig": [4, 4]})
    task = {"paramset_id": 0, "processing_output_dir": "long", "task_mode": "load"}
    miniscope.ProcessingTask.insert1({**miniscope.RecordingInfo.fetch1("KEY"), **task})
    miniscope.Processing.populate()
    miniscope.Curation.create1_from_processing_task(miniscope.Processing.fetch1("KEY"))
    for table in (miniscope.MotionCorrection, miniscope.Segmentation, miniscope.Fluorescence, miniscope.Activity):
        table.populate()


def _result(cells: int, n_frames: int):
    """Components on a grid, with noise for traces."""
    import scipy.sparse

    from workflow_miniscope.results.caiman import CaimanResult, RigidShifts

    rng = np.random.default_rng(0)
    rows = (rng.integers(10, SIDE - 10, cells)[:, None] * SIDE + np.arange(100)).ravel()
    places = (np.full(len(rows), 0.1, np.float32), (rows, np.repeat(np.arange(cells), 100)))
    traces = [rng.normal(0, 1, (cells, n_frames)).astype(np.float32) for _ in range(4)]
    return CaimanResult(
        (SIDE, SIDE),
        scipy.sparse.csc_matrix(places, shape=(SIDE**2, cells)),
        *traces,
        motion=RigidShifts(rng.normal(0, 1, (n_frames, 2))),
        average_image=np.ones((SIDE, SIDE)),
        method="cnmfe",
        version="0.1.0",
    )


def kill_halfway(command: list[str], root: Path, n_bytes: float, where: dict) -> str:
    """Start an export and kill it when its file has so many bytes; return what is wrong with what it leaves."""
    with subprocess.Popen([*command, "--run", str(root)], stdout=subprocess.DEVNULL, **where) as process:
        while sum(path.stat().st_size for path in root.glob(".*.partial")) < n_bytes:
            if process.poll() is not None:
                return "it ended before it was killed"
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    left = list(root.glob("*.nwb")) + [path for path in root.glob("long*") if path.name != "long.nwb"]
    return f"it left {', '.join(path.name for path in left)}" if left else ""


def other_frames(root: Path) -> str:
    """Compare the first, middle and last frames of the file with those of the videos; return what is wrong."""
    import h5py

    from workflow_miniscope import daq

    left = list(root.glob(".*.partial"))
    if left:
        return f"{left[0].name} is still there"
    scope = root / "raw" / "long" / "2026_01_15" / "10_20_30" / "My_V4_Miniscope"
    video = daq.Movie([scope / "0.avi"])
    first, last = next(video.frames()), list(video.frames(PER_FILE - 1))[-1]
    with h5py.File(root / "long.nwb") as file:
        data = file["acquisition/OnePhotonSeries/data"]
        n_frames = len(list(scope.glob("*.avi"))) * PER_FILE
        if len(data) != n_frames:
            return f"it has {len(data)} frames of {n_frames}"
        middle = n_frames // PER_FILE // 2 * PER_FILE
        for number, frame in ((0, first), (middle, first), (n_frames - 1, last)):
            if not np.array_equal(data[number].T, frame):
                return f"frame {number} is another"
    return ""


def measure(source: Path, minutes: int, cells: int, kill: bool = False) -> dict:
    """One row of the table, in a folder of its own with a database of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--minutes", str(minutes), "--cells", str(cells)]
    with own_database("wfl", source.parents[3]) as (root, variables):
        where = {"env": {**os.environ, **variables}}
        subprocess.run([*command, "--prepare", str(root), "--source", str(source)], check=True, **where)
        killed = {}
        if kill:  # with a quarter of the bytes of its pixels, of which lossless compression leaves some 60 %
            killed["killed"] = kill_halfway(command, root, minutes * 60 * FPS * SIDE**2 / 4, where) or "clean"
        done = subprocess.run([*command, "--run", str(root)], check=True, capture_output=True, text=True, **where)
        if kill:
            killed["then"] = other_frames(root) or "whole"
        return {"minutes": minutes, **json.loads(done.stdout.splitlines()[-1]), **killed}


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs="+", default=[2], help="lengths of the recording")
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--kill", action="store_true", help="kill an export in its middle first")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare(options.prepare, options.source, options.minutes[0], options.cells)
        return
    if options.run:
        run(options.run)
        return
    with tempfile.TemporaryDirectory(prefix="wfs") as folder:
        Path(folder).chmod(0o755)
        source = simulate(Path(folder), PER_FILE, SIDE, PER_FILE)
        rows = [measure(source, minutes, options.cells, options.kill) for minutes in options.minutes]
    texts = [[value if isinstance(value, str) else f"{value:.4g}" for value in row.values()] for row in rows]
    print(format_table(tuple(rows[0]), [tuple(row) for row in texts]))
    sys.exit(any({row.get("killed", "clean"), row.get("then", "whole")} - {"clean", "whole"} for row in rows))


if __name__ == "__main__":
    main()
