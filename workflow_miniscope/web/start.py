"""Start the pages: what a command of theirs does."""

from __future__ import annotations

from ..results.curation import Summary
from ..work.curation import Curating
from .curate import curation_app
from .serve import serve


def curate(curating: Curating, port: int | None, browser: bool) -> None:
    """Serve the curation page until the user presses Ctrl-C.

    Parameters
    ----------
    curating : Curating
        The result and the log of decisions.
    port : int, optional
        Port of the page.
    browser : bool
        Open it in the browser.

    Raises
    ------
    WorkflowError
        The port is taken.
    """
    path, log = curating.opened.path, curating.log

    def say(address: str) -> None:
        print(f"Curating {path} as {curating.curator}: open\n\n  {address}\n", flush=True)
        print(f"Decisions are saved in {log.path}. Ctrl-C ends.", flush=True)

    serve(curation_app(curating), f"{path.resolve()} {curating.curator}", port, browser, say)
    print(f"{Summary.of(log.curation.states)}: {log.path}")
