"""The whole analysis: from a movie to cells, traces and activity."""

from __future__ import annotations

import logging
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from .. import __version__
from ..daq import open_movie
from ..errors import ParameterError, RecordingError
from ..results.caiman import CaimanResult, Dff, PiecewiseShifts, RigidShifts, background, write_result
from . import suggest
from .arrays.memory import release
from .calcium import temporal, timebase
from .calcium.deconvolution import spike_response
from .cells import merging, quality, seeds, splitting
from .model import refinement
from .model.fit import Fit
from .parameters import Parameters, unused
from .prepare import prepare
from .registration.piecewise import Blocks, PiecewiseRegistration
from .registration.rigid import Registration
from .storage import repair
from .storage.recorded import Recorded

logger = logging.getLogger(__name__)

#: frames that the template and the suggested parameters come from
FIRST_FRAMES = 200
#: frames of a recording at least: fewer do not tell cells from noise
LEAST_FRAMES = 50
#: px: shorter side of the field at least, a cell and its surround
LEAST_SIDE = 16
#: fraction of the frames that must have covered a seed's pixel, in each round of seeds: cells cut by the border come
#: last, when the model can fill the frames that they miss
ROUND_COVERAGE = (0.98, 0.5, 0.25)
#: sweeps over the traces after components were added, whose traces start from nothing
NEW_TRACE_SWEEPS = 4
#: blocks of a piecewise-rigid registration at most, which solves for all of them together
MOST_BLOCKS = 256
# at most two threads: a workstation runs other things, and a shared server other people's
WORKERS = max(1, min(2, os.cpu_count() or 1))


def extract(
    movie,
    fps: float | None = None,
    params: dict[str, Any] | None = None,
    output: str | Path | None = None,
    progress: bool = True,
    workers: int | None = None,
    times=None,
) -> CaimanResult:
    """Find the cells of a one-photon recording, with their traces and activity.

    Parameters
    ----------
    movie : ndarray [frames, height, width], AVI files, or daq.Movie
        The recording.
    fps : float, optional
        Frames per second, from the time stamps; by default that of ``times``.
    params : dict, optional
        Parameters under CaImAn's names, see :class:`Parameters`; what is not given is suggested.
    output : path, optional
        Folder or file to write the result to, in CaImAn's format.
    progress : bool
        Show progress bars.
    workers : int, optional
        Threads, at most 2 by default. The result does not depend on it.
    times : array_like of float [frames], optional
        Time of each frame in seconds, increasing; nan where it is not trusted. It says where frames are missing, which
        :mod:`timebase` explains: the activity is deconvolved with the decay during each gap, and activity in a gap is
        in the first frame after it. Without times no frame is missing. What was found is in ``requested["timing"]``.

    Returns
    -------
    CaimanResult

    Raises
    ------
    RecordingError
        If the movie cannot be analysed, or the times are not those of its frames.
    ParameterError
        If a parameter is unknown or out of range.
    """
    checked = Parameters.check(params)
    if fps is None and times is None:
        raise ParameterError("The frame rate is needed: give fps, or the times of the frames.")
    if fps is not None and (not np.isfinite(fps) or not fps > 0):
        raise ParameterError(f"The frame rate must be a positive number of frames per second, not {fps}.")
    ignored = unused(params)
    if ignored:
        logger.warning("The native engine does not use the parameters %s.", ", ".join(sorted(ignored)))
    source = open_movie(movie)
    if source.n_frames < LEAST_FRAMES:
        raise RecordingError(
            f"The movie has {source.n_frames} frames: at least {LEAST_FRAMES} are needed to tell cells from noise."
        )
    if min(source.height, source.width) < LEAST_SIDE:
        raise RecordingError(
            f"The field of {source.height} x {source.width} pixels is smaller than a cell and its surround: at least "
            f"{LEAST_SIDE} x {LEAST_SIDE} are needed."
        )
    if times is None:
        base = timebase.consecutive(source.n_frames, fps)
    else:
        base = timebase.from_times(times, source.n_frames, fps)
    workers = workers or WORKERS
    with (
        tempfile.TemporaryDirectory(prefix="cnmfe-") as folder,
        threadpool_limits(1),
        ThreadPoolExecutor(workers) as pool,
    ):
        result, description = _run(source, base, checked, Path(folder), pool, workers, progress)
    result.requested = {"given": dict(params or {}), "unused": ignored}
    if times is not None:
        timebase.report(description)
        result.requested["timing"] = description
    if output is not None:
        write_result(output, result)
    return result


def _run(source, base, params, folder, pool, workers, progress) -> tuple[CaimanResult, dict]:
    full, fps = (source.height, source.width), base.fps
    recorded = Recorded(source)
    first = recorded.first(FIRST_FRAMES)
    mask = repair.stuck(first)
    if mask.any():
        logger.info("%d pixels never change and are filled from their neighbours.", int(mask.sum()))
    weights = repair.filling(mask)
    first = repair.fill(first, mask, weights)
    params = suggest.for_registration(params, full)
    registration, shifts = None, np.zeros((len(first), 2))
    if params.motion_correct:
        registration = _registration(params, full, pool)
        shifts = registration.fit(first)
    params = suggest.for_extraction(params, first, shifts, full, source.n_frames, pool)
    size, factor = params.ssub, params.ssub_B // params.ssub
    prepared = prepare(recorded, first, (mask, weights), registration, size, factor, folder, pool, workers, progress)
    del first
    release()
    logger.info("stage registration: %d frames are registered and stored.", source.n_frames)
    fit = _start(prepared, params, full, fps, pool, workers)
    steps = 2 * len(ROUND_COVERAGE) + 2
    with tqdm(total=steps, desc="extract", unit="step", disable=None if progress else True) as bar:
        found, times = _find_cells(fit, prepared, params, full, fps, bar)
        release()
        logger.info("stage extraction: %d components are fitted.", len(fit.components))
        result = _result(fit, prepared, found, params, full, size, base, times)
        bar.update()
        logger.info("stage evaluation: %d components are accepted.", len(result.accepted))
    return result, base.describe(len(spike_response(fps, *times)))


def _start(prepared, params, full, fps, pool, workers) -> Fit:
    """The model before any component."""
    size = params.ssub
    fit = Fit(
        prepared.movie,
        prepared.small,
        prepared.sample,
        factor=params.ssub_B // size,
        ring_radius=params.ring_size_factor * float(np.mean(params.gSiz)) / params.ssub_B,
        radius=int(np.ceil(suggest.FOOTPRINT_REACH * float(np.mean(params.gSig)) / size)),
        g=float(np.exp(-1 / (fps * (params.decay_time or suggest.DECAY_START)))),
        pool=pool,
        workers=workers,
        extent=tuple(side // size for side in full),
        seen=suggest.coverage(prepared, full, size),
    )
    fit.sn = suggest.working_noise(prepared.movie, fit.seen)
    return fit


def _find_cells(fit, prepared, params, full, fps, bar) -> tuple[seeds.SeedImages, tuple[float, float]]:
    """Rounds of seeds, each followed by the fit of all components and the refinement of the registration.

    Returns
    -------
    tuple
        The images that the first seeds came from; rise and decay time of the calcium, s.
    """
    size, gSig = params.ssub, float(np.mean(params.gSig)) / params.ssub
    found = None
    times = (suggest.RISE_START, params.decay_time or suggest.DECAY_START)
    fit.update_background()
    for round_, enough in enumerate(ROUND_COVERAGE):
        width = seeds.bin_width(fps, times[1])
        images = seeds.images(fit, gSig, width)
        found = found or images[0]
        at, scales = seeds.find(images, gSig, params.min_corr, params.min_pnr, fit.seen > enough)
        seeds.add(fit, at, scales, gSig)
        if round_:
            # since the last time the registration was refined and components were merged
            fit.update_background()
        # the new traces start from nothing
        fit.update_traces(sweeps=NEW_TRACE_SWEEPS)
        fit.update_footprints()
        fit.improve(background=False)
        merging.merge(fit, params.merge_thr, width)
        fit.update_traces()
        if fit.kernel is None and len(fit.components):
            times = suggest.time_constants(fit.raw_traces(), fps, params)
            fit.g = float(np.exp(-1 / (fps * times[1])))
            fit.kernel = spike_response(fps, *times)
        if splitting.split(fit, width):
            fit.update_traces(sweeps=NEW_TRACE_SWEEPS)
            fit.update_footprints()
            merging.merge(fit, params.merge_thr, width)
            fit.update_traces()
        bar.update()
        if len(fit.components):
            prepared.shifts += refinement.refine(fit, prepared, full, size, params.motion_correct)
        bar.update()
    fit.improve()
    merging.merge(fit, params.merge_thr, width)
    # as they are, so that what they share with the movie tells cells from noise
    fit.improve(background=False, smooth=False)
    merging.merge(fit, params.merge_thr, width, parts=True)
    fit.update_traces()
    bar.update()
    return found, times


def _registration(params, full, pool) -> Registration:
    given = (full, float(np.mean(params.gSig_filt)), params.max_shifts, pool)
    if not params.pw_rigid:
        return Registration(*given)
    blocks = Blocks(full, params.strides, params.overlaps)
    if len(blocks.blocks) > MOST_BLOCKS:
        raise ParameterError(
            f"pw_rigid: strides of {params.strides} give {len(blocks.blocks)} blocks, and at most {MOST_BLOCKS} can be "
            "registered: choose larger strides."
        )
    if len(blocks.blocks) == 1:
        window = np.add(params.strides, params.overlaps)
        logger.warning(
            "The field of %d x %d pixels has only one block of %d x %d (strides + overlaps): pw_rigid changes nothing.",
            *full,
            *window,
        )
    return PiecewiseRegistration(*given, blocks=blocks, max_deviation=params.max_deviation_rigid)


def _motion(prepared) -> RigidShifts | PiecewiseShifts:
    if prepared.blocks is None:
        return RigidShifts(prepared.shifts)
    shifts = prepared.shifts[:, None] + prepared.deviations
    return PiecewiseShifts(y=shifts[..., 0], x=shifts[..., 1], blocks=prepared.blocks.blocks)


def _result(fit, prepared, found, params, full, size, base, times) -> CaimanResult:
    c, fps = fit.components, base.fps
    length = max(1, int(round(times[1] * fps)))
    r = quality.footprint_consistency(fit)
    raw = fit.raw_traces() if len(c) else c.C
    snr = quality.trace_snr(raw, length)
    accepted = quality.accept(snr, r, quality.eccentricity(c), quality.width(c), params)
    # before, the same noise in a footprint and in the image of its activity would not be compared. And not while the
    # cells are being found: weak components that are mostly noise would grow along the border
    fit.correct_for_cover()
    fit.smooth_footprints()
    A = _full_resolution(fit, full, size)
    # the final ones take their place
    c.C = np.zeros((len(c), 0), np.float32)
    rise, decay = times
    if len(c):
        C, S, YrA, g, bl, sn = temporal.finish(raw, base, params.p, rise, decay, fit.pool)
    else:
        C, S, YrA, g, bl, sn = raw, raw, raw, None, None, None
    A, C, S, YrA, scale = _normalise(A, C, S, YrA)
    release()
    mean = prepared.images.average()
    b0 = mean.ravel(order="F") - A @ C.mean(axis=1)
    grouped = params.grouped()
    grouped["data"] |= {"fr": fps, "dims": list(full), "decay_time": decay}
    if params.p == 2:
        grouped["temporal"]["rise_time"] = rise
    grouped["preprocess"] = {"p": params.p}
    return CaimanResult(
        dims=full,
        A=A,
        C=C,
        S=S,
        YrA=YrA,
        F_dff=Dff(background(A, C, b0=b0), C, YrA),
        dff_method="computed: over the constant background, running 8th percentile of 500 frames",
        # CaImAn multiplies them with the grid itself and not with means of nine pixels
        W=_fortran((fit.W @ fit.mean).tocsr(), fit.small.shape),
        b0=b0,
        Cn=_enlarge(found.correlation, full, size),
        sn=prepared.sn.ravel(order="F"),
        g=g,
        bl=None if bl is None else bl * scale,
        c1=None if bl is None else np.zeros(len(bl)),
        neurons_sn=None if sn is None else sn * scale,
        accepted=np.flatnonzero(accepted),
        rejected=np.flatnonzero(~accepted),
        snr=snr,
        r_values=r,
        params=grouped,
        motion=_motion(prepared),
        reference_image=prepared.template,
        average_image=mean,
        correlation_image=prepared.images.correlation(),
        max_image=prepared.images.maximum(),
        method="cnmfe",
        version=__version__,
    )


def _enlarge(image: np.ndarray, full: tuple[int, int], size: int) -> np.ndarray:
    import cv2

    if size > 1:
        shape = (image.shape[1] * size, image.shape[0] * size)
        image = cv2.resize(image.astype(np.float32), shape, interpolation=cv2.INTER_LINEAR)
    return image[: full[0], : full[1]]


def _full_resolution(fit, full, size) -> sp.csc_matrix:
    """Footprints at full resolution, pixels in Fortran order."""
    columns, indptr, data = [], [0], []
    matrix = fit.components.matrix()
    for k in range(len(fit.components)):
        image = np.zeros(fit.movie.pixels, np.float32)
        row = slice(matrix.indptr[k], matrix.indptr[k + 1])
        image[matrix.indices[row]] = matrix.data[row]
        flat = _enlarge(image.reshape(fit.movie.shape), full, size).ravel(order="F")
        at = np.flatnonzero(flat > 0)
        columns.append(at)
        data.append(flat[at])
        indptr.append(indptr[-1] + len(at))
    if not columns:
        return sp.csc_matrix((full[0] * full[1], 0), dtype=np.float32)
    return sp.csc_matrix(
        (np.concatenate(data), np.concatenate(columns), indptr), shape=(full[0] * full[1], len(columns))
    )


def _normalise(A, C, S, YrA):
    """Footprints of norm 1, as CaImAn has them; the traces carry the brightness."""
    norm = np.sqrt(np.asarray(A.multiply(A).sum(axis=0)).ravel())
    norm[norm == 0] = 1
    A = sp.csc_matrix(A @ sp.diags(1 / norm)).astype(np.float32)
    for traces in (C, S, YrA):
        # in place: of an hour and a thousand cells each takes 0.3 GB
        traces *= norm[:, None].astype(np.float32)
    return A, C, S, YrA, norm


def _fortran(W: sp.csr_matrix, shape: tuple[int, int]) -> sp.csr_matrix:
    """The ring's weights with pixels column after column, as CaImAn counts them."""
    order = np.arange(shape[0] * shape[1]).reshape(shape).ravel(order="F")
    return W[order][:, order].tocsr()
