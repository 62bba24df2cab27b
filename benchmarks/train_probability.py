"""Train the model that says how likely a component is to be a cell (``cnmfe/cells/probability.json``).

    python benchmarks/train_probability.py collect development-worlds development-nulls --to components.jsonl
    python benchmarks/train_probability.py fit components.jsonl
    python benchmarks/train_probability.py check components.jsonl          # of other recordings: is it calibrated?

``collect`` extracts the recordings of named sets (or recipes, see worlds/recipe.py) and appends a line of JSON for
each component, accepted or not: what was measured of it and whether it is a cell. Cells that need not be found, and
copies of cells, teach nothing and are left out. ``fit`` needs scikit-learn; it takes care that each property speaks in
the direction that it means, and prints how well the model does on recordings that it was not fitted to.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from simulated import frame_rate, videos
from worlds.falsehoods import kinds
from worlds.recipe import parse
from worlds.sets import SETS

from workflow_miniscope.cnmfe import extract
from workflow_miniscope.cnmfe.cells import probability

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "workflow_miniscope" / "cnmfe" / "cells" / "probability.json"
LEFT_OUT = ("faint", "copy")
# parts of the recordings, each of which is predicted by the others
FOLDS = 10
# of the calibration
BINS = np.linspace(0, 1, 11)


def collect(lines: list[str], to: Path) -> None:
    """Extract recordings and append what was measured of each component."""
    done = {row["recipe"] for row in _rows([to])} if to.exists() else set()
    for line in (parse(text).line for text in lines):
        if line in done:
            continue
        folder = parse(line).write()
        result = extract(videos(folder), frame_rate(folder), progress=False)
        images = np.stack([result.footprint(i) for i in range(result.n_components)]) if result.n_components else []
        named = kinds(np.asarray(images), result.motion.shifts, folder / "truth.npz")
        accepted = set(result.accepted.tolist())
        with open(to, "a", encoding="utf-8") as file:
            for k, kind in enumerate(named):
                row = {name: round(float(v[k]), 5) for name, v in result.evaluation.properties.items()}
                row |= {"recipe": line, "kind": kind, "accepted": k in accepted}
                file.write(json.dumps(row) + "\n")
        print(f"{line}: {len(named)} components, {named.count('cell')} cells", flush=True)


def _rows(paths: list[Path]) -> list[dict]:
    return [json.loads(text) for path in paths for text in path.read_text().splitlines()]


def _learned(paths: list[Path]) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Properties, whether it is a cell, and the recording of each component."""
    rows = [row for row in _rows(paths) if row["kind"] not in LEFT_OUT]
    properties = {name: np.array([row[name] for row in rows]) for name in probability.PROPERTIES}
    return properties, np.array([row["kind"] == "cell" for row in rows]), np.array([row["recipe"] for row in rows])


def fit(paths: list[Path], output: Path) -> None:
    """Fit the model, say how good it is on recordings left out, and write it."""
    from sklearn.model_selection import GroupKFold

    properties, cell, recording = _learned(paths)
    x = probability.scaled(properties)
    left_out = np.zeros(len(cell))
    for train, test in GroupKFold(FOLDS).split(x, cell, recording):
        middle, weight, intercept = _logistic(x[train], cell[train], recording[train])
        left_out[test] = 1 / (1 + np.exp(-((x[test] - middle) @ weight + intercept)))
    report(left_out, cell, "recordings left out")
    middle, weight, intercept = _logistic(x, cell, recording)
    names = list(probability.PROPERTIES)
    told = {
        "name": f"{datetime.now(UTC):%Y-%m-%d}: {len(cell)} components of {len(set(recording))} simulated recordings",
        "intercept": round(float(intercept), 4),
        "middle": {name: round(float(v), 4) for name, v in zip(names, middle, strict=True)},
        "weight": {name: round(float(v), 4) for name, v in zip(names, weight, strict=True)},
    }
    output.write_text(json.dumps(told, indent=4) + "\n")
    print(json.dumps(told["weight"]))


def _logistic(x: np.ndarray, cell: np.ndarray, recording: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Middle, weights and intercept; a property that would speak against its meaning is left out."""
    from sklearn.linear_model import LogisticRegression

    good = np.array([one.good for one in probability.PROPERTIES.values()])
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    used = np.ones(x.shape[1], bool)
    # a recording with many components must not decide alone
    _, which, count = np.unique(recording, return_inverse=True, return_counts=True)
    share = 1 / np.sqrt(count[which])
    while True:
        model = LogisticRegression(C=1.0).fit(
            ((x - middle) / spread)[:, used], cell, sample_weight=share / share.mean()
        )
        weight = np.zeros(x.shape[1])
        weight[used] = model.coef_[0] / spread[used]
        wrong = used & (weight * good < 0)
        if not wrong.any():
            return middle, weight, float(model.intercept_[0])
        used &= ~wrong


def report(chance: np.ndarray, cell: np.ndarray, of: str) -> None:
    """Print calibration and how well cells are told from the rest."""
    from sklearn.metrics import roc_auc_score

    print(f"{of}: {len(cell)} components, {cell.sum()} cells, area under the curve {roc_auc_score(cell, chance):.3f}")
    part = np.digitize(chance, BINS[1:-1])
    error = 0.0
    for k in range(len(BINS) - 1):
        inside = part == k
        if inside.any():
            error += inside.mean() * abs(chance[inside].mean() - cell[inside].mean())
            print(f"  said {chance[inside].mean():.2f}, are {cell[inside].mean():.2f} ({inside.sum()})")
    chosen = chance >= 0.5
    print(
        f"  expected calibration error {error:.3f}; at 0.5 {(cell & chosen).sum()} cells, {(chosen & ~cell).sum()} not"
    )


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("collect", help="extract recordings, and write what was measured")
    made.add_argument("recipes", nargs="+", help="names of sets, or recipes")
    made.add_argument("--to", type=Path, required=True, help="file of JSON lines to append to")
    fitted = commands.add_parser("fit", help="fit the model")
    fitted.add_argument("components", type=Path, nargs="+")
    fitted.add_argument("--output", type=Path, default=MODEL)
    checked = commands.add_parser("check", help="compare the present model with components")
    checked.add_argument("components", type=Path, nargs="+")
    options = parser.parse_args()
    if options.command == "collect":
        collect([line for name in options.recipes for line in SETS.get(name, [name])], options.to)
    elif options.command == "fit":
        fit(options.components, options.output)
    else:
        properties, cell, _ = _learned(options.components)
        report(probability.probability(properties), cell, probability.model().name)


if __name__ == "__main__":
    main()
