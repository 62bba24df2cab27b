"""Write the pages of sessions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from ... import __version__
from ...bars import tqdm
from ...whole_files import whole
from ...work.overview import Overview, overview
from .parts import Page
from .session import page

#: Signs that a file's name cannot have on some system.
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f]')


def write(folder: Path | str, restrict: Any = None, progress: bool = True) -> list[Path]:
    """Write one HTML file for each session: everything that is known of it, on one page.

    Parameters
    ----------
    folder : Path or str
        Where to write; made if missing. A page that is there is written again.
    restrict : str, dict or list of them, optional
        Which recordings, such as ``subject=m1``; by default all.
    progress : bool
        Show a progress bar on a terminal.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    NothingMatched
        No recording is in the database, or none fits the restriction.
    """
    rows = overview(restrict)
    paths = []
    with tqdm(desc="Pages", unit="figure", disable=None if progress else True) as bar:
        for _, of_session in groupby(rows, key=_session):
            made = page(list(of_session), bar.update)
            paths.append(_write(Path(folder) / f"{_NOT_IN_NAMES.sub('-', made.name)}.html", render(made)))
    return paths


def _session(row: Overview) -> tuple[Any, ...]:
    return row.key[:2]


def render(made: Page) -> str:
    """Return a page as HTML; every text in it is escaped."""
    written = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return _template().render(page=made, written=written, version=__version__)


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("session.html")


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path
