"""Light that moves through the field: a bubble, dust, a drop under the lens, a swollen cell that drifts.

Cells stay where they are. What is left of the movie without its background is compared with itself some frames later:
activity is found again at the same place or nowhere, and what moves is found again beside it. The correlation of
successive images over all displacements is that of particle image velocimetry (Willert and Gharib 1991, Exp Fluids
10:181), here over several distances in time: what moves is twice as far away after twice the time.

A component that lights up only while something comes from one side and goes to the other is a part of that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.ndimage as ndi
import scipy.sparse as sp

from ...movies.types import Bools, Floats, Shape
from ..arrays.filtering import bin_frame, blur
from ..arrays.robust import MAD_TO_SD
from .fit import Fit

#: frames that are averaged at least; images that far apart in such averages are compared
FRAMES, APART = 4, 4
#: by how much longer averages are, one after the other
LONGER = (1, 2, 4, 8)
#: frames that something keeps its direction and speed for, about
SEGMENT = 512
#: pixels along the shorter side of the images that are compared, about
SIDE = 96
#: standard deviations that a value of a pixel counts as at most: bright cells would decide
MOST = 4.0
#: part of the field that something moves at most between two images that are compared
FARTHEST = 1 / 3
#: pixels that it moves at least: cells are as wide
NEAREST = 3.0
#: correlation at the displacement, and its distance from those of all displacements in their robust deviations
LEAST_CORRELATION, LEAST_PEAK = 0.06, 3.5
#: pixels by which twice the time may miss twice the way
AGREES = 2.0
#: part of the peak of a component that must come and go, and noise (standard deviations) that it must exceed
PASSING, PASSING_NOISE = 0.2, 3.0
#: part of the time that it takes from one place to the next which counts as passing, before and after
AROUND = 0.25


class Mover(NamedTuple):
    """Something that moves.

    Attributes
    ----------
    start, stop : int
        Frames of the stored movie in which it was seen, about.
    step : tuple of int
        Working pixels (down, right) that it moves in ``lag`` frames.
    lag : int
        See ``step``.
    """

    start: int
    stop: int
    step: tuple[int, int]
    lag: int


def find(fit: Fit) -> list[Mover]:
    """Look for what moves in the movie of a model, without its background."""
    found = []
    size = max(1, round(min(fit.movie.shape) / SIDE))
    longest = max(LONGER) * FRAMES * APART
    images: list[Floats] = []
    start = 0
    for block in range(fit.movie.blocks):
        images.append(_images(fit, block, size))
        n = sum(map(len, images))
        if n * FRAMES >= SEGMENT + longest or block == fit.movie.blocks - 1:
            segment = np.concatenate(images)
            mover = _in_segment(segment)
            if mover is not None:
                step, lag = mover
                stop = min(start + len(segment) * FRAMES, fit.movie.n_frames)
                found.append(Mover(start, stop, (step[0] * size, step[1] * size), lag))
            kept = segment[-longest // FRAMES :]
            images, start = [kept], start + (len(segment) - len(kept)) * FRAMES
    return found


def _images(fit: Fit, block: int, size: int) -> Floats:
    """Averages of a block without its background, float32 [n, height, width]."""
    values = _without_background(fit, block, FRAMES).T.reshape(-1, *fit.movie.shape)
    return np.stack([blur(bin_frame(np.ascontiguousarray(image), size), 1.0) for image in values])


def _without_background(fit: Fit, block: int, width: int) -> Floats:
    """Give a block with all its components, averaged over every ``width`` frames, float32 [pixels, n]."""
    nothing = sp.csr_matrix((fit.movie.pixels, 0), dtype=np.float32)
    values, around = fit.residual(block, width, nothing, np.zeros((0, 1), np.float32), fit.up)
    values -= around
    return values


def _in_segment(images: Floats) -> tuple[tuple[int, int], int] | None:
    """Give the displacement in a segment and its frames; None if nothing moves."""
    if len(images) < 2 * APART:
        return None
    peaks = []
    for longer in LONGER:
        n = len(images) // longer
        if n < 2 * APART:
            break
        peaks.append(_peak(images[: n * longer].reshape(n, longer, *images.shape[1:]).mean(axis=1)))
    for longer, one, other in zip(LONGER, peaks[:-1], peaks[1:], strict=False):
        if one is not None and other is not None and np.hypot(*np.subtract(other, np.multiply(2, one))) <= AGREES:
            # the shortest time: after a longer one, more cells happen to be active there
            return one, longer * FRAMES * APART
    return None


def _peak(images: Floats) -> tuple[int, int] | None:
    """Where the correlation of images with the ones ``APART`` later is largest, if it stands out and is not 0, 0."""
    middle = np.median(images, axis=0)
    # one for all pixels: what moves is as bright everywhere
    spread = MAD_TO_SD * float(np.median(np.abs(images - middle)))
    images = np.clip((images - middle) / max(spread, 1e-6), -MOST, MOST)
    images -= images.mean(axis=(1, 2), keepdims=True)
    shape = images.shape[1:]
    reach = [int(side * FARTHEST) for side in shape]
    pad = [scipy.fft.next_fast_len(side + far, real=True) for side, far in zip(shape, reach, strict=True)]
    spectra = scipy.fft.rfft2(images, pad)
    product = np.sum(np.conj(spectra[:-APART]) * spectra[APART:], axis=0)
    ones = np.abs(scipy.fft.rfft2(np.ones(shape), pad)) ** 2
    power = float((images**2).mean()) * (len(images) - APART)
    # of the pixels that both images show
    overlap = np.maximum(scipy.fft.irfft2(ones, pad), 1)
    correlation = scipy.fft.irfft2(product, pad) / overlap / max(power, 1e-12)
    down, across = (scipy.fft.fftfreq(n, 1 / n) for n in pad)
    allowed = (np.abs(down) <= reach[0])[:, None] & (np.abs(across) <= reach[1])
    away = allowed & (np.hypot(down[:, None], across) >= NEAREST)
    if not away.any():
        return None
    others = correlation[away]
    deviation = MAD_TO_SD * float(np.median(np.abs(others - np.median(others))))
    at = np.unravel_index(int(np.argmax(np.where(away, correlation, -np.inf))), correlation.shape)
    best = float(correlation[at])
    clear = best > float(np.median(others)) + LEAST_PEAK * deviation
    if not clear or best < LEAST_CORRELATION or best < correlation[0, 0]:
        return None
    return int(down[at[0]]), int(across[at[1]])


def passing(fit: Fit, movers: list[Mover]) -> Floats:
    """Give the part of the light of each component that is there while something passes, float64 [components].

    It passes a component where its light comes from the place that ``movers`` come from and goes on to the next one.

    Parameters
    ----------
    fit : Fit
        The model.
    movers : list of Mover
        Of :func:`find`.
    """
    c = fit.components
    if not movers or not len(c):
        return np.zeros(len(c))
    here = c.matrix()
    present = np.zeros((len(c), fit.movie.n_frames), bool)
    for mover in movers:
        _mark(fit, here, mover, present)
    total, during = np.zeros((2, len(c)))
    for k, trace in enumerate(c.C):
        power = np.maximum(trace.astype(np.float64) - np.median(trace), 0) ** 2
        total[k], during[k] = power.sum(), power[present[k]].sum()
    return during / np.maximum(total, 1e-12)


def _mark(fit: Fit, here: sp.csr_matrix, mover: Mover, present: Bools) -> None:
    """Mark the frames in which something passes each component, in place; ``here``: the footprints."""
    # images are averages over a quarter of the lag: half of that, so that nothing lies between two
    width = mover.lag // (2 * APART)
    places = [_moved(here, fit.movie.shape, (d * mover.step[0], d * mover.step[1])) for d in (-1, 0, 1)]
    blocks = [b for b in range(fit.movie.blocks) if _overlap(fit.movie.span(b), mover)]
    weights = sp.vstack([place for place, _ in places]).tocsr().astype(np.float32)
    light = np.concatenate([fit.multiply(weights, _without_background(fit, b, width)) for b in blocks], axis=1)
    light -= np.median(light, axis=1, keepdims=True)
    came, own, goes = np.split(light, 3)
    later = mover.lag // width
    least = own.copy()
    # what would be outside the field is not asked for
    for other, (_, seen), shift in ((came, places[0], later), (goes, places[2], -later)):
        moved = np.full_like(other, np.inf)
        if shift > 0:
            moved[:, shift:] = other[:, :-shift]
        else:
            moved[:, :shift] = other[:, -shift:]
        moved[~seen] = np.inf
        least = np.minimum(least, moved)
    noise = MAD_TO_SD / np.sqrt(2) * np.median(np.abs(np.diff(own, axis=1)), axis=1, keepdims=True)
    passes = least > np.maximum(PASSING * own.max(axis=1, keepdims=True), PASSING_NOISE * noise)
    passes = ndi.binary_dilation(passes, np.ones((1, 2 * round(AROUND * later) + 1), bool))
    first = fit.movie.span(blocks[0]).start
    frames = np.repeat(passes, width, axis=1)[:, : present.shape[1] - first]
    present[:, first : first + frames.shape[1]] |= frames


def _overlap(span: slice, mover: Mover) -> bool:
    return bool(span.start < mover.stop and span.stop > mover.start)


def _moved(footprints: sp.csr_matrix, shape: Shape, step: tuple[int, int]) -> tuple[sp.csr_matrix, Bools]:
    """Footprints elsewhere, as weights of a mean, [components, pixels], and whether the field holds most of them."""
    k, pixel = footprints.nonzero()
    y, x = np.divmod(pixel, shape[1])
    y, x = y + step[0], x + step[1]
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    values = footprints.data[inside]
    n = footprints.shape[0]
    whole, power = (np.bincount(k[which], footprints.data[which], n) for which in (np.ones(len(k), bool), inside))
    values = values / np.maximum(power, 1e-12)[k[inside]]
    moved = sp.csr_matrix((values, (k[inside], (y * shape[1] + x)[inside])), shape=footprints.shape)
    return moved, power > 0.5 * whole
