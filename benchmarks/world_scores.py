"""The native engine on recordings of several worlds, with nothing given: accuracy, false components, verdict.

    python benchmarks/world_scores.py make "tissue:seed=3,radius=4 + x264:bpp=0.1"     # writes it, prints its folder
    python benchmarks/world_scores.py run "tissue:seed=3" "hybrid:seed=3 + bands"      # makes, extracts, scores
    python benchmarks/world_scores.py set development-worlds development-nulls         # named sets, see worlds/sets.py
    python benchmarks/world_scores.py movie REAL.avi --fps 20 --cells cells.csv        # any movie
    python benchmarks/world_scores.py table scores.jsonl                               # what was appended there
    python benchmarks/world_scores.py list                                             # the sets
    python benchmarks/world_scores.py run "tissue:seed=3" --engine caiman-tuned --python ~/caiman/bin/python
    python benchmarks/world_scores.py run "tissue:seed=3" --engine minian --python ~/minian/bin/python

Recordings are kept in the folder of ``WORLDS_FOLDER`` (else one in the system's temporary folder). ``run``, ``set`` and
``movie`` append a line of JSON for each run to ``--scores``. ``--project FOLDER`` tries the engine of another checkout,
``--engine`` another engine (see ``extraction.py`` for what its Python needs).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import measuring
import numpy as np
from extraction import ENGINES
from scoring import score
from worlds.falsehoods import falsehoods
from worlds.recipe import CACHE, parse
from worlds.reference import against_reference, write_movie
from worlds.sets import SETS

HERE = Path(__file__).resolve().parent
COLUMNS = {"f1": 3, "strict_f1": 3, "precision": 2, "recall": 2, "trace_r": 3, "activity_r": 2, "registration_px": 2}
# for these, more is worse
LESS = ("registration_px", "accepted", "cpu")


def run(
    line: str,
    folder: Path,
    project: Path,
    keep: Path | None = None,
    params: dict[str, float] | None = None,
    engine: str = "native",
    python: str = sys.executable,
) -> dict[str, object]:
    """Extract one recording in a process of its own, and give what there is to know about it as plain values.

    Parameters
    ----------
    line : str
        Recipe, the name of the recording.
    folder : Path
        The recording, as :meth:`worlds.recipe.Recipe.write` makes it.
    project : Path
        Checkout whose engine runs.
    keep : Path, optional
        Folder that gets the result file and ``estimate.npz``; else they are removed.
    params : dict, optional
        What the native engine is given.
    engine : str
        One of ``extraction.ENGINES``.
    python : str
        Python that has the engine.
    """
    out = Path(tempfile.mkdtemp(prefix="world-"))
    script, *told = ENGINES[engine]
    told += [json.dumps(params)] if params else []
    program = [python, str(HERE / script), str(folder), str(out), *told]
    # MiniAn's program needs nothing of this project
    path = {} if engine == "minian" else {"PYTHONPATH": os.pathsep.join([str(project), str(HERE)])}
    result: dict[str, object] = {"recipe": line, "engine": engine, "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}"}
    try:
        cost = measuring.measure(program, out / "log", env=os.environ | path, cwd=out)
        estimate, truth = out / "estimate.npz", folder / "truth.npz"
        with np.load(estimate) as file:
            result["accepted"] = len(file["A"])
            # what the others leave out at the end, and what they think of it, they do not tell
            result["components"] = int(file["components"]) if "components" in file else len(file["A"])
            result["verdict"] = str(file["verdict"]) if "verdict" in file else ""
        if truth.exists():
            result |= _fair(asdict(score(estimate, truth)), falsehoods(estimate, truth))
        elif (folder / "cells.npy").exists():
            result |= against_reference(estimate, np.load(folder / "cells.npy"))
        result |= {name: round(value, 2) for name, value in asdict(cost.total).items()}
        if keep:
            shutil.copytree(out, keep / folder.name, dirs_exist_ok=True)
    except RuntimeError as error:
        result["failed"] = str(error).split(" (see ")[0]
    finally:
        shutil.rmtree(out, ignore_errors=True)
    if params:
        result["recipe"] = f"{line} ({', '.join(f'{name}={value:g}' for name, value in params.items())} given)"
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}


def _fair(scored: dict[str, float], false: dict[str, int]) -> dict[str, object]:
    """Scores in which a true cell that need not be found is no false component; as they were, under ``strict_...``."""
    strict = {f"strict_{name}": scored[name] for name in ("precision", "f1")}
    precision, recall = scored["matched"] / max(scored["accepted"] - false["faint"], 1), scored["recall"]
    fair = {"precision": precision, "f1": 2 * recall * precision / max(recall + precision, 1e-9)}
    return {**scored, **fair, **strict, "false": false}


def table(runs: list[dict]) -> str:
    """Markdown: a row for each run, and for each world the mean and the worst; the last run of a recipe counts."""
    last = {_label(one): one for one in runs}
    header = ["recording", "cells", *COLUMNS, "false components", "verdict", "CPU s"]
    rows = [_row(one) for one in last.values()]
    for world in dict.fromkeys(_world(one) for one in last.values()):
        own = [one for one in last.values() if _world(one) == world and one.get("cells") and "f1" in one]
        if len(own) > 1:
            rows += [_summary(f"**{world}: mean of {len(own)}**", own, np.nanmean)]
            rows += [_summary(f"**{world}: worst of {len(own)}**", own, None)]
    nulls = [one for one in last.values() if one.get("cells") == 0 and "accepted" in one]
    if len(nulls) > 1:
        counts = [one["accepted"] for one in nulls]
        text = f"mean {np.mean(counts):.1f} accepted, most {max(counts)}"
        rows.append([f"**without cells: {len(nulls)}**", text, *[""] * (len(header) - 2)])
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _label(one: dict) -> str:
    engine = one.get("engine", "native")
    return one["recipe"] if engine == "native" else f"{engine}: {one['recipe']}"


def _world(one: dict) -> str:
    world = one["recipe"].split(":")[0].split(" ")[0]
    return _label({**one, "recipe": world})


def _row(one: dict) -> list[str]:
    if "failed" in one:
        return [_label(one), "", *[""] * len(COLUMNS), "", one["failed"], ""]
    cells = f"{one.get('matched', '')} of {one.get('cells', '')}, {one['accepted']} accepted of {one['components']}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in one.get("false", {}).items() if count)
    # nothing can be found where nothing is
    known = one if one.get("cells") else {}
    values = ["" if known.get(name) is None else f"{known[name]:.{digits}f}" for name, digits in COLUMNS.items()]
    return [_label(one), cells, *values, kinds, one["verdict"], f"{one.get('cpu', 0):.0f}"]


def _summary(label: str, runs: list[dict], mean) -> list[str]:
    values = []
    for name, digits in COLUMNS.items():
        column = [one[name] for one in runs if one.get(name) is not None]
        worst = np.nanmax if name in LESS else np.nanmin
        values.append(f"**{(mean or worst)(column):.{digits}f}**" if column else "")
    return [label, "", *values, "", "", f"{(mean or max)([one['cpu'] for one in runs]):.0f}"]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the sets and their recipes")
    make = commands.add_parser("make", help="write recordings")
    make.add_argument("recipes", nargs="+")
    ran = commands.add_parser("run", help="make, extract and score recordings")
    ran.add_argument("recipes", nargs="+")
    named = commands.add_parser("set", help="the same with named sets")
    named.add_argument("recipes", nargs="+", choices=SETS, metavar="SET")
    movie = commands.add_parser("movie", help="extract any movie: AVI, NPY, TIFF")
    movie.add_argument("path", type=Path)
    movie.add_argument("--fps", type=float, required=True, help="frames a second")
    movie.add_argument("--cells", type=Path, help="CSV of their centres (y, x) or NPY [cell, height, width]")
    shown = commands.add_parser("table", help="the table of what was appended to a file")
    shown.add_argument("path", type=Path)
    for command in (ran, named, movie):
        command.add_argument("--scores", type=Path, default=CACHE / "scores.jsonl", help="appended to (%(default)s)")
        command.add_argument("--project", type=Path, default=HERE.parent, help="checkout of the engine (%(default)s)")
        command.add_argument("--engine", choices=ENGINES, default="native")
        command.add_argument("--python", default=sys.executable, help="Python that has the engine (this one)")
        command.add_argument("--keep", type=Path, help="folder that keeps the results of each recording")
    for command in (ran, named):
        command.add_argument("--planted", action="store_true", help="give the engine the time constants of the recipe")
    return parser.parse_args()


def _recordings(options: argparse.Namespace) -> list[tuple[str, Path | None]]:
    if options.command == "movie":
        return [(options.path.stem, write_movie(options.path, options.fps, options.cells, CACHE))]
    lines = options.recipes
    if options.command == "set":
        lines = [line for name in lines for line in SETS[name]]
    return [(parse(line).line, None) for line in lines]


def _planted(line: str) -> dict[str, float]:
    """Give the time constants of a recipe under the engine's names."""
    made = parse(line).generator
    return {f"{name}_time": getattr(made, name) for name in ("rise", "decay") if getattr(made, name)}


def main() -> int:
    """Do what was asked for."""
    options = arguments()
    if options.command == "list":
        for name, recipes in SETS.items():
            print(name, *recipes, sep="\n    ")
        return 0
    if options.command == "table":
        print(table([json.loads(text) for text in options.path.read_text().splitlines()]))
        return 0
    if options.command == "make":
        for line in options.recipes:
            print(parse(line).write())
        return 0
    runs = []
    options.scores.parent.mkdir(parents=True, exist_ok=True)
    for line, folder in _recordings(options):
        print(line, "...", file=sys.stderr, flush=True)
        folder = folder or parse(line).write()
        params = _planted(line) if getattr(options, "planted", False) else None
        runs.append(run(line, folder, options.project.resolve(), options.keep, params, options.engine, options.python))
        with open(options.scores, "a", encoding="utf-8") as file:
            file.write(json.dumps(runs[-1]) + "\n")
    print(table(runs))
    return 1 if any("failed" in one for one in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
