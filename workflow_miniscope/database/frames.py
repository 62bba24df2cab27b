"""DataJoint without pandas until somebody has a data frame: importing it takes a second, which every command would pay.

DataJoint 2.3 imports pandas to ask whether rows, or a restriction, are a data frame, and to make one of rows.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

__all__ = ["load_datajoint"]


class _Later(type):
    """Of a class that stands for a class of pandas: nothing is an instance of it before pandas is imported."""

    def __instancecheck__(cls, value: object) -> bool:
        kind = getattr(sys.modules.get("pandas"), cls.__name__, None)
        return isinstance(kind, type) and isinstance(value, kind)

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        return getattr(importlib.import_module("pandas"), cls.__name__)(*arguments, **options)


class DataFrame(metaclass=_Later):
    """Stands for ``pandas.DataFrame``."""


class _Pandas(ModuleType):
    """Stands for pandas in the modules of DataJoint."""

    DataFrame = DataFrame

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or sys.modules.get("pandas") is self:
            raise AttributeError(name)
        return getattr(importlib.import_module("pandas"), name)


def load_datajoint() -> None:
    """Import DataJoint, with pandas only if it is imported already, or if DataJoint wants more of it than it did."""
    with warnings.catch_warnings():
        # DataJoint warns that it has no datajoint.json; this workflow configures it from its own settings
        warnings.filterwarnings("ignore", message="No datajoint.json")
        if not {"pandas", "datajoint"} & set(sys.modules):
            sys.modules["pandas"] = _Pandas("pandas")
            try:
                importlib.import_module("datajoint")
            except (AttributeError, ImportError):
                pass  # a DataJoint that uses it otherwise gets it below
            finally:
                del sys.modules["pandas"]
        importlib.import_module("datajoint")
