"""A curator's edits: components are merged, split, added and redrawn, fitted to the recording, kept as decisions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # whose parts are loaded when first used: each takes a while

from ..cnmfe.arrays.workers import start_workers
from ..cnmfe.calcium import timebase
from ..cnmfe.cells import seeds
from ..cnmfe.editing.edits import Editor
from ..cnmfe.editing.kept import KeptMovie
from ..cnmfe.editing.place import Component
from ..cnmfe.editing.registered import Registered
from ..cnmfe.editing.scale import Scale
from ..cnmfe.storage.repair import Repair
from ..cnmfe.storage.sample import sample_frames
from ..errors import CurationError, WorkflowError
from ..movies.types import Bools, Floats
from ..results.caiman import FrameQuality
from ..results.curation import EDITS, Event, MadeComponent, made_folder, require_id, save_made, verdict
from .curation import Curating
from .kept_folder import KeptFolder
from .result_movie import OpenedMovie

#: px: components whose middle is farther from that of an edited one than this many rings and somata are not near it
NEAR_RINGS = 2.0


@dataclass(frozen=True)
class Wish:
    """What a curator wants.

    Attributes
    ----------
    action : str
        "merge", "split", "add" or "redraw".
    components : tuple of int
        Which; none for a cell to be added.
    place : tuple of (float, float)
        (x, y) px: the middle of a cell to be added, or the boundary that was drawn.
    """

    action: str
    components: tuple[int, ...] = ()
    place: tuple[tuple[float, float], ...] = ()


class Editing:
    """Edits of one curator at one result.

    The recording is read once, when the first edit needs it, and kept on the disk until the end.

    Parameters
    ----------
    curating : Curating
        The result, and the log.

    Attributes
    ----------
    progress : float or None
        Part of the recording that has been read, while it is; else None.
    problem : str
        Why it could not be read, a sentence; empty where it could.
    """

    def __init__(self, curating: Curating) -> None:
        self._curating = curating
        self._lock = threading.Lock()
        self._folder = KeptFolder("curation-")
        self._kept: KeptMovie | None = None
        self._opened: OpenedMovie | None = None
        self._starting = threading.Lock()
        self._reading: threading.Thread | None = None
        self.progress: float | None = None
        self.problem = ""

    def close(self) -> None:
        """Remove the recording that was kept."""
        self._folder.close()

    def perform(self, wish: Wish, event_id: str) -> Event:
        """Fit what is wanted, and save it as a decision. One edit after the other.

        Raises
        ------
        WorkflowError
            The recording is not there, the engine finds nothing to fit, or it cannot be saved.
        """
        require_id(event_id)
        self._check(wish)
        with self._lock:
            known = next((event for event in self._curating.log.events if event.id == event_id), None)
            if known is not None:  # it is sent again, because its answer was lost
                return known
            made = self._fit(wish)
            log = self._curating.log
            save_made(made_folder(log.path), event_id, made)
            event = log.append_edit(event_id, wish.action, wish.components, wish.place, len(made))
        self._curating.changed()
        return event

    def _check(self, wish: Wish) -> None:
        if wish.action not in EDITS:
            raise CurationError(f"'{wish.action}' is no edit: components can be {', '.join(EDITS)}.")
        counts = {"merge": len(wish.components) >= 2, "add": not wish.components}
        if not counts.get(wish.action, len(wish.components) == 1):
            needed = {"merge": "two components or more", "add": "no component"}.get(wish.action, "one component")
            raise CurationError(f"The edit '{wish.action}' needs {needed}, not {len(wish.components)}.")
        points = {"add": len(wish.place) == 1, "redraw": len(wish.place) >= 3}
        if not points.get(wish.action, not wish.place):
            raise CurationError(f"The edit '{wish.action}' cannot be made of {len(wish.place)} points.")
        states = self._curating.log.curation.states
        gone = [k for k in wish.components if not (0 <= k < len(states) and states[k].present)]
        if gone:
            raise CurationError(f"There is no component {gone[0]} any more.")
        height, width = self._curating.opened.components.dims
        if wish.action == "add" and not all(
            -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5 for x, y in wish.place
        ):
            raise CurationError("A cell can only be added within the field.")

    def _fit(self, wish: Wish) -> list[MadeComponent]:
        result = self._curating.opened.components
        scale = Scale.of(result)
        with start_workers() as workers:
            kept = self._keep(scale)
            times = None if self._opened is None else self._opened.times
            n_frames = self._curating.opened.n_frames
            if times is None:
                base = timebase.consecutive(n_frames, scale.fps)
            else:
                base = timebase.from_times(times, n_frames, scale.fps)
            editor = Editor(kept, scale, base, workers, self._folder.path)
            wanted = [self._component(k, kept.used) for k in wish.components]
            around = self._around(wish, scale, kept.used)
            if wish.action == "add":
                ((x, y),) = wish.place
                return editor.add(y, x, around)
            if wish.action == "merge":
                return editor.merge(wanted, around)
            if wish.action == "split":
                return editor.split(wanted[0], around)
            return editor.redraw(wanted[0], within(wish.place, result.dims), around)

    @property
    def ready(self) -> bool:
        """Whether the recording has been read."""
        return self._kept is not None

    def read_ahead(self) -> None:
        """Begin to read the recording, beside what else is done; :attr:`problem` says if that fails."""
        with self._starting:
            if self.ready or (self._reading is not None and self._reading.is_alive()):
                return
            self.problem = ""
            self._reading = threading.Thread(target=self._read, daemon=True)
            self._reading.start()

    def _read(self) -> None:
        try:
            with self._lock:
                self._keep(Scale.of(self._curating.opened.components))
        except WorkflowError as error:
            self.problem = str(error)

    def local_trace(self, y: int, x: int) -> dict[str, Floats]:
        """Give how bright a pixel is beside what is around it, in every frame.

        Returns
        -------
        dict of float32 [frames]
            ``raw``, and ``fitted``: averaged over as many frames as the search for cells averages.

        Raises
        ------
        WorkflowError
            The recording is not there, or the result does not say how large a cell is.
        """
        scale = Scale.of(self._curating.opened.components)
        with self._lock, start_workers() as workers:
            trace = self._keep(scale).light(y, x, scale.gSig, workers)
        width = seeds.bin_width(scale.fps, scale.times.decay)
        return {"raw": trace, "fitted": scipy.ndimage.uniform_filter1d(trace, width, mode="nearest")}

    def _keep(self, scale: Scale) -> KeptMovie:
        if self._kept is None:
            self._opened = self._curating.open_movie()
            opened = self._curating.opened
            model = opened.movie_model()
            registered = Registered.of(self._opened.movie, opened.components, model.motion, model.frames)
            used = np.ones(registered.n_frames, bool) if model.frames is None else model.frames.used
            repair = _repair(self._opened, model.frames)
            try:
                with start_workers() as workers:
                    folder = self._folder.path
                    self._kept = KeptMovie(registered, scale.grid, used, folder, workers, self._say, repair)
            finally:
                self.progress = None
        return self._kept

    def _say(self, done: float) -> None:
        self.progress = done

    def _component(self, k: int, used: Bools) -> Component:
        height, width = self._curating.opened.components.dims
        pixels, weights = self._curating.footprint(k)
        image = np.zeros(height * width, np.float32)
        image[pixels] = weights
        return Component(image.reshape((height, width), order="F"), self._curating.traces(k).fitted[used])

    def _around(self, wish: Wish, scale: Scale, used: Bools) -> list[Component]:
        """Give the components that count as cells near what is edited."""
        curating = self._curating
        result, states = curating.opened.components, curating.log.curation.states
        cells = np.flatnonzero(verdict(result, states))
        middles = np.array([curating.middle(int(k)) for k in cells]).reshape(-1, 2)
        targets = [curating.middle(k) for k in wish.components] + [(y, x) for x, y in wish.place]
        reach = NEAR_RINGS * (scale.ring + scale.radius * scale.grid.bin)
        if not len(cells) or not targets:
            return []
        distance = np.min([np.hypot(*(middles - np.asarray(at)).T) for at in targets], axis=0)
        near = [int(k) for k in cells[distance < reach] if int(k) not in wish.components]
        return [self._component(k, used) for k in near]


def within(points: Sequence[tuple[float, float]], dims: tuple[int, int]) -> Bools:
    """Which pixels lie within a boundary, bool [height, width]; ``points``: (x, y), pixels have whole numbers."""
    from matplotlib.path import Path as Boundary

    y, x = np.mgrid[: dims[0], : dims[1]]
    inside: Bools = Boundary(np.asarray(points, float)).contains_points(np.stack([x.ravel(), y.ravel()], axis=1))
    return inside.reshape(dims)


def _repair(opened: OpenedMovie, quality: FrameQuality | None) -> Repair | None:
    """Give what mends the camera's frames, where the engine found something to mend."""
    if quality is None:
        return None
    wrong = quality.stuck_pixels or quality.flickering_pixels or quality.row_bands or quality.column_bands
    if not wrong:
        return None
    indices, sample = sample_frames(opened.movie)
    return Repair.find(sample, indices)
