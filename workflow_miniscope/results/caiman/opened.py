"""A result file that stays open: footprints in memory, traces read for one component when they are wanted."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from ...errors import ResultError
from ...movies.types import Floats
from .find import find_result
from .reader import MovieModel, Registration, read_components, read_movie_model, read_registration


@dataclass(frozen=True)
class Traces:
    """The traces of one component, float32 [frames] each, in the units of the file.

    Attributes
    ----------
    fitted : float32 [frames]
        The denoised trace, C.
    raw : float32 [frames] or None
        With its noise, C + YrA; None where the file has no residual traces.
    deconvolved : float32 [frames] or None
        Activity S; None where the file has none.
    """

    fitted: Floats
    raw: Floats | None
    deconvolved: Floats | None


class OpenedResult:
    """A result whose traces stay in the file: an hour of 1000 components is a gigabyte.

    Parameters
    ----------
    path : str or Path
        The file, or the folder that holds it.

    Attributes
    ----------
    path : Path
        The file.
    components : CaimanResult
        All of the result but traces, shifts and model of the background: its traces have no frames.
    n_frames : int
        Frames of the traces in the file.

    Raises
    ------
    ResultError
        There is no such file, or it is no whole result.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = find_result(path)
        self._lock = threading.Lock()
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            raise ResultError(f"{self.path} cannot be read as an HDF5 file: {error}.") from error
        try:
            self.components = read_components(self._file, self.path)
            shapes = {name: self._shape(name) for name in ("C", "YrA", "S")}
        except BaseException:
            self._file.close()
            raise
        self.n_frames = (shapes["C"] or (0, 0))[1]
        self._has = {name: shape == (self.components.n_components, self.n_frames) for name, shape in shapes.items()}

    def _shape(self, name: str) -> tuple[int, ...] | None:
        item = self._file["estimates"].get(name)
        return item.shape if isinstance(item, h5py.Dataset) and item.ndim == 2 and item.dtype.kind in "fiu" else None

    def traces(self, component: int) -> Traces:
        """Read the traces of a component.

        Raises
        ------
        IndexError
            There is no such component.
        """
        fitted, residual = self.fitted(component), self._row("YrA", component)
        raw = None if residual is None else fitted + residual
        return Traces(fitted=fitted, raw=raw, deconvolved=self._row("S", component))

    def fitted(self, component: int) -> Floats:
        """Read the fitted trace of a component alone, float32 [frames].

        Raises
        ------
        IndexError
            There is no such component.
        """
        if not 0 <= component < self.components.n_components:
            raise IndexError(component)
        row = self._row("C", component)
        return np.zeros(self.n_frames, np.float32) if row is None else row

    def fitted_between(self, start: int, stop: int) -> Floats:
        """Read the fitted traces of all components between two frames, float32 [components, n]."""
        if not self._has["C"]:
            return np.zeros((self.components.n_components, stop - start), np.float32)
        with self._lock:
            return np.asarray(self._file["estimates"]["C"][:, start:stop], np.float32)

    def movie_model(self) -> MovieModel:
        """Read the model of the background, and how the frames were moved.

        Raises
        ------
        ResultError
            They are not what they should be.
        """
        with self._lock:
            return read_movie_model(self._file, self.path)

    def registration(self) -> Registration:
        """Read how the frames were moved and what was seen of them, which is little beside the background's model.

        Raises
        ------
        ResultError
            They are not what they should be.
        """
        with self._lock:
            return read_registration(self._file, self.path)

    def _row(self, name: str, component: int) -> Floats | None:
        if not self._has[name]:
            return None
        with self._lock:  # HDF5 serves one thread at a time
            row = self._file["estimates"][name][component]
        return np.asarray(row, np.float32)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
