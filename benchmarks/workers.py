"""Whether anything is lost, doubled or left over when workers are killed at random and replaced.

    python benchmarks/workers.py          # 8 workers, 40 recordings, a minute of kills, on three servers
    python benchmarks/workers.py --recordings 6 --workers 3 --servers mariadb

One worker computes small recordings (48 x 48 pixels, 120 frames, 4 cells; the first ones with a camera) undisturbed.
Then several compute the same in a new database, and for some seconds after the first has begun to compute one of them
is killed (SIGKILL) again and again: mostly one that is computing. Each is replaced. Compared are all rows but for the
columns that say when and how long, and all files that results consist of. Prints a line for each server; the exit
status is 1 where anything is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from own_database import own_database

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SERVERS = ("embedded", "postgresql", "mariadb")
ANIMALS = "kill"
#: Seconds after which workers that have not finished count as stuck
TOO_LONG = 7200


def run(folder: Path, manifests: Path, chosen: argparse.Namespace, alone: dict | None) -> dict:
    """Compute everything in this process's database; return what is there, and how it came about."""
    import killed

    from workflow_miniscope import pipeline
    from workflow_miniscope.database import workers
    from workflow_miniscope.ingest import ingest
    from workflow_miniscope.paths import get_processed_root_data_dir
    from workflow_miniscope.work import worker

    problems = ingest(manifests / "subjects.csv", manifests / "sessions.csv", progress=False).problems
    if problems:
        raise RuntimeError(str(problems))
    temporary = folder / "tmp"
    temporary.mkdir()
    begun, kills = time.monotonic(), Counter()
    command = ["worker", "--cores", "1", *(["--once"] if alone is None else [])]
    with killed.Crew(folder / "printed", command, TMPDIR=str(temporary)) as crew:
        if alone is None:
            ends = [crew.wait(crew.start(), TOO_LONG)]
        else:
            kills = disturb(crew, chosen, np.random.default_rng(chosen.seed))
            stuck = begun + TOO_LONG
            while killed.numbers(ANIMALS) != alone["numbers"] and time.monotonic() < stuck:
                time.sleep(2)
            # what a killed one had finished but not given back is seen when it has been silent for long
            silent = time.monotonic() + 2 * (workers.SILENCE + worker.PAUSE)
            while killed.jobs_left(ANIMALS) and time.monotonic() < silent:
                time.sleep(2)
            ends = [crew.kill(pid, 2) for pid in crew.living()]
        seconds, started, tracebacks = time.monotonic() - begun, len(crew.begun), crew.tracebacks()
    time.sleep(0 if alone is None else workers.SILENCE)
    logs = (folder / "home" / "logs").glob("*_*.log")  # of engines; that of the day has none
    return {
        "contents": killed.contents(ANIMALS),
        "numbers": killed.numbers(ANIMALS),
        "files": killed.files(get_processed_root_data_dir()),
        "jobs": [f"{job['table']} {job['status']} {job['subject']}" for job in killed.jobs_left(ANIMALS)],
        "left over": [path.name for path in (*temporary.iterdir(), *logs)],
        "beating": workers.beating(pipeline.connection),
        "ends": ends,
        "tracebacks": tracebacks,
        "kills": kills,
        "started": started,
        "seconds": seconds,
    }


def disturb(crew, chosen: argparse.Namespace, random: np.random.Generator) -> Counter:
    """Kill and replace workers for a while; return how many were killed at what."""
    from workflow_miniscope.database import jobs
    from workflow_miniscope.work.steps import all_steps

    computed = [step for step in all_steps() if step.computed]
    kills, first = Counter(), None
    while first is None or time.monotonic() < first + chosen.seconds:
        while len(crew.living()) < chosen.workers:
            crew.start()
        time.sleep(random.exponential(chosen.every))
        living = crew.living()
        busy = {job["pid"]: step.name for step in computed for job in jobs.reserved(step.table())}
        busy = {pid: name for pid, name in busy.items() if pid in living}
        if first is None:
            if not busy:
                continue
            first = time.monotonic()
        if not living:
            continue
        victim = int(random.choice(sorted(busy) if busy and random.random() < 0.75 else living))
        if crew.kill(victim) == -9:
            kills[busy.get(victim, "between two jobs")] += 1
    while len(crew.living()) < chosen.workers:
        crew.start()
    return kills


def differences(alone: dict, many: dict) -> list[str]:
    """Say what is not as it should be."""
    found = [
        f"{name}: {len(rows)} rows instead of {len(wanted)}, {len(set(rows) & set(wanted))} the same"
        for name, rows in many["contents"].items()
        if rows != (wanted := alone["contents"][name])
    ]
    for path in sorted(alone["files"].keys() | many["files"].keys()):
        if alone["files"].get(path) != many["files"].get(path):
            found.append(f"file {path} differs, or is in one only")
    found += [f"left over: {name}" for name in many["left over"]]
    found += [f"in a queue: {job}" for job in many["jobs"]]
    found += [f"{many['beating']} workers seem to live"] * bool(many["beating"])
    found += [f"exit status {code}" for code in many["ends"] if code]
    return found + many["tracebacks"]


def apart(server: str, manifests: Path, raw: Path, arguments: list[str], alone: Path | None, out: Path) -> dict:
    """Run in a process and a database of its own."""
    from servers import mariadb, postgresql

    with ExitStack() as stack:
        folder, variables = stack.enter_context(own_database("wfm-workers-"))
        if server != "embedded":
            variables |= stack.enter_context({"postgresql": postgresql, "mariadb": mariadb}[server](folder / "server"))
        variables["MINISCOPE_ROOT_DATA_DIR"] = str(raw)
        given = ["--here", str(folder), str(manifests), str(alone or ""), str(out)]
        done = subprocess.run(
            [sys.executable, __file__, *given, *arguments],
            env={**{k: v for k, v in os.environ.items() if not k.startswith("DJ_")}, **variables},
        )
        if done.returncode:
            raise RuntimeError(f"it failed on {server}")
    return json.loads(out.read_text())


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=40)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60, help="how long workers are killed")
    parser.add_argument("--every", type=float, default=2, help="seconds between two kills, on average")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=SERVERS)
    parser.add_argument("--here", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        folder, manifests, alone, out = map(Path, chosen.here)
        known = json.loads(alone.read_text()) if alone.is_file() else None
        out.write_text(json.dumps(run(folder, manifests, chosen, known)))
        return 0

    import killed

    with own_database("wfm-workers-") as (folder, _):
        raw, results = folder / "raw", folder / "alone.json"
        animals = [f"{ANIMALS}{number:02d}" for number in range(chosen.recordings)]
        killed.write_recordings(raw, animals, folder, chosen.cameras)
        alone = apart("embedded", folder, raw, sys.argv[1:], None, results)
        print(f"alone: {sum(alone['numbers'].values())} computed rows in {alone['seconds']:.0f} s", flush=True)
        wrong = 0
        for server in chosen.servers:
            many = apart(server, folder, raw, sys.argv[1:], results, folder / f"{server}.json")
            found = differences(alone, many)
            wrong += bool(found)
            print(
                f"{server}: {sum(many['kills'].values())} kills, {many['started']} workers, {many['seconds']:.0f} s, "
                f"{sum(map(len, many['contents'].values()))} rows and {len(many['files'])} files compared, "
                f"{len(found)} differences",
                *(f"    killed at {name}: {number}" for name, number in sorted(many["kills"].items())),
                *(f"    {line}" for line in found),
                sep="\n",
                flush=True,
            )
        shutil.rmtree(raw)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
