"""Pictures of a movie: the same moment in several ways side by side, with outlines, time and a scale bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..movies.types import Bools, Floats, Numbers
from .footprints import ACCEPTED
from .style import round_length

#: px: a panel's side is enlarged or reduced to about this
PANEL = 420
#: px: height of the lines of text above and below, of the letters, and distance between panels
STRIP, LETTERS, GAP = 30, 17, 6
#: how much of an outline's colour is seen
OPACITY = 0.8


@dataclass(frozen=True)
class Panel:
    """One way to see the field.

    Attributes
    ----------
    name : str
        What is written above.
    dark, bright : float
        Values that are black and white.
    outlined : bool
        Whether the cells' outlines are drawn.
    """

    name: str
    dark: float
    bright: float
    outlined: bool = False


class MovieFrames:
    """Draws the pictures of a movie, all of one size.

    Parameters
    ----------
    panels : sequence of Panel
        From left to right.
    height, width : int
        Of the field, pixels.
    outlines : sequence of ndarray [points, 2]
        (x, y) in pixels; the centre of the upper left pixel is (0, 0).
    um_per_px : float, optional
        Size of a pixel, for the scale bar; without it the bar is in pixels.
    title : str
        Written below.

    Attributes
    ----------
    size : tuple of int
        (height, width) of the pictures; both even, as encoders want it.
    """

    def __init__(
        self,
        panels: Sequence[Panel],
        height: int,
        width: int,
        outlines: Sequence[Floats] = (),
        um_per_px: float | None = None,
        title: str = "",
    ):
        self.panels = panels
        self.zoom = PANEL / max(height, width)
        self.panel = round(height * self.zoom), round(width * self.zoom)
        across = len(panels) * self.panel[1] + (len(panels) - 1) * GAP
        self.size = (self.panel[0] + 2 * STRIP) // 2 * 2, across // 2 * 2
        self._font = ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")), LETTERS)
        self._lines = self._drawn(outlines)
        self._colour = np.array([int(ACCEPTED[i : i + 2], 16) for i in (1, 3, 5)], np.float32)
        self._empty = self._background(width, um_per_px, title)

    def left(self, number: int) -> int:
        """Column at which a panel begins, px of the picture."""
        return number * (self.panel[1] + GAP)

    def picture(self, images: Mapping[str, Numbers], time: float) -> NDArray[np.uint8]:
        """Return the picture of a moment, uint8 [height, width, 3].

        Parameters
        ----------
        images : mapping of str to ndarray [height, width]
            By the names of the panels.
        time : float
            Seconds, written above.
        """
        canvas = self._empty.copy()
        for number, panel in enumerate(self.panels):
            scaled = (images[panel.name].astype(np.float32) - panel.dark) * (255 / max(panel.bright - panel.dark, 1e-9))
            method = cv2.INTER_AREA if self.zoom < 1 else cv2.INTER_CUBIC
            grey = cv2.resize(np.clip(scaled, 0, 255), self.panel[::-1], interpolation=method)
            coloured = np.repeat(np.clip(grey, 0, 255)[..., None], 3, axis=2)
            if panel.outlined:
                coloured[self._lines] += OPACITY * (self._colour - coloured[self._lines])
            left = self.left(number)
            part = canvas[STRIP : STRIP + self.panel[0], left : left + self.panel[1]]
            part[:] = coloured[: part.shape[0], : part.shape[1]]
        image = Image.fromarray(canvas)
        place = (self.size[1] - 4, STRIP // 2)
        ImageDraw.Draw(image).text(place, f"{time:.1f} s", font=self._font, fill="white", anchor="rm")
        return np.asarray(image)

    def _drawn(self, outlines: Sequence[Floats]) -> Bools:
        """Return the pixels of a panel that outlines cover, bool [height, width]."""
        image = np.zeros(self.panel, np.uint8)
        # the centre of the first pixel is half a pixel from the border
        lines = [np.round(((line + 0.5) * self.zoom - 0.5) * 16).astype(np.int32) for line in outlines]
        cv2.polylines(image, lines, False, 255, 1, cv2.LINE_8, 4)
        return image > 0

    def _background(self, width: int, um_per_px: float | None, title: str) -> NDArray[np.uint8]:
        """Return the picture without panels: their names, the scale bar, the title."""
        image = Image.new("RGB", self.size[::-1])
        draw = ImageDraw.Draw(image)
        for number, panel in enumerate(self.panels):
            draw.text((self.left(number) + 4, STRIP // 2), panel.name, font=self._font, fill="white", anchor="lm")
        length = round_length(width / 6 * (um_per_px or 1))
        right, y = self.size[1] - 8, self.size[0] - STRIP // 2
        left = right - round(length / (um_per_px or 1) * self.zoom)
        draw.line([left, y, right, y], fill="white", width=4)
        label = f"{length:g} {'µm' if um_per_px else 'px'}"
        draw.text((left - 6, y), label, font=self._font, fill="white", anchor="rm")
        draw.text((4, y), self._fitting(title, left - 90), font=self._font, fill="#BBBBBB", anchor="lm")
        return np.array(image)

    def _fitting(self, text: str, room: int) -> str:
        """Return a text, cut where there is no room for it."""
        while text and self._font.getlength(text) > room:
            text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
        return text
