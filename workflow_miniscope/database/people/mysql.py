"""Accounts of MySQL and MariaDB: rights are granted to each account.

Not to roles of the server: MariaDB gives an account one role at its login, and somebody may work in two laboratories.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator

from .base import AccountServer, Statement
from .rights import ADMIN, Rights, Role, rights_of

logger = logging.getLogger(__name__)

#: From where an account may come: anywhere, because computers that compute change their addresses
HOST = "%"


class MySQLAccounts(AccountServer):
    """Accounts and rights on a MySQL or MariaDB server. ``lab.changed`` has tables filled with ``skip_duplicates``,
    for which the server wants the right to change rows.
    """

    def people(self) -> dict[str, Role]:
        """Return who has a role in this laboratory, as far as this user may see it."""
        found: dict[str, Role] = {}
        for name in self._names():
            rights = self._rights(name)
            on_main = rights.get((self.lab.main, None), frozenset())
            if "CREATE" in on_main:
                found[name] = "admin"
            elif any(schema == self.lab.main and table for schema, table in rights):
                found[name] = "operator"
            elif "SELECT" in on_main:
                found[name] = "reader"
        return found

    def knows(self, name: str) -> bool:
        """Return whether there is an account of a name, with a role or without."""
        return bool(
            self._ask(
                "SELECT 1 FROM information_schema.user_privileges WHERE grantee = %s LIMIT 1", (self._grantee(name),)
            )
        )

    def is_administrator(self, name: str) -> bool:
        """Return whether an account may do something on the whole server, wherever it comes from."""
        found = self._ask("SELECT grantee FROM information_schema.user_privileges WHERE privilege_type <> 'USAGE'")
        return name in {_name_of(row[0]) for row in found}

    def user(self) -> str:
        """Return the name of the account that asks."""
        return str(self._ask("SELECT CURRENT_USER()")[0][0]).rsplit("@", 1)[0]

    def plan_update(self) -> list[Statement]:
        """Return the statements that give everybody exactly what their roles have; none where that is so."""
        return [
            statement
            for name, role in self.people().items()
            for statement in self._grant(name, self._rights(name), rights_of(role, self.lab))
        ]

    def plan_add(self, name: str, role: Role, password: str | None) -> list[Statement]:
        """Return the statements that give a role to somebody, who gets an account or another password."""
        self._warn_of_nameless()
        statements = []
        if password is not None:
            verb = "ALTER" if self.knows(name) else "CREATE"
            how, secret = self._protected(password)
            statements.append(Statement(f"{verb} USER {self._grantee(name)} IDENTIFIED {how} {secret}", secret))
        statements += self._grant(name, self._rights(name), rights_of(role, self.lab))
        return statements + [one for one in self.plan_update() if self._grantee(name) not in one.text]

    def plan_remove(self, name: str) -> list[Statement]:
        """Return the statements that take everything in this laboratory from somebody, and the account with it if
        there is nothing else it is for.
        """
        if self._elsewhere(name):
            statements = list(self._grant(name, self._rights(name), {}))
        else:
            statements = [Statement(f"DROP USER {self._grantee(name)}")]
        return statements + [
            Statement(f"KILL {number}", may_fail=True)  # it may have ended by itself
            for (number,) in self._ask("SELECT id FROM information_schema.processlist WHERE user = %s", (name,))
        ]

    def _warn_of_nameless(self) -> None:
        """Say which accounts of a fresh server would take the place of others' at a login."""
        for (grantee,) in self._ask(
            "SELECT DISTINCT grantee FROM information_schema.user_privileges WHERE grantee LIKE %s", ("''@%",)
        ):
            logger.warning(
                "The server has an account without a name, which takes the place of everybody's at a login from that "
                "machine; remove it with: DROP USER %s;",
                grantee,
            )

    def _names(self) -> list[str]:
        found = self._ask(
            "SELECT DISTINCT grantee FROM information_schema.schema_privileges WHERE table_schema = %s",
            (_escaped(self.lab.main),),
        )
        names = [_name_of(row[0]) for row in found]
        return sorted(name for (grantee,), name in zip(found, names, strict=True) if grantee == self._grantee(name))

    def _rights(self, name: str) -> Rights:
        """Return what an account has in this laboratory."""
        rights: dict[tuple[str, str | None], frozenset[str]] = {}
        schemas = {_escaped(schema): schema for schema in self.lab.schemas}
        for schema, privilege in self._ask(
            "SELECT table_schema, privilege_type FROM information_schema.schema_privileges WHERE grantee = %s",
            (self._grantee(name),),
        ):
            if schema in schemas:
                key = (schemas[schema], None)
                rights[key] = rights.get(key, frozenset()) | {privilege}
        for schema, table, privilege in self._ask(
            "SELECT table_schema, table_name, privilege_type FROM information_schema.table_privileges "
            "WHERE grantee = %s",
            (self._grantee(name),),
        ):
            if schema in self.lab.schemas:
                rights[schema, table] = rights.get((schema, table), frozenset()) | {privilege}
        return rights

    def _elsewhere(self, name: str) -> bool:
        """Return whether an account has rights outside of this laboratory."""
        grantee = (self._grantee(name),)
        schemas = self._ask("SELECT table_schema FROM information_schema.schema_privileges WHERE grantee = %s", grantee)
        tables = self._ask("SELECT table_schema FROM information_schema.table_privileges WHERE grantee = %s", grantee)
        whole = self._ask(
            "SELECT 1 FROM information_schema.user_privileges WHERE grantee = %s AND privilege_type <> 'USAGE'", grantee
        )
        here = {*self.lab.schemas, *map(_escaped, self.lab.schemas)}
        return bool(whole) or any(row[0] not in here for row in (*schemas, *tables))

    def _grant(self, name: str, has: Rights, wanted: Rights) -> Iterator[Statement]:
        for key in sorted({*has, *wanted}, key=lambda key: (key[0], key[1] or "")):
            there, to_be = has.get(key, frozenset()), wanted.get(key, frozenset())
            for verb, privileges, word in (("GRANT", to_be - there, "TO"), ("REVOKE", there - to_be, "FROM")):
                if privileges:
                    yield Statement(
                        f"{verb} {_listed(privileges)} ON {self._object(*key)} {word} {self._grantee(name)}"
                    )

    def _object(self, schema: str, table: str | None) -> str:
        # for a whole schema the name is a pattern, in which _ is any letter
        if table is None:
            return f"{self.quote(_escaped(schema))}.*"
        return f"{self.quote(schema)}.{self.quote(table)}"

    def _protected(self, password: str) -> tuple[str, str]:
        """Return how to say a password, without sending it where the server takes what it keeps of it."""
        if "mariadb" in str(self._ask("SELECT VERSION()")[0][0]).lower():
            kept = hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()
            return "BY PASSWORD", f"'*{kept}'"
        return "BY", str(self.driver.escape(password))

    def _grantee(self, name: str) -> str:
        return f"'{name}'@'{HOST}'"


def _name_of(grantee: str) -> str:
    found = re.fullmatch(r"'(.*)'@'.*'", grantee)
    return found[1] if found else grantee


def _escaped(schema: str) -> str:
    return schema.replace("_", r"\_")


def _listed(privileges: frozenset[str]) -> str:
    order = ["SELECT", "INSERT", "UPDATE", "DELETE", *sorted(ADMIN)]
    return ", ".join(sorted(privileges, key=lambda one: (order.index(one) if one in order else len(order), one)))
