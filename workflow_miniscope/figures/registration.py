"""What registration did: the mean before and after it, and how alike the frames are."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ..movies.types import Floats
from .style import BLUE, QUIET, WIDTH, check_lengths, image_scale_bar, new_figure, put_title, show_image, styled


@styled
def registration(
    means: tuple[Floats, Floats],
    crispness: tuple[float, float],
    times: Floats,
    correlations: tuple[Floats, Floats],
    um_per_px: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the mean of a movie as recorded and registered, and how well each frame lies on the others.

    Parameters
    ----------
    means : two of ndarray [height, width]
        Before and after; both are shown between the same grey levels.
    crispness : two of float
        Of these, in any unit.
    times : ndarray [frame]
        Of the frames that were looked at, seconds.
    correlations : two of ndarray [frame]
        Of each frame with the mean of the others, before and after.
    um_per_px : float, optional
        Size of a pixel, for the scale bar; without it the bar is in pixels.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        The numbers of frames differ.
    """
    before, after = (np.asarray(part, float) for part in correlations)
    check_lengths(times=times, before=before, after=after)
    height, width = np.shape(means[0])
    figure = new_figure(height=float(np.clip(0.3 * WIDTH * height / width + 0.7, 2.4, 6.0)))
    raw, registered, course = figure.subplots(1, 3, width_ratios=(1, 1, 1.3))
    both = np.stack(means)
    for axes, image, name, value in zip(
        (raw, registered), both, ("mean as recorded", "mean registered"), crispness, strict=True
    ):
        show_image(axes, image)
        axes.images[0].set_clim(*np.percentile(both[1], [1, 99.7]))
        axes.set_title(f"{name}\ncrispness {value:.3g}", fontsize=9)
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)
    image_scale_bar(registered, width, height, um_per_px)
    for values, colour, name in ((before, QUIET, "as recorded"), (after, BLUE, "registered")):
        label = f"{name}, median {np.median(values):.2f}" if len(values) else name
        course.scatter(times, values, s=7, color=colour, linewidths=0, label=label)
    course.set_xlabel("Time from the start (s)")
    course.set_ylabel("Correlation with\nthe other frames")
    course.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, handletextpad=0.1)
    put_title(figure, title)
    return figure
