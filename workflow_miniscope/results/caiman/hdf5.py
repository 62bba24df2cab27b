"""How CaImAn keeps Python values in HDF5, in both directions.

A string is an attribute of its group (a dataset before version 1.9.9), an absent value is the bytes
``NoneType`` in a scalar dataset, a list of mixed numbers a list of their texts, a sparse matrix a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import scipy  # whose parts are loaded when first used: each takes a while

from ...errors import ResultError
from ...movies.types import Floats, Numbers

ABSENT = b"NoneType"

#: What damaged files make h5py, numpy and scipy raise
DAMAGE = (
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    OSError,
)

#: How many times larger than its bytes in the file a part may be: compression reaches a thousandth. Other parts were
#: declared and never written
MOST_COMPRESSED = 2000
#: Bytes up to which that does not matter
SMALL = 2**24


def is_absent(value: object) -> bool:
    """Whether a value that was read stands for None."""
    return value is None or isinstance(value, bytes | str) and value in (ABSENT, ABSENT.decode())


def plain(value: Any) -> Any:
    """Turn what HDF5 gives into plain Python: numbers, texts, lists, None."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value] if value.ndim else plain(value[()])
    if isinstance(value, h5py.Empty) or is_absent(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value.item() if isinstance(value, np.generic) else value


def read_whole(item: h5py.Dataset) -> Any:
    """Read a dataset, unless it declares much more than the file holds of it.

    Raises
    ------
    ResultError
        It does: its size is damaged.
    """
    declared = (item.size or 0) * item.dtype.itemsize
    if declared > SMALL and declared > MOST_COMPRESSED * item.id.get_storage_size():
        raise ResultError(
            f"{item.name.lstrip('/')} declares {' x '.join(map(str, item.shape))} values, which are not in the file: "
            "it is damaged, or was not written to its end."
        )
    return item[()]


def read_tree(group: h5py.Group) -> dict[str, Any]:
    """Everything below a group as nested dicts of plain values, attributes and datasets alike."""
    values = {name: plain(value) for name, value in group.attrs.items()}
    for name, item in group.items():
        values[name] = read_tree(item) if isinstance(item, h5py.Group) else plain(read_whole(item))
    return values


def read_array(group: h5py.Group | Mapping[str, Any], name: str) -> Numbers | None:
    """Read a numeric array, or None where it is absent, empty or not numeric."""
    item = group.get(name)
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        return None
    value = read_whole(item)
    if is_absent(value):
        return None
    value = np.asarray(value)
    if value.dtype.kind in "SOU":
        value = numbers(value)
    return value if value is not None and value.size else None


def numbers(texts: Numbers) -> Floats | None:
    """Numbers stored as their texts (``b"1.5"``, ``b"[1.5]"``, ``b"None"``); None if they are not."""
    try:
        values = [str(plain(text)).strip("[] ") for text in texts.ravel()]
        parsed = [np.nan if value in ("None", "NoneType", "") else float(value) for value in values]
    except ValueError:
        return None
    return np.array(parsed, dtype=np.float64).reshape(texts.shape)


def read_sparse(group: h5py.Group, name: str) -> scipy.sparse.csc_matrix | None:
    """Read a sparse matrix, from its group or from a dense dataset; None where it is absent."""
    item = group.get(name)
    if isinstance(item, h5py.Group):
        data, indices, indptr, shape = (read_whole(item[part]) for part in ("data", "indices", "indptr", "shape"))
        try:
            matrix = scipy.sparse.csc_matrix((data, indices, indptr), shape=tuple(int(n) for n in shape))
            # compiled code goes by the indices wherever they point
            matrix.check_format(full_check=True)
        except DAMAGE as error:
            raise ValueError(f"{name} is no sparse matrix ({' '.join(str(error).split())})") from None
        return matrix
    dense = read_array(group, name)
    return None if dense is None or dense.ndim != 2 else scipy.sparse.csc_matrix(dense)


def write_value(group: h5py.Group, name: str, value: Any) -> bool:
    """Write one value as CaImAn does. False where HDF5 has no form for it (a dict, a ragged list)."""
    if value is None:
        group[name] = ABSENT.decode()
    elif isinstance(value, str):
        group.attrs[name] = value
    elif scipy.sparse.issparse(value):
        value = value.tocsc()
        for part in ("data", "indices", "indptr"):
            group[f"{name}/{part}"] = getattr(value, part)
        group[f"{name}/shape"] = np.array(value.shape, dtype=np.int64)
    elif isinstance(value, list | tuple) and value and all(isinstance(item, str) for item in value):
        group[name] = np.array([item.encode() for item in value])
    else:
        try:
            value = np.asarray(value)
        except ValueError:
            return False
        if value.dtype.kind not in "biuf":
            return False
        group[name] = value
    return True
