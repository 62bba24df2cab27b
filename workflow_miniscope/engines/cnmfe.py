"""The native CNMF-E as one of the engines: needs nothing but what is installed with this project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .. import __version__
from ..movies import Movie
from ..results.caiman import RESULT_NAME, read_result, write_result
from .base import FrameTimes, Needs

if TYPE_CHECKING:
    from ..cnmfe import Parameters


class CnmfeEngine:
    """The native engine, see :mod:`workflow_miniscope.cnmfe`."""

    name = "cnmfe"
    description = "Native CNMF-E: registration, extraction, deconvolution and evaluation, without CaImAn"
    needs: Needs = "times"

    def unavailable(self) -> str | None:
        """Give None: it is always there."""
        return None

    def version(self) -> str:
        """Version of this project."""
        return __version__

    def model(self) -> type[Parameters]:
        """Give the model of its parameters, under CaImAn's names; None is suggested from the recording."""
        from ..cnmfe import Parameters

        return Parameters

    def parse(self, params: Mapping[str, Any] | Parameters | None) -> Parameters:
        """Fill in the defaults and check; parameters that only CaImAn uses are kept apart, to be reported.

        Raises
        ------
        ParameterError
            Naming the parameter and what it may be, or the nearest known one.
        """
        return self.model().parse(params)

    def run(self, movie: Movie, params: Parameters, output_dir: Path, times: FrameTimes, progress: bool = True) -> Path:
        """Process a movie into a folder that exists, and give the path of the result file in it."""
        from ..cnmfe import extract

        path = Path(output_dir) / RESULT_NAME
        write_result(path, extract(movie, times.rate, params, progress=progress, times=times.each))
        # what cannot be read again is not a result
        read_result(path)
        return path


ENGINE: Final = CnmfeEngine()
