"""What the rest of the engine asks of a registration, rigid, in blocks, or of a movie that is registered already."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ...movies.types import Bools, Floats, Numbers
from .blocks import Blocks


class Motion(NamedTuple):
    """How some frames have to be moved to lie on the template, down and to the right, px.

    Attributes
    ----------
    shifts : float64 [n, 2]
        (dy, dx) of each frame.
    deviations : float64 [n, blocks, 2]
        Of each block from the shift of its frame; no blocks if the field moves as a whole.
    score : float64 [n]
        Weighted correlation with the template, see :mod:`matching`.
    matched : bool [n]
        Whether the frame shows the field; the shift of one that does not means nothing.
    lying : float64 [n]
        Fraction of the parts of the field that lie on the template.
    at_limit : bool [n]
        Whether the shift is the largest that is looked for.
    """

    shifts: Floats
    deviations: Floats
    score: Floats
    matched: Bools
    lying: Floats
    at_limit: Bools


class FrameRegistration(Protocol):
    """Finds how frames that follow each other have moved, and moves them back."""

    @property
    def blocks(self) -> Blocks | None:
        """Blocks that move differently; None: the field moves as a whole."""

    @property
    def usual_score(self) -> float:
        """Score of most frames, once the template is known; see :mod:`matching`."""

    def register(self, frames: Numbers) -> Motion:
        """Find the motion of the next frames, [n, height, width] as they were recorded."""

    def move(self, frame: Floats, shift: Floats, deviations: Floats) -> Floats:
        """Move a frame, float32 [height, width], by what :meth:`register` gave for it."""

    def edges(self, shifts: Floats, deviations: Floats) -> Floats:
        """Give how far the borders of the field move in each frame, for :meth:`Grid.uncovered`."""
