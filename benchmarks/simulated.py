"""One-photon recordings of which everything is known, written as the video files that a Miniscope leaves.

The movie is minisim's (PyPI: minisim): its Miniscope V4 over CA1 or cortical layer 2/3, with overlapping cells at
several depths, neuropil, vessels, vignette, leakage, sensor noise and the brain's motion.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

REGIONS = ("ca1", "cortex_l23")
FRAMES_PER_FILE = 1000


@dataclass(frozen=True)
class Recording:
    """What is simulated: the same values give the same movie, bit for bit.

    Attributes
    ----------
    seed : int
        Seed of everything random.
    region : str
        Tissue preset of minisim: "ca1" or "cortex_l23".
    px : int
        Side of the square field of view, pixels.
    seconds, fps : float
        Length (s) and frame rate (Hz).
    motion_um : float
        Amplitude of the brain's motion, micrometres; 0 for none.
    """

    seed: int
    region: str = "ca1"
    px: int = 200
    seconds: float = 75.0
    fps: float = 20.0
    motion_um: float = 10.0

    @property
    def name(self) -> str:
        """Short name, unique for these values, also that of its folder."""
        rate = "" if self.fps == 20 else f"_{self.fps:g}Hz"
        return f"{self.region}_{self.px}px_{self.seconds:g}s{rate}_{self.motion_um:g}um_seed{self.seed}"

    def write(self, root: Path) -> Path:
        """Simulate into ``root/name`` unless it is there, and return that folder.

        It gets ``0.avi, 1.avi, ...`` (FFV1, lossless, 8 bit), ``recording.json`` and ``truth.npz``: ``A`` [cell,
        height, width] footprints as the optics show them, ``C`` [cell, frame] calcium, ``S`` [cell, frame] spikes,
        ``shifts`` [frame, 2] displacement of the brain (dy, dx) in pixels, ``detectable`` [cell] whether a cell's
        transients rise above the noise of its pixels at all.
        """
        folder = root / self.name
        if folder.is_dir():
            return folder
        movie, truth = self.simulate()
        unfinished = root / f".{self.name}.{os.getpid()}"
        unfinished.mkdir(parents=True)
        try:
            _write_videos(unfinished, movie)
            np.savez_compressed(unfinished / "truth.npz", **truth)
            (unfinished / "recording.json").write_text(json.dumps(asdict(self), indent=4) + "\n")
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return folder

    def simulate(
        self, rise: float = 0.0, decay: float = 0.0, cells: bool = True
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Give the movie, uint8 [frame, height, width], and the truth as :meth:`write` saves it.

        ``rise`` and ``decay`` are time constants (s) of another indicator than minisim's; without ``cells`` the field
        has none.
        """
        from minisim import BrainMotion, CellActivity, presets, simulate

        scope = presets.miniscope_v4()
        sensor = scope.image_sensor.model_copy(update={"n_px_height": self.px, "n_px_width": self.px})
        region = getattr(presets, self.region)()
        spec = presets.build_spec(
            scope.model_copy(update={"image_sensor": sensor}),
            region,
            duration_s=self.seconds,
            fps=self.fps,
            seed=self.seed,
            activity=CellActivity(tau_rise_s=rise, tau_decay_s=decay) if rise and decay else None,
            populations=None if cells else [region.population.model_copy(update={"density_per_mm3": 1e-6})],
            extra_steps=[BrainMotion(motion_amplitude_um=self.motion_um)] if self.motion_um else [],
        )
        simulated = simulate(spec)
        true = simulated.ground_truth
        movie = np.clip(np.asarray(simulated.observed), 0, 255).astype(np.uint8)
        return movie, {
            "A": np.asarray(true.A_observed, np.float32),
            "C": np.asarray(true.C, np.float32),
            "S": np.asarray(true.S, np.float32),
            "shifts": np.asarray(true.shifts, np.float32) if self.motion_um else np.zeros((len(movie), 2), np.float32),
            "detectable": np.asarray(true.detectable, bool),
        }


def videos(folder: Path) -> list[Path]:
    """Video files of a recording, in order."""
    return sorted(folder.glob("*.avi"), key=lambda path: int(path.stem))


def frame_rate(folder: Path) -> float:
    """Frames per second of a recording; what the video files say is not true of a Miniscope's."""
    return float(json.loads((folder / "recording.json").read_text())["fps"])


def _write_videos(folder: Path, movie: np.ndarray) -> None:
    import cv2

    height, width = movie.shape[1:]
    for number, start in enumerate(range(0, len(movie), FRAMES_PER_FILE)):
        path = str(folder / f"{number}.avi")
        writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), 60, (width, height), False)
        for frame in movie[start : start + FRAMES_PER_FILE]:
            writer.write(frame)
        writer.release()
