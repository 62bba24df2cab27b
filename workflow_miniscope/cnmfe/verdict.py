"""Whether the result of an extraction can be trusted.

An extraction always ends with numbers, also of a movie without cells, of one whose registration failed, or of one that
was compressed until only blocks are left. What it saw on the way tells such results from good ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ..movies import Movie
from ..results.caiman import Evaluation, FrameQuality, Verdict
from ..results.caiman.verdict import Level
from .cells import acceptance
from .cells.significance import structure
from .model.fit import Fit
from .model.movers import Mover

#: part of the frames at the limit of the registration: from here on a warning, and no trust
AT_LIMIT = (0.02, 0.2)
#: part of the frames that do not show the field and were left out: from here on a warning, and no trust
LEFT_OUT = (0.05, 0.5)
#: part of the frames that repeat the one before: from here on a warning
REPEATED = 0.02
#: part of the frames that show another field: from here on a warning, and no trust
OTHER_FIELD = (0.005, 0.05)
#: part of the frames that show a place, below which it counts as seen for a part of the recording only
SEEN = 0.75
#: part of the field that is seen for a part of the recording only: from here on a warning
PARTLY_SEEN = 0.1
#: gain of the light in the frames with the least, as part of the most: below, a warning, and no trust
LIGHT = (0.75, 0.2)
#: bits for each pixel of a movie that is compressed with loss: below, a warning, and no trust
BITS = (0.4, 0.06)
#: correlation of the noise of neighbouring pixels, which is -0.05 as cameras give them: from here on a warning
SHARED_NOISE = 0.06
#: how much wider what the model leaves is spread than the noise of single frames: from here on a warning, and no trust
STRUCTURE = (2.0, 4.0)
#: candidates from which on their fate says something about the movie
MANY = 20
#: part of the candidates that have to be cells: below, a warning, and no trust
CELLS = (0.35, 0.1)
#: a component is likely to be a cell from this probability on
LIKELY = 0.8
#: part of the accepted components that are likely: below, a warning, and no trust
LIKELY_PART = (0.7, 0.35)
#: likely components from which on few cells among many candidates are those of a sparse field: a warning only
SPARSE = 10
#: accepted components below which each needs a look: recordings without any cell gave up to three
FEW = 5
#: s: no indicator is faster (jGCaMP8f in vivo: about 0.07)
SHORTEST_DECAY = 0.045
#: frames, about, that the spread of what the model leaves comes from
SPREAD_FRAMES = 512
#: values in them at most: of a large field not every pixel is asked
MOST_SPREAD_VALUES = 2**25


@dataclass(frozen=True)
class Figures:
    """What a verdict rests on.

    Attributes
    ----------
    candidates, accepted : int
        Components that were fitted, and those that are accepted.
    likely : int
        Accepted ones whose probability of being a cell is at least ``LIKELY``.
    at_limit : float
        Part of the frames whose shift is as large as the registration allows.
    left_out : dict of float
        Part of the frames that were left out for each reason that occurs, by its name.
    partly_seen : float
        Part of the field that less than ``SEEN`` of the frames show, because it moved for good.
    moving : float
        Part of the frames in which something moves through the field.
    light : float
        Gain of the light in the frames with the least, as part of the most.
    bands : bool
        Rows or columns were brighter or darker as a whole in single frames.
    structure : float
        Spread of what the model leaves in a pixel, as a multiple of the noise of single frames: 1 for white noise.
    bits_per_pixel : float
        Of a movie that is compressed with loss; nan of any other.
    noise_of_neighbours : float
        Correlation of the noise of neighbouring pixels, see :mod:`.storage.raw`; nan if it was not measured.
    decay : float
        Decay time of the transients, s.
    out_of_focus : bool
        Nothing is as narrow as a soma.
    """

    candidates: int
    accepted: int
    likely: int
    at_limit: float
    left_out: dict[str, float]
    partly_seen: float
    moving: float
    light: float
    bands: bool
    structure: float
    bits_per_pixel: float
    noise_of_neighbours: float
    decay: float
    out_of_focus: bool

    @classmethod
    def measure(
        cls,
        fit: Fit,
        source: Movie,
        frames: FrameQuality,
        evaluation: Evaluation,
        decay: float,
        moving: list[Mover] | None = None,
    ) -> Figures:
        """Look at what an extraction leaves.

        Parameters
        ----------
        fit : Fit
            The final model, before its traces are taken out.
        source : Movie
            What was extracted.
        frames : FrameQuality
            Which frames were used, and how they lay.
        evaluation : Evaluation
            Of the components.
        decay : float
            Decay time of the transients, s.
        moving : list of Mover, optional
            What moves through the field.
        """
        seen = np.zeros(int(frames.used.sum()), bool)
        for one in moving or ():
            seen[one.start : one.stop] = True
        accepted = np.array([not reason for reason in evaluation.reasons], bool)
        rows, columns = fit.stored.grid.extent
        lossy = not getattr(source, "lossless", True)
        return cls(
            candidates=len(accepted),
            accepted=int(accepted.sum()),
            likely=int((accepted & (evaluation.probability >= LIKELY)).sum()),
            at_limit=frames.fraction_at_limit,
            left_out={reason: n / frames.n_frames for reason, n in frames.counts.items()},
            partly_seen=float((fit.seen[:rows, :columns] < SEEN).mean()),
            moving=float(seen.mean()) if len(seen) else 0.0,
            light=frames.least_gain,
            bands=frames.row_bands or frames.column_bands,
            structure=_structure(fit),
            bits_per_pixel=float(getattr(source, "bits_per_pixel", np.nan)) if lossy else float("nan"),
            noise_of_neighbours=frames.noise_of_neighbours,
            decay=decay,
            out_of_focus=acceptance.OUT_OF_FOCUS in evaluation.reasons
            or acceptance.out_of_focus(evaluation.properties["width"][accepted]),
        )


def _structure(fit: Fit) -> float:
    """Median over pixels of the spread of what the model leaves, in units of the noise of successive frames."""
    step = -(-fit.movie.pixels * SPREAD_FRAMES // MOST_SPREAD_VALUES)
    some = sp.identity(fit.movie.pixels, np.float32, format="csr")[::step]
    movie = fit.project_residual(some, 1, fit.movie.spread(SPREAD_FRAMES))
    ratios = np.empty(len(movie))
    fit.workers.split(len(movie), lambda a, b: structure(movie, a, b, ratios))
    return float(np.median(ratios))


def judge(figures: Figures) -> Verdict:
    """Judge a result by documented limits, the constants of this module."""
    told: list[tuple[int, str]] = []

    def tell(worse: int, sentence: str) -> None:
        if worse:
            told.append((worse, sentence))

    f = figures
    few = _below(f.accepted / f.candidates, CELLS) if f.candidates >= MANY else 0
    if f.likely >= max(SPARSE, LIKELY_PART[0] * f.accepted):
        few = min(few, 1)
    tell(
        _above(f.at_limit, AT_LIMIT),
        f"{f.at_limit:.0%} of the frames are at the limit of the registration: give larger max_shifts, or look whether "
        "the field changed.",
    )
    again = f.left_out.get("repeated", 0.0)
    lost = sum(f.left_out.values()) - again
    kinds = ", ".join(f"{part:.1%} {reason.replace('_', ' ')}" for reason, part in f.left_out.items())
    tell(_above(lost, LEFT_OUT), f"{lost:.0%} of the frames do not show the field and were left out ({kinds}).")
    tell(
        int(again >= REPEATED),
        f"{again:.0%} of the frames show the frame before once more, and were left out: the camera gave fewer frames "
        "than were saved, and activity is known at its rate only.",
    )
    tell(
        _above(f.left_out.get("other_field", 0.0), OTHER_FIELD),
        f"{f.left_out.get('other_field', 0.0):.0%} of the frames show another field than the rest: only the cells of "
        "the larger part were looked for.",
    )
    tell(
        int(f.partly_seen >= PARTLY_SEEN),
        f"{f.partly_seen:.0%} of the field is seen for a part of the recording only, because it moved for good: cells "
        "there may be missing, cut off, or silent while they were not seen.",
    )
    tell(
        int(f.moving > 0),
        f"Something moves through the field in {f.moving:.0%} of the recording (a bubble, dust, a drop under the "
        "lens): components along its way may be parts of it, and traces of cells have its light.",
    )
    tell(
        _below(f.light, LIGHT),
        f"The light fell to {f.light:.0%} of what it was at its brightest (the lamp, or bleaching). Frames were scaled "
        "to the same light, but weak activity is lost in noise where there is less of it.",
    )
    tell(int(f.bands), "Rows or columns flicker as a whole, which was taken away: look at the cable.")
    if np.isfinite(f.bits_per_pixel):
        tell(
            _below(f.bits_per_pixel, BITS),
            f"The movie is compressed with loss to {f.bits_per_pixel:.2f} bits per pixel: weak cells are gone, and "
            "what compression leaves can look like cells. Record without loss.",
        )
    elif f.noise_of_neighbours >= SHARED_NOISE:
        # where most candidates are refused as well, many of those that are not are parts and copies of cells
        tell(
            1 + (few > 0),
            f"Neighbouring pixels have noise in common (correlation {f.noise_of_neighbours:.2f}), which those of a "
            "camera have not: the movie was denoised, smoothed, enlarged or compressed before, and noise no longer "
            "says what a cell is. Extract it as the camera gave it.",
        )
    tell(
        _above(f.structure, STRUCTURE),
        f"What the model leaves varies {f.structure:.1f} times as much as the noise of single frames: the movie was "
        "compressed, denoised or averaged, or its background is not understood.",
    )
    tell(
        2 * (f.accepted > 0 and f.decay < SHORTEST_DECAY),
        f"The transients decay within {f.decay:.2f} s, faster than those of any indicator: they may be faults of "
        "single frames.",
    )
    tell(
        2 * f.out_of_focus,
        "Nothing in the field is as narrow as a soma: it is out of focus, or gSig is too small.",
    )
    tell(
        few,
        f"Only {f.accepted} of {f.candidates} candidates look like cells: most have no calcium transients or no shape "
        "of a soma.",
    )
    if f.accepted:
        part = f.likely / f.accepted
        tell(
            _below(part, LIKELY_PART),
            f"Only {f.likely} of the {f.accepted} accepted components are likely to be cells: look at each.",
        )
        tell(
            int(f.accepted < FEW and not few),
            f"Only {f.accepted} of {f.candidates} components accepted, and a recording without cells can give as many: "
            "look at each.",
        )
    else:
        tell(2 if f.candidates else 1, "No component looks like a cell.")
    told.sort(key=lambda one: -one[0])
    level: Level = ("trusted", "usable with warnings", "not to be trusted")[max((w for w, _ in told), default=0)]
    numbers = {name: float(value) for name, value in vars(f).items() if name != "left_out"}
    numbers |= {f"left_out_{reason}": part for reason, part in f.left_out.items()}
    values = {name: round(value, 4) for name, value in numbers.items() if np.isfinite(value)}
    return Verdict(level, [sentence for _, sentence in told], values)


def _above(value: float, limits: tuple[float, float]) -> int:
    return sum(value >= limit for limit in limits)


def _below(value: float, limits: tuple[float, float]) -> int:
    return sum(value < limit for limit in limits)
