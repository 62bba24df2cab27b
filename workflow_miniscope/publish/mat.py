"""MAT files of version 7.3: HDF5 with a header, and with MATLAB's classes written beside the arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

# Of the user block, in which MATLAB's header is the first 128 bytes
_BLOCK = 512
_CLASSES = {"f8": "double", "f4": "single", "i8": "int64", "i4": "int32", "u1": "uint8"}


def write_mat(path: Path, variables: Mapping[str, Any]) -> None:
    """Write variables: arrays of up to two dimensions, of which one-dimensional ones become rows, and texts.

    Parameters
    ----------
    path : Path
        File to write.
    variables : dict
        By their names in MATLAB.
    """
    with h5py.File(path, "w", userblock_size=_BLOCK) as file:
        for name, value in variables.items():
            _write(file, name, value)
    text = b"MATLAB 7.3 MAT-file, HDF5 schema 1.00"
    with path.open("r+b") as stored:
        # 116 bytes of text, 8 unused, the version 2.0, and the sign that tells the order of bytes
        stored.write(text.ljust(116) + bytes(8) + b"\x00\x02" + b"IM")


def _write(file: h5py.File, name: str, value: Any) -> None:
    attributes: dict[str, Any] = {}
    if isinstance(value, str):
        # UTF-16, as many numbers as MATLAB counts signs
        array = np.frombuffer(value.encode("utf-16-le"), np.uint16).reshape(1, -1)
        attributes = {"MATLAB_class": np.bytes_("char"), "MATLAB_int_decode": np.int32(2)}
    else:
        array = np.atleast_2d(np.asarray(value))
        if array.dtype == bool:
            array = array.astype(np.uint8)
            attributes = {"MATLAB_class": np.bytes_("logical"), "MATLAB_int_decode": np.int32(1)}
        else:
            attributes = {"MATLAB_class": np.bytes_(_CLASSES[array.dtype.str[1:]])}
    if array.size:
        # MATLAB counts along columns first: its rows are HDF5's last dimension
        dataset = file.create_dataset(name, data=np.ascontiguousarray(array.T))
    else:
        dataset = file.create_dataset(name, data=np.asarray(array.shape, np.uint64))
        attributes["MATLAB_empty"] = np.uint8(1)
    for attribute, content in attributes.items():
        dataset.attrs[attribute] = content
