"""The analysis programs behind one small interface, looked up by name.

>>> from workflow_miniscope import engines
>>> engine = engines.get("cnmfe")
>>> params = engine.parse({"gSig": 4})
>>> engines.run_engine(engine, movie, params, "out", fps=20.0)  # doctest: +SKIP

An engine is a module of this package that has an object ``ENGINE`` (see :class:`base.Engine`); adding one
is one module and one line here.
"""

from importlib import import_module
from typing import Any, Literal

from ..errors import UnknownEngine, in_brackets
from .base import Engine, FrameTimes, run_engine
from .child.options import Options, chosen

#: What an engine finds in a movie
Finds = Literal["cells", "face"]

# name (= processing_method of those that find cells) -> module, and what it finds; imported when first asked for,
# because each brings large packages
_MODULES: dict[str, tuple[str, Finds]] = {
    "caiman": (".caiman", "cells"),
    "cnmfe": (".cnmfe", "cells"),
    "facemap": (".facemap", "face"),
}

__all__ = ["Engine", "FrameTimes", "get", "in_child", "names", "run_engine", "unavailable"]


def names(finds: Finds | None = None) -> tuple[str, ...]:
    """Names of the engines, whether or not they can run here (ask ``get(name).unavailable()``).

    Parameters
    ----------
    finds : "cells" or "face", optional
        Of these only.
    """
    return tuple(name for name, (_, found) in _MODULES.items() if finds in (None, found))


def get(name: str, finds: Finds | None = None) -> Engine[Any]:
    """Look an engine up by its name, which for one that finds cells is the ``processing_method`` of a task.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    finds : "cells" or "face", optional
        Among these only.

    Raises
    ------
    UnknownEngine
        If there is none of that name.
    """
    known = names(finds)
    if name not in known:
        what = "" if finds is None else f" for {finds}"
        raise UnknownEngine(
            f"There is no engine {name!r}{what}{in_brackets(name, known)}; there are {', '.join(known)}."
        )
    engine: Engine[Any] = import_module(_MODULES[name][0], __name__).ENGINE
    return engine


def in_child(engine: Engine[Any], by_default: bool = False) -> Options | None:
    """Return how an engine is run in a process of its own, as configured, or None where it runs within this one.

    Parameters
    ----------
    engine : Engine
        Which.
    by_default : bool
        Whether it gets a process also where neither an interpreter nor a limit is configured.

    Raises
    ------
    SettingsError
        An interpreter is configured for an engine that there is not.
    """
    return chosen(engine.name, names(), by_default)


def unavailable(engine: Engine[Any]) -> str | None:
    """Say in one sentence why an engine cannot run with the interpreter that is configured for it, or None."""
    options = in_child(engine)
    if options is None or not options.foreign:
        return engine.unavailable()
    from .child.run import ask

    return ask(engine, options)
