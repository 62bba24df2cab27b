"""Widgets for a notebook: the size of a soma and the thresholds, chosen on a piece of a recording."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .. import figures
from ..cnmfe.preview import Preview, preview
from ..daq.source import MovieSource
from ..errors import WorkflowError
from ..whole_files import whole


class ParameterChooser:
    """Sliders of three parameters, and a picture that follows them at once.

    Parameters
    ----------
    movie : as :func:`..cnmfe.extract` takes it
        A piece of a recording, some hundred frames.
    fps : float
        Frames per second.

    Attributes
    ----------
    gSig, min_corr, min_pnr : ipywidgets
        The sliders, which begin with what is suggested from the piece.
    view : ipywidgets.VBox
        All together: show it as the last line of a cell.

    Raises
    ------
    RecordingError
        There are too few frames.
    """

    def __init__(self, movie: MovieSource, fps: float):
        import ipywidgets as widgets

        self._movie, self._fps = movie, fps
        self._seen: dict[int, Preview] = {}
        first = preview(movie, fps)
        size = round(first.soma)
        self._seen[size] = first
        wide: dict[str, Any] = {"continuous_update": False, "style": {"description_width": "11em"}}
        wide["layout"] = {"width": "34em"}
        self.gSig = widgets.IntSlider(size, 1, max(3 * size, 6), description="gSig: soma, px", **wide)
        corr, pnr = float(first.params.min_corr or 0), float(first.params.min_pnr or 0)
        self.min_corr = widgets.FloatSlider(corr, min=0, max=1, step=0.02, description="min_corr", **wide)
        highest = max(3 * pnr, float(np.ceil(first.pnr.max())))
        self.min_pnr = widgets.FloatSlider(pnr, min=0, max=highest, step=0.1, description="min_pnr", **wide)
        self._picture = widgets.Image(format="png", layout={"max_width": "100%"})
        self.view = widgets.VBox([self.gSig, self.min_corr, self.min_pnr, self._picture])
        for slider in (self.gSig, self.min_corr, self.min_pnr):
            slider.observe(self._follow, names="value")
        self._follow()

    @property
    def params(self) -> dict[str, Any]:
        """The set that is chosen, under CaImAn's names."""
        return {
            "gSig": [int(self.gSig.value)] * 2,
            "min_corr": round(float(self.min_corr.value), 3),
            "min_pnr": round(float(self.min_pnr.value), 3),
        }

    def figure(self) -> Figure:
        """Draw the places where cells would be looked for with what is chosen."""
        size = int(self.gSig.value)
        if size not in self._seen:  # seconds; the thresholds are at once
            self._seen[size] = preview(self._movie, self._fps, {"gSig": [size, size]})
        seen = self._seen[size]
        places = seen.seeds(self.min_corr.value, self.min_pnr.value)
        images = {"mean": seen.mean, "correlation": seen.correlation, "peak to noise": seen.pnr}
        return figures.parameter_preview(images, places, size, f"{len(places)} places to begin with: {self.params}")

    def save(self, path: Path | str) -> Path:
        """Write the set as JSON, for ``workflow-miniscope process --paramset`` and ``extract --params``.

        Raises
        ------
        WorkflowError
            The file cannot be written.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as partial:
                partial.write_text(json.dumps(self.params, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise WorkflowError(f"The parameters cannot be written to {path} ({error.strerror}).") from None
        return path

    def _follow(self, change: object = None) -> None:
        picture = io.BytesIO()
        self.figure().savefig(picture, format="png", dpi=100)
        self._picture.value = picture.getvalue()
