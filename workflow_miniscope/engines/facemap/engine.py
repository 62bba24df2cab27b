"""Run Facemap without a window, so that its result is whole and right, or not there."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...bars import tqdm
from ...movies import Movie
from ..base import FrameTimes, Needs, run_engine
from .note import write_run
from .parameters import Parameters
from .passes import fit_rois, plan_passes
from .run import decomposes, merge, run_pass
from .video import decode_all, frames_read, open_video


class FacemapEngine:
    """Facemap (Syeda et al. 2024, Nature Neuroscience 27:187)."""

    name = "facemap"
    description = "Facemap: motion of the face, pupil and blinks"
    # it counts in frames
    needs: Needs = "nothing"

    def unavailable(self) -> str | None:
        """Say in one sentence why Facemap cannot run here, or None when it can."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                import facemap.process  # noqa: F401
        except ImportError as error:
            return (
                f"Facemap cannot be imported ({error}); install it with: python -m pip install facemap==1.0.8, or, "
                "from Python 3.13 on, by `make install` in a clone, which uses uv."
            )
        return None

    def version(self) -> str:
        """Version of the installed Facemap."""
        return metadata.version("facemap")

    def model(self) -> type[Parameters]:
        """Give the model of its parameters."""
        return Parameters

    def parse(self, params: Mapping[str, Any] | Parameters | None) -> Parameters:
        """Fill in the defaults and check, see :meth:`parameters.Parameters.parse`."""
        return Parameters.parse(params)

    def run(self, movie: Movie, params: Parameters, output_dir: Path, times: FrameTimes, progress: bool = True) -> Path:
        """Measure motion, pupils and blinks.

        Regions that would disturb one another in Facemap are processed in passes of their own and come together in
        one result. Every frame is decoded first, because Facemap says nothing of those that it cannot read.

        Returns
        -------
        Path
            The ``_proc.npy`` in ``output_dir``, in Facemap's format: read it with
            :func:`workflow_miniscope.results.facemap.read_proc`, which puts right what Facemap leaves wrong. Beside
            it ``facemap_run.json`` has the parameters, the files, and Facemap's version.

        Raises
        ------
        ParameterError
            A region does not fit the frame.
        RecordingError
            A frame cannot be decoded.
        EngineError
            Facemap failed.
        """
        rois = fit_rois(params, movie.height, movie.width)
        decode_all(movie, progress)
        passes = plan_passes(params.fullSVD, rois)
        files = [str(file) for file in getattr(movie, "files", ())] or ["movie"]
        total = sum(frames_read(movie.n_frames, decomposes(one)) for one in passes)
        with tqdm(total=total, desc="Facemap", unit="frame", disable=None if progress else True) as bar:
            procs = [run_pass(movie, files, params, one, output_dir, bar.update) for one in passes]
        path = output_dir / f"{Path(files[0]).stem}_proc.npy"
        np.save(path, np.array(merge(procs, passes, params), dtype=object))
        write_run(output_dir, self.version(), params, files, movie.n_frames)
        return path


ENGINE: Final = FacemapEngine()


def run_facemap(
    files: Sequence[Path | str],
    params: Parameters | Mapping[str, Any] | None,
    output_dir: Path | str,
    progress: bool = True,
    n_frames: int | None = None,
) -> Path:
    """Run Facemap on one camera's video.

    Parameters
    ----------
    files : sequence of Path or str
        The camera's AVI files in the order they were recorded; see :func:`.video.open_video`.
    params : Parameters or mapping or None
        What differs from the defaults; see :class:`.parameters.Parameters`.
    output_dir : Path or str
        Folder of the result; it must not exist yet, or be empty. Nothing is written elsewhere.
    progress : bool
        Show progress bars.
    n_frames : int, optional
        How many frames the recording has, from its time stamps.

    Returns
    -------
    Path
        The ``_proc.npy``; see :meth:`FacemapEngine.run`.

    Raises
    ------
    RecordingError
        A file is missing, damaged or cut off, frames differ in size, there are fewer than 3, or not ``n_frames``.
    ParameterError
        A parameter is wrong, a region does not fit the frame, or the files are those of several cameras.
    EngineError
        Facemap is missing or failed, or ``output_dir`` is in use.
    """
    parsed = ENGINE.parse(params)
    return run_engine(ENGINE, open_video(files, n_frames), parsed, output_dir, progress=progress)
