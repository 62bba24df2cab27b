"""``workflow-miniscope ingest``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import FAILED


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
            help="Ingest nothing; find the sessions below ROOT and print a sessions.csv, or add to one: --output.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --walk: the manifest of sessions to add to. New animals are added to that of --subjects. "
            "What is there stays as it is.",
        ),
    ] = None,
) -> None:
    """Ingest new subjects and sessions from CSV manifests."""
    from ..ingest import ingest, propose, walk

    if output is not None and walk_root is None:
        raise typer.BadParameter("--output goes with --walk ROOT.")
    if walk_root is not None and output is not None:
        for merged in propose(walk_root, output, subjects, _ask if sys.stdin.isatty() else None):
            print(merged)
        print("Look through them, fill in what is empty, then: workflow-miniscope ingest")
        return
    if walk_root is not None:
        print(walk(walk_root).to_csv(index=False), end="")
        return
    report = ingest(subjects, sessions, strict=strict)
    print(report)
    if report.problems:
        raise typer.Exit(FAILED)


def _ask(animal: str) -> dict[str, str]:
    """Ask what no recording knows of an animal; what is left empty is filled in by hand."""
    print(f"New animal {animal} (Enter leaves a question open):")
    return {
        "sex": typer.prompt("  Sex: M (male), F (female), U (unknown)", default="", show_default=False),
        "subject_birth_date": typer.prompt("  Birth date, YYYY-MM-DD", default="", show_default=False),
    }
