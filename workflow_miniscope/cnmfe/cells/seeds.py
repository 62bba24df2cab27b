"""Seeds: pixels where the movie, or what the components leave of it, looks like the middle of a cell.

The background and the components found so far are subtracted, a few frames are averaged, and every average is
band-passed at the size of a soma. Two images follow (Zhou et al. 2018, eLife 7:e28728): the peak
to noise ratio PNR = max_t F / sn, and the mean correlation Cn of a pixel with its neighbours over time, of
the values above 3 sn only. Seeds are the local maxima of their product where both exceed their thresholds.

Cells out of focus are wider. Therefore the same is done in bands twice and four times as wide, on coarser grids
(the scale space of Lindeberg 1998, Int J Comput Vis 30:79): a seed belongs to the band that shows it best.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import scipy.ndimage as ndi
from scipy.spatial import cKDTree

from ...movies.neighbours import NeighbourSums
from ...movies.types import Bools, Floats, Ints, Shape
from ...results.caiman import Fate
from ..arrays.filtering import band_pass, blur, from_nearest
from ..arrays.workers import Workers
from ..calcium.deconvolution import noise
from ..calcium.temporal import average
from ..model.fit import Fit
from .significance import MODEL_ERROR, lower_spread, model_error

#: gSig: sigma of the inner Gaussian of the band-pass; narrow, so that neighbours stay apart
BAND_INNER = 0.6
#: gSig: sigma of the outer Gaussian of the band-pass
BAND_OUTER = 1.6
#: how many times wider each band is than a soma in focus, and how many times coarser its grid
BAND_SCALES = (1, 2, 4)
#: smallest field for a band, in sizes of what it shows
BAND_FIELD = 6
#: a seed is left to the next band if it stands out there by this factor more
NEXT_BAND_FACTOR = 1.2
#: gSig: distance within which a wider band does not find again what a narrower one has found
FOUND_DISTANCE = 0.8
#: gSig, on the band's grid: distance within which a seed is the only maximum
PEAK_DISTANCE = 0.8
#: components that a field may hold at most, as a multiple of the somata that cover it: a movie that is full of noise
#: of another kind has seeds everywhere
MOST_LAYERS = 2.0
#: gSig: radius of a soma
SOMA_RADIUS = 2.0
#: gSig: sigma of the footprint of a new component
FIRST_SIGMA = 1.0
#: sigma: where the mask of a new component ends
FIRST_EXTENT = 2.0
#: fraction of the frames that must cover a pixel for its noise to be believed
NOISE_COVERAGE = 0.9
#: noise (sn): smaller values do not enter the correlation
CORRELATED_FROM = 3.0
#: pixels (side): the spread of what the model leaves is averaged over so many, because that of few values is noisy
SPREAD_PIXELS = 5
#: gSig: side of the area that says what noise is usual around a pixel
AROUND = 11
#: of cells that nobody could miss: correlation at least, PNR at least as a multiple of the threshold, skewness of the
#: changes of the trace at least
CLEAR_CORRELATION, CLEAR_PNR, CLEAR_RISE = 0.8, 1.5, 0.4
#: of cells that are active most of the time: what looks like noise, as a multiple of the usual, at least
BUSY_NOISE = 1.4
#: frames, about, of the movie that the noise and the median of the filtered movie are taken from
BAND_NOISE_FRAMES = 512
#: values of them at most, which are kept at once
BAND_NOISE_VALUES = 2**26
#: frames that one thread filters at a time; fixed, so that sums are taken in the same order on any machine
FILTERED_FRAMES = 32
#: decay times: frames that are averaged last no longer, and more than half as long
BIN_OF_DECAY = 0.6
#: logarithm to base 2 of the most frames that are averaged: 64, which divides the length of every block
BIN_LARGEST_POWER = 6


@dataclass
class SeedImages:
    """Images of the movie in one band, float32 [height, width] of a grid ``scale`` times coarser.

    ``busy``, bool: pixels whose noise is more than :func:`images` was told to believe.
    """

    scale: int
    correlation: Floats
    pnr: Floats
    busy: Bools | None = None

    @property
    def prominence(self) -> Floats:
        """PNR times correlation; a small blur decides between equal neighbours and does not move a maximum."""
        return np.asarray(cv2.GaussianBlur(self.correlation * self.pnr, (3, 3), 0.5), np.float32)


class _Band:
    """One band of the movie, and the sums that its images need."""

    def __init__(self, scale: int, gSig: float):
        self.scale, self.gSig, self.error = scale, gSig, MODEL_ERROR
        self.busy: Bools | None = None

    def filtered(self, frame: Floats) -> Floats:
        # on its own grid a soma has the same size in every band
        return band_pass(_coarser(frame, self.scale), BAND_INNER * self.gSig, BAND_OUTER * self.gSig)

    def set_noise(self, samples: list[Floats], seen: Floats, workers: Workers, most: float) -> None:
        """Median and noise of each pixel from some blocks of filtered frames; see :func:`images` for ``most``.

        What frames do not cover is filled, and has no noise; ``seen``: fraction of those that cover a pixel of the
        working grid.
        """
        shape = samples[0].shape[1:]
        self.median: Floats = np.empty(shape, np.float32)
        sn, spread = np.empty(shape, np.float32), np.empty(shape, np.float32)

        def some(first: int, last: int) -> None:
            rows = [values[:, first:last] for values in samples]
            self.median[first:last] = np.median([np.median(values, axis=0) for values in rows], axis=0)
            sn[first:last] = np.median([noise(np.moveaxis(values, 0, -1)) for values in rows], axis=0)
            spread[first:last] = lower_spread(np.concatenate(rows))

        workers.split(shape[0], some)
        sn = np.maximum(sn, cv2.blur(spread, (SPREAD_PIXELS, SPREAD_PIXELS)))
        if np.isfinite(most):
            believed = most * _usual_around(sn, self.gSig)
            self.busy = sn > believed
            sn = np.minimum(sn, believed)
        covered = _coarser(seen.astype(np.float32), self.scale) >= NOISE_COVERAGE
        self.sn: Floats = np.maximum(np.maximum(sn, from_nearest(sn, covered)), 1e-6)
        self.pnr: Floats = np.full(self.sn.shape, -np.inf, np.float32)
        self.neighbours = NeighbourSums(np.zeros((0, *self.sn.shape), np.float32))

    def set_error(self, samples: list[Floats], explained: list[Floats]) -> None:
        """Measure how exact the model is, from the same blocks and what the components explain in them."""
        left = (frame - self.median for sample in samples for frame in sample)
        self.error = model_error(left, (self.brightness(frame) for frames in explained for frame in frames), self.sn)

    def brightness(self, frame: Floats) -> Floats:
        """Give what the components explain as the band sees it."""
        return blur(_coarser(frame, self.scale), BAND_INNER * self.gSig)

    def sums(self, frames: Floats, explained: Floats | None) -> tuple[Floats, NeighbourSums]:
        """Give the PNR of each pixel in some frames and sums over them.

        ``explained``: how bright the components are in them.
        """
        z = np.stack([self.filtered(frame) for frame in frames]) - self.median
        if explained is None:
            z /= self.sn
        else:
            z /= self.sn + self.error * np.stack([self.brightness(frame) for frame in explained])
        highest: Floats = z.max(axis=0)
        z[z < CORRELATED_FROM] = 0
        return highest, NeighbourSums(z)

    def add(self, sums: tuple[Floats, NeighbourSums]) -> None:
        highest, neighbours = sums
        self.pnr = np.maximum(self.pnr, highest)
        self.neighbours.add(neighbours)

    def images(self) -> SeedImages:
        return SeedImages(self.scale, self.neighbours.correlation(), self.pnr, self.busy)


class _Residual:
    """Frames of the movie without background and components, averaged over time.

    Parameters
    ----------
    fit : Fit
        The movie and the components.
    bin_width : int
        Frames that are averaged.
    """

    def __init__(self, fit: Fit, bin_width: int):
        self.fit, self.bin_width = fit, bin_width
        self.A = fit.components.matrix().T.tocsr()
        self.C = average(fit.components.C, bin_width)
        # traces have mean zero: brightness counts from where a cell is darkest
        self.dark = (self.A @ self.C.min(axis=1, initial=0))[:, None]

    def frames(self, block: int) -> Floats:
        """Give those of a block, float32 [n, height, width]."""
        values, background = self.fit.residual(block, self.bin_width, self.A, self.C, self.fit.up)
        values -= background
        return self._as_frames(values)

    def explained(self, block: int, n: int) -> Floats | None:
        """Give how bright the components are in the ``n`` frames of a block; None where there are none."""
        if not self.A.nnz:
            return None
        start = self.fit.movie.span(block).start // self.bin_width
        traces = np.ascontiguousarray(self.C[:, start : start + n])
        return self._as_frames(self.fit.multiply(self.A, traces) - self.dark)

    def _as_frames(self, values: Floats) -> Floats:
        frames = np.empty(values.shape[::-1], np.float32)

        def some(first: int, last: int) -> None:
            frames[:, first:last] = values[first:last].T

        self.fit.workers.split(len(values), some)
        return frames.reshape(-1, *self.fit.movie.shape)


def images(fit: Fit, gSig: float, bin_width: int = 1, most_noise: float = np.inf) -> list[SeedImages]:
    """Correlation and PNR images of the movie without the present components, one pair for each band.

    Parameters
    ----------
    fit : Fit
        The movie and the components.
    gSig : float
        Size of a soma (sigma), working pixels.
    bin_width : int
        Frames that are averaged, against noise; the PNR is that of the averages.
    most_noise : float
        Noise that a pixel may have, as a multiple of what is usual around it. A cell that is active most of the time
        has more, and would hide itself.

    Returns
    -------
    list of SeedImages
        The narrowest band first; bands too wide for the field are left out.
    """
    movie, workers = fit.movie, fit.workers
    bands = [_Band(scale, gSig) for scale in BAND_SCALES if scale == 1 or BAND_FIELD * scale * gSig <= min(movie.shape)]
    residual = _Residual(fit, bin_width)
    samples: list[list[Floats]] = [[] for _ in bands]
    lights: list[Floats] = []
    blocks = movie.spread(BAND_NOISE_FRAMES)
    most = max(1, BAND_NOISE_VALUES // (movie.pixels * len(blocks)))
    for block in blocks:
        frames = residual.frames(block)[:most]
        explained = residual.explained(block, len(frames))
        lights += [] if explained is None else [explained]
        for band, sample in zip(bands, samples, strict=True):
            sample.append(np.stack(workers.map(band.filtered, frames)))
    for band, sample in zip(bands, samples, strict=True):
        band.set_noise(sample, fit.seen, workers, most_noise)
        if lights:
            band.set_error(sample, lights)
    del samples, lights
    for block in range(movie.blocks):
        frames = residual.frames(block)
        pieces = _pieces(frames, residual.explained(block, len(frames)))
        for found in workers.map(partial(_sums, bands), pieces):
            for band, sums in zip(bands, found, strict=True):
                band.add(sums)
    return [band.images() for band in bands]


def _pieces(frames: Floats, explained: Floats | None) -> list[tuple[Floats, Floats | None]]:
    """Frames that a thread takes at a time, and what is explained of them."""
    spans = [slice(first, first + FILTERED_FRAMES) for first in range(0, len(frames), FILTERED_FRAMES)]
    return [(frames[span], None if explained is None else explained[span]) for span in spans]


def _sums(bands: list[_Band], piece: tuple[Floats, Floats | None]) -> list[tuple[Floats, NeighbourSums]]:
    return [band.sums(*piece) for band in bands]


def _usual_around(sn: Floats, gSig: float) -> Floats:
    """Median of the noise around each pixel, of an area much larger than a soma; float32 [height, width]."""
    step = max(1, int(gSig))
    few = np.asarray(ndi.median_filter(sn[::step, ::step], size=AROUND, mode="nearest"), np.float32)
    rows, columns = (np.minimum(np.arange(n) // step, m - 1) for n, m in zip(sn.shape, few.shape, strict=True))
    return few[np.ix_(rows, columns)]


def _coarser(frame: Floats, scale: int) -> Floats:
    """Give a frame on a grid ``scale`` times coarser, that reaches to its borders."""
    if scale == 1:
        return frame
    height, width = frame.shape
    size = (-(-width // scale), -(-height // scale))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.float32)


def bin_width(fps: float, decay: float) -> int:
    """Frames to average: about 0.4 decay times, where a transient stands out most; a power of 2, at most 64.

    A bin of n frames lowers the noise by sqrt(n), and the peak of an exponential by less as long as it is short.
    """
    power = int(np.clip(np.floor(np.log2(max(1.0, BIN_OF_DECAY * fps * decay))), 0, BIN_LARGEST_POWER))
    return 1 << power


@dataclass
class Considered:
    """Places that exceeded both thresholds in one round, and why some were not tried.

    Attributes
    ----------
    at : float64 [n, 2]
        (row, column) on the working grid.
    scale : int64 [n]
        The scale of the band.
    correlation, pnr : float32 [n]
        What was there.
    refusal : uint8 [n]
        :class:`Fate` of those that were not tried; that of the others is to be seen.
    tried : int64 [seeds]
        Which were tried, in the order of the seeds.
    """

    at: Floats
    scale: Ints
    correlation: Floats
    pnr: Floats
    refusal: Ints
    tried: Ints


class Seeds(NamedTuple):
    """Where components begin, the most prominent first.

    Attributes
    ----------
    at : int64 [n, 2]
        (row, column) on the working grid.
    scales : int64 [n]
        The scale of each seed's band.
    """

    at: Ints
    scales: Ints


def room(shape: Shape, gSig: float, taken: int) -> int:
    """How many more components a field can hold.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the working grid.
    gSig : float
        Size of a soma, working pixels.
    taken : int
        Components that are there.
    """
    somata = shape[0] * shape[1] / (np.pi * (SOMA_RADIUS * gSig) ** 2)
    return max(0, int(np.ceil(MOST_LAYERS * somata)) - taken)


def find(
    found: list[SeedImages], gSig: float, min_corr: float, min_pnr: float, allowed: Bools, most: int | None = None
) -> Seeds:
    """Local maxima of PNR times correlation above both thresholds.

    Parameters
    ----------
    found : list of SeedImages
        Of the movie or the residual, the narrowest band first.
    gSig : float
        Size of a soma; two seeds of a band are at least that far apart, on its grid.
    min_corr, min_pnr : float
        Thresholds.
    allowed : bool [height, width]
        Where seeds may be.
    most : int, optional
        Give the most prominent ones only, so many.

    Returns
    -------
    Seeds
    """
    return consider(found, gSig, min_corr, min_pnr, allowed, most)[0]


def consider(
    found: list[SeedImages], gSig: float, min_corr: float, min_pnr: float, allowed: Bools, most: int | None = None
) -> tuple[Seeds, Considered]:
    """Give the seeds of :func:`find`, and what they were chosen from."""
    height, width = allowed.shape
    size = 2 * max(1, int(round(PEAK_DISTANCE * gSig))) + 1
    at: Ints = np.zeros((0, 2), np.int64)
    scales: Ints = np.zeros(0, np.int64)
    values: Floats = np.zeros(0, np.float32)
    looked: list[tuple[Ints, Floats, Floats, Ints, int]] = []
    for k, image in enumerate(found):
        value = image.prominence
        peak = ndi.maximum_filter(value, size) == value
        peak &= (image.correlation >= min_corr) & (image.pnr >= min_pnr)
        ratio = np.divide(allowed.shape, value.shape)
        new = np.rint((np.argwhere(peak) + 0.5) * ratio - 0.5).astype(np.int64).clip(0, np.subtract(allowed.shape, 1))
        value = value[peak]
        good = allowed[tuple(new.T)]
        refusal = np.where(good, Fate.COMPONENT, Fate.NOT_COVERED).astype(np.uint8)
        if k + 1 < len(found):
            next_band = found[k + 1].prominence
            wider = np.asarray(cv2.resize(next_band, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
            narrow = wider[tuple(new.T)] <= NEXT_BAND_FACTOR * value
            refusal[good & ~narrow] = Fate.WIDER
            good &= narrow
        if len(at) and len(new):
            away = cKDTree(at).query(new)[0] >= FOUND_DISTANCE * gSig * image.scale
            refusal[good & ~away] = Fate.NARROWER
            good &= away
        looked.append((new, image.correlation[peak], image.pnr[peak], refusal, image.scale))
        at, values = np.concatenate([at, new[good]]), np.concatenate([values, value[good]])
        scales = np.concatenate([scales, np.full(int(good.sum()), image.scale)])
    order = np.argsort(-values, kind="stable")[:most]
    return Seeds(at[order], scales[order]), _considered(looked, order)


def _considered(looked: list[tuple[Ints, Floats, Floats, Ints, int]], order: Ints) -> Considered:
    """Put together what was looked at in all bands; ``order``: of those that could be tried, which are, in turn."""
    places, correlations, pnrs, refusals, scales = zip(*looked, strict=True)
    refusal = np.concatenate(refusals)
    could = np.flatnonzero(refusal == Fate.COMPONENT)
    refusal[np.delete(could, order)] = Fate.NO_ROOM
    return Considered(
        at=np.concatenate(places).astype(np.float64),
        scale=np.repeat(scales, [len(one) for one in places]),
        correlation=np.concatenate(correlations),
        pnr=np.concatenate(pnrs),
        refusal=refusal,
        tried=could[order],
    )


def add(fit: Fit, seeds: Seeds, gSig: float) -> None:
    """Turn seeds into components: a Gaussian of the band's size each, and no trace yet.

    Where cells overlap, traces fitted to all these footprints together start closer to the truth than the trace of
    each seed's pixel, which is its neighbours' too.
    """
    at, scales = seeds
    if not len(at):
        return
    c = fit.components
    reach = np.arange(c.side) - c.radius
    distance = np.hypot(reach[:, None], reach)
    sigma = (FIRST_SIGMA * gSig * scales)[:, None, None]
    masks = distance <= np.minimum(FIRST_EXTENT * sigma, c.radius)
    before = len(c)
    c.append(at, np.exp(-0.5 * (distance / sigma) ** 2) * masks, masks, np.zeros((len(at), c.C.shape[1]), np.float32))
    c.masks[before:] &= c.inside()[before:]
    c.footprints[before:] *= c.masks[before:]
