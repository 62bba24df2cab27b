"""Head orientation: quaternions on their own clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .table import read_table

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

    v0.1 of the program writes tabs and no header, v0.11 to v0.14 a header without the time's column, later
    ones ``Time Stamp (ms),qw,qx,qy,qz``; the five columns are the same.

    Raises
    ------
    RecordingError
        The file holds no row, or a row is wrong.
    """
    table = read_table(path, 5)
    columns = [table.column(i, name) for i, name in enumerate(("time stamp", "qw", "qx", "qy", "qz"))]
    quaternions = np.stack(columns[1:], axis=1)
    return HeadOrientation(columns[0] / 1000, quaternions, are_rotations(quaternions))


def are_rotations(quaternions: np.ndarray) -> np.ndarray:
    """Say which samples are rotations, bool [n], of quaternions [n, 4]: those whose norm is 1 within 0.05."""
    with np.errstate(over="ignore"):  # the square of a corrupt sample may be no number
        valid: np.ndarray = np.abs(np.linalg.norm(quaternions, axis=1) - 1) < MAX_NORM_ERROR
    return valid


def euler_degrees(quaternions: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Turn quaternions into angles.

    Parameters
    ----------
    quaternions : ndarray [n, 4]
        w, x, y, z.
    valid : ndarray of bool [n]
        Which of them are rotations.

    Returns
    -------
    ndarray of float64 [n, 3]
        Yaw, pitch and roll, degrees: rotations about z, then the new y, then the new x (scipy's "ZYX"); nan where the
        sample is no rotation. At a pitch of 90 degrees yaw and roll are one rotation, and roll is given as 0.
    """
    import warnings

    from scipy.spatial.transform import Rotation  # takes a while to import

    angles = np.full((len(quaternions), 3), np.nan)
    if np.any(valid):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Gimbal lock")
            rotations = Rotation.from_quat(np.asarray(quaternions)[valid][:, [1, 2, 3, 0]])
            angles[valid] = rotations.as_euler("ZYX", degrees=True)
    return angles
