"""Start the pages: what a command of theirs does."""

from __future__ import annotations

import getpass
from contextlib import closing
from pathlib import Path

from ..errors import CurationError
from ..results.caiman import OpenedResult
from ..results.curation import DecisionLog, log_path
from .curate import curation_app
from .serve import serve


def curate(result: Path, curator: str | None, folder: Path | None, port: int | None, browser: bool) -> None:
    """Curate a result file until the user presses Ctrl-C.

    Parameters
    ----------
    result : Path
        The file, or the folder that holds it.
    curator : str, optional
        Who decides; by default the user.
    folder : Path, optional
        Where decisions are saved, if not beside the result.
    port : int, optional
        Port of the page.
    browser : bool
        Open it in the browser.

    Raises
    ------
    WorkflowError
        The result cannot be read, the decisions cannot be saved, or the port is taken.
    """
    if folder is not None and not folder.is_dir():
        raise CurationError(f"There is no folder {folder} for the decisions: make it first.")
    name = getpass.getuser() if curator is None else curator
    with closing(OpenedResult(result)) as opened:
        path = log_path(opened.path, name, folder)
        with DecisionLog(path, opened.components, opened.path.name, name) as log:

            def say(address: str) -> None:
                print(f"Curating {opened.path} as {name}: open\n\n  {address}\n", flush=True)
                print(f"Decisions are saved in {path}. Ctrl-C ends.", flush=True)

            serve(curation_app(opened, log, name), f"{opened.path.resolve()} {name}", port, browser, say)
            states = [state.decision for state in log.curation.states]
            accepted, rejected = states.count("accepted"), states.count("rejected")
            undecided = len(states) - accepted - rejected
            print(f"{accepted} accepted, {rejected} rejected, {undecided} undecided: {path}")
