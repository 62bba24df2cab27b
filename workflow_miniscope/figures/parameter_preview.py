"""Where cells would be looked for with some parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from ..movies.types import Floats
from .footprints import ACCEPTED
from .style import WIDTH, new_figure, put_title, show_image, styled


@styled
def parameter_preview(images: Mapping[str, Floats], places: Floats, soma: float, title: str | None = None) -> Figure:
    """Draw images with a circle of a soma's size at every place where a cell would be looked for.

    Parameters
    ----------
    images : mapping of str to ndarray [height, width]
        By what is written above each; at least one.
    places : ndarray [n, 2]
        (row, column), pixels.
    soma : float
        Size of a soma (sigma of a Gaussian), pixels: a circle has twice that as its radius.
    title : str, optional
        Title of the figure.
    """
    places = np.asarray(places, float).reshape(-1, 2)
    height, width = next(iter(images.values())).shape
    each = WIDTH / len(images)
    figure = new_figure(height=min(each * height / width + 0.4, 7.0))
    for axes, (name, image) in zip(figure.subplots(1, len(images), squeeze=False)[0], images.items(), strict=True):
        show_image(axes, np.asarray(image, float))
        sizes = np.full(len(places), 4 * soma)
        circles = EllipseCollection(
            sizes,
            sizes,
            np.zeros(len(places)),
            units="xy",
            offsets=places[:, ::-1],
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors=ACCEPTED,
            linewidths=0.9,
        )
        axes.add_collection(circles)
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)
        axes.set_title(name, fontsize=9)
    put_title(figure, title)
    return figure
