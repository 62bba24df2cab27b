"""What every command shares: errors as one sentence, and the exit status."""

from __future__ import annotations

import logging
import sys

import typer

from ..errors import WorkflowError


def run(app: typer.Typer) -> None:
    """Run a command line, turning the errors a user can cause into one sentence and its exit status."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    # DataJoint announces each connection, every deprecated table and each error, which our own reports have anyway
    logging.getLogger("datajoint").setLevel(logging.CRITICAL)
    try:
        app()
    except WorkflowError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


def run_one(command: typer.models.CommandFunctionType) -> None:
    """Run a single command as a program of its own, such as ``python -m workflow_miniscope.ingest``."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    run(app)
