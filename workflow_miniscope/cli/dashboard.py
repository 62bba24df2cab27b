"""``workflow-miniscope dashboard``."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Restrict


def command(
    restrict: Restrict = None,
    port: Annotated[int | None, typer.Option(help="Port of the page; by default one that fits the database.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Show in the browser what goes on: recordings, workers and since when, time spent and left, what failed.

    It is served to this machine's own user alone.
    """
    from ..web.dashboard.start import start

    start(restrict, port, browser)
