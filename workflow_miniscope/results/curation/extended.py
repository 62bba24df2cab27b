"""A copy of a result file with components of a curator's edits behind its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy  # whose parts are loaded when first used: each takes a while

from ...movies.types import Floats, Numbers
from ..caiman import CaimanResult, centers, compute_dff
from .made import MadeComponent

#: rows of traces that are copied at a time: an hour of a thousand components is a gigabyte in all
ROWS = 16


def write_extended(source: Path, target: Path, result: CaimanResult, made: Sequence[MadeComponent]) -> None:
    """Copy a result file, with further components.

    Whatever holds one value for each component gets one more for each; all else is copied as it is.

    Parameters
    ----------
    source, target : Path
        The result file, and the new one.
    result : CaimanResult
        What the file holds, but for the traces.
    made : sequence of MadeComponent
        The components.

    Raises
    ------
    OSError, KeyError
        A file cannot be read or written, or is no whole result.
    """
    n = result.n_components
    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:
        _attributes(old, new)
        for name in old:
            if name not in ("estimates", "evaluation"):
                old.copy(name, new)
        _extend_group(old["estimates"], new.create_group("estimates"), n, _estimates(result, made))
        footprints = new["estimates"].create_group("A")
        for part, values in _footprints(result, made).items():
            footprints[part] = values
        if "nr" in new["estimates"]:
            new["estimates/nr"][...] = n + len(made)
        if "evaluation" in old:
            group = new.create_group("evaluation")
            judged: dict[str, Any] = {"probability": [one.probability for one in made], "reasons": [""] * len(made)}
            _extend_group(old["evaluation"], group, n, judged)
            if "properties" in old["evaluation"]:
                own = old["evaluation/properties"]
                measured = {name: [one.properties.get(name, np.nan) for one in made] for name in own}
                _extend_group(own, group.require_group("properties"), n, measured)


def _extend_group(old: h5py.Group, new: h5py.Group, n: int, values: dict[str, Any]) -> None:
    """Copy what is in a group, with ``values`` behind what holds a value for each of ``n`` components."""
    _attributes(old, new)
    for name, item in old.items():
        if name == "A" or (isinstance(item, h5py.Group) and name == "properties"):
            continue
        if isinstance(item, h5py.Dataset) and name in values and item.shape and item.shape[0] == n:
            _extend(item, new, name, values[name])
        else:
            old.copy(name, new)


def _extend(old: h5py.Dataset, new: h5py.Group, name: str, values: Any) -> None:
    more = np.asarray(values, dtype=object if old.dtype.kind == "O" else old.dtype).reshape(-1, *old.shape[1:])
    n = len(old)
    dataset = new.create_dataset(name, (n + len(more), *old.shape[1:]), old.dtype)
    for first in range(0, n, ROWS):
        dataset[first : min(first + ROWS, n)] = old[first : first + ROWS]
    dataset[n:] = more


def _attributes(old: h5py.Group, new: h5py.Group) -> None:
    for name, value in old.attrs.items():
        new.attrs[name] = value


def _estimates(result: CaimanResult, made: Sequence[MadeComponent]) -> dict[str, Any]:
    """Values of the new components under the names of the group ``estimates``."""
    A, C, S, YrA = _arrays(result, made)
    columns: dict[str, Callable[[MadeComponent], Any]] = {
        "bl": lambda one: one.baseline,
        "c1": lambda _: 0.0,
        "neurons_sn": lambda one: one.noise,
        "SNR_comp": lambda one: one.properties["snr"],
        "r_values": lambda one: one.properties["consistency"],
        "cnn_preds": lambda _: np.nan,
    }
    values: dict[str, Any] = {name: [of(one) for one in made] for name, of in columns.items()}
    values |= {"C": C, "S": S, "YrA": YrA, "R": YrA, "center": centers(A, result.dims)}
    dff = compute_dff(A, C, YrA=YrA, b0=result.b0, average_image=result.average_image)
    values["F_dff"] = np.zeros_like(C) if dff is None else dff[0 : len(C)]
    if result.g is not None:
        order = result.g.shape[1]
        values["g"] = [[*one.g, *[0.0] * order][:order] for one in made]
    return values


def _arrays(
    result: CaimanResult, made: Sequence[MadeComponent]
) -> tuple[scipy.sparse.csc_matrix, Floats, Floats, Floats]:
    indptr = np.cumsum([0, *(len(one.pixels) for one in made)])
    parts = (np.concatenate([one.weights for one in made]), np.concatenate([one.pixels for one in made]), indptr)
    A = scipy.sparse.csc_matrix(parts, shape=(result.A.shape[0], len(made)), dtype=np.float32)
    C, S, YrA = (np.stack([getattr(one, name) for one in made]) for name in ("C", "S", "YrA"))
    return A, C, S, YrA


def _footprints(result: CaimanResult, made: Sequence[MadeComponent]) -> dict[str, Numbers]:
    A = scipy.sparse.hstack([result.A, _arrays(result, made)[0]], format="csc")
    values: dict[str, Numbers] = {part: getattr(A, part) for part in ("data", "indices", "indptr")}
    return values | {"shape": np.array(A.shape, dtype=np.int64)}
