"""What the rest of the engine asks of a registration, rigid, in blocks, or none."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from ...movies.types import Floats, Numbers
from .blocks import Blocks


class Motion(NamedTuple):
    """How some frames have to be moved to lie on the template, down and to the right, px.

    Attributes
    ----------
    shifts : float64 [n, 2]
        (dy, dx) of each frame.
    deviations : float64 [n, blocks, 2]
        Of each block from the shift of its frame; no blocks if the field moves as a whole.
    """

    shifts: Floats
    deviations: Floats


class FrameRegistration(Protocol):
    """Finds how frames that follow each other have moved, and moves them back."""

    @property
    def blocks(self) -> Blocks | None:
        """Blocks that move differently; None: the field moves as a whole."""

    def register(self, frames: Numbers) -> Motion:
        """Find the motion of the next frames, [n, height, width] as they were recorded."""

    def move(self, frame: Floats, shift: Floats, deviations: Floats) -> Floats:
        """Move a frame, float32 [height, width], by what :meth:`register` gave for it."""

    def edges(self, shifts: Floats, deviations: Floats) -> Floats:
        """Give how far the borders of the field move in each frame, for :meth:`Grid.uncovered`."""


class NoRegistration:
    """Leaves frames where they are: the movie is registered already."""

    blocks: Blocks | None = None

    def register(self, frames: Numbers) -> Motion:
        """Find no motion."""
        return Motion(np.zeros((len(frames), 2)), np.zeros((len(frames), 0, 2)))

    def move(self, frame: Floats, shift: Floats, deviations: Floats) -> Floats:
        """Give the frame as it is."""
        return frame

    def edges(self, shifts: Floats, deviations: Floats) -> Floats:
        """Give the shifts, which are 0."""
        return shifts
