"""What the native engine saw while it looked for cells: the group ``search`` of a result file, unknown to CaImAn.

Correlation and peak to noise ratio in every round and band, every place that exceeded both thresholds, and what became
of it: so that it can be asked afterwards why something is no cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum

import h5py
import numpy as np

from ...errors import ResultError
from ...movies.types import Floats, Ints
from .hdf5 import read_whole

GROUP = "search"


class Fate(IntEnum):
    """What became of a place that exceeded the thresholds of the search."""

    #: a component of the result
    COMPONENT = 0
    #: merged into another component, which had the same trace
    MERGED = 1
    #: no pixel of its footprint was significant
    FADED = 2
    #: not tried: too few frames covered it in this round
    NOT_COVERED = 3
    #: not tried: it stands out more in the next, wider band
    WIDER = 4
    #: not tried: a narrower band had found a cell there
    NARROWER = 5
    #: not tried: the field held as many components as it may
    NO_ROOM = 6


@dataclass(frozen=True, eq=False)
class SearchImages:
    """Images of one round and band.

    Attributes
    ----------
    round : int
        From 1 on; in each the components of the rounds before are taken away.
    scale : int
        How many times wider than a soma in focus the band is, and how many times coarser its grid.
    correlation, pnr : float16 [height, width]
        Correlation of each pixel with its neighbours, and its peak to noise ratio, on the band's grid.
    """

    round: int
    scale: int
    correlation: Floats
    pnr: Floats


@dataclass(frozen=True, eq=False)
class Search:
    """The search of one recording.

    Attributes
    ----------
    min_corr, min_pnr : float
        The thresholds.
    gSig : float
        Size of a soma (sigma), px.
    bin : int
        Side of a bin of the working grid, px.
    images : list of SearchImages
        Round after round, the narrowest band first.
    x, y : float32 [places]
        Places that exceeded both thresholds, px of the recording.
    round, scale : int16 [places]
        Where they did.
    correlation, pnr : float32 [places]
        What was there.
    fate : uint8 [places]
        :class:`Fate` of each.
    component : int32 [places]
        The component of the result that it became, or was merged into; -1 for none.
    """

    min_corr: float
    min_pnr: float
    gSig: float
    bin: int
    images: list[SearchImages] = field(default_factory=list)
    x: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    y: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    round: Ints = field(default_factory=lambda: np.zeros(0, np.int16))
    scale: Ints = field(default_factory=lambda: np.zeros(0, np.int16))
    correlation: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    pnr: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    fate: Ints = field(default_factory=lambda: np.zeros(0, np.uint8))
    component: Ints = field(default_factory=lambda: np.zeros(0, np.int32))

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in PLACES}
        wrong = [name for name, shape in shapes.items() if shape != (len(self.x),)]
        if wrong:
            raise ResultError(f"The search has {len(self.x)} places, and {shapes[wrong[0]]} values of {wrong[0]}.")


#: arrays with one value for each place
PLACES = ("x", "y", "round", "scale", "correlation", "pnr", "fate", "component")
_NUMBERS = ("min_corr", "min_pnr", "gSig", "bin")


def write_search(file: h5py.File, search: Search | None) -> None:
    """Add the group ``search``, if there is one to write."""
    if search is None:
        return
    group = file.create_group(GROUP)
    for name in _NUMBERS:
        group.attrs[name] = getattr(search, name)
    for name in PLACES:
        group[f"places/{name}"] = getattr(search, name)
    for image in search.images:
        where = group.create_group(f"round_{image.round}_scale_{image.scale}")
        where.attrs["round"], where.attrs["scale"] = image.round, image.scale
        for name in ("correlation", "pnr"):
            where.create_dataset(name, data=getattr(image, name), compression="gzip", shuffle=True)


def read_search(file: h5py.File) -> Search | None:
    """Read it; None where the file has none, as those of CaImAn and of earlier versions.

    Raises
    ------
    ResultError
        If the arrays are not of one length.
    KeyError
        If one is missing.
    """
    if GROUP not in file:
        return None
    group = file[GROUP]
    images = [
        SearchImages(
            int(one.attrs["round"]), int(one.attrs["scale"]), read_whole(one["correlation"]), read_whole(one["pnr"])
        )
        for name, one in group.items()
        if name.startswith("round_")
    ]
    known = {item.name for item in fields(Search)} & set(group.attrs)
    numbers = {name: group.attrs[name].item() for name in known}
    places = {name: read_whole(group[f"places/{name}"]) for name in PLACES}
    return Search(**numbers, images=sorted(images, key=lambda one: (one.round, one.scale)), **places)
