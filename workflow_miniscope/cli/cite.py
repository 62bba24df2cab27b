"""``workflow-miniscope cite``."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    restriction: Annotated[
        list[str] | None, typer.Argument(help="Which sessions, such as subject=m1; by default all.")
    ] = None,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print a bibliography instead of text.")] = False,
) -> None:
    """Say whom to cite: people, and the programs and methods that took part."""
    from ..publish.credit import credit

    found = credit(restriction)
    print(found.bibtex if bibtex else found)
