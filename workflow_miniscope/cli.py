"""The command line: ``workflow-miniscope``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from . import __version__, backup, check, compare, console, embedded, extract, ingest, process, status
from .demo import run as demo
from .settings import CONFIG_VARIABLE, get_settings

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="From a Miniscope-DAQ folder to curated neural activity in a database.",
)
db = typer.Typer(no_args_is_help=True, help="The database: the embedded PostgreSQL, or the configured server.")
app.add_typer(db, name="db")
app.command("check")(check.command)
app.command("ingest")(ingest.command)
app.command("process")(process.command)
app.command("status")(status.command)
app.command("extract")(extract.command)
app.command("compare")(compare.command)
app.command("demo")(demo.command)


@app.command("report")
def draw_report(
    output: Annotated[Path, typer.Option(help="Folder to draw into.")] = Path("figures"),
    restrict: Annotated[
        list[str] | None, typer.Option(help="Which recordings, such as subject=m1; by default all.")
    ] = None,
) -> None:
    """Draw what is in the database: footprints, traces, shifts, intervals, faces."""
    from .report import write  # matplotlib takes long to import

    for path in write(output, restrict):
        print(path)


@app.command("facemap-params")
def facemap_params(
    path: Annotated[Path, typer.Argument(help="A _proc.npy that Facemap's window saved.")],
    camera: Annotated[int, typer.Option(help="Which of several cameras, from 0.")] = 0,
) -> None:
    """Print the regions drawn in Facemap's window as JSON, to be named and given to process --facemap-params."""
    from .engines.facemap import drawn_params

    print(json.dumps(drawn_params(path, camera), indent=2))


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
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
        get_settings.cache_clear()


@db.command("start")
def db_start() -> None:
    """Start the embedded PostgreSQL (every command does so when it needs it)."""
    settings = get_settings()
    if _is_server(settings):
        return
    address = embedded.start(settings.home)
    print(f"Running (process {address.pid}) in {embedded.data_folder(settings.home)}")


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded PostgreSQL, ending its connections."""
    settings = get_settings()
    if _is_server(settings):
        return
    print("Stopped." if embedded.stop(settings.home) else "It was not running.")


@db.command("status")
def db_status() -> None:
    """Say which database is used and whether it answers."""
    settings = get_settings()
    if not settings.embedded:
        from .database import connect

        connect(settings)
        print(f"{settings.backend} server {settings.host}:{settings.port} answers user '{settings.user}'.")
        return
    folder = embedded.data_folder(settings.home)
    address = embedded.status(settings.home)
    print(f"Embedded PostgreSQL in {folder}: " + (f"running (process {address.pid})." if address else "not running."))


@db.command("dump")
def db_dump(path: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Write the database to a file."""
    backup.dump(get_settings(), path)
    print(f"Wrote {path}")


@db.command("restore")
def db_restore(path: Annotated[Path, typer.Argument(help="File that `db dump` wrote.")]) -> None:
    """Read a dump into an empty database."""
    backup.restore(get_settings(), path)
    print(f"Restored {path}")


def _is_server(settings) -> bool:
    if settings.embedded:
        return False
    print(
        f"Nothing to do: {settings.source or 'the environment'} names the server {settings.host}, "
        "which runs on its own."
    )
    return True


def main() -> None:
    """Run the command line."""
    console.run(app)
