"""Seeds: pixels where the movie, or what the components leave of it, looks like the middle of a cell.

The background and the components found so far are subtracted, a few frames are averaged, and every average is
band-passed at the size of a soma. Two images follow (Zhou et al. 2018, eLife 7:e28728): the peak
to noise ratio PNR = max_t F / sn, and the mean correlation Cn of a pixel with its neighbours over time, of
the values above 3 sn only. Seeds are the local maxima of their product where both exceed their thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage as ndi
import scipy.sparse as sp

from .components import Components
from .deconvolution import noise
from .filtering import band_pass
from .temporal import average

# the band, relative to the size of a soma (gSig): narrow, so that neighbours stay apart
INNER, OUTER = 0.6, 1.6
# values below this many sn do not enter the correlation
THRESHOLD = 3.0
# blocks of the movie that the noise and the median of the filtered movie are taken from
SAMPLES = 2
# frames that one thread filters at a time; fixed, so that sums are taken in the same order on any machine
PIECE = 32
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass
class SeedImages:
    """Images of the band-passed movie, float32 [height, width]."""

    correlation: np.ndarray
    pnr: np.ndarray
    median: np.ndarray
    noise: np.ndarray


def band(gSig: float) -> np.ndarray:
    """The band-pass as a small image, float32 [n, n]."""
    reach = int(np.ceil(3 * OUTER * gSig)) + 1
    impulse = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    impulse[reach, reach] = 1
    return band_pass(impulse, INNER * gSig, OUTER * gSig)


def images(fit, gSig: float, bin_width: int = 1) -> SeedImages:
    """Correlation and PNR images of the movie without the present components.

    Parameters
    ----------
    fit : Fit
        The movie and the components.
    gSig : float
        Size of a soma (sigma), working pixels.
    bin_width : int
        Frames that are averaged, against noise; the PNR is that of the averages.
    """
    movie = fit.movie
    height, width = movie.shape
    A = fit.components.matrix().T.tocsr()
    C = average(fit.components.C, bin_width)

    def residual(block: int) -> np.ndarray:
        values, background = fit.residual(block, bin_width, A, C, fit.up)
        values -= background
        return np.ascontiguousarray(values.T).reshape(-1, height, width)

    def filtered(frames: np.ndarray) -> np.ndarray:
        return np.stack([band_pass(frame, INNER * gSig, OUTER * gSig) for frame in frames])

    def pieces(frames: np.ndarray):
        return [frames[i : i + PIECE] for i in range(0, len(frames), PIECE)]

    some = np.unique(np.linspace(0, movie.blocks - 1, min(SAMPLES, movie.blocks)).astype(int))
    medians, noises = [], []
    for block in some:
        values = np.concatenate(list(fit.pool.map(filtered, pieces(residual(block)))))
        medians.append(np.median(values, axis=0))
        noises.append(noise(np.moveaxis(values, 0, -1)))
    median = np.median(medians, axis=0).astype(np.float32)
    sn = np.maximum(np.median(noises, axis=0), 1e-6).astype(np.float32)

    def summary(frames: np.ndarray):
        z = (filtered(frames) - median) / sn
        highest = z.max(axis=0)
        z[z < THRESHOLD] = 0
        return (
            highest,
            z.sum(axis=0, dtype=np.float64),
            np.einsum("tij,tij->ij", z, z),
            [np.einsum("tij,tij->ij", z[(..., *a)], z[(..., *b)]) for a, b in pairs(height, width)],
        )

    pnr = np.full((height, width), -np.inf, np.float32)
    total, square = np.zeros((height, width)), np.zeros((height, width))
    products = [np.zeros((height - abs(dy), width - abs(dx))) for dy, dx in _DIRECTIONS]
    for block in range(movie.blocks):
        for part in fit.pool.map(summary, pieces(residual(block))):
            pnr = np.maximum(pnr, part[0])
            total += part[1]
            square += part[2]
            for into, values in zip(products, part[3], strict=True):
                into += values
    correlation = neighbour_correlation(total, square, products, C.shape[1])
    return SeedImages(correlation, pnr, median, sn)


def bin_width(fps: float, decay: float) -> int:
    """Frames to average: about 0.4 decay times, where a transient stands out most; a power of 2, at most 64.

    A bin of n frames lowers the noise by sqrt(n), and the peak of an exponential by less as long as it is short.
    """
    return 2 ** int(np.clip(np.floor(np.log2(max(1.0, 0.6 * fps * decay))), 0, 6))


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


def find(found: SeedImages, gSig: float, min_corr: float, min_pnr: float, allowed: np.ndarray) -> np.ndarray:
    """Local maxima of PNR times correlation above both thresholds.

    Parameters
    ----------
    found : SeedImages
        Of the movie or the residual.
    gSig : float
        Size of a soma; two seeds are at least that far apart.
    min_corr, min_pnr : float
        Thresholds.
    allowed : bool [height, width]
        Where seeds may be.

    Returns
    -------
    int64 [n, 2]
        (row, column), the most prominent first.
    """
    value = found.correlation * found.pnr
    size = 2 * max(1, int(round(0.8 * gSig))) + 1
    # a small blur decides between equal neighbours and does not move a maximum
    smooth = cv2.GaussianBlur(value, (3, 3), 0.5)
    peak = (ndi.maximum_filter(smooth, size) == smooth) & allowed
    peak &= (found.correlation >= min_corr) & (found.pnr >= min_pnr)
    at = np.argwhere(peak)
    return at[np.argsort(-smooth[peak], kind="stable")]


def add(fit, at: np.ndarray, gSig: float) -> None:
    """Turn seeds into components: the band-passed trace of the pixel, and what follows it around there."""
    if not len(at):
        return
    c = fit.components
    height, width = c.shape
    kernel = band(gSig)
    reach = kernel.shape[0] // 2

    # band-passed trace of each seed, of the movie without the present components
    rows, columns, weights = [], [], []
    for i, (y, x) in enumerate(at):
        yy, xx = np.mgrid[y - reach : y + reach + 1, x - reach : x + reach + 1]
        # reflect at the border as the filter does
        yy, xx = _reflect(yy, height), _reflect(xx, width)
        rows.append(np.full(yy.size, i))
        columns.append((yy * width + xx).ravel())
        weights.append(kernel.ravel())
    filters = sp.csr_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))),
        shape=(len(at), height * width),
        dtype=np.float32,
    )
    filters.sum_duplicates()
    traces = fit.movie.project(filters, fit.pool, fit.workers)
    A = c.matrix()
    if len(c):
        traces -= (filters @ A.T) @ c.C
    traces -= np.median(traces, axis=1, keepdims=True)
    sn = noise(traces)[:, None]
    traces = np.where(traces > 2 * sn, traces, 0).astype(np.float32)
    centred = traces - traces.mean(axis=1, keepdims=True)

    # what follows the trace: products with the residual, band-passed (both are linear)
    new = Components(c.shape, 0, c.radius, c.extent)
    new.append(at, *(np.zeros((len(at), c.side, c.side)), np.zeros((len(at), c.side, c.side), bool)), traces[:, :0])
    inside, pixels = new.inside(), new.pixels()
    windows = fit.products(centred, new.tops, new.lefts, c.side)
    if len(c):
        explained = A.T.tocsr() @ (c.C @ centred.T)
        for i in range(len(at)):
            windows[i][inside[i]] -= explained[pixels[i][inside[i]], i]
    middle = (c.radius, c.radius)
    good = []
    for i in range(len(at)):
        # beyond the border the window repeats what is inside, as the filter of the frames does
        window = _fill(windows[i], inside[i]).astype(np.float32)
        image = np.maximum(band_pass(window, INNER * gSig, OUTER * gSig), 0) * inside[i]
        image /= max(float(centred[i] @ centred[i]), 1e-12)
        labels, _ = ndi.label(image > 0.2 * image.max())
        if not labels[middle]:
            continue
        core = labels == labels[middle]
        new.footprints[i] = np.where(core, image, 0)
        new.masks[i] = ndi.binary_dilation(core, iterations=2) & inside[i]
        good.append(i)
    good = np.array(good, dtype=np.int64)
    c.append(at[good], new.footprints[good], new.masks[good], centred[good])


def _reflect(index: np.ndarray, n: int) -> np.ndarray:
    """Indices beyond the border, mirrored at it (the outermost pixel counts twice)."""
    index = np.mod(index, 2 * n)
    return np.minimum(index, 2 * n - 1 - index)


def _fill(window: np.ndarray, inside: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    part = window[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    margins = (
        (rows[0], window.shape[0] - 1 - rows[-1]),
        (columns[0], window.shape[1] - 1 - columns[-1]),
    )
    return np.pad(part, margins, mode="symmetric")
