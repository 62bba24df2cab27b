"""What is said beside each figure, and to those who do not see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """Words about a figure.

    Attributes
    ----------
    alt : str
        What is seen; names in braces are filled with what is known of the recording.
    text : str
        How it is read.
    chart : bool
        See :class:`.parts.Picture`.
    """

    alt: str
    text: str
    chart: bool = True


#: By the names of the figures (``reports.report.drawings``).
CAPTIONS = {
    "frame_intervals": Caption(
        "Time between each frame and the one before over {length}, and how often each interval occurs.",
        "Time between a frame and the one before. Where frames were lost, their number is given.",
    ),
    "motion_shifts": Caption(
        "Vertical and horizontal shift of each frame over time, and where the shifts lie in the plane.",
        "Shifts that were taken away from each frame, in pixels. Of a piecewise correction: the median of its blocks, "
        "in a band from the smallest to the largest.",
    ),
    "registration": Caption(
        "The mean as recorded and registered, and the correlation of frames with the others before and after.",
        "What registration did: the mean before and after, and how alike frames from the whole recording are. "
        "Crispness is the gradient of the mean, without slow changes in space.",
        chart=False,
    ),
    "footprints": Caption(
        "Outlines of {accepted} accepted and {rejected} rejected components over the field of view.",
        "Outlines of the components. The numbered cells are those of the traces below.",
        chart=False,
    ),
    "traces": Caption(
        "Traces of the cells whose transients are clearest, one above the other, with their deconvolved activity.",
        "The cells whose transients are clearest, all at one scale, with the deconvolved activity below each trace.",
    ),
    "raster": Caption(
        "All {accepted} cells as lines of an image over time, dark where a cell is active, and their mean above.",
        "All cells, each in units of its own noise, those that are active together side by side; above, their mean.",
    ),
    "cell_quality": Caption(
        "Distributions of the signal to noise ratio and of the size of accepted and rejected components.",
        "How clear and how large the components are.",
    ),
    "facial_motion": Caption(
        "The camera's average frame, the motion energy over time, and the time courses of the strongest components.",
        "Motion of the face, and its strongest components with where they are in the picture.",
        chart=False,
    ),
    "eye": Caption(
        "Area and place of the pupil and closing of the lid over time.",
        "Pupil and lids; times at which the eye was closed are shaded.",
    ),
    "neural_prediction": Caption(
        "For each cell, how much of its activity the motion of the face explains, and the cells that it explains best.",
        "How much of the cells' activity the motion of the face explains, measured on times that were left out.",
    ),
}


def caption(name: str) -> Caption:
    """Return the words about a figure; of one that is not known yet, its name."""
    words = name.replace("_", " ").capitalize()
    return CAPTIONS.get(name, Caption(f"{words}.", f"{words}."))
