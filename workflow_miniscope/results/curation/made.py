"""Components that a curator's edits made: merged, split, added or redrawn ones, beside the log of decisions.

A file for each edit, named after its event, written whole before the log names it. The result is never changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CurationError, NotSavedError
from ...movies.types import Floats, Ints
from .decisions import require_id

_ARRAYS = ("pixels", "weights", "C", "S", "YrA")


@dataclass(frozen=True, eq=False)
class MadeComponent:
    """A component that was fitted anew, as a result holds one.

    Attributes
    ----------
    pixels : int64 [n]
        Pixels of the footprint, in Fortran order of the field, increasing.
    weights : float32 [n]
        Their weights, of norm 1.
    C, S, YrA : float32 [frames]
        Calcium, activity, and what they leave of the trace.
    baseline, noise : float
        Level and noise of the trace.
    g : tuple of float
        Coefficients of the autoregressive model of the trace.
    properties : dict of float
        What the engine measured of it; ``snr`` and ``consistency`` at least.
    probability : float
        Of being a cell.
    """

    pixels: Ints
    weights: Floats
    C: Floats
    S: Floats
    YrA: Floats
    baseline: float
    noise: float
    g: tuple[float, ...]
    properties: dict[str, float]
    probability: float


def made_folder(log: Path) -> Path:
    """Give the folder of what the edits in a log made."""
    return log.with_suffix(".made")


def save_made(folder: Path, event: str, components: Sequence[MadeComponent]) -> Path:
    """Write what an edit made; it is on the disk when this returns.

    Raises
    ------
    CurationError
        The event's id is none.
    NotSavedError
        It cannot be written.
    """
    require_id(event)
    path = folder / f"{event}.npz"
    temporary = path.with_suffix(".tmp")
    values: dict[str, Any] = {}
    plain = []
    for k, component in enumerate(components):
        values |= {f"{name}_{k}": getattr(component, name) for name in _ARRAYS}
        plain.append(
            {item.name: getattr(component, item.name) for item in fields(component) if item.name not in _ARRAYS}
        )
    try:
        folder.mkdir(exist_ok=True)
        with temporary.open("wb") as file:
            np.savez_compressed(file, description=np.array(json.dumps(plain)), **values)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise NotSavedError(f"What was fitted cannot be saved in {path}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read_made(folder: Path, event: str) -> list[MadeComponent]:
    """Read what an edit made.

    Raises
    ------
    CurationError
        Its file is missing or damaged.
    """
    path = folder / f"{event}.npz"
    try:
        with np.load(path) as file:
            described = json.loads(str(file["description"]))
            found = []
            for k, plain in enumerate(described):
                plain["g"] = tuple(plain["g"])
                found.append(MadeComponent(**{name: file[f"{name}_{k}"] for name in _ARRAYS}, **plain))
            return found
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CurationError(f"{path}, what an edit made, cannot be read: {error}.") from error
