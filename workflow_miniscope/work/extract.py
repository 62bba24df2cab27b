"""One recording to one result file, without a database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import daq, engines
from ..errors import ParameterError, RecordingError
from ..publish.project import find_project, read_project
from ..results.caiman import CaimanResult, read_result
from .params_file import DEFAULT_ENGINE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The figure's name, beside the result
FOOTPRINTS = "footprints.png"


def extract_folder(
    folder: Path,
    output: Path,
    params: dict[str, Any] | None = None,
    engine: str = DEFAULT_ENGINE,
    progress: bool = True,
    camera: bool = False,
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
    camera : bool
        Take a camera's recording too, in which components are found that are no cells.

    Returns
    -------
    Path
        The result file, with a figure of the footprints beside it.

    Raises
    ------
    RecordingError, ParameterError, EngineError, ManifestError
        The folder is no recording or an unusable one (see ``daq.assess``) or a camera's, a parameter is wrong, the
        engine cannot run, or ``project.toml`` is wrong.
    """
    from .. import figures  # matplotlib takes long to import

    chosen = engines.get(engine, "cells")
    parsed = chosen.parse(params)  # before the frames are counted, which takes a while
    device = Path(folder).resolve().name
    um_per_px = read_project(find_project()).pixel_size(device)
    opened = daq.open_device(Path(folder))
    if opened.kind == "camera" and not camera:
        raise ParameterError(
            f"{folder} is the recording of a camera, in which there are no cells; name the folder of a scope, or add "
            "--camera if it is one."
        )
    recording = opened.read()
    quality = _judge(recording, progress)
    if quality.verdict == "unusable":
        raise RecordingError(f"{folder} is unusable: {quality.reasons[0]}")
    times = daq.cleaned(recording.times)
    told = daq.examine(times).unevenness  # which the engine tells, with what it does about it
    for warning in quality.reasons:
        if warning not in told:
            print(f"Note: {warning}", file=sys.stderr)
    child = engines.in_child(chosen)
    path = engines.run_engine(
        chosen, recording.movie, parsed, output, fps=recording.fps, times=times, progress=progress, child=child
    )
    picture = path.with_name(FOOTPRINTS)
    try:
        figures.save(footprints_of(read_result(path), device, um_per_px), picture)
    except OSError as error:
        picture.unlink(missing_ok=True)
        print(f"Note: the footprints cannot be drawn beside {path} ({error.strerror or error}).", file=sys.stderr)
    return path


def _judge(recording: daq.Recording, progress: bool) -> daq.Quality:
    """Judge a recording as ``check`` does; all its frames are only looked at where one of the first is black."""
    quality = daq.assess(recording)
    if quality.verdict == "unusable" or not daq.begins_black(recording.movie):
        return quality
    return daq.assess(recording, daq.survey_movie(recording.movie, progress))


def footprints_of(result: CaimanResult, device: str, um_per_px: float | None = None) -> Figure:
    """Draw the footprints of a result over its summary image.

    Parameters
    ----------
    result : CaimanResult
        Of either engine.
    device : str
        The scope.
    um_per_px : float, optional
        Side of its pixels in the tissue, micrometres.
    """
    from .. import figures

    masks = [result.mask(i) for i in range(result.n_components)]
    accepted = set(result.accepted.tolist())
    return figures.footprints(
        result.summary_image,
        [(mask.xpix, mask.ypix, mask.weights) for mask in masks],
        accepted=[mask.id in accepted for mask in masks],
        labels=[mask.id for mask in masks],
        um_per_px=um_per_px,
        title=device if result.verdict is None else f"{device}: {result.verdict.level}",
    )
