"""What a CaImAn result holds, in memory, with one meaning for each number."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import scipy  # whose parts are loaded when first used: each takes a while

from ...errors import ResultError
from ...movies.types import Floats, Ints
from .dff import Dff, DffField
from .evaluation import Evaluation
from .frames import FrameQuality
from .search import Search
from .verdict import Verdict

IMAGES = ("reference_image", "average_image", "correlation_image", "max_image")


@dataclass(frozen=True)
class RigidShifts:
    """One shift for each frame.

    Attributes
    ----------
    shifts : float64 [frames, 2]
        (dy, dx) in pixels: how far the frame was moved to lie on the template, down and to the right.
    """

    shifts: Floats

    def __post_init__(self) -> None:
        shifts = np.asarray(self.shifts, dtype=np.float64)
        if shifts.ndim != 2 or shifts.shape[1] != 2:
            raise ResultError(f"Rigid shifts must have the shape (frames, 2), not {shifts.shape}.")
        object.__setattr__(self, "shifts", shifts)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.shifts)


@dataclass(frozen=True)
class PiecewiseShifts:
    """One shift for each frame and block of the field of view.

    Attributes
    ----------
    y, x : float64 [frames, blocks]
        Shifts in pixels, down and to the right, with the sign of :class:`RigidShifts`.
    blocks : int64 [blocks, 4]
        (first row, end row, first column, end column) of each block, ends excluded.
    """

    y: Floats
    x: Floats
    blocks: Ints

    def __post_init__(self) -> None:
        y, x = np.asarray(self.y, dtype=np.float64), np.asarray(self.x, dtype=np.float64)
        blocks = np.asarray(self.blocks, dtype=np.int64)
        if y.ndim != 2 or x.shape != y.shape or blocks.shape != (y.shape[1], 4):
            raise ResultError(
                f"Piecewise-rigid shifts must be (frames, blocks) twice and (blocks, 4), "
                f"not {y.shape}, {x.shape} and {blocks.shape}."
            )
        for name, value in (("y", y), ("x", x), ("blocks", blocks)):
            object.__setattr__(self, name, value)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.y)


@dataclass(frozen=True)
class Mask:
    """The pixels of one component: x is the column, y is the row.

    Attributes
    ----------
    id : int
        Index of the component in the result, from 0.
    xpix, ypix : int32 [npix]
        Column and row of each pixel with a weight.
    weights : float32 [npix]
        Weight of each pixel.
    center_x, center_y : int
        Pixel nearest to the centre of mass.
    npix : int
        Number of pixels.
    """

    id: int
    xpix: Ints
    ypix: Ints
    weights: Floats
    center_x: int
    center_y: int
    npix: int


@dataclass(eq=False)
class CaimanResult:
    """Footprints, traces, shifts and images of one recording, as CaImAn or the native engine found them.

    Attributes
    ----------
    dims : tuple of int
        (height, width) in pixels.
    A : scipy.sparse.csc_matrix, float32 [height * width, components]
        Footprints; the pixels of a column are in FORTRAN order of (height, width). See :meth:`footprint`.
    C : float32 [components, frames]
        Denoised traces.
    S, YrA, F_dff : float32 [components, frames] or None
        Deconvolved activity; residual traces, so that ``C + YrA`` is the raw trace; dF/F, which may be given as
        :class:`Dff`: then it is computed when it is first read.
    dff_method : str
        Where ``F_dff`` comes from: "file", "computed: <how>", or "" where there is none.
    W : scipy.sparse.csr_matrix or None
        Weights of the ring background (pixels, possibly downsampled, on both sides).
    b0 : float32 [height * width] or None
        Constant background of each pixel, pixels in Fortran order.
    b, f : float32 [height * width, n], [n, frames] or None
        Low-rank background of plain CNMF.
    Cn : float32 [height, width] or None
        Correlation image that the engine used.
    sn : float32 [height * width] or None
        Noise of each pixel, pixels in Fortran order.
    center : float64 [components, 2]
        Centre of mass (row, column) of each footprint; computed from ``A``.
    g : float64 [components, p] or None
        Coefficients of the autoregressive model of each trace.
    bl, c1, neurons_sn : float64 [components] or None
        Baseline, initial value and noise of each trace.
    accepted, rejected : int64
        Indices (from 0) of the components that passed and failed the evaluation. Never evaluated: all
        are accepted.
    snr, r_values, cnn_preds : float64 [components] or None
        Quality values: signal to noise of the trace, spatial correlation, classifier.
    evaluation : Evaluation or None
        Why each component was accepted or refused; of the native engine.
    search : Search or None
        What was seen while cells were looked for; of the native engine.
    verdict : Verdict or None
        Whether the result can be trusted; of the native engine.
    params : dict of dict
        ``{group: {name: value}}``, plain Python values: those that were used, some of which CaImAn chose.
    requested : dict of dict
        Those that were asked for, as the file's provenance has them; empty where it has none.
    motion : RigidShifts, PiecewiseShifts or None
        The motion correction that was applied.
    reference_image, average_image, correlation_image, max_image : float32 [height, width] or None
        Registration template and summary images of the registered movie.
    frames : FrameQuality or None
        Which frames and pixels were used, and how well the frames lay on the template; None where that is not known.
    method : str
        Engine: "caiman" or "cnmfe".
    version : str
        Version of the engine.
    created : datetime
        When the result was made, UTC.
    """

    dims: tuple[int, int]
    A: scipy.sparse.csc_matrix
    C: Floats
    S: Floats | None = None
    YrA: Floats | None = None
    F_dff: DffField = DffField()
    dff_method: str = ""
    W: scipy.sparse.csr_matrix | None = None
    b0: Floats | None = None
    b: Floats | None = None
    f: Floats | None = None
    Cn: Floats | None = None
    sn: Floats | None = None
    # None as they are given: filled in afterwards, so that whoever reads a result never finds None
    center: Floats = None  # type: ignore[assignment]
    g: Floats | None = None
    bl: Floats | None = None
    c1: Floats | None = None
    neurons_sn: Floats | None = None
    accepted: Ints = None  # type: ignore[assignment]
    rejected: Ints = None  # type: ignore[assignment]
    snr: Floats | None = None
    r_values: Floats | None = None
    cnn_preds: Floats | None = None
    evaluation: Evaluation | None = None
    verdict: Verdict | None = None
    search: Search | None = None
    params: dict[str, Any] = field(default_factory=dict)
    requested: dict[str, Any] = field(default_factory=dict)
    motion: RigidShifts | PiecewiseShifts | None = None
    reference_image: Floats | None = None
    average_image: Floats | None = None
    correlation_image: Floats | None = None
    max_image: Floats | None = None
    frames: FrameQuality | None = None
    method: str = "caiman"
    version: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        height, width = (int(n) for n in self.dims)
        self.dims = (height, width)
        self.A = scipy.sparse.csc_matrix(self.A, dtype=np.float32)
        self.A.sort_indices()
        if self.A.shape[0] != height * width:
            raise ResultError(f"Footprints of {self.A.shape[0]} pixels do not fit {height} x {width}.")
        self.C = np.asarray(self.C, dtype=np.float32)
        if self.C.ndim != 2 or len(self.C) != self.n_components:
            raise ResultError(f"Traces of shape {self.C.shape} do not fit {self.n_components} footprints.")

        pixels, components, frames = height * width, self.n_components, self.n_frames
        self._shape("S YrA F_dff", (components, frames), np.float32)
        self._shape("b0 sn", (pixels,), np.float32)
        self._shape("bl c1 neurons_sn snr r_values cnn_preds", (components,), np.float64)
        self._shape("Cn " + " ".join(IMAGES), (height, width), np.float32)
        if self.W is not None:
            self.W = scipy.sparse.csr_matrix(self.W, dtype=np.float32)
        if self.g is not None:
            g = np.asarray(self.g, dtype=np.float64)
            self.g = g.reshape(components, -1) if components else np.zeros((0, 1))  # no cells, no order to infer
        if (self.b is None) != (self.f is None):
            raise ResultError("The background needs both b and f.")
        if self.b is not None:
            self.b = np.asarray(self.b, dtype=np.float32).reshape(pixels, -1)
            self.f = np.asarray(self.f, dtype=np.float32).reshape(self.b.shape[1], frames)
        if self.dff_rows is not None and not self.dff_method:
            self.dff_method = "file"

        # the centres that CaImAn stores are those of the seeds: after a merge neither their number nor
        # their order is that of the components (26 for 15 in a real file), so there is one definition here
        self.center = centers(self.A, self.dims)
        self._evaluation()
        if self.motion is not None and self.motion.n_frames != frames:
            raise ResultError(f"The motion correction has {self.motion.n_frames} frames and the traces have {frames}.")
        if self.frames is not None and self.frames.n_frames != frames:
            raise ResultError(f"The figures of frames are of {self.frames.n_frames}, and the traces have {frames}.")

    def _shape(self, names: str, shape: tuple[int, ...], dtype: type) -> None:
        for name in names.split():
            value = getattr(self, "dff_rows" if name == "F_dff" else name)
            if value is None:
                continue
            if not isinstance(value, Dff):
                value = np.asarray(value, dtype=dtype)
            if value.shape != shape:
                raise ResultError(f"{name} has the shape {value.shape}, but {shape} is needed.")
            setattr(self, name, value)

    def _evaluation(self) -> None:
        everything = np.arange(self.n_components)
        if self.accepted is None and self.rejected is None:
            self.accepted = everything
        if self.accepted is None:
            self.accepted = np.setdiff1d(everything, np.asarray(self.rejected, dtype=np.int64))
        self.accepted = np.asarray(self.accepted, dtype=np.int64).ravel()
        rest = np.setdiff1d(everything, self.accepted)
        self.rejected = rest if self.rejected is None else np.asarray(self.rejected, dtype=np.int64).ravel()
        if self.evaluation is not None and len(self.evaluation.probability) != self.n_components:
            raise ResultError(
                f"{len(self.evaluation.probability)} components are evaluated, and there are {self.n_components}."
            )
        if not np.array_equal(np.sort(np.concatenate([self.accepted, self.rejected])), everything):
            raise ResultError(
                f"The accepted ({len(self.accepted)}) and rejected ({len(self.rejected)}) components are not "
                f"each of the {self.n_components} components once."
            )

    @property
    def n_components(self) -> int:
        """Number of components, accepted and rejected."""
        return int(self.A.shape[1])

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.C.shape[1])

    @property
    def fps(self) -> float | None:
        """Frame rate that the engine was given, in Hz."""
        fps = self.params.get("data", {}).get("fr")
        return float(fps) if fps else None

    @property
    def dff_rows(self) -> Floats | Dff | None:
        """``F_dff`` to take some rows of, ``result.dff_rows[first:last]``, without all of it in memory."""
        rows: Floats | Dff | None = vars(self)["_F_dff"]
        return rows

    @property
    def images(self) -> dict[str, Floats]:
        """The summary images that exist, by name."""
        return {name: getattr(self, name) for name in IMAGES if getattr(self, name) is not None}

    @property
    def correlation_of_cells(self) -> Floats | None:
        """Correlation of the pixels with their neighbours as the cells were searched in, else that of the movie."""
        return self.Cn if self.Cn is not None else self.correlation_image

    @property
    def summary_image(self) -> Floats:
        """The image to draw cells over [height, width]: correlation, maximum, mean, else the footprints themselves."""
        for image in (self.correlation_of_cells, self.max_image, self.average_image):
            if image is not None:
                return image
        highest: Floats = self.A.max(axis=1).toarray().reshape(self.dims, order="F")
        return highest

    def footprint(self, i: int) -> Floats:
        """Component ``i`` (from 0) as an image, float32 [height, width]."""
        image: Floats = self.A[:, [i]].toarray().reshape(self.dims, order="F")
        return image

    def mask(self, i: int) -> Mask:
        """Give the pixels of component ``i`` (from 0) with their weights; x is the column, y is the row."""
        pixels = slice(self.A.indptr[i], self.A.indptr[i + 1])
        index, weights = self.A.indices[pixels], self.A.data[pixels]
        index, weights = index[weights != 0], weights[weights != 0]
        x, y = np.divmod(index, self.dims[0])
        row, column = np.nan_to_num(self.center[i])
        return Mask(
            id=int(i),
            xpix=x.astype(np.int32),
            ypix=y.astype(np.int32),
            weights=weights.copy(),
            center_x=int(round(column)),
            center_y=int(round(row)),
            npix=len(weights),
        )


def centers(A: scipy.sparse.csc_matrix, dims: tuple[int, int]) -> Floats:
    """Centres of mass of footprints.

    Parameters
    ----------
    A : sparse [height * width, components]
        Footprints, pixels in Fortran order.
    dims : tuple of int
        (height, width).

    Returns
    -------
    float64 [components, 2]
        (row, column); NaN for an empty footprint.
    """
    x, y = np.divmod(np.arange(dims[0] * dims[1]), dims[0])
    A = A.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle: Floats = (A.T @ np.stack([y, x], axis=1)) / np.asarray(A.sum(axis=0)).reshape(-1, 1)
    return middle
