"""Read CaImAn's result file with h5py alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy  # whose parts are loaded when first used: each takes a while

from ...errors import ResultError
from ...movies.types import Floats, Ints, Numbers, Shape
from .blocks import shift_blocks
from .dff import compute_dff, is_sane
from .find import find_result, is_result
from .frames import FrameQuality, read_frames
from .hdf5 import DAMAGE, plain, read_array, read_sparse, read_tree, read_whole
from .judged import read_evaluation, read_verdict
from .model import IMAGES, CaimanResult, PiecewiseShifts, RigidShifts
from .search import read_search

#: Pixels of a side of the field of view, at most
MOST_SIDE = 2**14


def read_result(path: str | Path) -> CaimanResult:
    """Read a result of CaImAn >= 1.9 or of the native engine.

    Parameters
    ----------
    path : str or Path
        The file, or the folder that holds it (see :func:`find_result`).

    Returns
    -------
    CaimanResult
        With ``F_dff`` computed here where the file has none or has values that no fluorescence can have, and
        something is known of the background (:func:`~workflow_miniscope.results.caiman.dff.compute_dff`); with
        ``average_image`` from the model where the file, as CaImAn itself saves it, has none.

    Raises
    ------
    ResultError
        If there is no such file, it is not HDF5, or not a result of CaImAn; several candidates in a folder;
        or parts of the file that contradict each other.
    """
    path = find_result(path)
    try:
        with h5py.File(path, "r") as file:
            if not is_result(file):
                raise ResultError(f"{path} is an HDF5 file but no result of CaImAn: it has no estimates/A.")
            return _read(file, path)
    except ResultError as error:
        raise error if str(path) in str(error) else ResultError(f"{path}: {error}") from None
    except OSError as error:
        raise ResultError(f"{path} cannot be read as an HDF5 file: {error}.") from error
    except DAMAGE as error:
        raise _not_whole(path, error) from error


def read_components(file: h5py.File, path: Path) -> CaimanResult:
    """Read an open file without what grows with the recording: traces, shifts, model of the background.

    Raises
    ------
    ResultError
        See :func:`read_result`.
    """
    try:
        if not is_result(file):
            raise ResultError(f"{path} is an HDF5 file but no result of CaImAn: it has no estimates/A.")
        return _read(file, path, whole=False)
    except ResultError as error:
        raise error if str(path) in str(error) else ResultError(f"{path}: {error}") from None
    except DAMAGE as error:
        raise _not_whole(path, error) from error


def _not_whole(path: Path, error: Exception) -> ResultError:
    if isinstance(error, MemoryError):
        return ResultError(
            f"{path} needs more memory than there is ({error}): it is damaged, or this machine is too small."
        )
    what = " ".join(str(error).split()) or type(error).__name__
    return ResultError(f"{path} is not a whole result of CaImAn: {what}.")


#: how the frames were moved, and what was seen of them
Registration = tuple[RigidShifts | PiecewiseShifts | None, FrameQuality | None]


@dataclass(frozen=True, eq=False)
class MovieModel:
    """What is needed to see the recording as the model of a result has it.

    Attributes
    ----------
    W, b, f
        The background's, as in :class:`CaimanResult`.
    motion : RigidShifts, PiecewiseShifts or None
        How the frames were moved.
    frames : FrameQuality or None
        Which frames were used.
    """

    W: scipy.sparse.csr_matrix | None
    b: Floats | None
    f: Floats | None
    motion: RigidShifts | PiecewiseShifts | None
    frames: FrameQuality | None


def read_movie_model(file: h5py.File, path: Path) -> MovieModel:
    """Read from an open file what :func:`read_components` leaves out, but for the traces.

    Raises
    ------
    ResultError
        It is not what it should be.
    """
    estimates = file["estimates"]
    try:
        W = read_sparse(estimates, "W")
        b, f = (read_array(estimates, name) for name in "bf")
        motion, frames = _registration(file)
        whole = b is not None and f is not None and b.ndim == f.ndim == 2
        return MovieModel(
            W=None if W is None else W.tocsr(),
            b=b if whole else None,
            f=f if whole else None,
            motion=motion,
            frames=frames,
        )
    except DAMAGE as error:
        raise _not_whole(path, error) from error


def read_registration(file: h5py.File, path: Path) -> Registration:
    """Read from an open file how the frames were moved, and what was seen of them; neither where it does not say.

    Raises
    ------
    ResultError
        It is not what it should be.
    """
    try:
        return _registration(file)
    except DAMAGE as error:
        raise _not_whole(path, error) from error


def _registration(file: h5py.File) -> Registration:
    params = read_tree(file["params"]) if "params" in file else {}
    return _motion(file, _dims(file), params), read_frames(file)


def _read(file: h5py.File, path: Path, whole: bool = True) -> CaimanResult:
    estimates = file["estimates"]
    provenance = read_tree(file["provenance"]) if "provenance" in file else {}
    requested = json.loads(provenance.get("parameters") or "{}")
    params = _params(file, requested)
    dims = _dims(file)
    A, C = _footprints_and_traces(file, whole)
    n, frames = A.shape[1], C.shape[1]

    def per_component(name: str) -> Numbers | None:
        value = read_array(estimates, name)
        return value.ravel() if value is not None and value.size == n else None

    def traces(name: str) -> Numbers | None:
        if not whole:
            return None
        return read_array(estimates, name) if n else np.zeros((0, frames))

    g = read_array(estimates, "g")
    b, f = (read_array(estimates, name) if whole else None for name in "bf")
    Cn = _image(read_array(estimates, "Cn"), dims)
    result = CaimanResult(
        dims=dims,
        A=A,
        C=C,
        S=traces("S"),
        YrA=traces("YrA"),
        F_dff=traces("F_dff"),
        dff_method=provenance.get("dff_method") or "",
        W=read_sparse(estimates, "W") if whole else None,
        b0=_pixels(read_array(estimates, "b0"), dims),
        b=b if b is not None and f is not None else None,
        f=f if b is not None and f is not None else None,
        Cn=Cn,
        sn=_pixels(read_array(estimates, "sn"), dims),
        g=g if g is not None and g.ndim == 2 and len(g) == n else None,
        bl=per_component("bl"),
        c1=per_component("c1"),
        neurons_sn=per_component("neurons_sn"),
        snr=per_component("SNR_comp"),
        r_values=per_component("r_values"),
        cnn_preds=per_component("cnn_preds"),
        evaluation=read_evaluation(file),
        verdict=read_verdict(file),
        search=read_search(file),
        params=params,
        requested=requested,
        motion=_motion(file, dims, params) if whole else None,
        frames=read_frames(file) if whole else None,
        method=provenance.get("method") or "caiman",
        version=provenance.get("version") or str(params.get("data", {}).get("caiman_version") or ""),
        created=_created(provenance, path),
        **_accepted(estimates),
        **_summary(file, Cn),
    )
    if result.average_image is None:
        result.average_image = _modelled_average(result)
    if whole:
        _ensure_dff(result)
    return result


def _params(file: h5py.File, requested: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the run, and of those asked for what it does not name."""
    params = read_tree(file["params"]) if "params" in file else {}
    for group, values in requested.items():
        params.setdefault(group, {}).update(
            {name: value for name, value in values.items() if name not in params[group]}
        )
    return params


def _footprints_and_traces(file: h5py.File, whole: bool) -> tuple[scipy.sparse.csc_matrix, Numbers]:
    estimates = file["estimates"]
    A = read_sparse(estimates, "A")
    C = read_array(estimates, "C") if whole else _no_traces(estimates)
    if A is None:
        raise ResultError("there are no footprints in it: the analysis found no components or did not end.")
    if C is None and A.shape[1] == 0:
        C = np.zeros((0, _frames(file)))
    if C is None:
        raise ResultError("there are footprints in it but no traces: the analysis did not end.")
    return A, C


def _accepted(estimates: h5py.Group) -> dict[str, Any]:
    accepted = _indices(estimates, "idx_components")
    if accepted is None:  # then a list of the rejected is of an evaluation that did not end
        return {}
    return {"accepted": accepted, "rejected": _indices(estimates, "idx_components_bad")}


def _summary(file: h5py.File, Cn: Numbers | None) -> dict[str, Any]:
    """Summary images; the correlation image is CaImAn's own where the Elements added none."""
    images = file.get("motion_correction", {})
    summary = {name: read_array(images, name) for name in IMAGES if name in images}
    if summary.get("correlation_image") is None:
        summary["correlation_image"] = Cn
    return summary


def _dims(file: h5py.File) -> tuple[int, int]:
    dims = read_array(file, "dims")
    if dims is None:
        dims = read_array(file["estimates"], "dims")
    if dims is None or dims.size != 2:
        size = "no" if dims is None else f"a {dims.size}-dimensional"
        raise ResultError(f"the result is of {size} field of view; only two dimensions are supported.")
    height, width = (int(size) for size in dims.ravel())
    if not 1 <= height <= MOST_SIDE or not 1 <= width <= MOST_SIDE:
        raise ResultError(f"its field of view is {height} x {width} pixels, which no camera has: it is damaged.")
    return height, width


def _no_traces(estimates: h5py.Group) -> Floats | None:
    """Traces of no frames in place of those that are in the file; None where it has none."""
    shape: tuple[int, ...] = getattr(estimates.get("C"), "shape", None) or ()
    return np.zeros((shape[0], 0), np.float32) if len(shape) == 2 else None


def _frames(file: h5py.File) -> int:
    """Frames of a result without components: its empty traces still have a length."""
    shape: tuple[int, ...] = getattr(file["estimates"].get("C"), "shape", None) or ()
    return int(shape[1]) if len(shape) == 2 else 0


def _image(value: Numbers | None, dims: Shape) -> Numbers | None:
    return value if value is not None and value.shape == dims else None


def _pixels(value: Numbers | None, dims: Shape) -> Numbers | None:
    return value.ravel() if value is not None and value.size == dims[0] * dims[1] else None


def _indices(estimates: h5py.Group, name: str) -> Ints | None:
    """Read indices that may be an empty list, which is not the same as an absent one."""
    item = estimates.get(name)
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "iuf":
        return None
    indices: Ints = read_whole(item).ravel().astype(np.int64)
    return indices


def _motion(file: h5py.File, dims: Shape, params: dict[str, Any]) -> RigidShifts | PiecewiseShifts | None:
    """Shifts of the group that the Elements add, or else those that ``fit_file`` leaves in the estimates.

    CaImAn calls the first axis, the rows, x: ``x_shifts_els`` is dy, and its blocks start with the rows.
    """
    group = file.get("motion_correction", {})
    if "shifts_rig" in group:
        return RigidShifts(read_whole(group["shifts_rig"]))
    if "x_shifts_els" in group:
        rows, columns = read_whole(group["x_shifts_els"]), read_whole(group["y_shifts_els"])
        blocks = read_array(group, "coord_shifts_els")
        return _piecewise(rows, columns, blocks, dims, params)
    shifts = read_array(file["estimates"], "shifts")
    if shifts is None:
        return None
    if shifts.ndim == 3:
        return _piecewise(shifts[0], shifts[1], None, dims, params)
    return RigidShifts(shifts)


def _piecewise(
    rows: Numbers, columns: Numbers, blocks: Numbers | None, dims: Shape, params: dict[str, Any]
) -> PiecewiseShifts:
    if blocks is None or len(blocks) != rows.shape[1]:
        blocks = shift_blocks(rows.shape[1], dims, params.get("motion", {}))
    return PiecewiseShifts(y=rows, x=columns, blocks=blocks)


def _created(provenance: dict[str, Any], path: Path) -> datetime:
    # CaImAn writes no time. The modification time survives a chmod, which st_ctime does not
    if provenance.get("created"):
        return datetime.fromisoformat(plain(provenance["created"])).astimezone(UTC)
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _modelled_average(result: CaimanResult) -> Floats | None:
    """Mean of the registered movie as CaImAn's model of it has it: it saves no summary images itself.

    With a ring background that is ``b0``, the mean but for the transients of the cells. What the cells add is left
    out, because after a refit their traces hold the brightness of their places once more.
    """
    if result.b0 is not None:
        average = result.b0
    elif result.b is not None and result.f is not None and result.b.shape[1]:
        average = result.b @ result.f.mean(axis=1) + result.A @ result.C.mean(axis=1)
    else:
        return None
    return average.reshape(result.dims, order="F").astype(np.float32)


def _ensure_dff(result: CaimanResult) -> None:
    if result.F_dff is not None and is_sane(result.F_dff):
        return
    found = "no dF/F" if result.F_dff is None else "dF/F out of range"
    result.F_dff = compute_dff(
        result.A,
        result.C,
        YrA=result.YrA,
        b=result.b,
        f=result.f,
        b0=result.b0,
        average_image=result.average_image,
    )
    result.dff_method = "" if result.F_dff is None else f"computed: the file has {found}"
