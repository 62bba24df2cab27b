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

import cv2
import numpy as np
import scipy.ndimage as ndi
from scipy.spatial import cKDTree

from ..arrays.filtering import band_pass, blur, from_nearest
from ..calcium.deconvolution import noise
from ..calcium.temporal import average

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
#: gSig: sigma of the footprint of a new component
FIRST_SIGMA = 1.0
#: sigma: where the mask of a new component ends
FIRST_EXTENT = 2.0
#: fraction of the frames that must cover a pixel for its noise to be believed
NOISE_COVERAGE = 0.9
#: noise (sn): smaller values do not enter the correlation
CORRELATED_FROM = 3.0
#: what the model of a component may lack of its brightness: bright cells would leave seeds all around otherwise
MODEL_ERROR = 0.02
#: frames, about, of the movie that the noise and the median of the filtered movie are taken from
BAND_NOISE_FRAMES = 512
#: frames that one thread filters at a time; fixed, so that sums are taken in the same order on any machine
FILTERED_FRAMES = 32
#: decay times: frames that are averaged last no longer, and more than half as long
BIN_OF_DECAY = 0.6
#: logarithm to base 2 of the most frames that are averaged: 64, which divides the length of every block
BIN_LARGEST_POWER = 6
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass
class SeedImages:
    """Images of the movie in one band, float32 [height, width] of a grid ``scale`` times coarser."""

    scale: int
    correlation: np.ndarray
    pnr: np.ndarray

    @property
    def prominence(self) -> np.ndarray:
        """PNR times correlation; a small blur decides between equal neighbours and does not move a maximum."""
        return cv2.GaussianBlur(self.correlation * self.pnr, (3, 3), 0.5)


class _Band:
    """One band of the movie, and the sums that its images need."""

    def __init__(self, scale: int, gSig: float):
        self.scale, self.gSig = scale, gSig

    def filtered(self, frame: np.ndarray) -> np.ndarray:
        # on its own grid a soma has the same size in every band
        return band_pass(_coarser(frame, self.scale), BAND_INNER * self.gSig, BAND_OUTER * self.gSig)

    def set_noise(self, samples: list[np.ndarray], seen: np.ndarray) -> None:
        """Median and noise of each pixel from some blocks of filtered frames.

        What frames do not cover is filled, and has no noise; ``seen``: fraction of those that cover a pixel of the
        working grid.
        """
        self.median = np.median([np.median(values, axis=0) for values in samples], axis=0).astype(np.float32)
        noises = [noise(np.moveaxis(values, 0, -1)) for values in samples]
        sn = np.median(noises, axis=0).astype(np.float32)
        covered = _coarser(seen.astype(np.float32), self.scale) >= NOISE_COVERAGE
        self.sn = np.maximum(np.maximum(sn, from_nearest(sn, covered)), 1e-6)
        shape = height, width = self.sn.shape
        self.pnr = np.full(shape, -np.inf, np.float32)
        self.total, self.square = np.zeros(shape), np.zeros(shape)
        self.products = [np.zeros((height - abs(dy), width - abs(dx))) for dy, dx in _DIRECTIONS]

    def sums(self, frames: np.ndarray, explained: np.ndarray | None) -> tuple:
        """What some frames add to the sums; ``explained``: how bright the components are in them."""
        z = np.stack([self.filtered(frame) for frame in frames]) - self.median
        if explained is None:
            z /= self.sn
        else:
            error = np.stack([blur(_coarser(frame, self.scale), BAND_INNER * self.gSig) for frame in explained])
            z /= self.sn + MODEL_ERROR * error
        highest = z.max(axis=0)
        z[z < CORRELATED_FROM] = 0
        return (
            highest,
            z.sum(axis=0, dtype=np.float64),
            np.einsum("tij,tij->ij", z, z),
            [np.einsum("tij,tij->ij", z[(..., *a)], z[(..., *b)]) for a, b in pairs(*self.sn.shape)],
        )

    def add(self, sums: tuple) -> None:
        highest, total, square, products = sums
        self.pnr = np.maximum(self.pnr, highest)
        self.total += total
        self.square += square
        for into, values in zip(self.products, products, strict=True):
            into += values

    def images(self, n: int) -> SeedImages:
        correlation = neighbour_correlation(self.total, self.square, self.products, n)
        return SeedImages(self.scale, correlation, self.pnr)


def images(fit, gSig: float, bin_width: int = 1) -> list[SeedImages]:
    """Correlation and PNR images of the movie without the present components, one pair for each band.

    Parameters
    ----------
    fit : Fit
        The movie and the components.
    gSig : float
        Size of a soma (sigma), working pixels.
    bin_width : int
        Frames that are averaged, against noise; the PNR is that of the averages.

    Returns
    -------
    list of SeedImages
        The narrowest band first; bands too wide for the field are left out.
    """
    movie = fit.movie
    height, width = movie.shape
    bands = [_Band(scale, gSig) for scale in BAND_SCALES if scale == 1 or BAND_FIELD * scale * gSig <= min(movie.shape)]
    A = fit.components.matrix().T.tocsr()
    C = average(fit.components.C, bin_width)
    # traces have mean zero: brightness counts from where a cell is darkest
    dark = (A @ C.min(axis=1, initial=0))[:, None]

    def as_frames(values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(values.T).reshape(-1, height, width)

    def residual(block: int) -> np.ndarray:
        values, background = fit.residual(block, bin_width, A, C, fit.up)
        values -= background
        return as_frames(values)

    def explained(start: int, stop: int) -> np.ndarray | None:
        if not A.nnz:
            return None
        return as_frames(fit.multiply(A, np.ascontiguousarray(C[:, start:stop])) - dark)

    def pieces(n: int):
        return [slice(i, min(i + FILTERED_FRAMES, n)) for i in range(0, n, FILTERED_FRAMES)]

    samples = [[] for _ in bands]
    for block in movie.spread(BAND_NOISE_FRAMES):
        frames = residual(block)
        for k, band in enumerate(bands):
            samples[k].append(np.stack(list(fit.pool.map(band.filtered, frames))))
    for k, band in enumerate(bands):
        band.set_noise(samples[k], fit.seen)

    for block in range(movie.blocks):
        frames = residual(block)
        start = movie.span(block).start // bin_width
        bright = explained(start, start + len(frames))

        def sums(piece, frames=frames, bright=bright):
            return [band.sums(frames[piece], None if bright is None else bright[piece]) for band in bands]

        for found in fit.pool.map(sums, pieces(len(frames))):
            for band, values in zip(bands, found, strict=True):
                band.add(values)
    return [band.images(C.shape[1]) for band in bands]


def _coarser(frame: np.ndarray, scale: int) -> np.ndarray:
    """A frame on a grid ``scale`` times coarser, that reaches to its borders."""
    if scale == 1:
        return frame
    height, width = frame.shape
    return cv2.resize(frame, (-(-width // scale), -(-height // scale)), interpolation=cv2.INTER_AREA)


def bin_width(fps: float, decay: float) -> int:
    """Frames to average: about 0.4 decay times, where a transient stands out most; a power of 2, at most 64.

    A bin of n frames lowers the noise by sqrt(n), and the peak of an exponential by less as long as it is short.
    """
    return 2 ** int(np.clip(np.floor(np.log2(max(1.0, BIN_OF_DECAY * fps * decay))), 0, BIN_LARGEST_POWER))


def pairs(height: int, width: int):
    """Slices of the pixels and of their neighbours in four directions."""
    for dy, dx in _DIRECTIONS:
        left, right = max(0, -dx), max(0, dx)
        yield (
            (slice(0, height - dy), slice(left, width - right)),
            (slice(dy, height), slice(right, width - left)),
        )


def neighbour_correlation(total, square, products, n: int) -> np.ndarray:
    """Mean correlation with the eight neighbours from sums over ``n`` frames; 0 where a pixel never changes."""
    mean = total / n
    deviation = np.sqrt(np.maximum(square / n - mean**2, 0))
    out, count = np.zeros_like(mean), np.zeros_like(mean)
    for values, (a, b) in zip(products, pairs(*mean.shape), strict=True):
        scale = deviation[a] * deviation[b]
        r = np.divide(values / n - mean[a] * mean[b], scale, out=np.zeros_like(scale), where=scale > 1e-9)
        for side in (a, b):
            out[side] += r
            count[side] += 1
    return (out / np.maximum(count, 1)).astype(np.float32)


def find(
    found: list[SeedImages], gSig: float, min_corr: float, min_pnr: float, allowed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
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

    Returns
    -------
    tuple
        int64 [n, 2] (row, column) and int64 [n] the scale of each seed's band, the most prominent first.
    """
    height, width = allowed.shape
    size = 2 * max(1, int(round(PEAK_DISTANCE * gSig))) + 1
    at, scales, values = np.zeros((0, 2), np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    for k, image in enumerate(found):
        value = image.prominence
        peak = ndi.maximum_filter(value, size) == value
        peak &= (image.correlation >= min_corr) & (image.pnr >= min_pnr)
        ratio = np.divide(allowed.shape, value.shape)
        new = np.rint((np.argwhere(peak) + 0.5) * ratio - 0.5).astype(np.int64).clip(0, np.subtract(allowed.shape, 1))
        value = value[peak]
        good = allowed[tuple(new.T)]
        if k + 1 < len(found):
            wider = cv2.resize(found[k + 1].prominence, (width, height), interpolation=cv2.INTER_LINEAR)
            good &= wider[tuple(new.T)] <= NEXT_BAND_FACTOR * value
        if len(at) and len(new):
            good &= cKDTree(at).query(new)[0] >= FOUND_DISTANCE * gSig * image.scale
        at, values = np.concatenate([at, new[good]]), np.concatenate([values, value[good]])
        scales = np.concatenate([scales, np.full(int(good.sum()), image.scale)])
    order = np.argsort(-values, kind="stable")
    return at[order], scales[order]


def add(fit, at: np.ndarray, scales: np.ndarray, gSig: float) -> None:
    """Turn seeds into components: a Gaussian of the band's size each, and no trace yet.

    Where cells overlap, traces fitted to all these footprints together start closer to the truth than the trace of
    each seed's pixel, which is its neighbours' too.
    """
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
