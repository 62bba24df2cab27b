"""The search for cells: rounds of seeds, each followed by the fit of all components and a refined registration."""

from __future__ import annotations

import logging

import numpy as np
import scipy.ndimage as ndi

from ..bars import tqdm
from .calcium import time_constants, transients
from .calcium.deconvolution import TimeConstants, spike_response
from .calcium.every_frame import decay
from .cells import merging, outlook, seeds, splitting, surround
from .cells.record import SearchRecord
from .model import refinement
from .model.components import move_up
from .model.fit import Fit
from .parameters import Parameters, known, mean_size
from .prepare import RegisteredMovie

logger = logging.getLogger(__name__)

#: fraction of the frames that must have covered a seed's pixel, in each round of seeds: cells cut by the border come
#: last, when the model can fill the frames that they miss
ROUND_COVERAGE = (0.98, 0.5, 0.25)
#: steps of the progress bar that a search takes
STEPS = 2 * len(ROUND_COVERAGE) + 2
#: sweeps over the traces after components were added, whose traces start from nothing
NEW_TRACE_SWEEPS = 4


def find_cells(
    fit: Fit, registered: RegisteredMovie, params: Parameters, fps: float, bar: tqdm, record: SearchRecord
) -> tuple[seeds.SeedImages, TimeConstants]:
    """Run the rounds of seeds, each followed by the fit of all components and the refinement of the registration.

    Returns
    -------
    tuple
        The images that the first seeds came from, and the time constants of the calcium.
    """
    gSig = mean_size(params.gSig) / fit.stored.grid.bin
    min_corr, min_pnr = known(params.min_corr), known(params.min_pnr)
    times = time_constants.usual(params.rise_time, params.decay_time)
    found = _find_clear_cells(fit, params, times, fps, gSig, record)
    bar.update()
    for round_, enough in enumerate(ROUND_COVERAGE):
        width = seeds.bin_width(fps, times.decay)
        images = seeds.images(fit, gSig, width)
        room = seeds.room(fit.movie.shape, gSig, len(fit.components))
        new, considered = seeds.consider(images, gSig, min_corr, min_pnr, fit.seen > enough, room)
        seeds.add(fit, new, gSig)
        record.add(images, considered, fit.components.ids[len(fit.components) - len(new.at) :])
        if round_:
            # since the last time the registration was refined and components were merged
            fit.update_background()
        # the new traces start from nothing
        fit.update_traces(sweeps=NEW_TRACE_SWEEPS)
        fit.update_footprints()
        fit.improve(background=False)
        merging.merge(fit, params.merge_thr, width)
        fit.update_traces()
        if len(fit.components):
            # anew in each round: before the model holds the neighbours, transients look longer or shorter than they are
            times = _time_constants(fit, params, fps)
            fit.g = decay(fps, times)
            fit.kernel = spike_response(fps, *times)
        if splitting.split(fit, width) + surround.split(fit, width, gSig):
            fit.update_traces(sweeps=NEW_TRACE_SWEEPS)
            fit.update_footprints()
            merging.merge(fit, params.merge_thr, width)
            fit.update_traces()
        bar.update()
        poor = round_ + 1 < len(ROUND_COVERAGE) and outlook.poor(fit, params, times, fps, gSig)
        if len(fit.components):
            registered.shifts += refinement.refine(fit, registered.shifts, registered.edges, params.motion_correct)
        bar.update()
        if poor:
            logger.warning(
                "Hardly any of %d candidates looks like a cell: no more are looked for.", len(fit.components)
            )
            bar.update(2 * (len(ROUND_COVERAGE) - round_ - 1))
            break
    fit.improve()
    merging.merge(fit, params.merge_thr, width)
    # as they are, so that what they share with the movie tells cells from noise
    fit.improve(background=False, smooth=False)
    merging.merge(fit, params.merge_thr, width, parts=True)
    fit.update_traces()
    if len(fit.components):
        times = _time_constants(fit, params, fps)
    bar.update()
    return found, times


def _find_clear_cells(
    fit: Fit, params: Parameters, times: TimeConstants, fps: float, gSig: float, record: SearchRecord
) -> seeds.SeedImages:
    """Find the cells that nobody could miss, and fit the background to what they leave.

    Their light reaches the ring around them, and a background that is fitted while they are not known holds a part of
    it: nearly all, of those that are active most of the time.

    Returns
    -------
    SeedImages
        In which they were found.
    """
    fit.start_background()
    images = seeds.images(fit, gSig, seeds.bin_width(fps, times.decay), seeds.BUSY_NOISE)
    min_corr = max(known(params.min_corr), seeds.CLEAR_CORRELATION)
    min_pnr = seeds.CLEAR_PNR * known(params.min_pnr)
    # of cells that are cut, the rows that some frames lack come right with the other rounds
    away = 2 * int(np.ceil(2 * seeds.SOMA_RADIUS * gSig)) + 1
    allowed = ndi.minimum_filter(fit.seen, away) > ROUND_COVERAGE[0]
    room = seeds.room(fit.movie.shape, gSig, 0)
    new, considered = seeds.consider(images, gSig, min_corr, min_pnr, allowed, room)
    seeds.add(fit, new, gSig)
    # what is not taken here is looked at again, by the thresholds
    record.add((), considered, fit.components.ids)
    fit.update_traces(sweeps=NEW_TRACE_SWEEPS)
    # a bubble or a vessel is as bright, and is background
    rising = transients.rise_skewness(fit.raw_traces(), times.decay * fps) >= seeds.CLEAR_RISE
    sure = rising | known(images[0].busy)[tuple(new.at.T)]
    if not sure.all():
        fit.components.keep(sure)
        fit.update_traces(sweeps=NEW_TRACE_SWEEPS)
    fit.update_background()
    fit.update_traces(sweeps=NEW_TRACE_SWEEPS)
    fit.update_footprints()
    fit.improve(background=False)
    return images[0]


def _time_constants(fit: Fit, params: Parameters, fps: float) -> TimeConstants:
    """Give those of the cells, and not of the light around them."""
    traces = move_up(fit.raw_traces(), np.flatnonzero(~fit.components.surround))
    return time_constants.estimate(traces, fps, fit.workers, params.rise_time, params.decay_time)
