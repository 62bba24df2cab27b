"""Packages that only exports need, imported when one is used."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import WorkflowError


def need(module: str, package: str | None = None) -> Any:
    """Import a module that a plain installation may lack.

    Parameters
    ----------
    module : str
        Its name, such as ``pynwb``.
    package : str, optional
        What to install for it, where that has another name.

    Raises
    ------
    WorkflowError
        It is not installed; the sentence says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise  # it is there, and something that it needs is not
        wanted = package or module.split(".")[0]
        raise WorkflowError(f"This needs {wanted}, which is not installed: python -m pip install {wanted}.") from None
