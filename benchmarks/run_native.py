"""Run the native engine on a simulated recording: ``run_native.py RECORDING OUT``.

No parameter is given to it, unless a third argument has some as JSON.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path

from estimates import save_estimate
from simulated import frame_rate, videos

from workflow_miniscope import __version__
from workflow_miniscope.cnmfe import extract


class Announce(logging.Handler):
    """Passes on when a stage of the engine is over, which it logs as ``stage NAME: ...``."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the mark that :mod:`measuring` waits for."""
        found = re.match(r"stage (\w+)", record.getMessage())
        if found:
            print("done", found[1], flush=True)


def main(recording: Path, out: Path, params: dict[str, object]) -> None:
    """Extract and save."""
    logger = logging.getLogger("workflow_miniscope.cnmfe")
    logger.setLevel(logging.INFO)
    logger.addHandler(Announce())
    print("version", __version__)
    print("done start", flush=True)
    result = extract(videos(recording), frame_rate(recording), params, out, progress=False)
    print("done extraction", flush=True)
    save_estimate(out / "estimate.npz", result)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads("".join(sys.argv[3:4]) or "{}"))
