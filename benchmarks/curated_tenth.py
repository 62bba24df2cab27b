"""What curating only the least certain tenth of the components gives, with the truth as the curator.

    python benchmarks/curated_tenth.py [--part 0.1] [SEED ...]

Extracts minisim's recordings of CA1 and of cortex (200 x 200 pixels, 75 s; seeds from 501 on are those that nothing was
developed on), asks the curator about the components that the page shows first, and prints F1 before and after. Then the
curator looks for what was missed as well: as many clicks as there were decisions, each on the largest cell that no
accepted component is, which the engine fits.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scoring import MATCH
from simulated import Recording, frame_rate, videos

from workflow_miniscope.analysis.doubt import doubt
from workflow_miniscope.cnmfe import extract
from workflow_miniscope.daq import open_movie
from workflow_miniscope.results.caiman import CaimanResult, OpenedResult, read_result, write_result
from workflow_miniscope.results.curation import DecisionLog, log_path
from workflow_miniscope.work.curation import Curating
from workflow_miniscope.work.editing import Editing, Wish
from workflow_miniscope.work.result_movie import OpenedMovie, ResultMovie

SEEDS = (501, 502)


class SimulatedMovie(ResultMovie):
    """The recording, which is no folder of an acquisition program."""

    def open(self) -> OpenedMovie:
        """Open its video files."""
        return OpenedMovie(open_movie(videos(self.folder)), None)


def matches(images: np.ndarray, truth: np.ndarray, offset: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of a component and a true cell, as the scores pair them."""
    from minisim import metrics

    if not len(images) or not len(truth):
        return []
    return metrics.hungarian_match(images, truth, metric="cosine", shift=offset).matched_pairs(MATCH)


def f1(pairs: int, components: int, cells: int) -> float:
    """Harmonic mean of precision and recall."""
    return 2 * pairs / max(components + cells, 1)


def measure(recording: Recording, root: Path, part: float) -> dict[str, float]:
    """Extract a recording, curate a part of it."""
    from minisim import metrics

    folder = recording.write(root)
    with np.load(folder / "truth.npz") as file:
        A, shifts = file["A"][file["detectable"]], file["shifts"]
    path = root / f"{recording.name}.hdf5"
    if not path.exists():
        write_result(path, extract(videos(folder), frame_rate(folder), progress=False))
    result = read_result(path)
    offset = metrics.global_shift_from_trajectories(result.motion.shifts, shifts, correction=True)
    images = np.stack([result.footprint(k) for k in range(result.n_components)])
    true = {k for k, _ in matches(images, A, offset)}
    accepted = set(result.accepted.tolist())
    before = f1(len(matches(images[sorted(accepted)], A, offset)), len(accepted), len(A))
    asked = np.argsort(-doubt(result), kind="stable")[: round(part * result.n_components)].tolist()
    curated = (accepted - set(asked)) | (set(asked) & true)
    found = matches(images[sorted(curated)], A, offset)
    after = f1(len(found), len(curated), len(A))
    missed = sorted(set(range(len(A))) - {cell for _, cell in found}, key=lambda k: -float(A[k].sum()))
    added = add(path, folder, result, curated, asked, A, missed[: len(asked)], offset)
    everything = np.concatenate([images[sorted(curated)], added]) if len(added) else images[sorted(curated)]
    clicked = f1(len(matches(everything, A, offset)), len(everything), len(A))
    return {
        "cells": len(A), "components": result.n_components, "asked": len(asked), "before": before, "after": after,
        "added": len(added), "with clicks": clicked,
    }  # fmt: skip


def add(
    path: Path,
    folder: Path,
    result: CaimanResult,
    curated: set[int],
    asked: list[int],
    A: np.ndarray,
    missed: list[int],
    offset: np.ndarray,
) -> np.ndarray:
    """Click on cells that were missed; the footprints of those that the engine finds there."""
    from workflow_miniscope.errors import WorkflowError

    opened, images = OpenedResult(path), []
    with tempfile.TemporaryDirectory() as decisions:
        with DecisionLog(log_path(path, "truth", Path(decisions)), opened.components, path.name, "truth") as log:
            log.append(
                [
                    {"id": f"d{k}", "action": "decide", "components": [k],
                     "decision": "accepted" if k in curated else "rejected"}
                    for k in asked
                ]
            )  # fmt: skip
            at_it = Curating(opened, log, "truth", SimulatedMovie(path, folder))
            editing = Editing(at_it)
            for k in missed:
                y, x = np.unravel_index(int(np.argmax(A[k])), A[k].shape)
                try:
                    event = editing.perform(Wish("add", (), ((float(x) - offset[1], float(y) - offset[0]),)), f"a{k}")
                except WorkflowError as error:
                    print("  ", error)
                    continue
                one = at_it.one_made(event.made[0])
                image = np.zeros(result.A.shape[0], np.float32)
                image[one.pixels] = one.weights
                images.append(image.reshape(result.dims, order="F"))
            editing.close()
    opened.close()
    return np.array(images)


def main() -> None:
    """Measure every recording, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--part", type=float, default=0.1, help="of the components, that is curated")
    parser.add_argument("--folder", type=Path, help="keep recordings and results here")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        root = given.folder or Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        for seed in given.seeds:
            for region in ("ca1", "cortex_l23"):
                rows.append(measure(Recording(seed, region), root, given.part))
                said = ", ".join(f"{name} {value:.3g}" for name, value in rows[-1].items())
                print(f"{region} {seed}: {said}", flush=True)
    for name in ("before", "after", "with clicks"):
        print(f"mean F1 {name}: {np.mean([row[name] for row in rows]):.3f}")


if __name__ == "__main__":
    main()
