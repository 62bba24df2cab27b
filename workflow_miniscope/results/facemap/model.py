"""What Facemap measures of a face, as :func:`workflow_miniscope.results.facemap.read_proc` gives it.

Positions are x = column, y = row; a bin is a square of ``sbin`` by ``sbin`` pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ResultError
from ...movies.types import Floats, Ints


@dataclass(frozen=True)
class Components:
    """A singular value decomposition of a region's movie, or of its changes.

    Attributes
    ----------
    masks : ndarray of float32 [component, y bin, x bin]
        Where each component is; of unit norm, orthogonal.
    time_courses : ndarray of float32 [component, frame]
        Projection of every frame onto the mask, grey levels. The first frame, which no change leads to, has the
        second one's value, as in Facemap.
    singular_values : ndarray of float32 [component]
        Norm of the time course over all frames. For a basis of all frames this is the singular value; Facemap
        takes its basis from at most 15 000 of them.
    """

    masks: Floats
    time_courses: Floats
    singular_values: Floats

    def __len__(self) -> int:
        return len(self.masks)


@dataclass(frozen=True)
class Region:
    """The full frame (number 0) or a region of interest whose motion was computed.

    Attributes
    ----------
    number : int
        0 for the full frame, then 1, 2, ... in the order of the file.
    name : str
        As the user named it, or "motion 1", ...; "full frame" for 0.
    x_range, y_range : ndarray of int
        Columns and rows, in pixels of its camera's frame.
    x_bins, y_bins : ndarray of int
        The same in bins.
    motion : ndarray of float32 [frame]
        Motion energy: sum over the bins of the absolute change since the frame before, grey levels. The first
        frame has the second one's value. NaN throughout where Facemap computed none.
    average_motion : ndarray of float32 [y bin, x bin]
        Mean absolute change, which Facemap subtracts before the decomposition.
    motion_svd, movie_svd : Components or None
        Decomposition of the absolute changes and of the pictures, where they were computed.
    camera : int
        Which of several simultaneous videos it is in; 0 with one.
    """

    number: int
    name: str
    x_range: Ints
    y_range: Ints
    x_bins: Ints
    y_bins: Ints
    motion: Floats
    average_motion: Floats
    motion_svd: Components | None = None
    movie_svd: Components | None = None
    camera: int = 0

    def motion_movie(self, start: int = 0, stop: int | None = None) -> Floats:
        """Multiply the components out, as far as they go.

        Facemap's masks cannot hold a change of all bins together, because scikit-learn's PCA subtracts each
        frame's mean over the bins first. That part comes from the motion energy.

        Returns
        -------
        ndarray of float32 [frame, y bin, x bin]
            Absolute change since the frame before, grey levels.

        Raises
        ------
        ResultError
            Facemap was run without motSVD.
        """
        if self.motion_svd is None:
            raise ResultError(f"The motion of '{self.name}' was not decomposed; run Facemap with motSVD.")
        masks = self.motion_svd.masks
        courses = self.motion_svd.time_courses[:, start:stop]
        shared = self.motion[start:stop] / self.average_motion.size - self.average_motion.mean()
        movie: Floats = np.tensordot(courses.T, masks, 1) + self.average_motion + shared[:, None, None]
        return movie


@dataclass(frozen=True)
class Pupil:
    """The pupil in a region: an ellipse fitted to what is dark.

    Attributes
    ----------
    name : str
        As the user named it, or "pupil 1", ...
    x_range, y_range : ndarray of int
        Columns and rows of the region, in pixels.
    area, area_smooth : ndarray of float64 [frame]
        Square pixels; smooth: outliers and gaps replaced by a running median of 30 frames. While the eye is
        closed the area is small or NaN.
    x, y : ndarray of float64 [frame]
        Centre of the pupil in pixels of the frame, not of the region.
    axis_lengths : ndarray of float64 [frame, 2]
        Squared half axes, square pixels, as Facemap has them.
    camera : int
        Which of several simultaneous videos it is in.
    """

    name: str
    x_range: Ints
    y_range: Ints
    area: Floats
    area_smooth: Floats
    x: Floats
    y: Floats
    axis_lengths: Floats
    camera: int = 0


@dataclass(frozen=True)
class Blink:
    """How much of a region is dark, summed: the open eye is darker than its lid.

    Attributes
    ----------
    name : str
        As the user named it, or "blink 1", ...
    x_range, y_range : ndarray of int
        Columns and rows of the region, in pixels.
    signal : ndarray of float64 [frame]
        Sum over the pixels of what they are darker than the saturation, grey levels; falls in a blink.
    camera : int
        Which of several simultaneous videos it is in.
    """

    name: str
    x_range: Ints
    y_range: Ints
    signal: Floats
    camera: int = 0


@dataclass(frozen=True)
class FacemapResult:
    """What Facemap computed from a camera's video.

    Attributes
    ----------
    path : Path
        The file.
    n_frames : int
        Frames of all files together.
    sbin : int
        Side of a bin, pixels.
    files : tuple of str
        Videos, as Facemap was given them.
    regions : tuple of Region
        Full frame first, where it was analysed.
    average_frame, average_motion : ndarray of float32 [y bin, x bin]
        Mean of up to 1000 frames, and of their absolute changes, grey levels.
    pupils, blinks : tuple of Pupil, tuple of Blink
    n_cameras : int
        How many simultaneous videos were analysed as one picture, side by side; their regions say in which they are.
    """

    path: Path
    n_frames: int
    sbin: int
    files: tuple[str, ...]
    regions: tuple[Region, ...]
    average_frame: Floats
    average_motion: Floats
    pupils: tuple[Pupil, ...] = ()
    blinks: tuple[Blink, ...] = ()
    n_cameras: int = 1
