"""A frame looked for in the whole field, where it was not found near the place of those before."""

from __future__ import annotations

import numpy as np
import scipy.fft

from ...movies.types import Floats
from ..arrays.filtering import bin_frame

#: part of the template's structure that a frame must cover at its place
LEAST_OVERLAP = 0.35


class FarSearch:
    """Whole-pixel shifts of frames against a template, as far as they still overlap.

    The score is the weighted correlation over what the frame covers of the template, for all shifts at once by Fourier
    transforms of images that are padded to twice their size.

    Parameters
    ----------
    template, weight : float32 [height, width]
        See :class:`rigid.RigidRegistration`.
    inside : tuple of slice
        Rows and columns of the template that count.
    coarse : int
        Pixels along a side of those that the search is done in.
    """

    def __init__(self, template: Floats, weight: Floats, inside: tuple[slice, slice], coarse: int):
        self.coarse = coarse
        mask = np.zeros(template.shape, np.float32)
        mask[inside] = weight[inside]
        small, mask = bin_frame(template, coarse), bin_frame(mask, coarse)
        self.shape = small.shape
        self.pad = tuple(scipy.fft.next_fast_len(2 * n, real=True) for n in self.shape)
        self.product, self.mask = (np.conj(scipy.fft.rfft2(image, self.pad)) for image in (mask * small, mask))
        frame = scipy.fft.rfft2(np.ones(self.shape, np.float32), self.pad)
        structure = mask * small * small
        self.energy: Floats = scipy.fft.irfft2(frame * np.conj(scipy.fft.rfft2(structure, self.pad)), self.pad)
        self.allowed = self.energy > LEAST_OVERLAP * float(structure.sum())

    def __call__(self, frame: Floats) -> Floats:
        """Give the correction (dy, dx) of a frame, float32 [height, width], pixels of the template."""
        small = bin_frame(frame, self.coarse)
        match = scipy.fft.irfft2(scipy.fft.rfft2(small, self.pad) * self.product, self.pad)
        own = scipy.fft.irfft2(scipy.fft.rfft2(small * small, self.pad) * self.mask, self.pad)
        norm = np.sqrt(np.maximum(own, 0) * np.maximum(self.energy, 0))
        score = np.where(self.allowed & (norm > 0), match / np.maximum(norm, 1e-12), -np.inf)
        if not np.isfinite(score).any():
            return np.zeros(2)
        at = np.unravel_index(int(np.argmax(score)), score.shape)
        # the second half of the spectrum's lags are negative; the correlation's argument is minus the shift
        lag = [i - n if i > n // 2 else i for i, n in zip(at, self.pad, strict=True)]
        return -np.array(lag, np.float64) * self.coarse
