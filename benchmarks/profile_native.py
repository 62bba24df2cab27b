"""Where the native engine's time goes: CPU seconds of its steps, on one simulated recording, in one thread.

    python benchmarks/profile_native.py                          # 200 x 200 pixels, 75 s
    python benchmarks/profile_native.py --px 608 --seconds 60    # a full field; its simulation takes minutes

Every step counts with all that it calls. ``profile.md`` keeps what this gave. Needs minisim.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path

from simulated import REGIONS, Recording, frame_rate, videos

from workflow_miniscope.cnmfe import extraction
from workflow_miniscope.cnmfe.arrays import workers
from workflow_miniscope.cnmfe.storage import reader

# (module, function): what is printed of it; those indented are parts of one above
STEPS = {
    ("extraction", "extract"): "all",
    ("sample", "sample_frames"): "the first look at the recording",
    ("pixels", "decode"): "  decoding",
    ("repair", "find"): "what is wrong with pixels and bands",
    ("light", "find"): "what the light does",
    ("rigid", "fit"): "template",
    ("soma", "soma_size"): "size of the somata",
    ("prepare", "prepare"): "the pass over the recording",
    ("reader", "blocks"): "  reading what was decoded",
    ("rigid", "register"): "  registration",
    ("prepare", "move"): "  moving the frames",
    ("summary", "add"): "  summary images",
    ("scratch", "write"): "  writing",
    ("seeds", "images"): "seed images",
    ("seeds", "add"): "new components",
    ("fit", "update_background"): "background",
    ("background", "fit_ring"): "  ring regressions",
    ("fit", "background_gain"): "  gain",
    ("fit", "update_footprints"): "footprints",
    ("scratch", "correlate"): "  products with the traces",
    ("fit", "update_traces"): "traces",
    ("fit", "trace_products"): "  products with the footprints",
    ("temporal", "update"): "  deconvolution",
    ("merging", "merge"): "merging",
    ("splitting", "split"): "splitting",
    ("time_constants", "estimate"): "time constants",
    ("refinement", "refine"): "refined registration",
    ("extraction", "_result"): "evaluation and result",
}


class Serial:
    """Stands for a ThreadPoolExecutor, in the calling thread: a profile sees one thread only."""

    def __init__(self, workers: int = 1):
        self.workers = workers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def map(self, function, *items):
        """Results of all calls."""
        return list(map(function, *items))

    def submit(self, function, *arguments):
        """A future that is done."""
        future = Future()
        future.set_result(function(*arguments))
        return future


def profile(recording: Path) -> list[tuple[str, int, float]]:
    """(step, calls, CPU s) of one extraction, compiled code being there already."""
    workers.ThreadPoolExecutor = reader.ThreadPoolExecutor = Serial
    watch = cProfile.Profile(time.process_time)
    watch.runcall(extraction.extract, videos(recording), frame_rate(recording), progress=False, workers=1)
    found = {}
    for (path, _, name), (_, calls, _, cumulative, _) in pstats.Stats(watch).stats.items():
        key = (Path(path).stem, name)
        if key in STEPS:
            # of methods that call their parent's the outer one counts
            found[key] = max(found.get(key, (0, 0.0)), (calls, cumulative), key=lambda pair: pair[1])
    return [(title, *found[key]) for key, title in STEPS.items() if key in found]


def main() -> None:
    """Profile, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--region", choices=REGIONS, default=REGIONS[0])
    parser.add_argument("--px", type=int, default=200, help="side of the field, pixels")
    parser.add_argument("--seconds", type=float, default=75)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "workflow-miniscope-benchmark")
    given = parser.parse_args()
    os.nice(5)
    folder = Recording(given.seed, given.region, given.px, given.seconds).write(given.data)
    short = Recording(1, px=64, seconds=10).write(given.data)
    extraction.extract(videos(short), frame_rate(short), progress=False, workers=1)
    print("| Step | Calls | CPU s |\n|---|---|---|")
    for title, calls, seconds in profile(folder):
        print(f"| {title.replace('  ', '&nbsp;&nbsp;')} | {calls} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
