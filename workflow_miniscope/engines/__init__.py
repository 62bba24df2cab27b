"""The analysis programs behind one small interface, looked up by name.

>>> from workflow_miniscope import engines
>>> engine = engines.get("cnmfe")
>>> engines.run_engine(engine, movie, fps=20.0, params={}, output_dir="out")  # doctest: +SKIP

An engine is a module of this package that has an object ``ENGINE`` (see :class:`base.Engine`); adding one
is one module and one line here.
"""

from importlib import import_module

from ..errors import EngineError, in_brackets
from .base import Engine, run_engine

# name (= processing_method) -> module; imported when first asked for, because each brings large packages
_MODULES = {"caiman": ".caiman", "cnmfe": ".cnmfe"}

__all__ = ["Engine", "get", "names", "run_engine"]


def names() -> tuple[str, ...]:
    """Names of the engines, whether or not they can run here (ask ``get(name).unavailable()``)."""
    return tuple(_MODULES)


def get(name: str) -> Engine:
    """Look an engine up by its name, which is the ``processing_method`` of a task.

    Raises
    ------
    EngineError
        If there is none of that name.
    """
    if name not in _MODULES:
        raise EngineError(f"There is no engine {name!r}{in_brackets(name, _MODULES)}; there are {', '.join(_MODULES)}.")
    return import_module(_MODULES[name], __name__).ENGINE
