"""The whole analysis: from a movie to cells, traces and activity."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from .. import __version__
from ..bars import tqdm
from ..daq import open_movie
from ..daq.quality import MIN_FRAMES
from ..daq.source import MovieSource
from ..errors import ParameterError, RecordingError
from ..movies import Movie
from ..movies.types import Floats, Ints, Shape
from ..results.caiman import (
    CaimanResult,
    Dff,
    FrameQuality,
    PiecewiseShifts,
    Reason,
    RigidShifts,
    background,
    write_result,
)
from . import suggest
from .arrays.grid import Grid
from .arrays.memory import release
from .arrays.workers import Workers, start_workers
from .calcium import temporal, time_constants, timebase
from .calcium.deconvolution import TimeConstants, spike_response
from .calcium.every_frame import decay, in_all_frames, rows
from .calcium.timebase import TimeBase
from .cells import acceptance, quality, seeds, shape
from .cells.record import SearchRecord
from .model import movers
from .model.components import move_up
from .model.fit import Fit
from .parameters import Parameters, known, mean_size
from .prepare import RegisteredMovie, prepare
from .registration.blocks import Blocks
from .registration.piecewise import PiecewiseRegistration
from .registration.rigid import RigidRegistration, StillRegistration
from .search import STEPS, find_cells
from .storage.kept import KeptFrames, keep_frames
from .storage.light import Light
from .storage.raw import noise_of_neighbours
from .storage.reader import FrameReader
from .storage.repair import Repair
from .storage.sample import sample_frames
from .verdict import Figures, judge

logger = logging.getLogger(__name__)

#: px: shorter side of the field at least, a cell and its surround
LEAST_SIDE = 16
#: fraction of the frames at the limit of the registration from which on it is said
MANY_AT_LIMIT = 0.01
#: blocks of a piecewise-rigid registration at most, which solves for all of them together
MOST_BLOCKS = 256


def extract(
    movie: MovieSource,
    fps: float | None = None,
    params: Parameters | Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    progress: bool = True,
    workers: int | None = None,
    times: ArrayLike | None = None,
) -> CaimanResult:
    """Find the cells of a one-photon recording, with their traces and activity.

    Parameters
    ----------
    movie : ndarray [frames, height, width], AVI files, or daq.Movie
        The recording.
    fps : float, optional
        Frames per second, from the time stamps; by default that of ``times``.
    params : Parameters or mapping, optional
        Parameters under CaImAn's names, see :class:`Parameters`; what is not given is suggested.
    output : path, optional
        Folder or file to write the result to, in CaImAn's format.
    progress : bool
        Show progress bars.
    workers : int, optional
        Threads, at most as many as the processors that this process may use, which is the default; see
        :func:`arrays.workers.usable_cpus`. The result does not depend on it.
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
    checked = Parameters.parse(params)
    if fps is None and times is None:
        raise ParameterError("The frame rate is needed: give fps, or the times of the frames.")
    if fps is not None and (not np.isfinite(fps) or not fps > 0):
        raise ParameterError(f"The frame rate must be a positive number of frames per second, not {fps}.")
    if checked.unused:
        logger.warning("The native engine does not use the parameters %s.", ", ".join(sorted(checked.unused)))
    source = open_movie(movie)
    if source.n_frames < MIN_FRAMES:
        raise RecordingError(
            f"The movie has {source.n_frames} frames: at least {MIN_FRAMES} are needed to tell cells from noise."
        )
    if min(source.height, source.width) < LEAST_SIDE:
        raise RecordingError(
            f"The field of {source.height} x {source.width} pixels is smaller than a cell and its surround: at least "
            f"{LEAST_SIDE} x {LEAST_SIDE} are needed."
        )
    if times is None:
        base = timebase.consecutive(source.n_frames, known(fps))
    else:
        base = timebase.from_times(times, source.n_frames, fps)
    with tempfile.TemporaryDirectory(prefix="cnmfe-") as folder, start_workers(workers) as threads:
        result, description = _run(source, base, checked, Path(folder), threads, progress)
    given = params.plain() if isinstance(params, Parameters) else dict(params or {})
    result.requested = {"given": given, "unused": checked.unused}
    if times is not None:
        timebase.report(description)
        result.requested["timing"] = description
    if output is not None:
        write_result(output, result)
    return result


def register(
    source: Movie, params: Parameters, folder: Path, workers: Workers, progress: bool
) -> tuple[Parameters, RegisteredMovie]:
    """Find the shifts from a sample, then register and store all frames; the parameters come back with none missing."""
    field = (source.height, source.width)
    source = keep_frames(source, folder, workers)
    indices, sample = sample_frames(source)
    neighbours = noise_of_neighbours(sample, indices)
    repair = Repair.find(sample, indices)
    sample = repair.apply(sample)
    params = suggest.for_registration(params, field)
    registration = choose_registration(params, field, workers)
    motion = registration.fit(sample)
    light = Light.find(sample[motion.matched], source, repair)
    if light.changes:
        sample = light.level(sample, indices)
        motion = registration.fit(sample)
    sample = sample[motion.matched]
    params = suggest.for_extraction(params, sample, motion.shifts[motion.matched], field, source.n_frames, workers)
    grid = Grid(field, known(params.ssub), known(params.ssub_B) // known(params.ssub))
    registered = prepare(FrameReader(source), sample, repair, light, registration, grid, folder, workers, progress)
    registered.quality = replace(registered.quality, noise_of_neighbours=neighbours)
    if isinstance(source, KeptFrames):
        source.close()
    del sample
    release()
    return params, registered


def _run(
    source: Movie, base: TimeBase, params: Parameters, folder: Path, workers: Workers, progress: bool
) -> tuple[CaimanResult, dict[str, float | int]]:
    """Give the result, and what the time base says of it."""
    size_given = params.gSig is not None
    params, registered = register(source, params, folder, workers, progress)
    grid = registered.stored.grid
    _report(registered.quality)
    logger.info("stage registration: %d frames are registered and stored.", registered.stored.movie.n_frames)
    # without the frames that were left out, as if the camera had missed them
    seen = base.of(registered.quality.used)
    fit = start_fit(registered, params, seen.rate, workers)
    record = SearchRecord(known(params.min_corr), known(params.min_pnr), mean_size(params.gSig))
    with tqdm(total=STEPS + 1, desc="extract", unit="step", disable=None if progress else True) as bar:
        found, times = find_cells(fit, registered, params, seen.rate, bar, record)
        release()
        logger.info("stage extraction: %d components are fitted.", len(fit.components))
        result = _result(fit, registered, found, params, base, seen, times, source, size_given)
        result.search = record.finish(fit.components, grid)
        bar.update()
        logger.info("stage evaluation: %d components are accepted.", len(known(result.accepted)))
    return result, base.describe(len(spike_response(base.fps, *times)))


def _report(quality: FrameQuality) -> None:
    """Log what is wrong with the frames, where anything is."""
    if quality.counts:
        counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in quality.counts.items())
        logger.warning("Frames left out, of %d: %s. Traces are interpolated there.", quality.n_frames, counts)
    if quality.flickering_pixels or quality.stuck_pixels:
        logger.warning(
            "Pixels filled from their neighbours: %d never change, %d flash.",
            quality.stuck_pixels,
            quality.flickering_pixels,
        )
    for banded, lines in ((quality.row_bands, "rows"), (quality.column_bands, "columns")):
        if banded:
            logger.warning("Bands of %s that are brighter or darker in single frames are levelled: a bad cable?", lines)
    if quality.fraction_at_limit > MANY_AT_LIMIT:
        part = 100 * quality.fraction_at_limit
        logger.warning("%.0f %% of the frames moved by max_shifts or more: allow larger shifts.", part)


def start_fit(registered: RegisteredMovie, params: Parameters, fps: float, workers: Workers) -> Fit:
    """Give the model before any component."""
    grid = registered.stored.grid
    fit = Fit(
        registered.stored,
        ring_radius=known(params.ring_size_factor) * mean_size(params.gSiz) / known(params.ssub_B),
        radius=int(np.ceil(suggest.FOOTPRINT_REACH * mean_size(params.gSig) / grid.bin)),
        g=decay(fps, time_constants.usual(params.rise_time, params.decay_time)),
        workers=workers,
        seen=grid.coverage(registered.edges),
    )
    fit.sn = suggest.working_noise(fit.movie, fit.seen, workers)
    return fit


def choose_registration(params: Parameters, field: Shape, workers: Workers) -> RigidRegistration:
    """Give what registers the frames."""
    size = mean_size(params.gSig_filt)
    if not params.motion_correct:
        return StillRegistration(field, size, params.max_shifts, workers)
    if not params.pw_rigid:
        return RigidRegistration(field, size, params.max_shifts, workers)
    strides, overlaps = known(params.strides), known(params.overlaps)
    blocks = Blocks(field, strides, overlaps)
    if len(blocks.blocks) > MOST_BLOCKS:
        raise ParameterError(
            f"pw_rigid: strides of {strides} give {len(blocks.blocks)} blocks, and at most {MOST_BLOCKS} can be "
            "registered: choose larger strides."
        )
    if len(blocks.blocks) == 1:
        window = np.add(strides, overlaps)
        logger.warning(
            "The field of %d x %d pixels has only one block of %d x %d (strides + overlaps): pw_rigid changes nothing.",
            *field,
            *window,
        )
    limit = params.max_deviation_rigid
    return PiecewiseRegistration(field, size, params.max_shifts, workers, blocks, limit)


def _motion(registered: RegisteredMovie) -> RigidShifts | PiecewiseShifts:
    """Give the motion of all frames; that of those left out lies between that of the frames around them."""
    used = registered.quality.used

    def in_all(values: Floats) -> Floats:
        if used.all():
            return values
        flat = values.reshape(len(values), -1)
        frames, at = np.arange(len(used)), np.flatnonzero(used)
        # a repeated frame lies where the one lay that it repeats
        frames = np.maximum.accumulate(np.where(registered.quality.reason == Reason.REPEATED, 0, frames))
        between = [np.interp(frames, at, column) for column in flat.T]
        return np.reshape(between, (flat.shape[1], len(used))).T.reshape(len(used), *values.shape[1:])

    if registered.blocks is None:
        return RigidShifts(in_all(registered.shifts))
    shifts = in_all(registered.shifts[:, None] + registered.deviations)
    return PiecewiseShifts(y=shifts[..., 0], x=shifts[..., 1], blocks=registered.blocks.blocks)


def _result(
    fit: Fit,
    registered: RegisteredMovie,
    found: seeds.SeedImages,
    params: Parameters,
    base: TimeBase,
    seen: TimeBase,
    times: TimeConstants,
    source: Movie,
    size_given: bool,
) -> CaimanResult:
    """Put the result together; ``seen``: the time base of the frames that are used."""
    c, grid, used = fit.components, fit.stored.grid, registered.quality.used
    raw = fit.raw_traces() if len(c) else c.C
    kernel = spike_response(seen.rate, *times)
    properties = quality.measure(fit, raw, kernel, times.decay * seen.rate)
    moving = movers.find(fit)
    properties["passing"] = movers.passing(fit, moving)
    # before, the same noise in a footprint and in the image of its activity would not be compared. And not while the
    # cells are being found: weak components that are mostly noise would grow along the border
    fit.correct_for_cover()
    fit.smooth_footprints()
    properties |= shape.of_footprints(c, mean_size(params.gSig) / grid.bin)
    cells = np.flatnonzero(~c.surround)
    properties = {name: values[cells] for name, values in properties.items()}
    accepted, evaluation = acceptance.evaluate(properties, params, size_given)
    figures = Figures.measure(fit, source, registered.quality, evaluation, times.decay, moving)
    # the light around cells is part of the background from here on
    raw = move_up(raw, cells)
    c.keep(cells)
    A = _full_resolution(fit)
    # the final ones take their place
    c.C = np.zeros((len(c), 0), np.float32)
    final = temporal.finish(raw, seen, params.p, times, fit.workers, rows(base, seen, used)) if len(c) else None
    A, C, S, YrA, scale = _normalise(A, *((raw, raw, raw) if final is None else final[:3]))
    release()
    mean = registered.images.average()
    C, S, YrA = in_all_frames(C, S, YrA, used, base, times)
    # of the frames that the mean is of
    b0 = mean.ravel(order="F") - A @ (C if used.all() else C[:, used]).mean(axis=1)
    return CaimanResult(
        dims=grid.field,
        A=A,
        C=C,
        S=S,
        YrA=YrA,
        F_dff=Dff(known(background(A, C, b0=b0)), C, YrA),
        dff_method="computed: over the constant background, running 8th percentile of 500 frames",
        # CaImAn multiplies them with the grid itself and not with means of nine pixels
        W=_fortran((fit.W @ fit.mean).tocsr(), fit.small.shape),
        b0=b0,
        Cn=grid.enlarge(found.correlation),
        sn=registered.sn.ravel(order="F"),
        g=None if final is None else np.tile(temporal.coefficients(base.fps, params.p, times), (len(c), 1)),
        bl=None if final is None else final.baseline * scale,
        c1=None if final is None else np.zeros(len(scale)),
        neurons_sn=None if final is None else final.noise * scale,
        accepted=np.flatnonzero(accepted),
        rejected=np.flatnonzero(~accepted),
        snr=properties["snr"],
        r_values=properties["consistency"],
        evaluation=evaluation,
        verdict=judge(figures),
        params=_stored_parameters(params, grid.field, base.fps, times),
        motion=_motion(registered),
        reference_image=registered.template,
        average_image=mean,
        correlation_image=registered.images.correlation(),
        max_image=registered.images.maximum(),
        frames=registered.quality,
        method="cnmfe",
        version=__version__,
    )


def _stored_parameters(params: Parameters, field: Shape, fps: float, times: TimeConstants) -> dict[str, dict[str, Any]]:
    """All parameters that were used, in CaImAn's groups."""
    grouped = params.grouped()
    grouped["data"] |= {"fr": fps, "dims": list(field), "decay_time": times.decay}
    if params.p == 2:
        grouped["temporal"]["rise_time"] = times.rise
    grouped["preprocess"] = {"p": params.p}
    return grouped


def _full_resolution(fit: Fit) -> sp.csc_matrix:
    """Footprints at full resolution, pixels in Fortran order."""
    grid = fit.stored.grid
    pixels = grid.field[0] * grid.field[1]
    matrix = fit.components.matrix()

    def column(k: int) -> tuple[Ints, Floats]:
        image = np.zeros(fit.movie.pixels, np.float32)
        row = slice(matrix.indptr[k], matrix.indptr[k + 1])
        image[matrix.indices[row]] = matrix.data[row]
        flat = grid.enlarge(image.reshape(fit.movie.shape)).ravel(order="F")
        at = np.flatnonzero(flat > 0)
        return at, flat[at]

    columns = fit.workers.map(column, range(len(fit.components)))
    if not columns:
        return sp.csc_matrix((pixels, 0), dtype=np.float32)
    at, data = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    indptr = np.cumsum([0, *(len(own) for own, _ in columns)])
    return sp.csc_matrix((data, at, indptr), shape=(pixels, len(columns)))


def _normalise(
    A: sp.csc_matrix, C: Floats, S: Floats, YrA: Floats
) -> tuple[sp.csc_matrix, Floats, Floats, Floats, Floats]:
    """Footprints of norm 1, as CaImAn has them; the traces carry the brightness."""
    norm = np.sqrt(np.asarray(A.multiply(A).sum(axis=0)).ravel())
    norm[norm == 0] = 1
    A = sp.csc_matrix(A @ sp.diags(1 / norm)).astype(np.float32)
    for traces in (C, S, YrA):
        # in place: of an hour and a thousand cells each takes 0.3 GB
        traces *= norm[:, None].astype(np.float32)
    return A, C, S, YrA, norm


def _fortran(W: sp.csr_matrix, shape: Shape) -> sp.csr_matrix:
    """Give the ring's weights with pixels column after column, as CaImAn counts them."""
    order = np.arange(shape[0] * shape[1]).reshape(shape).ravel(order="F")
    return W[order][:, order].tocsr()
