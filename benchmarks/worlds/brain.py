"""minisim's recordings (see :mod:`simulated`) with the knobs that the other generators have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .made import Made


@dataclass(frozen=True)
class Brain:
    """Knobs of a recording of minisim's Miniscope V4.

    Attributes
    ----------
    seed : int
        Seed of everything random.
    px : int
        Side of the square field, pixels.
    seconds, fps : float
        Length (s) and frame rate (Hz).
    region : str
        "ca1" or "cortex_l23".
    motion_um : float
        Amplitude of the motion, micrometres.
    rise, decay : float
        Time constants of the indicator, s; 0 for minisim's own.
    cells : int
        0 leaves the cells out.
    """

    seed: int = 7
    px: int = 176
    seconds: float = 60.0
    fps: float = 20.0
    region: str = "ca1"
    motion_um: float = 10.0
    rise: float = 0.0
    decay: float = 0.0
    cells: int = 1

    def make(self) -> Made:
        """Simulate."""
        from simulated import Recording

        recording = Recording(self.seed, self.region, self.px, self.seconds, self.fps, self.motion_um)
        movie, truth = recording.simulate(self.rise, self.decay, cells=bool(self.cells))
        return Made(movie, self.fps, spoiled=np.zeros(len(movie), bool), **truth)
