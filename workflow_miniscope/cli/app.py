"""All commands together: ``workflow-miniscope``.

The modules of the commands import what they run only when they run: ``--help`` and ``--version`` answer at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__, opencv
from ..errors import SettingsError, WorkflowError
from . import (
    check,
    compare,
    console,
    db,
    demo,
    extract,
    facemap_params,
    ingest,
    init,
    list_recordings,
    process,
    report,
    status,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From a Miniscope-DAQ folder to curated neural activity in a database.",
    epilog="Exit status of every command: 0 done, 1 something failed, 2 wrong use, 3 nothing matched.",
)
app.add_typer(db.app, name="db")
app.command("init")(init.command)
app.command("check")(check.command)
app.command("ingest")(ingest.command)
app.command("process")(process.command)
app.command("list")(list_recordings.command)
app.command("status")(status.command)
app.command("extract")(extract.command)
app.command("compare")(compare.command)
app.command("demo")(demo.command)
app.command("report")(report.command)
app.command("facemap-params")(facemap_params.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    config: Annotated[
        Path | None, typer.Option(help="Configuration file instead of the dj_local_conf.json found.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Take the options that every command has."""
    problem = opencv.problem()  # almost everything here, and of the Elements, imports it
    if problem:
        raise WorkflowError(problem)
    if config is not None:
        from ..settings import CONFIG_VARIABLE, get_settings

        if not config.is_file():
            raise SettingsError(f"--config names {config}, which does not exist.")
        os.environ[CONFIG_VARIABLE] = str(config)
        get_settings.cache_clear()


def main() -> None:
    """Run the command line."""
    console.run(app)
