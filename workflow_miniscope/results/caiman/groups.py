"""CaImAn's groups of parameters, in which its files hold them and in which they may be given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Groups of ``CNMFParams``.
GROUPS = frozenset("data init merging motion online patch preprocess quality ring_CNN spatial temporal".split())


def flattened(params: Mapping[str, Any]) -> dict[str, Any]:
    """Take parameters out of their groups; what is given flat stays as it is."""
    flat: dict[str, Any] = {}
    for name, value in params.items():
        if name in GROUPS and isinstance(value, Mapping):
            flat.update(value)
        else:
            flat[name] = value
    return flat
