"""What a generator makes: a movie and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class Made:
    """A recording with its truth.

    Attributes
    ----------
    movie : uint8 [frame, height, width]
        What the camera recorded.
    fps : float
        Frames per second.
    A : float32 [cell, height, width]
        Footprints as the camera would see them without motion, in grey levels per unit of calcium.
    C : float32 [cell, frame]
        Calcium.
    S : float32 [cell, frame]
        Spikes in each frame.
    shifts : float32 [frame, 2]
        Displacement (dy, dx) of the brain at the middle of the field, pixels, down and to the right.
    detectable : bool [cell]
        Whether a cell can be found at all, see :mod:`worlds.detectable`.
    spoiled : bool [frame]
        Frames that do not show the tissue as it is; they count in no score.
    codec : dict
        How the movie is to be written: see :func:`worlds.codecs.write`.
    """

    movie: np.ndarray
    fps: float
    A: np.ndarray
    C: np.ndarray
    S: np.ndarray
    shifts: np.ndarray
    detectable: np.ndarray
    spoiled: np.ndarray
    codec: dict[str, float | str] = field(default_factory=lambda: {"name": "ffv1"})

    def truth(self) -> dict[str, np.ndarray]:
        """Arrays of the truth by name."""
        return {name: getattr(self, name) for name in ("A", "C", "S", "shifts", "detectable", "spoiled")}

    def seen(self, movie: np.ndarray, spoiled: np.ndarray | None = None) -> Made:
        """Give the same brain seen in another movie; frames that are ``spoiled`` [frame] are added to those before."""
        both = self.spoiled if spoiled is None else self.spoiled | spoiled
        return replace(self, movie=movie, spoiled=both)

    def hidden(self, movie: np.ndarray) -> Made:
        """Give a movie in which no cell can be found any more."""
        return replace(self, movie=movie, detectable=np.zeros_like(self.detectable))


def generator(seed: int, *part: int) -> np.random.Generator:
    """Random numbers of one part of a recording, so that a knob of one part leaves the others as they are."""
    return np.random.default_rng((seed, *part))
