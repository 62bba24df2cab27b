"""``workflow-miniscope ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    subjects: Annotated[Path, typer.Option(help="CSV manifest of subjects.")] = Path("user_data/subjects.csv"),
    sessions: Annotated[Path, typer.Option(help="CSV manifest of sessions.")] = Path("user_data/sessions.csv"),
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Read all frames of new sessions, and refuse unusable recordings."),
    ] = False,
    walk_root: Annotated[
        Path | None,
        typer.Option(
            "--walk",
            metavar="ROOT",
            help="Ingest nothing; find the sessions below ROOT and print a sessions.csv.",
        ),
    ] = None,
) -> None:
    """Ingest new subjects and sessions from CSV manifests."""
    from ..ingest import ingest, walk

    if walk_root is not None:
        print(walk(walk_root).to_csv(index=False), end="")
        return
    report = ingest(subjects, sessions, strict=strict)
    print(report)
    if report.problems:
        raise typer.Exit(1)
