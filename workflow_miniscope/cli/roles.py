"""``workflow-miniscope db roles``."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from .changing import Yes, is_wanted
from .show import show

if TYPE_CHECKING:
    from ..database.people import AccountServer, Statement

#: The variable that may hold the password of a new account.
VARIABLE = "WORKFLOW_MINISCOPE_NEW_PASSWORD"


class RoleName(StrEnum):
    """The roles, in the order of what they may do."""

    reader = "reader"
    operator = "operator"
    admin = "admin"


def command(
    add: Annotated[str | None, typer.Option(metavar="NAME", help="Give a role to somebody, or another one.")] = None,
    role: Annotated[
        RoleName | None,
        typer.Option(
            help="With --add: a reader sees everything; an operator also ingests, processes and curates; an admin also "
            "removes, repairs, and makes tables."
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --add: make up a password, and write it with the server into a dj_local_conf.json for that "
            "person, which only you can read.",
        ),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --add: the password is the first line of this file.")
    ] = None,
    remove: Annotated[
        str | None, typer.Option(metavar="NAME", help="Take the role from somebody, and end their connections.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="After an upgrade: make what is new, and give everybody the rights on it.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL, without passwords, and do nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Show who may do what on the server; give and take roles.

    It is for the server's administrator, whose name and password are in a configuration of their own:
    workflow-miniscope --config FILE db roles. A new account's password is asked for, unless --write or --password-file
    is given or WORKFLOW_MINISCOPE_NEW_PASSWORD is set.
    """
    if sum((add is not None, remove is not None, update)) > 1:
        raise ParameterError("--add, --remove and --update are three commands; give one of them.")
    if add is None and (role or write or password_file):
        raise ParameterError("--role, --write and --password-file belong to --add NAME.")
    if write is not None and password_file is not None:
        raise ParameterError("--write makes up a password, and --password-file names one; give one of them.")
    from ..work import people

    if add is None and remove is None and not update:
        _show()
        return
    with people.accounts(declare=not dry_run) as accounts:
        if add is not None:
            _add(accounts, add, role, write, password_file, dry_run)
        elif remove is not None:
            _remove(accounts, remove, dry_run, yes)
        else:
            _carry_out(accounts, accounts.plan_update(), dry_run, "Everybody has the rights of their role.")


def _show() -> None:
    from ..work import people
    from ..work.text_table import TextTable

    with people.accounts(declare=False) as accounts:
        found, missing = accounts.people(), len(accounts.plan_update())
    parts: list[TextTable | str] = [TextTable(("name", "role"), list(found.items()), key="name")] if found else []
    if found and missing:
        parts.append(
            "Their rights are not those of their roles: `workflow-miniscope db roles --update` gives them what came "
            f"with an upgrade, and takes what they should not have ({missing} statements)."
        )
    show(*parts or ["Nobody has a role."])


def _add(
    accounts: AccountServer,
    name: str,
    role: RoleName | None,
    write: Path | None,
    password_file: Path | None,
    dry_run: bool,
) -> None:
    from ..database.people import passwords
    from ..settings import get_settings

    if role is None:
        raise ParameterError(f"Say which role {name} gets: --role {', '.join(RoleName)}.")
    accounts.check_add(name)
    is_new = not accounts.knows(name)
    if password_file is not None:
        password: str | None = passwords.read(password_file)
    elif write is not None or (is_new and dry_run):
        password = passwords.make_up()
    elif os.environ.get(VARIABLE):
        password = passwords.check(os.environ[VARIABLE], VARIABLE)
    else:
        password = passwords.check(_ask_for(name), f"'{name}'") if is_new else None
    statements = accounts.plan_add(name, role.value, password)
    file = (
        passwords.written(write, get_settings(), name, password)
        if write is not None and password is not None and not dry_run
        else nullcontext()
    )
    with file:
        _carry_out(accounts, statements, dry_run, f"{name} is {role.value} now.")
    if write is not None and not dry_run:
        print(f"The password is in {write}: give the file to {name}, and delete it here.")


def _remove(accounts: AccountServer, name: str, dry_run: bool, yes: bool) -> None:
    accounts.check_remove(name)
    statements = accounts.plan_remove(name)
    if not dry_run:
        print(f"Takes the role from {name}, and ends all connections of that account. Nothing of the data changes.")
        if not is_wanted(yes):
            return
    _carry_out(accounts, statements, dry_run, f"{name} has no role any more.")


def _carry_out(accounts: AccountServer, statements: list[Statement], dry_run: bool, done: str) -> None:
    if dry_run:
        print("\n".join(map(str, statements)) or "-- Nothing to do.")
        return
    accounts.carry_out(statements)
    print(done)


def _ask_for(name: str) -> str:
    """Ask for the password of a new account, twice, without showing it.

    Raises
    ------
    ParameterError
        Nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise ParameterError(
            f"Nobody can be asked for the password of {name} here; add --write FILE or --password-file FILE, or set "
            f"{VARIABLE}."
        )
    return str(typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True))
