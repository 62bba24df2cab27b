"""The native CNMF-E as one of the engines: needs nothing but what is installed with this project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import __version__
from ..movies import Movie
from ..movies.types import Floats
from ..results.caiman import RESULT_NAME, read_result, write_result


class CnmfeEngine:
    """The native engine, see :mod:`workflow_miniscope.cnmfe`."""

    name = "cnmfe"
    takes_times = True
    description = "Native CNMF-E: registration, extraction, deconvolution and evaluation, without CaImAn"

    def unavailable(self) -> str | None:
        """It is always there."""
        return None

    def version(self) -> str:
        """Version of this project."""
        return __version__

    def default_params(self) -> dict[str, Any]:
        """Parameters that are used where none are given; None is suggested from the recording."""
        from ..cnmfe import Parameters

        return Parameters().flat()

    def check_params(self, params: dict[str, Any]) -> dict[str, Any]:
        """Fill in the defaults and check; parameters that only CaImAn uses stay, to be reported.

        Raises
        ------
        ParameterError
            Naming the parameter and what it may be, or the nearest known one.
        """
        from ..cnmfe import Parameters
        from ..cnmfe.parameters import unused

        return unused(params) | Parameters.check(params).flat()

    def run(
        self,
        movie: Movie,
        fps: float,
        params: dict[str, Any],
        output_dir: Path,
        progress: bool = True,
        times: Floats | None = None,
    ) -> Path:
        """Process a movie into a folder that exists, and give the path of the result file in it."""
        from ..cnmfe import extract

        path = Path(output_dir) / RESULT_NAME
        write_result(path, extract(movie, fps, params, progress=progress, times=times))
        # what cannot be read again is not a result
        read_result(path)
        return path


ENGINE = CnmfeEngine()
