"""Raw traces of some components of a result file, without the others in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ...errors import ResultError
from .hdf5 import plain


class RawTraces:
    """Traces of a result file, read when they are asked for.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    shape : (components, frames)
    has_residual : bool
        Whether the file holds what the model left of each trace, without which nothing is known of the raw ones.
    dff_is_computed : bool
        Whether dF/F is by the formula of :func:`.dff.compute_dff`, as the file says; it is when a file holds none.

    Raises
    ------
    ResultError
        The file cannot be read, or holds no traces.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as file:
            estimates = file.get("estimates", {})
            traces = estimates.get("C")
            if not isinstance(traces, h5py.Dataset) or len(traces.shape or ()) != 2:
                raise ResultError(f"{path} holds no traces.")
            self.shape: tuple[int, int] = (int(traces.shape[0]), int(traces.shape[1]))
            self.has_residual = self._has(estimates, "YrA")
            method = str(plain(file["provenance"].attrs.get("dff_method")) or "") if "provenance" in file else ""
            self.dff_is_computed = method.startswith("computed") or not self._has(estimates, "F_dff")

    def _has(self, estimates: h5py.Group, name: str) -> bool:
        return getattr(estimates.get(name), "shape", None) == self.shape

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self._path, "r")
        except OSError as error:
            raise ResultError(f"{self._path} cannot be read as an HDF5 file: {error}.") from None

    def denoised(self, components: Sequence[int]) -> NDArray[np.float32]:
        """Return denoised traces [component, frame] of components that are given in ascending order."""
        return self._read("C", components)

    def raw(self, components: Sequence[int]) -> NDArray[np.float32]:
        """Return raw traces [component, frame]: the denoised ones and what the model left."""
        return self._read("C", components) + self._read("YrA", components)

    def _read(self, name: str, components: Sequence[int]) -> NDArray[np.float32]:
        with self._open() as file:
            return np.asarray(file["estimates"][name][list(components)], np.float32)
