"""Tables from columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hdmf.common import DynamicTable, VectorData
from numpy.typing import NDArray


def table(name: str, description: str, columns: Mapping[str, tuple[str, Sequence[Any] | NDArray[Any]]]) -> Any:
    """Return a table whose columns are given by name, each with its description and values; all of one length."""
    return DynamicTable(
        name=name,
        description=description,
        columns=[VectorData(name=column, description=text, data=values) for column, (text, values) in columns.items()],
    )
