"""A result in CaImAn's format as the arrays that are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workflow_miniscope.results.caiman import CaimanResult


def save_estimate(path: Path, result: CaimanResult) -> None:
    """Write what the engine accepts, see :mod:`scoring`."""
    cells = result.accepted
    footprints = np.array([result.footprint(i) for i in cells], np.float32).reshape(len(cells), *result.dims)
    activity = result.C[cells] * 0 if result.S is None else result.S[cells]
    # engines that judge their own result say so there
    verdict = str(getattr(result, "verdict", None) or "")
    arrays = {"A": footprints, "C": result.C[cells], "S": activity, "shifts": result.motion.shifts}
    np.savez(path, **arrays, components=len(result.C), verdict=verdict)
