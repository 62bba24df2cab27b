"""Accuracy and cost of the native engine beside CaImAn's and MiniAn's, on recordings of which everything is known.

    python benchmarks/extraction.py                                       # the native engine, one recording
    python benchmarks/extraction.py --seeds 7 11 12 13 --seconds 60       # several, with their spread
    python benchmarks/extraction.py --engines native caiman-tuned minian \\
        --caiman-python ~/caiman/bin/python --minian-python ~/minian/bin/python --record
    python benchmarks/extraction.py --engines native --again --record     # all recordings of the table, once more

Each engine runs in a process of its own, with the Python that has it; CaImAn's needs this project's requirements too,
MiniAn's needs ``minian==2.0.2`` and ``xarray<2026.9``. All read the same video files. How agreement with the truth is
counted is in ``scoring.py``, how cost is measured in ``measuring.py``, what each engine is told in ``run_*.py``.

``--record`` keeps every run in ``extraction.json`` (the last one of an engine on a recording) and writes the table to
``extraction.md``. Needs minisim (``pip install "workflow-miniscope[demo]"``).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import measuring
import psutil
from scoring import score
from simulated import REGIONS, Recording

HERE = Path(__file__).resolve().parent
RUNS, TABLE = HERE / "extraction.json", HERE / "extraction.md"
ENGINES = {
    "native": ("run_native.py",),
    "caiman-shipped": ("run_caiman.py", "shipped"),
    "caiman-tuned": ("run_caiman.py", "tuned"),
    "minian": ("run_minian.py",),
}
STAGES = ("registration", "extraction", "evaluation")
SCORES = {
    "recall": 2,
    "precision": 2,
    "f1": 3,
    "trace_r": 3,
    "activity_r": 2,
    "registration_px": 2,
}


def run(engine: str, python: str, recording: Recording, root: Path) -> dict:
    """Run one engine on one recording, and give what there is to know about it as plain values."""
    folder = recording.write(root)
    out = Path(tempfile.mkdtemp(prefix=f"{engine}-", dir=root))
    script, *arguments = ENGINES[engine]
    # CaImAn's Python may lack this project itself, if not its requirements
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
    environment = os.environ if engine == "minian" else os.environ | {"PYTHONPATH": path}
    log = root / f"{engine}_{recording.name}.log"
    try:
        cost = measuring.measure([python, HERE / script, folder, out, *arguments], log, env=dict(environment), cwd=out)
        scored = score(out / "estimate.npz", folder / "truth.npz")
    finally:
        shutil.rmtree(out, ignore_errors=True)
    versions = [line.split()[1] for line in log.read_text().splitlines() if line.startswith("version ")]
    return {
        "engine": engine,
        "version": versions[0] if versions else "",
        "recording": asdict(recording),
        "score": asdict(scored),
        "stages": {name: asdict(stage) for name, stage in cost.stages.items()},
        "total": asdict(cost.total),
        "busy": cost.busy,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
    }


def machine() -> str:
    """Processor, cores that may be used, memory and Python."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 1e9
    return f"{model}, {cores} cores, {memory:.0f} GB, Python {platform.python_version()}, {platform.system()}"


def merge(old: Iterable[dict], new: Iterable[dict]) -> list[dict]:
    """Runs of both, the new one where an engine has two on the same recording; in the order of the table."""
    runs = {(Recording(**one["recording"]), one["engine"]): one for one in [*old, *new]}
    order = list(ENGINES)
    return [runs[key] for key in sorted(runs, key=lambda key: (order.index(key[1]), key[0].name))]


def table(runs: list[dict]) -> str:
    """Markdown: a row for each run, and for each engine its mean and range over its recordings.

    Where engines have not run on the same recordings, a second such row is over those that all have in common.
    """
    header = ["engine", "recording", "cells", *SCORES, *STAGES, "all", "other load"]
    groups = [[one for one in runs if one["engine"] == engine] for engine in ENGINES]
    groups = [own for own in groups if own]
    common = set.intersection(*({_name(one) for one in own} for own in groups)) if groups else set()
    rows = []
    for own in groups:
        shared = [one for one in own if _name(one) in common]
        rows += [_row(one) for one in own]
        if len(own) > 1:
            rows.append(_spread(own, f"mean (range) of {len(own)}"))
        if 1 < len(shared) < len(own):
            rows.append(_spread(shared, f"mean (range) of the {len(shared)} of all engines"))
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(one: dict) -> str:
    return Recording(**one["recording"]).name


def _row(one: dict) -> list[str]:
    scored, stages = one["score"], _stages(one["stages"])
    return [
        f"{one['engine']} {one['version']}",
        _name(one),
        f"{scored['matched']} of {scored['cells']}, {scored['accepted']} accepted",
        *(f"{scored[name]:.{digits}f}" for name, digits in SCORES.items()),
        *(_cost(stages.get(name)) for name in STAGES),
        _cost(one["total"]),
        f"{one['busy']:.1f}",
    ]


def _stages(costs: dict[str, dict]) -> dict[str, dict]:
    """Put an engine's own stages into those of the table: what is neither first nor last is extraction."""
    out: dict[str, dict] = {}
    for name, cost in costs.items():
        if name != measuring.START:
            stage = out.setdefault(name if name in STAGES else "extraction", {"cpu": 0.0, "wall": 0.0, "peak": 0.0})
            stage["cpu"] += cost["cpu"]
            stage["wall"] += cost["wall"]
            stage["peak"] = max(stage["peak"], cost["peak"])
    return out


def _spread(runs: list[dict], label: str) -> list[str]:
    def cell(values, digits):
        return f"**{sum(values) / len(values):.{digits}f}** ({min(values):.{digits}f}..{max(values):.{digits}f})"

    cpu = [one["total"]["cpu"] for one in runs]
    return [
        f"**{runs[0]['engine']}**",
        label,
        "",
        *(cell([one["score"][name] for one in runs], digits) for name, digits in SCORES.items()),
        *[""] * len(STAGES),
        f"{cell(cpu, 0)} CPU s",
        "",
    ]


def _cost(stage: dict | None) -> str:
    return "" if stage is None else f"{stage['cpu']:.1f} / {stage['wall']:.1f} / {stage['peak']:.2f}"


def page(runs: list[dict]) -> str:
    """Give the whole Markdown page: what was run where and when, the table, and what its columns mean."""
    places: dict[tuple[str, str], set[str]] = {}
    for one in runs:
        places.setdefault((one["date"], one["machine"]), set()).add(one["engine"])
    where = [f"- {date}, {name}: {', '.join(sorted(engines))}" for (date, name), engines in sorted(places.items())]
    return "\n".join(
        [
            "# Extraction: accuracy and cost",
            "",
            "Written by `python benchmarks/extraction.py --record`; the method is in that file and those beside it.",
            "",
            *where,
            "",
            table(runs),
            "",
            "Costs are CPU seconds / wall seconds / peak memory in GB, of the process and its children, without the",
            "start of Python and the imports; decoding the video belongs to the registration. *Other load*: processor",
            "cores that other programs kept busy meanwhile, which lengthens the wall time and hardly the CPU time.",
            "*Cells*: matched of the detectable ones. Recordings are named by tissue, side of the field, length,",
            "amplitude of the motion, and seed. CaImAn *shipped*: the parameters of this workflow's ancestor; *tuned*:",
            "by hand on ca1_200px_75s_10um_seed7, looking at its truth, and used as they are on the others. MiniAn:",
            "the parameters of its notebook; it rejects nothing at the end, so all that it keeps counts as accepted.",
            "The native engine is given no parameters.",
            "",
        ]
    )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["native"], help="which engines (%(default)s)")
    parser.add_argument("--native-python", default=sys.executable, help="Python that runs the native engine")
    parser.add_argument("--caiman-python", default=sys.executable, help="Python that has CaImAn")
    parser.add_argument("--minian-python", default=sys.executable, help="Python that has MiniAn")
    parser.add_argument("--seeds", nargs="+", type=int, default=[7], help="one recording for each (%(default)s)")
    parser.add_argument("--region", choices=REGIONS, default="ca1")
    parser.add_argument("--px", type=int, default=200, help="side of the field, pixels; a V4 has 608 (%(default)s)")
    parser.add_argument("--seconds", type=float, default=75, help="length (%(default)s)")
    parser.add_argument("--motion-um", type=float, default=10, help="amplitude of the motion (%(default)s)")
    parser.add_argument("--again", action="store_true", help="the recordings of the recorded table instead")
    parser.add_argument("--folder", type=Path, help="where recordings and logs are kept; else they are removed")
    parser.add_argument("--record", action="store_true", help=f"keep the runs in {RUNS.name} and write {TABLE.name}")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for; print the table, or record it."""
    options = arguments()
    recorded = json.loads(RUNS.read_text()) if RUNS.exists() else []
    if options.again:
        recordings = list(dict.fromkeys(Recording(**one["recording"]) for one in recorded))
    else:
        recordings = [
            Recording(seed, options.region, options.px, options.seconds, motion_um=options.motion_um)
            for seed in options.seeds
        ]
    runs, failed = [], 0
    with tempfile.TemporaryDirectory(prefix="extraction-") as scratch:
        root = options.folder or Path(scratch)
        root.mkdir(parents=True, exist_ok=True)
        for recording in recordings:
            for engine in options.engines:
                python = getattr(options, f"{engine.split('-')[0]}_python")
                print(f"{engine} on {recording.name} ...", file=sys.stderr, flush=True)
                try:
                    runs.append(run(engine, python, recording, root.resolve()))
                except RuntimeError as error:
                    failed += 1
                    print(f"{engine} is left out: {error}", file=sys.stderr)
                    continue
                if options.record:
                    # at once, in case a later run is interrupted
                    recorded = merge(json.loads(RUNS.read_text()) if RUNS.exists() else [], runs[-1:])
                    RUNS.write_text(json.dumps(recorded, indent=1) + "\n")
                    TABLE.write_text(page(recorded))
    print(table(merge([], runs)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
