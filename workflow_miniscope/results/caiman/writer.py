"""Write CaImAn's result file, so that ``load_CNMF`` and the tools on top of it open it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ... import __version__
from ...errors import ResultError
from ...movies.types import Floats
from .dff import AT_ONCE, Dff
from .frames import write_frames
from .hdf5 import write_value
from .judged import write_evaluation, write_verdict
from .model import IMAGES, CaimanResult, PiecewiseShifts, RigidShifts
from .saving import new_file
from .search import write_search

RESULT_NAME = "caiman_result.hdf5"

# CaImAn refuses a file with any other group of parameters
GROUPS = (
    "data",
    "init",
    "merging",
    "motion",
    "online",
    "patch",
    "preprocess",
    "quality",
    "ring_CNN",
    "spatial",
    "temporal",
)


def write_result(path: str | Path, result: CaimanResult) -> Path:
    """Write a result in CaImAn's layout, with the shifts and images in ``motion_correction``.

    The file is written under a temporary name and renamed when it is whole. Where the result comes from is in
    the attributes of the group ``provenance``.

    Parameters
    ----------
    path : str or Path
        The file, or an existing folder, where it gets the name ``caiman_result.hdf5``.
    result : CaimanResult
        What to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ResultError
        If the file cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        path = path / RESULT_NAME
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with new_file(temporary) as file:
            _write(file, result)
        os.replace(temporary, path)
    except OSError as error:
        raise ResultError(f"The result cannot be written to {path}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _write(file: h5py.File, result: CaimanResult) -> None:
    height, width = result.dims
    pixels, frames = height * width, result.n_frames
    patch = result.params.get("patch", {})
    write_value(file, "dims", np.array(result.dims, dtype=np.int64))
    write_value(file, "dview", None)
    # CaImAn's refit reads it; the movie that was analysed is gone
    write_value(file, "mmap_file", "")
    write_value(file, "remove_very_bad_comps", bool(patch.get("remove_very_bad_comps", False)))
    write_value(file, "skip_refinement", bool(patch.get("skip_refinement", False)))

    estimates = file.create_group("estimates")
    values = {name: getattr(result, name) for name in ("A", "C", "S", "YrA", "W", "b0", "Cn", "sn")}
    values |= {name: getattr(result, name) for name in ("center", "g", "bl", "c1", "neurons_sn")}
    values |= {
        "R": result.YrA,
        "dims": np.array(result.dims, dtype=np.int64),
        "nr": result.n_components,
        # CaImAn multiplies with an empty background and fails on an absent one
        "b": np.zeros((pixels, 0), np.float32) if result.b is None else result.b,
        "f": np.zeros((0, frames), np.float32) if result.f is None else result.f,
        "idx_components": result.accepted,
        "idx_components_bad": result.rejected,
        "SNR_comp": result.snr,
        "r_values": result.r_values,
        "cnn_preds": np.zeros(0) if result.cnn_preds is None else result.cnn_preds,
    }
    for name, value in values.items():
        write_value(estimates, name, value)
    _write_dff(estimates, result.dff_rows)

    file.create_group("params")
    for group in set(GROUPS) & set(result.params):
        where = file.create_group(f"params/{group}")
        for name, value in result.params[group].items():
            if not isinstance(value, dict):
                write_value(where, name, value)
    write_motion_correction(file, result.dims, result.motion, result.images)
    if result.frames is not None:
        write_frames(file, result.frames)
    write_evaluation(file, result.evaluation)
    write_verdict(file, result.verdict)
    write_search(file, result.search)
    write_provenance(
        file,
        method=result.method,
        version=result.version,
        parameters=result.requested or result.params,
        dff_method=result.dff_method,
        created=result.created,
    )


def _write_dff(estimates: h5py.Group, dff: Floats | Dff | None) -> None:
    if not isinstance(dff, Dff):
        write_value(estimates, "F_dff", dff)
        return
    dataset = estimates.create_dataset("F_dff", dff.shape, np.float32)
    for first in range(0, len(dataset), AT_ONCE):
        dataset[first : first + AT_ONCE] = dff[first : first + AT_ONCE]


def write_motion_correction(
    file: h5py.File,
    dims: tuple[int, int],
    motion: RigidShifts | PiecewiseShifts | None,
    images: dict[str, Floats],
) -> None:
    """Add the group ``motion_correction`` as the Elements do; for them, rows are x.

    Parameters
    ----------
    file : h5py.File
        Open for writing.
    dims : tuple of int
        (height, width).
    motion : RigidShifts, PiecewiseShifts or None
        The correction that was applied.
    images : dict
        reference_image, average_image, correlation_image, max_image, float32 [height, width].
    """
    if motion is None and not images:
        return
    group = file.require_group("motion_correction")
    if isinstance(motion, RigidShifts):
        group["shifts_rig"] = motion.shifts
        group["coord_shifts_rig"] = np.array([[0, dims[0], 0, dims[1]]], dtype=np.int64)
    elif motion is not None:
        group["x_shifts_els"], group["y_shifts_els"] = motion.y, motion.x
        group["coord_shifts_els"] = motion.blocks
    for name in IMAGES:
        if images.get(name) is not None:
            group[name] = images[name]


def write_provenance(
    file: h5py.File,
    method: str,
    version: str,
    parameters: dict[str, Any],
    dff_method: str = "",
    created: datetime | None = None,
) -> None:
    """Say who made the result, when and how, in the attributes of the group ``provenance``.

    A group, because CaImAn takes what it does not know at the top of a file for attributes of its own object.

    Parameters
    ----------
    file : h5py.File
        Open for writing.
    method, version : str
        The engine and its version.
    parameters : dict of dict
        The parameters that were asked for, by group.
    dff_method : str
        See :class:`CaimanResult`.
    created : datetime, optional
        Aware; now, where it is not given.
    """
    attributes = file.require_group("provenance").attrs
    attributes["method"] = method
    attributes["version"] = version
    attributes["workflow_miniscope_version"] = __version__
    attributes["created"] = (created or datetime.now(UTC)).isoformat()
    attributes["dff_method"] = dff_method
    for package in ("numpy", "scipy", "h5py"):
        attributes[f"{package}_version"] = installed(package)
    attributes["parameters"] = json.dumps(parameters, default=_jsonable)


def _jsonable(value: object) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)
