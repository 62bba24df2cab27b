"""What a computation needs, before it is begun: time and memory, by the frames and pixels of its movie.

Time is taken from the finished runs of the step, in proportion to frames times pixels. Memory is what engines were
measured to take (``benchmarks/long_recording.py``), with a margin.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..database.connection import dj

#: Finished runs, the last ones, that a time is taken from
RUNS = 50

#: Bytes that an engine takes whatever the movie is: the interpreter and its libraries
BASE = 0.6e9

#: Bytes for each pixel of a frame: images, footprints, blocks of frames
PER_PIXEL = 3000.0

#: Bytes for each pixel of each frame: traces and what is kept of the movie. The built-in engine took 1.2 GB for a
#: minute of 608 x 608 pixels at 20 frames/s, and 1.9 GB for an hour
PER_SAMPLE = 0.03

#: The same of CaImAn, which holds patches of the movie in single precision
PER_SAMPLE_CAIMAN = 6.0

#: The same of Facemap, which reads a camera in blocks
PER_SAMPLE_FACEMAP = 0.1


@dataclass(frozen=True)
class Long:
    """A step that takes long: where its tasks, the times of its runs and the size of its movies are."""

    tasks: str
    runs: str
    movies: str


#: By the name of the step
LONG = {
    "miniscope.Processing": Long("miniscope.ProcessingTask", "provenance.ScopeRun", "miniscope.RecordingInfo"),
    "facemap.FacemapProcessing": Long("facemap.FacemapTask", "provenance.FaceRun", "facemap.RecordingInfo"),
}

_SAMPLES = "nframes * 1.0 * px_height * px_width"


def pace(step: str) -> float | None:
    """Return the seconds that a step takes for a pixel of a frame, or None where no run of it has finished."""
    if step not in LONG:
        return None
    runs = _table(LONG[step].runs) & "duration_s is not null and duration_s > 0"
    rows = (runs.proj("duration_s", "computed") * _movies(step)).proj("duration_s", samples=_SAMPLES)
    found = rows.to_arrays("duration_s", "samples", order_by="computed DESC", limit=RUNS)
    rates = [float(seconds) / float(samples) for seconds, samples in zip(*found, strict=True) if samples]
    return statistics.median(rates) if rates else None


def samples(step: str, chosen: Any) -> float:
    """Return the pixels of all frames of the movies of some keys of a step."""
    if step not in LONG:
        return 0.0
    total = dj.U().aggr(chosen.proj() * _movies(step), samples=f"sum({_SAMPLES})").to_arrays("samples")
    return float(total[0] or 0.0) if len(total) else 0.0


def samples_of(step: str, key: Mapping[str, Any]) -> float:
    """Return the pixels of all frames of the movie of a key."""
    movie = _movie(step, key)
    return float(movie["nframes"]) * (movie["px_height"] or 0) * (movie["px_width"] or 0) if movie else 0.0


def memory(frames: int, height: int, width: int, engine: str = "cnmfe") -> float:
    """Return the bytes that an engine takes for a movie, about.

    Parameters
    ----------
    frames, height, width : int
        Of the movie; sizes in pixels.
    engine : str
        ``cnmfe``, ``caiman`` or ``facemap``.
    """
    each = {"caiman": PER_SAMPLE_CAIMAN, "facemap": PER_SAMPLE_FACEMAP}.get(engine, PER_SAMPLE)
    return BASE + PER_PIXEL * height * width + each * frames * height * width


def memory_of(step: str, key: Mapping[str, Any]) -> float | None:
    """Return the bytes that a key of a step takes, about; None for what takes little, such as a result to be loaded."""
    if step not in LONG or _is_loaded(step, key):
        return None
    movie = _movie(step, key)
    if movie is None:
        return None
    return memory(movie["nframes"], movie["px_height"] or 0, movie["px_width"] or 0, _engine(step, key))


def _movie(step: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
    table = _table(LONG[step].movies)
    found = table & {name: key[name] for name in table.primary_key}
    rows: list[dict[str, Any]] = found.proj("nframes", "px_height", "px_width").to_dicts()
    return rows[0] if rows else None


def _is_loaded(step: str, key: Mapping[str, Any]) -> bool:
    table = _table(LONG[step].tasks)
    task = {name: key[name] for name in table.primary_key if key.get(name) is not None}
    return len(task) == len(table.primary_key) and bool(table & task & {"task_mode": "load"})


def _engine(step: str, key: Mapping[str, Any]) -> str:
    if step != "miniscope.Processing":
        return "facemap"
    if key.get("paramset_id") is None:
        return "cnmfe"
    sets = _table("miniscope.ProcessingParamSet") & {"paramset_id": key["paramset_id"]}
    return str(sets.fetch1("processing_method"))


def _movies(step: str) -> Any:
    return _table(LONG[step].movies).proj("nframes", "px_height", "px_width")


def _table(name: str) -> Any:
    from .. import pipeline

    module, table = name.split(".")
    return getattr(getattr(pipeline, module), table)()
