"""Start the page: what its command does."""

from __future__ import annotations

from typing import Any

from ...settings import get_settings
from ...work import monitor
from ...work.queues import change_jobs
from ..serve import serve
from .app import dashboard_app


def start(restrict: Any, port: int | None, browser: bool) -> None:
    """Serve the page of what goes on until the user presses Ctrl-C.

    Parameters
    ----------
    restrict : str, dict or list of them, optional
        Which recordings; by default all.
    port : int, optional
        Port of the page.
    browser : bool
        Open it in the browser.

    Raises
    ------
    WorkflowError
        The port is taken, or the restriction is wrong.
    """
    settings = get_settings()
    place = f"{settings.backend} server {settings.host}" if not settings.embedded else "the database of this computer"
    monitor.snapshot(restrict)  # what cannot be looked at is said before a page opens

    def say(address: str) -> None:
        print(f"What goes on in {place}: open\n\n  {address}\n\nCtrl-C ends.", flush=True)

    app = dashboard_app(
        lambda: monitor.snapshot(restrict),
        lambda action, name, table: sum(change_jobs(action, name, table).values()),
        place,
    )
    serve(app, f"dashboard {settings.host} {settings.home} {settings.prefix}", port, browser, say)
