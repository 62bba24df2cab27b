"""What the columns of a table take."""

from __future__ import annotations

import re
from typing import Any


def text_length(table: Any, name: str) -> int | None:
    """Return how many characters a column takes, as it was declared in this database; None where it is no text.

    Parameters
    ----------
    table : DataJoint table
        Whose column. A database that was declared by an earlier version may have other lengths.
    name : str
        The column; one that the table does not have is no text.
    """
    if name not in table.heading.names:
        return None
    match = re.fullmatch(r"(?:var)?char\((\d+)\)", table.heading[name].type)
    return int(match[1]) if match else None
