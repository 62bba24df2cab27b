"""CNMF-E without CaImAn: cells, traces and activity from a one-photon movie, on any machine.

>>> from workflow_miniscope.cnmfe import extract
>>> result = extract(movie, fps=20.0)  # doctest: +SKIP

The steps are those of CNMF-E (Zhou et al. 2018, eLife 7:e28728), the names of the parameters and the result
those of CaImAn (Giovannucci et al. 2019, eLife 8:e38173). Each step is a module named after it.
"""

from typing import TYPE_CHECKING, Any

from .parameters import Parameters

if TYPE_CHECKING:
    from .extraction import extract

__all__ = ["Parameters", "extract"]


def __getattr__(name: str) -> Any:
    # with it come numba and scipy, which somebody who only reads parameters need not wait for
    if name == "extract":
        from .extraction import extract

        return extract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
