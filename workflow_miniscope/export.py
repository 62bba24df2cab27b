"""Doors out: the cells of an analysis as what other programs take.

    from workflow_miniscope import export

    export.to_pandas("subject=m1")            # dF/F, a column for each cell
    export.to_xarray("subject=m1")            # all traces, and what is known of the cells
    export.to_pynapple("subject=m1")          # a TsdFrame
    export.to_csv("subject=m1", "m1")         # a folder of CSV files
    export.to_mat("subject=m1", "m1.mat")     # for MATLAB
    export.to_zarr("subject=m1", "m1.zarr")

Each takes a restriction that chooses one analysis: one row of ``miniscope.Segmentation``. Times are those that were
recorded, in seconds from the start of the recording; frames whose time is wrong are left out. Rejected components are
left out too, unless ``accepted=False``. Files and folders are made whole or not at all, and replace nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .errors import ResultError
from .publish.cells import Cells, fetch_cells
from .publish.mat import write_mat
from .publish.packages import need

__all__ = ["recorded_intervals", "to_csv", "to_mat", "to_pandas", "to_pynapple", "to_xarray", "to_zarr"]


def to_pandas(key: Any, kind: str = "dff", accepted: bool = True) -> pd.DataFrame:
    """Return traces as a table of pandas.

    Parameters
    ----------
    key : str or dict
        Restriction that chooses one analysis.
    kind : str
        "dff", "denoised" or "deconvolved".
    accepted : bool
        Leave out rejected components.

    Returns
    -------
    DataFrame [frames, cells]
        Its index is the time in seconds, its columns the numbers of the components.
    """
    cells = fetch_cells(key, accepted, (kind,))
    table = pd.DataFrame(
        cells.trace(kind).T,
        index=pd.Index(cells.times, name="time"),
        columns=pd.Index(cells.masks, name="mask"),
    )
    table.attrs["analysis"] = cells.name
    return table


def to_xarray(key: Any, accepted: bool = True) -> Any:
    """Return all traces of an analysis as a Dataset of xarray.

    Parameters
    ----------
    key, accepted
        As those of :func:`to_pandas`.

    Returns
    -------
    xarray.Dataset
        Variables ``denoised``, ``dff``, ``deconvolved`` [mask, time], as far as they are there; coordinates ``time``
        (seconds), ``frame``, ``mask``, ``accepted``, ``x``, ``y`` (pixels), ``snr``, ``r_value``.
    """
    xarray = need("xarray")
    cells = fetch_cells(key, accepted)
    return xarray.Dataset(
        {kind: (("mask", "time"), traces) for kind, traces in cells.traces.items()},
        coords={
            "time": ("time", cells.times, {"units": "s"}),
            "frame": ("time", cells.frames),
            **{name: ("mask", values) for name, values in _of_cells(cells).items()},
        },
        attrs=_attributes(cells),
    )


def to_pynapple(key: Any, kind: str = "dff", accepted: bool = True) -> Any:
    """Return traces as a TsdFrame of pynapple.

    Parameters
    ----------
    key, kind, accepted
        As those of :func:`to_pandas`.

    Returns
    -------
    pynapple.TsdFrame
        Columns are the numbers of the components; ``accepted``, ``x``, ``y``, ``snr``, ``r_value`` are its metadata.
        Its time support is where frames follow one another (:func:`recorded_intervals`).
    """
    pynapple = need("pynapple")
    cells = fetch_cells(key, accepted, (kind,))
    metadata = _of_cells(cells)
    return pynapple.TsdFrame(
        t=cells.times,
        d=cells.trace(kind).T,
        columns=metadata.pop("mask"),
        time_support=_intervals(cells),
        metadata=metadata,
    )


def recorded_intervals(key: Any) -> Any:
    """Return where frames follow one another without any missing, as an IntervalSet of pynapple."""
    need("pynapple")
    return _intervals(fetch_cells(key, kinds=()))


def _intervals(cells: Cells) -> Any:
    starts = np.append(cells.times[:1], cells.gaps[:, 1])
    ends = np.append(cells.gaps[:, 0], cells.times[-1:])
    return need("pynapple").IntervalSet(start=starts, end=ends)


def to_csv(key: Any, folder: str | Path, accepted: bool = True) -> Path:
    """Write an analysis as CSV files.

    Parameters
    ----------
    key, accepted
        As those of :func:`to_pandas`.
    folder : path
        Folder to make: ``cells.csv`` has a row for each component, ``denoised.csv``, ``dff.csv`` and
        ``deconvolved.csv`` a row for each frame, with its number, its time and a column for each component.

    Raises
    ------
    ResultError
        The folder exists.
    """
    cells = fetch_cells(key, accepted)
    with _whole(Path(folder)) as partial:
        partial.mkdir()
        pd.DataFrame(_of_cells(cells)).to_csv(partial / "cells.csv", index=False)
        for kind, traces in cells.traces.items():
            columns = {"frame": cells.frames, "time_s": cells.times}
            columns |= {f"cell_{mask}": trace for mask, trace in zip(cells.masks, traces, strict=True)}
            pd.DataFrame(columns).to_csv(partial / f"{kind}.csv", index=False)
    return Path(folder)


def to_mat(key: Any, path: str | Path, accepted: bool = True) -> Path:
    """Write an analysis as a MAT file of version 7.3, which MATLAB loads.

    Parameters
    ----------
    key, accepted
        As those of :func:`to_pandas`.
    path : path
        File to make. Its variables are ``time`` [1, frames], ``frame`` (counted from 1, as in MATLAB), ``mask`` (the
        numbers that the database has), ``accepted``, ``x``, ``y`` (counted from 1), ``snr``, ``r_value`` [1, cells],
        and ``denoised``, ``dff``, ``deconvolved`` [cells, frames].

    Raises
    ------
    ResultError
        The file exists.
    """
    cells = fetch_cells(key, accepted)
    of_cells = _of_cells(cells)
    for axis in ("x", "y"):
        of_cells[axis] = of_cells[axis] + 1
    variables = {"time": cells.times, "frame": cells.frames + 1, **of_cells, **cells.traces, "analysis": cells.name}
    with _whole(Path(path)) as partial:
        write_mat(partial, variables)
    return Path(path)


def to_zarr(key: Any, folder: str | Path, accepted: bool = True) -> Path:
    """Write an analysis as a Zarr group, which xarray opens as what :func:`to_xarray` gives.

    Parameters
    ----------
    key, accepted
        As those of :func:`to_pandas`.
    folder : path
        Folder to make.

    Raises
    ------
    ResultError
        The folder exists.
    """
    zarr = need("zarr")
    cells = fetch_cells(key, accepted)
    arrays: dict[str, tuple[tuple[str, ...], Any]] = {"time": (("time",), cells.times)}
    arrays["frame"] = (("time",), cells.frames)
    arrays |= {name: (("mask",), values) for name, values in _of_cells(cells).items()}
    arrays |= {kind: (("mask", "time"), traces) for kind, traces in cells.traces.items()}
    with _whole(Path(folder)) as partial:
        group = zarr.open_group(str(partial), mode="w")
        for name, (dimensions, values) in arrays.items():
            group[name] = values
            group[name].attrs["_ARRAY_DIMENSIONS"] = list(dimensions)
        group["time"].attrs["units"] = "s"
        coordinates = " ".join(name for name in arrays if name not in (*cells.traces, "time", "mask"))
        group.attrs.update({**_attributes(cells), "coordinates": coordinates})
    return Path(folder)


def _of_cells(cells: Cells) -> dict[str, Any]:
    """Return what is known of each component, [cells] each."""
    return {
        "mask": cells.masks,
        "accepted": cells.accepted,
        "x": cells.centers[:, 0],
        "y": cells.centers[:, 1],
        "snr": cells.snr,
        "r_value": cells.r_values,
    }


def _attributes(cells: Cells) -> dict[str, Any]:
    return {
        "analysis": cells.name,
        "height": cells.height,
        "width": cells.width,
        "gaps_s": json.dumps(cells.gaps.tolist()),
    }


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a name to write under, and rename what was written there when it is whole.

    Raises
    ------
    ResultError
        There is something already.
    """
    if path.exists():
        raise ResultError(f"{path} exists; name another one, or remove it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    _remove(partial)  # of a run that was killed
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        _remove(partial)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
