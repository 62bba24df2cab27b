"""The members by which every reader of movies and every engine knows a movie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray


@runtime_checkable
class Movie(Protocol):
    """A movie that is read in pieces: ``daq.Movie``, ``ArrayMovie``, or anything else with these members.

    Attributes
    ----------
    n_frames : int
        Frames of the movie.
    height, width : int
        Size of a frame, pixels.
    """

    n_frames: int
    height: int
    width: int

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[Any]]:
        """Give the frames [height, width] from ``start`` up to, not including, ``stop``, one after the other."""

    def blocks(self, size: int = 256) -> Iterator[tuple[int, NDArray[Any]]]:
        """Give pairs of (index of the first frame, frames [n, height, width])."""
