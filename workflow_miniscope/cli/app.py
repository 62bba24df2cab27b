"""All commands together: ``workflow-miniscope``.

The modules of the commands import what they run only when they run: ``--help`` and ``--version`` answer at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__, opencv
from ..errors import SettingsError, WorkflowError
from . import (
    check,
    compare,
    console,
    curate,
    dashboard,
    db,
    demo,
    exclude,
    extract,
    facemap_params,
    include,
    ingest,
    init,
    jobs,
    list_recordings,
    logfile,
    movie,
    params,
    process,
    reassign,
    redo,
    relocate,
    remove,
    report,
    status,
    worker,
)
from . import cite as cite_
from . import import_nwb as import_nwb_
from . import nwb as nwb_
from . import provenance as provenance_
from . import publish as publish_
from . import reproduce as reproduce_

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From a Miniscope-DAQ folder to curated neural activity in a database.",
    epilog="Exit status of every command: 0 done, 1 something failed, 2 wrong use, 3 nothing matched.",
)

#: The commands under the headings of ``--help``, in the order of the work.
COMMANDS = {
    "Begin": {"demo": demo, "init": init, "check": check, "ingest": ingest},
    "Process": {"process": process, "worker": worker, "params": params, "facemap-params": facemap_params},
    "One recording, without a database": {"extract": extract},
    "See": {
        "list": list_recordings,
        "status": status,
        "dashboard": dashboard,
        "report": report,
        "movie": movie,
        "compare": compare,
    },
    "Decide": {"curate": curate},
    "Repair": {
        "redo": redo,
        "exclude": exclude,
        "include": include,
        "remove": remove,
        "relocate": relocate,
        "reassign": reassign,
    },
    "Publish": {
        "publish": publish_,
        "nwb": nwb_,
        "import-nwb": import_nwb_,
        "provenance": provenance_,
        "reproduce": reproduce_,
        "cite": cite_,
    },
}
for heading, commands in COMMANDS.items():
    for name, module in commands.items():
        app.command(name, rich_help_panel=heading)(module.command)
app.add_typer(db.app, name="db", rich_help_panel="The database itself")
app.add_typer(jobs.app, name="jobs", rich_help_panel="The database itself")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


#: Commands that need no database, and leave nothing in the workflow's home.
_WITHOUT_LOG = {"init", "check", "extract", "facemap-params", "params", "reproduce", "demo"}


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Configuration file instead of the dj_local_conf.json found.")
    ] = None,
    verbose: Annotated[bool, typer.Option(*console.VERBOSE, help="Say what is done, step by step.")] = False,
    quiet: Annotated[bool, typer.Option(*console.QUIET, help="No progress bar, no warnings.")] = False,
    debug: Annotated[bool, typer.Option(*console.DEBUG, help="Show everything, and an error's traceback.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that every command has; the console has taken verbosity already."""
    problem = opencv.problem()  # almost everything here, and of the Elements, imports it
    if problem:
        raise WorkflowError(problem)
    if config is not None:
        from ..settings import CONFIG_VARIABLE, get_settings

        if not config.is_file():
            raise SettingsError(f"--config names {config}, which does not exist.")
        os.environ[CONFIG_VARIABLE] = str(config)
        get_settings.cache_clear()
    if context.invoked_subcommand not in _WITHOUT_LOG and not {"-h", "--help"} & set(sys.argv):
        logfile.start()


def main() -> None:
    """Run the command line."""
    console.run(app)
