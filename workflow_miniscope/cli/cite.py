"""``workflow-miniscope cite``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    restriction: Annotated[
        list[str] | None, typer.Argument(help="Which sessions, such as subject=m1; by default all.")
    ] = None,
    project: Annotated[
        Path | None, typer.Option(help="TOML file that says who and what; by default project.toml.")
    ] = None,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print a bibliography instead of text.")] = False,
) -> None:
    """Say whom to cite: people, and the programs and methods that took part."""
    from ..publish.credit import credit

    found = credit(restriction, project)
    print(found.bibtex if bibtex else found)
