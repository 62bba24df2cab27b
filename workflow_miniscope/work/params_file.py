"""Which engine runs by default, and a file of parameters for one: what needs no database."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from ..errors import ParameterError

logger = logging.getLogger(__name__)

DEFAULT_ENGINE = "cnmfe"


def read_params(path: Path) -> dict[str, Any]:
    """Read a parameter set from a JSON file.

    Raises
    ------
    ParameterError
        The file is missing or is not one JSON object.
    """
    try:
        params = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(f"The parameter file {path} cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"The parameter file {path} is not valid JSON ({error}).") from None
    if not isinstance(params, dict):
        raise ParameterError(f"The parameter file {path} must hold one JSON object of names and values.")
    return _without_envelope(params, path)


def _without_envelope(params: dict[str, Any], path: Path) -> dict[str, Any]:
    """Take parameters out of what mesmerize writes around them: ``{"main": {...}, "refit": true}``."""
    main = params.get("main")
    if not isinstance(main, dict):
        return params
    others = [name for name in params if name != "main"]
    if others:
        logger.warning("%s is read as mesmerize's: of it 'main' is used, %s is not.", path, ", ".join(others))
    return main
