"""How the brain moved: the shifts that motion correction applied."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ..movies.types import Floats
from .style import BLUE, QUIET, RED, check_lengths, new_figure, put_title, styled


@styled
def motion_shifts(
    times: Floats, y_shifts: Floats, x_shifts: Floats, um_per_px: float | None = None, title: str | None = None
) -> Figure:
    """Draw the shifts over time, and where they lie in the plane.

    Parameters
    ----------
    times : ndarray [frame]
        Seconds.
    y_shifts, x_shifts : ndarray [frame] or [block, frame]
        Shifts in pixels, down and to the right. Of a piecewise-rigid correction the median over the blocks is
        drawn, in a band from the smallest to the largest.
    um_per_px : float, optional
        Size of a pixel: a second scale is in micrometres.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        The numbers of frames differ.
    """
    times = np.asarray(times, float)
    y_shifts, x_shifts = np.asarray(y_shifts, float), np.asarray(x_shifts, float)
    check_lengths(times=times, y_shifts=y_shifts, x_shifts=x_shifts)

    figure = new_figure(height=2.7)
    over_time, plane = figure.subplots(1, 2, width_ratios=(3.4, 1))
    for shifts, colour, name in ((y_shifts, RED, "vertical"), (x_shifts, BLUE, "horizontal")):
        if shifts.ndim == 2:
            over_time.fill_between(times, shifts.min(axis=0), shifts.max(axis=0), color=colour, alpha=0.2, lw=0)
        over_time.plot(times, _middle(shifts), color=colour, lw=0.7, label=name)
    if times.size:
        over_time.set_xlim(times[0], times[-1])
    over_time.set_xlabel("Time from the start (s)")
    over_time.set_ylabel("Shift (px)")
    over_time.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    if um_per_px is not None:
        scale = over_time.secondary_yaxis("right", functions=(lambda px: px * um_per_px, lambda um: um / um_per_px))
        scale.set_ylabel("µm")

    dy, dx = _middle(y_shifts), _middle(x_shifts)
    plane.axhline(0, color=QUIET, lw=0.6)
    plane.axvline(0, color=QUIET, lw=0.6)
    plane.scatter(dx, dy, s=4, color="#444444", alpha=0.25, linewidths=0)
    reach = max(np.abs(dx).max(initial=0), np.abs(dy).max(initial=0), 0.5) * 1.1
    plane.set(xlim=(-reach, reach), ylim=(reach, -reach), aspect="equal")
    plane.set_xlabel("Horizontal (px)")
    plane.set_ylabel("Vertical (px)")
    put_title(figure, title)
    return figure


def _middle(shifts: Floats) -> Floats:
    return np.median(shifts, axis=0) if shifts.ndim == 2 else shifts
