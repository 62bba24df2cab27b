"""What both kinds of server do with accounts."""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import DatabaseError, ParameterError, did_you_mean
from ..connection import DATABASE_ERRORS
from ..refusals import is_refusal
from .rights import Lab, Role

logger = logging.getLogger(__name__)

#: Letters of a name at most: what MySQL takes
LONGEST_NAME = 32

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Statement:
    """A statement for the server; a secret within it is never shown.

    Attributes
    ----------
    text : str
        What the server is sent.
    secret : str
        The part of it that nobody sees; empty where there is none.
    may_fail : bool
        Whether a refusal means that there was nothing to do.
    """

    text: str
    secret: str = ""
    may_fail: bool = False

    def __str__(self) -> str:
        text = self.text.replace(self.secret, "'(not shown)'") if self.secret else self.text
        return text + ";"

    def __repr__(self) -> str:
        return f"Statement({self})"


class AccountServer(ABC):
    """Accounts and rights on a server.

    Parameters
    ----------
    driver : connection of psycopg2 or pymysql
        Of a user who may make accounts. Nothing is logged of what it is sent.
    adapter : DataJoint adapter
        The server's.
    lab : Lab
        Whose schemas.
    """

    def __init__(self, driver: Any, adapter: Any, lab: Lab) -> None:
        self.driver, self.lab = driver, lab
        self.quote = adapter.quote_identifier

    @abstractmethod
    def people(self) -> dict[str, Role]:
        """Return who has a role in this laboratory, as far as this user may see it."""

    @abstractmethod
    def knows(self, name: str) -> bool:
        """Return whether there is an account of a name, with a role or without."""

    @abstractmethod
    def plan_update(self) -> list[Statement]:
        """Return the statements that give everybody exactly what their roles have; none where that is so."""

    @abstractmethod
    def plan_add(self, name: str, role: Role, password: str | None) -> list[Statement]:
        """Return the statements that give a role to somebody, who gets an account or another password."""

    @abstractmethod
    def plan_remove(self, name: str) -> list[Statement]:
        """Return the statements that take everything in this laboratory from somebody, and the account with it if
        there is nothing else it is for.
        """

    @abstractmethod
    def is_administrator(self, name: str) -> bool:
        """Return whether an account may do everything on the server."""

    @abstractmethod
    def user(self) -> str:
        """Return the name of the account that asks."""

    def check_add(self, name: str) -> None:
        """Refuse a name that cannot be an account, or is the server's own.

        Raises
        ------
        ParameterError
            The sentence says why.
        """
        if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            raise ParameterError(
                f"'{name}' cannot be the name of an account: letters from a to z, digits, '_', '.' and '-', at most "
                f"{LONGEST_NAME} of them, and a letter first."
            )
        if self.is_administrator(name):
            raise ParameterError(f"'{name}' is an administrator of the server, who may do everything; choose another.")

    def check_remove(self, name: str) -> None:
        """Refuse to remove somebody who has no role here, or oneself.

        Raises
        ------
        ParameterError
            The sentence says who has one.
        """
        people = self.people()
        if name == self.user():
            raise ParameterError(f"'{name}' is who asks; another administrator can remove that account.")
        if name not in people:
            known = f"there are {', '.join(people)}." if people else "nobody has."
            raise ParameterError(f"'{name}' has no role in this database; {did_you_mean(name, people, known)}")

    def carry_out(self, statements: Sequence[Statement]) -> None:
        """Send statements to the server; PostgreSQL takes all of them or none.

        Raises
        ------
        DatabaseError
            It refuses one; no secret is part of the sentence.
        """
        try:
            with self.driver.cursor() as cursor:
                for statement in statements:
                    self._send(cursor, statement)
            self.driver.commit()
        except DatabaseError:
            self.driver.rollback()
            raise

    def _send(self, cursor: Any, statement: Statement) -> None:
        try:
            cursor.execute(statement.text)
        except DATABASE_ERRORS as error:
            if statement.may_fail:
                return
            if is_refusal(error):
                raise DatabaseError(
                    f"User '{self._user_or_unknown()}' may not make accounts or give roles ({statement}); the server's "
                    "administrator may, with a configuration of its own: workflow-miniscope --config FILE db roles."
                ) from None
            # what a driver says can hold a part of the statement
            why = "the server refuses it" if statement.secret else str(error).strip().splitlines()[0]
            raise DatabaseError(f"{statement} was not carried out ({why}).") from None

    def _user_or_unknown(self) -> str:
        try:
            self.driver.rollback()
            return self.user()
        except DATABASE_ERRORS:
            return "?"  # the connection takes no statement any more

    def _ask(self, statement: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self.driver.cursor() as cursor:
            cursor.execute(statement, arguments)
            return list(cursor.fetchall())
