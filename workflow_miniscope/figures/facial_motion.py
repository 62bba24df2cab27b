"""How the face moved, and the ways in which it did."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..movies.types import Floats
from .style import CYCLE, INK, QUIET, WIDTH, check_lengths, new_figure, put_title, show_image, styled


@styled
def facial_motion(
    times: Floats,
    motion: Floats,
    components: Floats,
    average_frame: Floats,
    masks: Floats | None = None,
    title: str | None = None,
    colour: str = INK,
) -> Figure:
    """Draw the motion signal, its strongest components, and where in the picture they are.

    Parameters
    ----------
    times : ndarray [frame]
        Seconds.
    motion : ndarray [frame]
        Absolute motion energy of the whole picture or of a region.
    components : ndarray [component, frame]
        Time courses of the motion's singular value decomposition, strongest first; up to six read well.
    average_frame : ndarray [height, width]
        The camera's average picture.
    masks : ndarray [component, height, width], optional
        Where each component moves the picture; the first two are shown.
    title : str, optional
        Title of the figure.
    colour : str
        Of the region whose motion it is (:func:`.eye.region_colours`); the full frame's by default.

    Raises
    ------
    ValueError
        The numbers of frames differ.
    """
    times, motion = np.asarray(times, float), np.asarray(motion, float)
    components = np.atleast_2d(np.asarray(components, float))
    average_frame = np.asarray(average_frame, float)
    check_lengths(times=times, motion=motion, components=components)
    shown = [] if masks is None else list(masks[:2])

    figure = new_figure(height=max(1.6 + 0.42 * len(components), 3.6))
    rows, columns = average_frame.shape
    # as wide as pictures of this shape are when they fill the height
    wide = min((figure.get_figheight() / (1 + len(shown)) - 0.3) * columns / rows, 0.35 * WIDTH)
    pictures, signals = figure.subfigures(1, 2, squeeze=False, width_ratios=(wide, WIDTH - wide))[0]
    panels = np.atleast_1d(pictures.subplots(1 + len(shown), 1))
    show_image(panels[0], average_frame, low=0.5, high=100)
    panels[0].set_title("average frame", fontsize=8)
    for number, (panel, mask) in enumerate(zip(panels[1:], shown, strict=True), 1):
        reach = np.percentile(np.abs(mask), 99.5) or 1
        panel.imshow(mask, cmap="PuOr", vmin=-reach, vmax=reach, interpolation="nearest")
        panel.set_axis_off()
        panel.set_title(f"component {number}", fontsize=8, color=CYCLE[number - 1])

    energy, stack = signals.subplots(2, 1, sharex=True, height_ratios=(1, 0.35 * len(components) + 0.5))
    energy.plot(times, motion, color=colour, lw=0.7)
    energy.set_ylabel("Motion\nenergy")
    _stack(stack, times, components)
    if times.size:
        stack.set_xlim(times[0], times[-1])
    put_title(figure, title)
    return figure


def _stack(axes: Axes, times: Floats, components: Floats) -> None:
    """Draw the components one above the other, all to the same scale: the first is seen to be strongest."""
    # rows as far apart as their swings need, so that a blink in one does not cross the next
    lows, highs = np.percentile(components, [0.1, 99.9], axis=1) if components.size else np.zeros((2, len(components)))
    floor, ticks = 0.0, []
    for number, trace in enumerate(components):
        above = abs(lows[number - 1]) if number else 0
        floor -= max(above + abs(highs[number]), 0.15 * np.ptp([lows[0], highs[0]]))
        ticks.append(floor)
        axes.axhline(floor, color=QUIET, lw=0.4, zorder=0)
        axes.plot(times, trace + floor, color=CYCLE[number % len(CYCLE)], lw=0.7)
    axes.set_yticks(ticks, [str(number) for number in range(1, len(components) + 1)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylabel("SVD component")
    axes.set_xlabel("Time from the start (s)")
