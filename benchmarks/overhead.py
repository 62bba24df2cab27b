"""What database, queue and the engine's own process add to the built-in engine alone, on a recording of ten minutes.

    python benchmarks/overhead.py                         # 10 minutes of 608 x 608 pixels, three times each
    python benchmarks/overhead.py --minutes 2 --px 200 --repeat 1

The recording is written once as Miniscope-DAQ writes it (see ``lengthened.py`` for what it shows). Then, in turns: the
engine alone, called within a process that has imported it; and the step ``miniscope.Processing`` of
`workflow-miniscope process` in a database of its own (job reserved, heart, engine in its own process with its start,
result read, row inserted, job given back). Seconds of the processor are those of all processes but the server's.
Printed are both, their ratio, what the other steps of `process` take, and the load of the machine: above 1 the seconds
that pass say little. Needs minisim (``pip install "workflow-miniscope[demo]"``).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from own_database import own_database

FPS, PER_FILE = 20, 1000
#: What the issue allows, percent
ALLOWED = 5.0


def write(raw: Path, manifests: Path, minutes: int, px: int) -> None:
    """Write the recording, and manifests of it."""
    import cv2
    from lengthened import Lengthened
    from simulated import Recording

    made = Lengthened(Recording(900, px=px, seconds=60.0).write(raw.parent / "simulated"), minutes)
    scope = raw / "mouse" / "2026_01_15" / "10_20_30" / "My_V4_Miniscope"
    scope.mkdir(parents=True)
    writer = None
    for number, frame in enumerate(made.frames()):
        if number % PER_FILE == 0:
            if writer is not None:
                writer.release()
            path = str(scope / f"{number // PER_FILE}.avi")
            writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), FPS, (px, px), False)
        writer.write(frame)
    writer.release()
    rows = (f"{i},{1000 * i // FPS - 40},0" for i in range(made.n_frames))
    (scope / "timeStamps.csv").write_text("\n".join(["Frame Number,Time Stamp (ms),Buffer Index", *rows]) + "\n")
    device = {"deviceName": "My V4 Miniscope", "deviceType": "Miniscope_V4", "framesPerFile": PER_FILE}
    (scope / "metaData.json").write_text(json.dumps(device))
    about = {"animalName": "mouse", "miniscopes": ["My V4 Miniscope"], "cameras": []}
    about["recordingStartTime"] = {"msecSinceEpoch": 1768472430125}
    (scope.parent / "metaData.json").write_text(json.dumps(about))
    (manifests / "subjects.csv").write_text(
        "subject,sex,subject_birth_date,subject_description\nmouse,U,2025-09-01,simulated\n"
    )
    folder = scope.parent.relative_to(raw).as_posix()
    (manifests / "sessions.csv").write_text(f"subject,session_dir,acq_software\nmouse,{folder},Miniscope-DAQ-V4\n")


def alone(raw: Path, out: Path) -> dict[str, tuple[float, float]]:
    """The engine within this process."""
    from workflow_miniscope import daq, engines

    recording = daq.open_device(next(raw.rglob("My_V4_Miniscope"))).read()
    engine, times = engines.get("cnmfe", "cells"), daq.cleaned(recording.times)
    before, begun = _used(), time.perf_counter()
    engines.run_engine(engine, recording.movie, engine.parse(None), out, fps=recording.fps, times=times, progress=False)
    return {"engine": (time.perf_counter() - begun, _used() - before)}


def processed(manifests: Path) -> dict[str, tuple[float, float]]:
    """Each step of ``process``, in this process's database."""
    import contextlib
    import io

    import workflow_miniscope.process as module
    from workflow_miniscope import pipeline  # noqa: F401  connecting is not what is measured
    from workflow_miniscope.ingest import ingest

    with contextlib.redirect_stdout(io.StringIO()):
        report = ingest(manifests / "subjects.csv", manifests / "sessions.csv", progress=False)
    if report.problems:
        raise RuntimeError(str(report))
    took: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    original = module.compute

    def timed(step, *arguments):
        before, begun = _used(), time.perf_counter()
        yield from original(step, *arguments)
        took[step.name] = time.perf_counter() - begun, _used() - before

    module.compute = timed
    errors = module.process(progress=False).errors
    if errors:
        raise RuntimeError(str(errors))
    return took


def _used() -> float:
    """Seconds of the processor of this process, and of those that it started and that have ended."""
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in each)


def apart(arguments: list[str], **variables: str) -> dict[str, list[float]]:
    """Measure in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], env={**os.environ, **variables}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--px", type=int, default=608)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--alone", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--processed", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        print(json.dumps(alone(*chosen.alone)))
        return 0
    if chosen.processed:
        print(json.dumps(processed(chosen.processed)))
        return 0
    bare, step, others = [], [], []
    with own_database("wfm-overhead-") as (folder, variables):
        raw = folder / "raw"
        write(raw, folder, chosen.minutes, chosen.px)
        for number in range(chosen.repeat):
            bare.append(apart(["--alone", str(raw), str(folder / f"alone{number}")])["engine"])
            own = {"DATABASE_PREFIX": f"run{number}_", "PROCESSED_ROOT_DATA_DIR": str(folder / f"processed{number}")}
            took = apart(["--processed", str(folder)], **{**variables, **own})
            step.append(took.pop("miniscope.Processing"))
            others.append([sum(values) for values in zip(*took.values(), strict=True)])
            print(
                f"engine alone {bare[-1][0]:.1f} s ({bare[-1][1]:.1f} s of a processor), step {step[-1][0]:.1f} s "
                f"({step[-1][1]:.1f} s), other steps {others[-1][0]:.1f} s ({others[-1][1]:.1f} s); load "
                f"{os.getloadavg()[0]:.1f}",
                flush=True,
            )
    wall, cpu = (
        100 * (statistics.median(x[i] for x in step) / statistics.median(x[i] for x in bare) - 1) for i in (0, 1)
    )
    print(f"overhead: {wall:+.1f} % of the time that passes, {cpu:+.1f} % of the processor's; allowed {ALLOWED:g} %")
    return int(cpu > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
