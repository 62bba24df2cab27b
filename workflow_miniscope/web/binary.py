"""Arrays for a page: a JSON header and the numbers behind it, as the page's typed arrays read them.

Four bytes with the length of the header (little-endian), the header padded to a multiple of eight bytes, then the
arrays one after another, each padded likewise. The header's ``arrays`` says name, type and shape of each.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEDIA_TYPE = "application/octet-stream"
#: bytes that every part is padded to: what the widest typed array must be aligned to
ALIGNMENT = 8
_TYPES = {"float32": "<f4", "int32": "<i4", "uint8": "|u1"}


def pack(arrays: dict[str, NDArray[Any]], **header: Any) -> bytes:
    """Pack arrays of float32, int32 or uint8, with values of the header as JSON takes them."""
    described = [{"name": name, "type": array.dtype.name, "shape": list(array.shape)} for name, array in arrays.items()]
    text = json.dumps({**header, "arrays": described}, separators=(",", ":")).encode()
    parts = [_padded(struct.pack("<I", len(text)) + text)]
    parts += [_padded(np.ascontiguousarray(array, _TYPES[array.dtype.name]).tobytes()) for array in arrays.values()]
    return b"".join(parts)


def _padded(part: bytes) -> bytes:
    return part + b"\0" * (-len(part) % ALIGNMENT)
