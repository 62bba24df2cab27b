"""dF/F of components whose traces are free of background."""

from __future__ import annotations

from typing import overload

import numpy as np
import scipy  # whose parts are loaded when first used: each takes a while

from ...movies.types import Floats

PERCENTILE = 8
WINDOW = 500
LIMIT = 100.0
# components of which copies in double precision are held
AT_ONCE = 8


def is_sane(F_dff: Floats) -> bool:
    """Whether every value is one that fluorescence can have: finite, and below 100 times the baseline.

    CaImAn divides by the baseline of ``C + YrA`` alone where it has no low-rank background (``nb = 0``, as in
    CNMF-E). Those traces are free of background, so it divides by about 0 and stores values of +-1e6.
    """
    return bool(np.all(np.isfinite(F_dff)) and np.all(np.abs(F_dff) <= LIMIT))


def running_percentile(traces: Floats, percentile: float = PERCENTILE, window: int = WINDOW) -> Floats:
    """Percentile of each trace in a window that moves along it.

    Evaluated every eighth of a window and interpolated linearly between: a baseline changes slowly, and the
    exact filter takes minutes for a long recording.

    Parameters
    ----------
    traces : [components, frames]
        Traces.
    percentile : float
        0 to 100.
    window : int
        Length in frames; at the ends the part of it that lies inside the recording counts.

    Returns
    -------
    float64 [components, frames]
    """
    traces = np.asarray(traces)
    frames = traces.shape[1]
    if window >= frames:
        level = np.percentile(traces, percentile, axis=1) if frames else np.zeros(len(traces))
        return np.repeat(level[:, None], frames, axis=1)
    half, step = window // 2, max(window // 8, 1)
    at = np.unique(np.append(np.arange(0, frames, step), frames - 1))
    levels = np.stack(
        [np.percentile(traces[:, max(t - half, 0) : t + half + 1], percentile, axis=1) for t in at], axis=1
    )
    baseline = np.empty(traces.shape)
    for i, level in enumerate(levels):
        baseline[i] = np.interp(np.arange(frames), at, level)
    return baseline


def background(
    A: scipy.sparse.csc_matrix,
    C: Floats,
    b: Floats | None = None,
    f: Floats | None = None,
    b0: Floats | None = None,
    average_image: Floats | None = None,
) -> Floats | None:
    """Fluorescence under each footprint that is not the component's own, in the units of its trace.

    Projected on the footprint as CaImAn's ``detrend_df_f`` does with its low-rank background. CNMF-E has
    none: there ``b0``, the constant part of the ring model, takes its place, or else the average image
    without what the components add to it.

    Parameters
    ----------
    A : scipy.sparse.csc_matrix [pixels, components]
        Footprints.
    C : [components, frames]
        Denoised traces.
    b, f, b0
        Backgrounds, as in :class:`CaimanResult`.
    average_image : [height, width], optional
        Mean of the registered movie.

    Returns
    -------
    float64 [components, frames or 1], or None where nothing is known of the background.
    """
    scale = np.asarray(A.multiply(A).sum(axis=0), dtype=np.float64).reshape(-1, 1)
    scale[scale == 0] = np.inf
    under: Floats
    if b is not None and b.shape[1]:
        under = (A.T @ b) @ f / scale
        return under
    if b0 is None and average_image is not None:
        b0 = np.asarray(average_image, dtype=np.float64).ravel(order="F") - A @ C.mean(axis=1)
    if b0 is None:
        return None
    under = (A.T @ np.asarray(b0, dtype=np.float64)).reshape(-1, 1) / scale
    return under


class Dff:
    """dF/F of the components that are asked for, ``dff[first:last]``, computed then.

    Of an hour and a thousand components all of it takes 0.3 GB, beside three times as much of the traces it comes from.
    The formula is that of :func:`compute_dff`.

    Parameters
    ----------
    under : float64 [components, frames or 1]
        Fluorescence under each footprint that is not its own, see :func:`background`.
    C, YrA : float32 [components, frames]
        As in :class:`CaimanResult`.
    percentile, window : float, int
        Of the running baseline; the window in frames.
    """

    def __init__(
        self,
        under: Floats,
        C: Floats,
        YrA: Floats | None = None,
        percentile: float = PERCENTILE,
        window: int = WINDOW,
    ):
        self.under, self.C, self.YrA = under, C, YrA
        self.percentile, self.window = percentile, window

    @property
    def shape(self) -> tuple[int, int]:
        """(components, frames)."""
        components, frames = self.C.shape
        return components, frames

    def __getitem__(self, rows: slice) -> Floats:
        """float32 [rows, frames]."""
        wanted = range(len(self.C))[rows]
        out = np.zeros((len(wanted), self.shape[1]), np.float32)
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            out[first : first + len(some)] = self._compute(slice(some.start, some.stop, some.step))
        return out

    def _compute(self, some: slice) -> Floats:
        F = np.asarray(self.C[some], dtype=np.float64)
        if self.YrA is not None:
            F = F + self.YrA[some]
        baseline, below = running_percentile(F, self.percentile, self.window), self.under[some]
        if below.shape[1] > 1:
            below = running_percentile(below, self.percentile, self.window)
        # a baseline below 0 is noise around a subtracted background: it does not make the place darker. A place
        # without any background has no dF/F: a baseline of noise alone would decide its scale
        level = np.where(below > 0, below + np.maximum(baseline, 0), np.nan)
        change: Floats = np.nan_to_num((F - baseline) / level, nan=0.0)
        return change


class DffField:
    """The field ``F_dff`` of a dataclass: an array for who reads it, though a :class:`Dff` may have been put there."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.place = f"_{name}"

    @overload
    def __get__(self, result: None, owner: type) -> None: ...
    @overload
    def __get__(self, result: object, owner: type) -> Floats | None: ...
    def __get__(self, result: object | None, owner: type) -> Floats | None:
        if result is None:
            return None  # a dataclass takes it for the default
        value: Floats | Dff | None = getattr(result, self.place)
        if isinstance(value, Dff):
            value = value[:]
            setattr(result, self.place, value)
        return value

    def __set__(self, result: object, value: Floats | Dff | None) -> None:
        setattr(result, self.place, value)


def compute_dff(
    A: scipy.sparse.csc_matrix,
    C: Floats,
    YrA: Floats | None = None,
    b: Floats | None = None,
    f: Floats | None = None,
    b0: Floats | None = None,
    average_image: Floats | None = None,
    percentile: float = PERCENTILE,
    window: int = WINDOW,
) -> Floats | None:
    """dF/F of each component: the change of its trace over all the fluorescence of its place.

    ``F = C + YrA`` is the raw trace and ``F0`` its running percentile. The result is
    ``(F - F0) / (B + max(F0, 0))``, where ``B`` is the running percentile of the background under the
    footprint (:func:`background`). This is the formula of CaImAn's ``detrend_df_f`` (Giovannucci et al. 2019,
    eLife 8:e38173) with its default percentile and window; what differs is that ``B`` is not taken to be 0
    when the background is a ring model.

    Parameters
    ----------
    A, C, YrA, b, f, b0, average_image
        As in :class:`CaimanResult`.
    percentile, window : float, int
        Of the running baseline; the window in frames.

    Returns
    -------
    float32 [components, frames], 0 where there is no background; None where nothing is known of it.
    """
    under = background(A, C, b=b, f=f, b0=b0, average_image=average_image)
    return None if under is None else Dff(under, C, YrA, percentile, window)[:]
