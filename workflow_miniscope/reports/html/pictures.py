"""Figures and images as parts of a page: encoded into it, with their sizes bounded."""

from __future__ import annotations

import base64
import io

import cv2
import numpy as np
from matplotlib.figure import Figure

from ...figures.style import contrast
from ...movies.types import Numbers
from .parts import Picture

#: dots an inch of a figure: twice those of a page that shows it in full width, for screens that are finer
DPI = 160
#: pixels of a screen an inch of a figure, from which on its letters of 9 points can be read
READABLE = 75
#: how figures are written as WebP: lines without loss, which keeps their colours and is as small; images with loss
CHART, PHOTO = {"lossless": True, "quality": 40, "method": 3}, {"quality": 80, "method": 5}
#: quality of WebP, 0 to 100, of images, whose noise is most of what there is
IMAGE_QUALITY = 75
#: pixels of the longer side of an image: larger fields are made smaller
LONGEST_SIDE = 800
#: pixels of the longer side of a figure, however many panels it has
LONGEST_FIGURE = 4000


def of_figure(figure: Figure, alt: str, caption: str, chart: bool = True) -> Picture:
    """Put a figure into the page.

    Parameters
    ----------
    figure : Figure
        What is drawn.
    alt, caption, chart
        As :class:`.parts.Picture` has them.
    """
    dpi = min(DPI, LONGEST_FIGURE / max(figure.get_size_inches()))
    file = io.BytesIO()
    figure.savefig(file, format="webp", dpi=dpi, pil_kwargs=CHART if chart else PHOTO)
    width, height = (round(side * dpi) for side in figure.get_size_inches())
    readable = round(READABLE * figure.get_figwidth())
    return Picture(_address(file.getvalue()), width, height, alt, caption, chart, readable)


def of_image(image: Numbers, alt: str, caption: str) -> Picture:
    """Put a grey image into the page, between the percentiles that figures use.

    Parameters
    ----------
    image : ndarray [height, width]
        What to show; nan is black.
    alt, caption
        As :class:`.parts.Picture` has them.
    """
    values = np.asarray(image, float)
    black, white = contrast(values)
    scaled = np.clip((np.nan_to_num(values, nan=black) - black) / (white - black), 0, 1)
    grey = np.asarray(np.round(255 * scaled), np.uint8)
    shrunk = LONGEST_SIDE / max(grey.shape)
    if shrunk < 1:
        size = tuple(max(1, round(side * shrunk)) for side in grey.shape[::-1])
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
    done, encoded = cv2.imencode(".webp", grey, [cv2.IMWRITE_WEBP_QUALITY, IMAGE_QUALITY])
    if not done:
        raise ValueError(f"An image of {grey.shape[1]} x {grey.shape[0]} pixels cannot be written as WebP.")
    return Picture(_address(encoded.tobytes()), grey.shape[1], grey.shape[0], alt, caption, chart=False)


def _address(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"
