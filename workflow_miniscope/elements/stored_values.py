"""Values as the published columns hold them: moments, and hashes of parameter sets."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any, overload

import numpy as np

from ..errors import ParameterError


@overload
def naive_utc(moment: datetime) -> datetime: ...
@overload
def naive_utc(moment: None) -> None: ...
def naive_utc(moment: datetime | None) -> datetime | None:
    """Return a moment as the database holds it: UTC without a zone, in whole seconds (MySQL would round up)."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def hash_params(processing_method: str, params: dict[str, Any]) -> str:
    """Return a hash of a parameter set, as the text of a UUID.

    It depends on the content alone, not on the order of the keys.
    """
    text = json.dumps([processing_method, params], sort_keys=True, separators=(",", ":"), default=_plain)
    return str(uuid.UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()))


def _plain(value: object) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise ParameterError(f"A parameter of type {type(value).__name__} cannot be stored; use numbers, text and lists.")
