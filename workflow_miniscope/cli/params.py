"""``workflow-miniscope params``."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

#: Characters that a column of sentences has at least, however narrow the terminal is.
LEAST_WIDTH = 24


def command(
    engine: Annotated[str, typer.Argument(help="cnmfe, caiman or facemap.")],
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of a parameter set instead.")
    ] = False,
) -> None:
    """List the parameters of an engine: name, default, unit, what each may be, and its meaning."""
    from .. import engines
    from ..parameters import describe
    from ..work.text_table import format_table

    model = engines.get(engine).model()
    if json_schema:
        print(json.dumps(model.model_json_schema(), indent=2))
        return
    rows: list[tuple[str, ...]] = [(row.name, row.default, row.unit, row.range, row.meaning) for row in describe(model)]
    if sys.stdout.isatty():
        rows = list(_wrapped(rows, shutil.get_terminal_size().columns))
    print(format_table(("name", "default", "unit", "may be", "meaning"), rows))


def _wrapped(rows: Sequence[tuple[str, ...]], width: int) -> Iterator[tuple[str, ...]]:
    """Break the sentences of the last two columns so that the table fits a terminal; nothing is cut."""
    taken = sum(max(map(len, column)) + 2 for column in list(zip(*rows, strict=True))[:3])
    half = max(LEAST_WIDTH, (width - taken - 2) // 2)
    for *short, may_be, meaning in rows:
        left, right = textwrap.wrap(may_be, half), textwrap.wrap(meaning, half)
        for i in range(max(len(left), len(right), 1)):
            begin = short if not i else [""] * len(short)
            yield (*begin, "".join(left[i : i + 1]), "".join(right[i : i + 1]))
