"""``workflow-miniscope params``."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def command(
    engine: Annotated[str, typer.Argument(help="cnmfe, caiman or facemap.")],
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of a parameter set instead.")
    ] = False,
) -> None:
    """List the parameters of an engine: name, default, unit, what each may be, and its meaning."""
    from .. import engines
    from ..parameters import describe
    from ..work.text_table import TextTable
    from .show import show

    model = engines.get(engine).model()
    if json_schema:
        print(json.dumps(model.model_json_schema(), indent=2))
        return
    rows = [(row.name, row.default, row.unit, row.range, row.meaning) for row in describe(model)]
    show(TextTable(("name", "default", "unit", "may be", "meaning"), rows, key="name"))
