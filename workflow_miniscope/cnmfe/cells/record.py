"""The record of a search for cells: what was seen in each round, and what became of every place that stood out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...movies.types import Ints
from ...results.caiman import Fate, Search, SearchImages
from ..arrays.grid import Grid
from ..model.components import Components
from .seeds import Considered, SeedImages


class SearchRecord:
    """Takes down what a search does; :meth:`finish` says what came of it.

    Parameters
    ----------
    min_corr, min_pnr : float
        The thresholds.
    gSig : float
        Size of a soma, px.
    """

    def __init__(self, min_corr: float, min_pnr: float, gSig: float):
        self._thresholds, self._gSig = (min_corr, min_pnr), gSig
        self._images: list[SearchImages] = []
        self._rounds: list[tuple[Considered, Ints]] = []

    def add(self, images: Sequence[SeedImages], considered: Considered, ids: Ints) -> None:
        """Take down a round: what was seen, and the numbers of the components that were tried, in their order."""
        number = len(self._rounds) + 1
        for image in images:
            kept = (values.astype(np.float16) for values in (image.correlation, image.pnr))
            self._images.append(SearchImages(number, image.scale, *kept))
        self._rounds.append((considered, ids))

    def finish(self, components: Components, grid: Grid) -> Search:
        """Say what became of every place, when the components are those of the result."""
        at = np.concatenate([one.at for one, _ in self._rounds] or [np.zeros((0, 2))])
        fate: list[int] = []
        component: list[int] = []
        for one, ids in self._rounds:
            became = iter(ids.tolist())
            # the most prominent first, as they were tried
            number = {int(k): next(became) for k in one.tried}
            for k, refusal in enumerate(one.refusal.tolist()):
                said, into = (refusal, -1) if k not in number else _outcome(components, number[k])
                fate.append(int(said))
                component.append(into)
        pixel = (at + 0.5) * grid.bin - 0.5
        none = np.zeros(0)
        rounds = np.concatenate([none, *(np.full(len(one.at), i + 1) for i, (one, _) in enumerate(self._rounds))])
        columns = {
            name: np.concatenate([none, *(getattr(one, name) for one, _ in self._rounds)])
            for name in ("scale", "correlation", "pnr")
        }
        return Search(
            *self._thresholds,
            gSig=self._gSig,
            bin=grid.bin,
            images=self._images,
            y=pixel[:, 0].astype(np.float32),
            x=pixel[:, 1].astype(np.float32),
            round=rounds.astype(np.int16),
            scale=columns["scale"].astype(np.int16),
            correlation=columns["correlation"].astype(np.float32),
            pnr=columns["pnr"].astype(np.float32),
            fate=np.array(fate, np.uint8),
            component=np.array(component, np.int32),
        )


def _outcome(components: Components, number: int) -> tuple[Fate, int]:
    """Follow a component through those that it was merged into."""
    fate = Fate.COMPONENT
    while number in components.gone:
        into = components.gone[number]
        if into is None:
            return Fate.FADED, -1
        fate, number = Fate.MERGED, into
    at = np.flatnonzero(components.ids == number)
    return (fate, int(at[0])) if len(at) else (Fate.FADED, -1)
