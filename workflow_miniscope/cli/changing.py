"""What the commands share that change what is in the database: say it, ask, save, do it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError

if TYPE_CHECKING:
    from ..work.change import Change

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Which = Annotated[
    str,
    typer.Argument(metavar="WHICH", help="A name that `list` prints, or a condition such as subject=m1."),
]


def carry_out(change: Change, what: str, dry_run: bool, yes: bool) -> bool:
    """Say what a change does, ask, and make it. Returns whether it was made.

    Raises
    ------
    ParameterError
        Nobody can be asked.
    """
    from ..work import change as changes

    print(change)
    if dry_run:
        print("Nothing was done (--dry-run).")
        return False
    if not is_wanted(yes):
        return False
    saved = changes.carry_out(change, what)
    if saved is not None:
        print(f"To undo it: workflow-miniscope db restore --replace {saved}")
    print("Done.")
    return True


def is_wanted(yes: bool) -> bool:
    """Ask whether to go on, unless the answer was given.

    Raises
    ------
    ParameterError
        Nobody can be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ParameterError("Nobody can be asked here; add --yes to do it.")
    if typer.confirm("Do it?"):
        return True
    print("Nothing was done.")
    return False
