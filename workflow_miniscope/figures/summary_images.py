"""What a recording looks like when it is registered: mean, maximum, correlation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from ..movies.types import Floats
from .style import WIDTH, image_scale_bar, new_figure, put_title, show_image, styled


@styled
def summary_images(images: Mapping[str, Floats], um_per_px: float | None = None, title: str | None = None) -> Figure:
    """Draw the images of a registered movie side by side, each between its own percentiles.

    Parameters
    ----------
    images : mapping of str to ndarray [height, width]
        By what is written above each; at least one.
    um_per_px : float, optional
        Size of a pixel, for the scale bar; without it the bar is in pixels.
    title : str, optional
        Title of the figure.

    Raises
    ------
    ValueError
        There is no image.
    """
    if not images:
        raise ValueError("There is no image to draw.")
    shown = {name: np.asarray(image, float) for name, image in images.items()}
    height, width = next(iter(shown.values())).shape
    each = WIDTH / max(len(shown), 2)
    figure = new_figure(height=min(each * height / width + 0.45, 8.5), width=each * len(shown))
    for axes, (name, image) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
        show_image(axes, image)
        axes.set_title(name, fontsize=9)
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)
    image_scale_bar(axes, width, height, um_per_px)
    put_title(figure, title)
    return figure
