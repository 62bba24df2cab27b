"""Run CaImAn on a simulated recording: ``run_caiman.py RECORDING OUT SET``, where SET names one of the sets below.

It runs as this project runs it (``engines/caiman``): CaImAn's own motion correction, CNMF-E and evaluation, one after
the other, in one process with one thread, which is what costs it the least processor time.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

for library in ("OMP", "MKL", "OPENBLAS"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from estimates import save_estimate  # noqa: E402
from simulated import frame_rate, videos  # noqa: E402

from workflow_miniscope.daq import Movie  # noqa: E402
from workflow_miniscope.engines import FrameTimes  # noqa: E402
from workflow_miniscope.engines.caiman import ENGINE, installed  # noqa: E402
from workflow_miniscope.results.caiman import read_result  # noqa: E402

SETS = {
    # what the ancestor of this workflow ships, which are those of CaImAn's one-photon demo
    "shipped": {
        "max_shifts": 5,
        "gSig_filt": 3,
        "gSig": 3,
        "gSiz": 13,
        "min_corr": 0.8,
        "min_pnr": 10,
        "min_SNR": 3,
        "rval_thr": 0.85,
        "tsub": 2,
        "ssub_B": 2,
        "ring_size_factor": 1.4,
        "rf": 40,
        "stride": 20,
    },
    # the best of many, found by hand on ca1_200px_75s_10um_seed7 by looking at its truth
    "tuned": {
        "max_shifts": 10,
        "gSig_filt": 6,
        "gSig": 4,
        "gSiz": 25,
        "min_corr": 0.7,
        "min_pnr": 5,
        "min_SNR": 2.5,
        "rval_thr": 0.8,
        "tsub": 2,
        "ssub_B": 2,
        "ring_size_factor": 1.1,
        "rf": None,
    },
}
# the step that ends a stage when it begins
ENDS = {"extract": "registration", "evaluate": "extraction"}


class Announce(logging.Handler):
    """Says when a stage is over: when the engine logs that the next step begins."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the mark that :mod:`measuring` waits for."""
        step = record.getMessage().removeprefix("CaImAn: ")
        if step in ENDS:
            print("done", ENDS[step], flush=True)


def main(recording: Path, out: Path, name: str) -> None:
    """Register, extract, evaluate and save."""
    logger = logging.getLogger("workflow_miniscope.engines.caiman.engine")
    logger.setLevel(logging.INFO)
    logger.addHandler(Announce())
    installed.load()
    print("version", ENGINE.version())
    print("done start", flush=True)
    params = ENGINE.parse(SETS[name] | {"n_processes": 1})
    path = ENGINE.run(Movie(videos(recording)), params, out, FrameTimes(frame_rate(recording)), progress=False)
    print("done evaluation", flush=True)
    save_estimate(out / "estimate.npz", read_result(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
