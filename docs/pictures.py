"""Draw the picture of the steps from the demo: ``python docs/pictures.py demo docs/steps.png``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from workflow_miniscope import daq, figures
from workflow_miniscope.figures.style import new_figure, show_image, styled
from workflow_miniscope.results.caiman import CaimanResult, read_result


@styled
def steps(frame: np.ndarray, result: CaimanResult) -> figures.Figure:
    """Draw a frame as recorded, the mean after registration, the correlation image and the cells."""
    figure = new_figure(2.6)
    axes = figure.subplots(1, 4)
    cells = result.A[:, result.accepted].toarray()
    drawn = (cells / cells.max(axis=0)).max(axis=1).reshape(result.dims, order="F")
    shown = (
        ("1  a frame as recorded", frame),
        ("2  mean, motion corrected", result.average_image),
        ("3  what changes together", result.Cn),
        ("4  footprints of the cells", drawn),
    )
    for ax, (title, image) in zip(axes, shown, strict=True):
        show_image(ax, np.asarray(image, float))
        ax.set_title(title, fontsize=9)
    return figure


def main(demo: Path, path: Path) -> None:
    """Draw them from the demo's folder."""
    (session,) = daq.find_sessions(demo / "raw")
    recording = daq.open_session(session).scopes[0].read()
    frame = next(recording.movie.frames(recording.n_frames // 2))
    (file,) = (demo / "processed").rglob("caiman_result.hdf5")
    figures.save(steps(frame, read_result(file)), path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
