"""Head orientation: quaternions on their own clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordingError
from .timestamps import number, read_rows

FILE_NAME = "headOrientation.csv"

# The program calls a quaternion bad when its norm is off by this; so do we
MAX_NORM_ERROR = 0.05


@dataclass(frozen=True)
class HeadOrientation:
    """Orientation of the scope.

    Attributes
    ----------
    times : ndarray of float64 [n]
        Seconds from the start of the recording. Rows are not frames: the program may leave bad ones out.
    quaternions : ndarray of float64 [n, 4]
        w, x, y, z, as recorded.
    valid : ndarray of bool [n]
        Whether the norm is 1 within 0.05, as it must be for a rotation.
    """

    times: np.ndarray
    quaternions: np.ndarray
    valid: np.ndarray


def read_head_orientation(path: Path) -> HeadOrientation:
    """Read a headOrientation.csv.

    v0.1 of the program writes tabs and no header, v0.11 to v0.14 a header without the time's column, later ones
    ``Time Stamp (ms),qw,qx,qy,qz``; the five columns are the same.

    Raises
    ------
    RecordingError
        A row is wrong.
    """
    _, rows = read_rows(path)
    samples = []
    for line, fields in rows:
        values = [number(field) for field in fields[:5]]
        if len(values) < 5 or None in values:
            if line == rows[-1][0]:
                continue  # cut short where the recording ended
            raise RecordingError(f"{path} line {line} cannot be read as a time and a quaternion.")
        samples.append(values)
    table = np.array(samples, np.float64).reshape(-1, 5)
    # a corrupt sample may be so large that its square is not a number
    with np.errstate(over="ignore"):
        valid = np.abs(np.linalg.norm(table[:, 1:], axis=1) - 1) < MAX_NORM_ERROR
    return HeadOrientation(table[:, 0] / 1000, table[:, 1:], valid)
