"""Which components a person should look at first: those nearest to the thresholds, and why others were refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..movies.types import Floats
from ..results.caiman import CaimanResult

#: part of the margin that counts where the engine's verdict is not what its thresholds say: another test refused it
CONTRADICTION = 0.3


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of the evaluation: CaImAn's names, and CaImAn's defaults where a file has none."""

    min_SNR: float = 2.5
    rval_thr: float = 0.8
    SNR_lowest: float = 0.5
    rval_lowest: float = -1.0

    @classmethod
    def of(cls, params: dict[str, Any]) -> Self:
        """Take them from a result's parameters."""
        quality = params.get("quality", {})
        return cls(**{name: float(quality[name]) for name in cls.__dataclass_fields__ if quality.get(name) is not None})


def margin(snr: Floats, r: Floats, thresholds: Thresholds) -> Floats:
    """How far values are from what divides accepted from rejected: positive where CaImAn's rule accepts.

    A signal to noise ratio counts in octaves of its threshold, a consistency in parts of what is between its
    threshold and 1. Accepted is what meets one threshold and misses no lowest value.

    Parameters
    ----------
    snr, r : float64 [components]
        Signal to noise ratio and consistency of the footprint.
    thresholds : Thresholds
        What they are compared with.

    Returns
    -------
    float64 [components]
        NaN where a value is not a number.
    """

    def octaves(least: float) -> Floats:
        return np.asarray(np.log2(np.maximum(snr, 1e-3) / max(least, 1e-3)), np.float64)

    def parts(least: float) -> Floats:
        return np.asarray((r - least) / max(1 - least, 1e-3), np.float64)

    meets = np.maximum(octaves(thresholds.min_SNR), parts(thresholds.rval_thr))
    misses = np.minimum(octaves(thresholds.SNR_lowest), parts(thresholds.rval_lowest))
    return np.asarray(np.minimum(meets, misses), np.float64)


def doubt(result: CaimanResult) -> Floats:
    """How doubtful the engine's verdict on each component is, float64 [components], from 0 (none) to 1.

    By the probability of being a cell, where the engine gives it; otherwise by the thresholds, and then only the order
    means something.
    """
    if result.evaluation is not None:
        return np.asarray(np.nan_to_num(1 - np.abs(2 * result.evaluation.probability - 1), nan=1.0), np.float64)
    if result.snr is None or result.r_values is None:
        return np.ones(result.n_components)
    distance = margin(result.snr, result.r_values, Thresholds.of(result.params))
    accepted = np.zeros(result.n_components, bool)
    accepted[result.accepted] = True
    size = np.abs(distance)
    size[(distance >= 0) != accepted] *= CONTRADICTION
    return np.nan_to_num(np.exp(-size), nan=1.0)


def reason(result: CaimanResult, component: int) -> str:
    """Say why the engine rejected a component: as it says itself, or by its values; empty for one that it accepted."""
    if component not in result.rejected:
        return ""
    if result.evaluation is not None and result.evaluation.reasons[component]:
        return result.evaluation.reasons[component]
    if result.snr is None or result.r_values is None:
        return "the file does not say why"
    limits, snr, r = Thresholds.of(result.params), result.snr[component], result.r_values[component]
    if snr < limits.SNR_lowest:
        return f"signal to noise {snr:.2f} is below the lowest allowed, {limits.SNR_lowest:.2f}"
    if r < limits.rval_lowest:
        return f"footprint consistency {r:.2f} is below the lowest allowed, {limits.rval_lowest:.2f}"
    if snr < limits.min_SNR and r < limits.rval_thr:
        return (
            f"signal to noise {snr:.2f} is below {limits.min_SNR:.2f}, "
            f"and footprint consistency {r:.2f} is below {limits.rval_thr:.2f}"
        )
    return "it passes the thresholds in the file: its shape or width, or a later selection, decided"
