"""Merging, splitting, adding and redrawing components: what a person wants, fitted as the engine fits."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import EngineError
from ...movies.types import Bools
from ...results.curation import MadeComponent
from ..arrays.workers import Workers
from ..calcium import temporal
from ..calcium.deconvolution import spike_response
from ..calcium.every_frame import in_all_frames, rows
from ..calcium.timebase import TimeBase
from ..cells import probability, quality, seeds, shape, splitting
from .kept import KeptMovie
from .place import Component, Place, gaussian
from .scale import Scale


class Editor:
    """Fits components of one result anew.

    Parameters
    ----------
    kept : KeptMovie
        The recording.
    scale : Scale
        Of the result.
    base : TimeBase
        Times of all its frames.
    workers : Workers
        Threads.
    folder : Path
        A temporary folder.
    """

    def __init__(self, kept: KeptMovie, scale: Scale, base: TimeBase, workers: Workers, folder: Path):
        self._kept, self._scale, self._base = kept, scale, base
        self._seen = base.of(kept.used)
        self._workers, self._folder, self._lock = workers, folder, threading.Lock()

    def add(self, y: float, x: float, around: Sequence[Component]) -> list[MadeComponent]:
        """Fit a cell whose middle is at row ``y`` and column ``x``.

        Raises
        ------
        EngineError
            The engine finds no footprint there.
        """
        start = Component(gaussian(self._scale.grid.field, y, x, self._scale.gSig))
        where = f"No cell can be fitted at x {x:.0f}, y {y:.0f}"
        made = self._fit([start], around, f"{where}: nothing lights up there beside what is known")
        snr, lowest = made[0].properties["snr"], self._scale.least_snr
        if snr < lowest:
            raise EngineError(
                f"{where}: the signal to noise ratio of what lights up there is {snr:.1f}, and must be {lowest:.1f}."
            )
        return made

    def merge(self, parts: Sequence[Component], around: Sequence[Component]) -> list[MadeComponent]:
        """Fit one cell in the place of several.

        Raises
        ------
        EngineError
            The engine finds no footprint of one.
        """
        sizes = [_size(part) for part in parts]
        image = np.sum([part.image * size for part, size in zip(parts, sizes, strict=True)], axis=0)
        brightest = parts[
            int(np.argmax([float(np.linalg.norm(p.image)) * s for p, s in zip(parts, sizes, strict=True)]))
        ]
        start = Component(np.asarray(image, np.float32) / max(_size(brightest), 1e-12), brightest.trace)
        return self._fit([start], around, "No cell can be fitted in the place of these together")

    def redraw(self, part: Component, mask: Bools, around: Sequence[Component]) -> list[MadeComponent]:
        """Fit a cell anew within a boundary, bool [height, width].

        Raises
        ------
        EngineError
            Nothing lights up within it.
        """
        inside = np.where(mask, np.maximum(part.image, 0.1 * part.image.max()), 0).astype(np.float32)
        start = Component(inside, part.trace, mask)
        return self._fit([start], around, "No cell can be fitted within this boundary: nothing lights up in it")

    def split(self, part: Component, around: Sequence[Component]) -> list[MadeComponent]:
        """Fit two cells in the place of one.

        Raises
        ------
        EngineError
            The engine finds only one.
        """
        with self._lock, tempfile.TemporaryDirectory(dir=self._folder) as folder:
            place = Place(self._kept, self._scale, [part], around, Path(folder), self._workers)
            place.fit.update_background()
            place.fit.update_traces()
            width = seeds.bin_width(self._scale.fps, self._scale.times.decay)
            other = splitting.split_one(place.fit, place.index(place.ids[0]), width)
            place.ids.append(other)
            return self._finish(place, "No two cells can be told apart in it")

    def _fit(self, new: Sequence[Component], around: Sequence[Component], why: str) -> list[MadeComponent]:
        with self._lock, tempfile.TemporaryDirectory(dir=self._folder) as folder:
            place = Place(self._kept, self._scale, new, around, Path(folder), self._workers)
            return self._finish(place, why)

    def _finish(self, place: Place, why: str) -> list[MadeComponent]:
        """Fit what is in a place; ``why``: what is said if a component is lost."""
        there = place.improve()
        fit = place.fit
        wanted = [place.index(number) for number in there]
        raw = fit.raw_traces() if len(fit.components) else fit.components.C
        if len(wanted) < len(place.ids) or not raw[wanted].any(axis=1).all():
            raise EngineError(f"{why}.")
        times, rate, grid = self._scale.times, self._seen.rate, self._scale.grid
        kernel = spike_response(rate, *times)
        properties = quality.measure(fit, raw, kernel, times.decay * rate)
        fit.correct_for_cover()
        fit.smooth_footprints()
        properties |= shape.of_footprints(fit.components, self._scale.gSig / grid.bin)
        chance = probability.probability(properties)
        used = self._kept.used
        some = np.ascontiguousarray(raw[wanted])
        places = rows(self._base, self._seen, used)
        final = temporal.finish(some, self._seen, self._scale.p, times, self._workers, places)
        C, S, YrA = in_all_frames(final.C, final.S, final.YrA, used, self._base, times)
        found = []
        for i, k in enumerate(wanted):
            flat = place.full_resolution(k).ravel(order="F")
            pixels = np.flatnonzero(flat > 0)
            norm = float(np.linalg.norm(flat[pixels])) or 1.0
            found.append(
                MadeComponent(
                    pixels=pixels.astype(np.int64),
                    weights=(flat[pixels] / norm).astype(np.float32),
                    C=(C[i] * norm).astype(np.float32),
                    S=(S[i] * norm).astype(np.float32),
                    YrA=(YrA[i] * norm).astype(np.float32),
                    baseline=float(final.baseline[i]) * norm,
                    noise=float(final.noise[i]) * norm,
                    g=tuple(temporal.coefficients(self._base.fps, self._scale.p, times)),
                    properties={name: float(values[k]) for name, values in properties.items()},
                    probability=float(chance[k]),
                )
            )
        return found


def _size(part: Component) -> float:
    """Spread of a trace; 1 where there is none."""
    return 1.0 if part.trace is None else float(part.trace.std()) or 1.0
