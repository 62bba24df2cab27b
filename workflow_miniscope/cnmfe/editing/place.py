"""One place of a recording, where components are fitted anew beside those around them.

The fit is the engine's own (:mod:`cnmfe.model`), of a part of the field that holds the whole background's ring of every
pixel of the new footprints. What lies around is in the model, with the footprints and traces of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...movies.types import Bools, Floats
from ..arrays.workers import Workers
from ..calcium.deconvolution import spike_response
from ..calcium.every_frame import decay
from ..cells import seeds
from ..model.fit import Fit
from ..suggest import working_noise
from .kept import KeptMovie
from .scale import Scale

#: rounds over footprints and traces of new components
ROUNDS = 3
#: sweeps over the traces of new components, which may start from nothing
TRACE_SWEEPS = 4
#: part of a footprint's peak below which its pixels do not count as its place
PLACE_OF_PEAK = 0.05


@dataclass(frozen=True)
class Component:
    """A footprint and its trace in the units of the movie: their product is light.

    Attributes
    ----------
    image : float32 [height, width]
        On the pixels of the field.
    trace : float32 [used frames] or None
        None where it is not known yet.
    mask : bool [height, width] or None
        The only pixels that it may have; None: those where the engine finds it.
    """

    image: Floats
    trace: Floats | None = None
    mask: Bools | None = None


class Place:
    """A part of the field with the model of what is there.

    Parameters
    ----------
    kept : KeptMovie
        The recording.
    scale : Scale
        Of the result.
    new : sequence of Component
        What is to be fitted anew.
    around : sequence of Component
        The other components near them.
    folder : Path
        A temporary folder.
    workers : Workers
        Threads.
    """

    def __init__(
        self,
        kept: KeptMovie,
        scale: Scale,
        new: Sequence[Component],
        around: Sequence[Component],
        folder: Path,
        workers: Workers,
    ):
        self._kept, self._scale, self._grid = kept, scale, kept.grid
        images = [self._grid.bin_frame(component.image) for component in new]
        spans = [_extent(image) for image in images]
        radius = max(scale.radius, *(max(r.stop - r.start, c.stop - c.start) // 2 + 2 for r, c in spans))
        self.rows, self.columns = self._part(spans, radius)
        stored = kept.cut(self.rows, self.columns, folder)
        fps = scale.fps
        self.fit = Fit(
            stored,
            ring_radius=scale.ring / (self._grid.bin * self._grid.factor),
            radius=radius,
            g=decay(fps, scale.times),
            workers=workers,
            seen=kept.coverage[self.rows, self.columns],
        )
        self.fit.kernel = spike_response(fps, *scale.times)
        self.fit.sn = working_noise(self.fit.movie, self.fit.seen, workers)
        for component in around:
            self._add(component, self._grid.bin_frame(component.image))
        before = len(self.fit.components)
        for component, image in zip(new, images, strict=True):
            self._add(component, image)
        self.ids = self.fit.components.ids[before:].tolist()
        self._masks = {
            number: self._grid.bin_frame(component.mask.astype(np.float32))[self.rows, self.columns] > 0.5
            for number, component in zip(self.ids, new, strict=True)
            if component.mask is not None
        }

    def _part(self, spans: Sequence[tuple[slice, slice]], radius: int) -> tuple[slice, slice]:
        """Rows and columns of the working grid, in whole bins of the background's grid."""
        factor = self._grid.factor
        margin = int(np.ceil(self._scale.ring / self._grid.bin)) + radius // 2 + 2 * factor
        parts = []
        for axis in (0, 1):
            low = min(span[axis].start for span in spans) - margin
            high = max(span[axis].stop for span in spans) + margin
            side = self._grid.shape[axis]
            parts.append(slice(max(0, low // factor * factor), min(side, -(-high // factor) * factor)))
        return parts[0], parts[1]

    def _add(self, component: Component, whole: Floats) -> None:
        """Put a component into the model, as far as it lies in this part of the field."""
        image = whole[self.rows, self.columns]
        if not image.max() > 0:
            return
        c = self.fit.components
        rows, columns = _extent(image)
        middle = np.array([[(rows.start + rows.stop - 1) // 2, (columns.start + columns.stop - 1) // 2]])
        wide = np.pad(image, c.radius)
        window = wide[middle[0, 0] :, middle[0, 1] :][: c.side, : c.side]
        trace = np.zeros(c.C.shape[1], np.float32) if component.trace is None else component.trace
        scale = window.max()
        c.append(middle, window[None] / scale, window[None] > 0, (trace - trace.mean())[None] * scale)
        c.masks[-1:] &= c.inside()[-1:]
        c.footprints[-1:] *= c.masks[-1:]

    def improve(self, rounds: int = ROUNDS) -> list[int]:
        """Fit background, footprints and traces. Returns which of :attr:`ids` have a footprint."""
        fit = self.fit
        fit.update_background()
        self._restrict()
        fit.update_traces(sweeps=TRACE_SWEEPS)
        for round_ in range(rounds):
            fit.update_footprints()
            self._restrict()
            if round_ == 0:
                fit.update_background()
            fit.update_traces(sweeps=TRACE_SWEEPS)
        there = set(fit.components.ids.tolist())
        return [number for number in self.ids if number in there]

    def index(self, number: int) -> int:
        """Where a component is in the model, by its number."""
        return int(np.flatnonzero(self.fit.components.ids == number)[0])

    def _restrict(self) -> None:
        """Keep components to the pixels that they may have."""
        c = self.fit.components
        for number, mask in self._masks.items():
            for k in np.flatnonzero(c.ids == number):
                wide = np.pad(mask, c.radius)
                top, left = int(c.tops[k]) + c.radius, int(c.lefts[k]) + c.radius
                c.masks[k] = wide[top : top + c.side, left : left + c.side] & c.inside()[k]
                c.footprints[k] *= c.masks[k]

    def full_resolution(self, k: int) -> Floats:
        """Give the footprint of component ``k`` of the model on the pixels of the whole field."""
        matrix = self.fit.components.matrix()[[k]]
        local = self.fit.stored.grid.enlarge(matrix.toarray().reshape(self.fit.movie.shape).astype(np.float32))
        image = np.zeros(self._grid.field, np.float32)
        top, left = self.rows.start * self._grid.bin, self.columns.start * self._grid.bin
        image[top : top + local.shape[0], left : left + local.shape[1]] = local
        return image

    def seed(self, y: float, x: float) -> Floats:
        """Give what the engine starts a cell from: a Gaussian of a soma's size, float32 [height, width]."""
        return gaussian(self._grid.field, y, x, self._scale.gSig)


def gaussian(shape: tuple[int, int], y: float, x: float, gSig: float) -> Floats:
    """Give the footprint that a cell at a pixel starts from, float32 [height, width]."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    distance = np.hypot(rows - y, columns - x)
    sigma = seeds.FIRST_SIGMA * gSig
    image = np.exp(-0.5 * (distance / sigma) ** 2) * (distance <= seeds.FIRST_EXTENT * sigma)
    return np.asarray(image, np.float32)


def _extent(image: Floats) -> tuple[slice, slice]:
    """Rows and columns that a footprint covers."""
    lit = image > PLACE_OF_PEAK * image.max()
    rows, columns = (np.flatnonzero(lit.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
