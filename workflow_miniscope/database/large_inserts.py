"""Many rows with large arrays, inserted in statements that a server takes.

MariaDB refuses a statement above 16 MB, and MySQL one above 64 MB, unless configured otherwise: the connection is lost.
DataJoint puts all rows of one ``insert`` into one statement. The traces of 300 cells in half an hour are 40 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

# Bytes of arrays in a statement; in its text they take up to twice as much
LIMIT = 4 * 2**20


def insert_large(table: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows as ``table.insert`` does, in as many statements as they need."""
    for part in in_parts(rows):
        table.insert(part)


def in_parts(rows: Iterable[Mapping[str, Any]], limit: int = LIMIT) -> Iterator[list[Mapping[str, Any]]]:
    """Divide rows into lists whose arrays have at most ``limit`` bytes together; a larger row is alone."""
    part: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        bytes_ = sum(value.nbytes for value in row.values() if isinstance(value, np.ndarray))
        if part and size + bytes_ > limit:
            yield part
            part, size = [], 0
        part.append(row)
        size += bytes_
    if part:
        yield part
