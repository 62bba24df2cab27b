"""``workflow-miniscope db``: the embedded PostgreSQL, or the configured server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import roles
from .changing import Yes, is_wanted

if TYPE_CHECKING:
    from ..settings import Settings

app = typer.Typer(no_args_is_help=True, help="The database: the embedded PostgreSQL, or the configured server.")


@app.command()
def start() -> None:
    """Start the embedded PostgreSQL (every command does so when it needs it)."""
    from ..database import embedded
    from ..settings import get_settings

    settings = get_settings()
    if _is_server(settings):
        return
    address = embedded.start(settings.home)
    print(f"Running (process {address.pid}) in {embedded.data_folder(settings.home)}")


@app.command()
def stop() -> None:
    """Stop the embedded PostgreSQL, ending its connections."""
    from ..database import embedded
    from ..settings import get_settings

    settings = get_settings()
    if _is_server(settings):
        return
    print("Stopped." if embedded.stop(settings.home) else "It was not running.")


@app.command()
def status() -> None:
    """Say which database is used, whether it answers, and whether the connection is encrypted."""
    from ..database import embedded
    from ..settings import get_settings

    settings = get_settings()
    if not settings.embedded:
        from ..database.connection import connect
        from ..database.encryption import tls_version

        version = tls_version(connect(settings))
        print(
            f"{settings.backend} server {settings.host}:{settings.port} answers user '{settings.user}'. "
            + (f"The connection is encrypted ({version})." if version else "The connection is not encrypted.")
        )
        return
    folder = embedded.data_folder(settings.home)
    address = embedded.status(settings.home)
    print(f"Embedded PostgreSQL in {folder}: " + (f"running (process {address.pid})." if address else "not running."))


@app.command()
def dump(path: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Write the database to a file."""
    from ..database import backup
    from ..settings import get_settings

    backup.dump(get_settings(), path)
    print(f"Wrote {path}")


@app.command()
def restore(
    path: Annotated[Path, typer.Argument(help="File that `db dump`, or a command that changes something, wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in place of what is there, which is dumped first.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Read a dump into an empty database, or in place of what is there: an undo."""
    from ..database import backup
    from ..settings import get_settings

    settings = get_settings()
    if replace:
        print(f"Puts {path} in place of everything that is in the database now.")
        if not is_wanted(yes):
            return
        from ..work.change import save

        print(f"The database as it was: {save(settings, 'restore')}")
    backup.restore(settings, path, replace)
    print(f"Restored {path}")


@app.command()
def copy(
    to: Annotated[Path, typer.Option(metavar="CONFIG", help="The dj_local_conf.json that names the other database.")],
) -> None:
    """Copy the database into another one, such as a laptop's into a laboratory's server.

    Rows are compared by counts and checksums. Ended in the middle, the same command goes on. What is in the other
    database already stays, and must be the same as here.
    """
    from ..work.copying import copy_to

    print(copy_to(to))


app.command("roles")(roles.command)


def _is_server(settings: Settings) -> bool:
    if settings.embedded:
        return False
    print(
        f"Nothing to do: {settings.source or 'the environment'} names the server {settings.host}, "
        "which runs on its own."
    )
    return True
