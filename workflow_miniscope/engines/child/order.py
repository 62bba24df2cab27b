"""What an engine's process is told to do: a file of numbers, text and paths, with arrays in files beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import daq
from ...movies import ArrayMovie, Movie
from ...parameters import Model

if TYPE_CHECKING:
    from ..base import Engine, FrameTimes

NAME = "order.json"
_FRAMES, _TIMES = "frames.npy", "times.npy"


@dataclass(frozen=True)
class Order:
    """One run of an engine, as its process reads it.

    Attributes
    ----------
    engine : Engine
        Which program.
    movie : Movie
        The recording.
    params : Model
        The engine's parameters.
    output : Path
        Folder of the result, which exists.
    times : FrameTimes
        What is known of the moments of the frames.
    progress : bool
        Whether somebody looks at progress bars.
    """

    engine: Engine[Any]
    movie: Movie
    params: Model
    output: Path
    times: FrameTimes
    progress: bool


def write(folder: Path, order: Order) -> Path:
    """Write an order into a folder; return the path of the file."""
    told = {
        **name(order.engine),
        "movie": _movie(folder, order.movie),
        "params": order.params.plain(),
        "output": str(order.output),
        "fps": order.times.fps,
        "progress": order.progress,
    }
    if order.times.each is not None:
        np.save(folder / _TIMES, order.times.each)
    path = folder / NAME
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def read(path: Path) -> Order:
    """Read an order; the errors of a movie and of parameters are those of their readers."""
    from ..base import FrameTimes

    told = json.loads(path.read_text(encoding="utf-8"))
    engine = find(told)
    times = path.with_name(_TIMES)
    each = np.load(times) if times.exists() else None
    movie: Movie
    if told["movie"]["files"] is None:
        movie = ArrayMovie(np.load(path.with_name(_FRAMES), mmap_mode="r"))
    else:
        movie = daq.Movie(told["movie"]["files"], n_frames=told["movie"]["n_frames"])
    params = engine.parse(told["params"])
    return Order(engine, movie, params, Path(told["output"]), FrameTimes(told["fps"], each), told["progress"])


def name(engine: Engine[Any]) -> dict[str, str]:
    """Name an engine so that :func:`find` finds it in another process: by its class."""
    kind = type(engine)
    return {"module": kind.__module__, "class": kind.__qualname__}


def find(told: dict[str, Any]) -> Engine[Any]:
    """Make the engine that :func:`name` named."""
    engine: Engine[Any] = getattr(import_module(told["module"]), told["class"])()
    return engine


def _movie(folder: Path, movie: Movie) -> dict[str, Any]:
    """Describe a movie: its files, or its frames in a file of the folder."""
    if isinstance(movie, daq.Movie):
        return {"files": [str(file.absolute()) for file in movie.files], "n_frames": movie.n_frames}
    stored: Any = None
    for first, block in movie.blocks():
        if stored is None:
            shape = (movie.n_frames, movie.height, movie.width)
            stored = np.lib.format.open_memmap(folder / _FRAMES, "w+", block.dtype, shape)
        stored[first : first + len(block)] = block
    return {"files": None}
