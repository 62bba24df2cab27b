"""One recording to one result file, without a database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .. import daq, engines
from ..errors import RecordingError
from ..results.caiman import read_result
from .tasks import DEFAULT_ENGINE


def extract_folder(
    folder: Path,
    output: Path,
    params: dict[str, Any] | None = None,
    engine: str = DEFAULT_ENGINE,
    progress: bool = True,
) -> Path:
    """Process the recording of a device folder into CaImAn's result file.

    Parameters
    ----------
    folder : Path
        Folder of one scope: its AVI files, time stamps and metadata.
    output : Path
        Folder to make for the result; it must not hold anything yet.
    params : dict, optional
        Parameters under CaImAn's names that differ from the engine's defaults.
    engine : str
        ``cnmfe`` or ``caiman``.
    progress : bool
        Show progress bars on a terminal.

    Returns
    -------
    Path
        The result file, with a figure of the footprints beside it.

    Raises
    ------
    RecordingError, ParameterError, EngineError
        The folder is no recording or an unusable one (see ``daq.assess``), a parameter is wrong, or the engine cannot
        run.
    """
    chosen = engines.get(engine, "cells")
    parsed = chosen.parse(params)  # before the frames are counted, which takes a while
    recording = daq.open_device(Path(folder)).read()
    quality = _judge(recording, progress)
    if quality.verdict == "unusable":
        raise RecordingError(f"{folder} is unusable: {quality.reasons[0]}")
    for warning in quality.reasons:
        print(f"Note: {warning}", file=sys.stderr)
    times = daq.cleaned(recording.times)
    path = engines.run_engine(
        chosen, recording.movie, parsed, output, fps=recording.fps, times=times, progress=progress
    )
    draw_footprints(path)
    return path


def _judge(recording: daq.Recording, progress: bool) -> daq.Quality:
    """Judge a recording as ``check`` does; all its frames are only looked at where one of the first is black."""
    quality = daq.assess(recording)
    if quality.verdict == "unusable" or not daq.begins_black(recording.movie):
        return quality
    return daq.assess(recording, daq.survey_movie(recording.movie, progress))


def draw_footprints(path: Path) -> Path:
    """Draw the footprints of a result file over its summary image, into a PNG beside it."""
    from .. import figures  # matplotlib takes long to import

    result = read_result(path)
    masks = [result.mask(i) for i in range(result.n_components)]
    accepted = set(result.accepted.tolist())
    figure = figures.footprints(
        result.summary_image,
        [(mask.xpix, mask.ypix, mask.weights) for mask in masks],
        accepted=[mask.id in accepted for mask in masks],
        labels=[mask.id for mask in masks],
        title=None if result.verdict is None else result.verdict.level.capitalize(),
    )
    return figures.save(figure, path.with_name("footprints.png"))
