"""Accounts of PostgreSQL: a group for each role, whose members people are; that of admins owns schemas and tables."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2.extensions

from ...errors import DatabaseError
from .base import AccountServer, Statement
from .rights import ROLES, Role, rights_of

#: Letters of a group's name at most
LONGEST = 63

#: What reading takes: DataJoint asks the information_schema for a table's key, which it shows to those alone who may
#: do more than SELECT. REFERENCES is the least of that: it lets nobody change anything.
READING = frozenset({"SELECT", "REFERENCES"})

# The kinds of relations that have an owner, and how they are altered
_KINDS = {"r": "TABLE", "p": "TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE"}


class PostgreSQLAccounts(AccountServer):
    """Accounts and rights on a PostgreSQL server."""

    def group(self, role: Role) -> str:
        """Return the name of the group that has a role. A server's databases share its groups.

        Raises
        ------
        DatabaseError
            The name is too long for the server.
        """
        (database,) = self._ask("SELECT current_database()")[0]
        name = f"{self.lab.prefix}miniscope_{role}" + ("" if database == "postgres" else f"_in_{database}")
        if len(name) > LONGEST:
            raise DatabaseError(
                f"The group {name} has a name of {len(name)} letters, and PostgreSQL takes {LONGEST}; choose a shorter "
                "database.prefix or database.name."
            )
        return name

    def people(self) -> dict[str, Role]:
        """Return who has a role in this laboratory."""
        found: dict[str, Role] = {}
        for role in ROLES:
            for (name,) in self._ask(
                "SELECT member.rolname FROM pg_auth_members m JOIN pg_roles member ON member.oid = m.member "
                "JOIN pg_roles one ON one.oid = m.roleid WHERE one.rolname = %s AND member.rolcanlogin",
                (self.group(role),),
            ):
                found[str(name)] = role
        return dict(sorted(found.items()))

    def knows(self, name: str) -> bool:
        """Return whether there is an account of a name, with a role or without."""
        return bool(self._ask("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)))

    def is_administrator(self, name: str) -> bool:
        """Return whether an account may do everything on the server."""
        return bool(self._ask("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolsuper", (name,)))

    def user(self) -> str:
        """Return the name of the account that asks."""
        return str(self._ask("SELECT session_user")[0][0])

    def plan_update(self) -> list[Statement]:
        """Return the statements that give each group exactly what its role has; none where that is so."""
        (database,) = self._ask("SELECT current_database()")[0]
        missing = [role for role in ROLES if not self.knows(self.group(role))]
        statements = [Statement(f"CREATE ROLE {self._group(role)} NOLOGIN") for role in missing]
        for role in ROLES:
            if (
                role in missing
                or not self._ask(
                    "SELECT has_database_privilege(%s, current_database(), 'CONNECT')", (self.group(role),)
                )[0][0]
            ):
                statements.append(Statement(f"GRANT CONNECT ON DATABASE {self.quote(database)} TO {self._group(role)}"))
        statements += self._own()
        for role in ROLES[:-1]:  # an owner needs nothing
            statements += self._grant(role)
        return statements

    def plan_add(self, name: str, role: Role, password: str | None) -> list[Statement]:
        """Return the statements that give a role to somebody, who gets an account or another password."""
        statements, account = self.plan_update(), self.quote(name)
        if password is not None:
            verb = "ALTER" if self.knows(name) else "CREATE"
            # what the server keeps of it: it never sees the password itself, and cannot log it
            secret = f"'{psycopg2.extensions.encrypt_password(password, name, self.driver, 'scram-sha-256')}'"
            statements.append(Statement(f"{verb} ROLE {account} LOGIN PASSWORD {secret}", secret))
        has = self.people().get(name)
        if has not in (None, role):
            statements.append(Statement(f"REVOKE {self._group(has)} FROM {account}"))
        if has != role:
            statements.append(Statement(f"GRANT {self._group(role)} TO {account}"))
        return statements

    def plan_remove(self, name: str) -> list[Statement]:
        """Return the statements that take the role from somebody, and the account with it if there is nothing else
        it is for.
        """
        role, account = self.people()[name], self.quote(name)
        elsewhere = self._ask(
            "SELECT 1 FROM pg_auth_members m JOIN pg_roles one ON one.oid = m.roleid "
            "WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = %s) AND one.rolname <> %s "
            "UNION ALL SELECT 1 FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass "
            "AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s)",
            (name, self.group(role), name),
        )
        if elsewhere:
            statements = [Statement(f"REVOKE {self._group(role)} FROM {account}")]
        else:
            statements = [Statement(f"DROP ROLE {account}")]
        return statements + [
            Statement(f"SELECT pg_terminate_backend({number})")
            for (number,) in self._ask("SELECT pid FROM pg_stat_activity WHERE usename = %s", (name,))
        ]

    def _own(self) -> Iterator[Statement]:
        """Give what the admins' group does not own yet to it: an owner alone can change a table."""
        owner = self.group("admin")
        for (schema,) in self._ask(
            "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s) AND pg_get_userbyid(nspowner) <> %s ORDER BY 1",
            (list(self.lab.schemas), owner),
        ):
            yield Statement(f"ALTER SCHEMA {self.quote(schema)} OWNER TO {self.quote(owner)}")
        for schema, name, kind in self._ask(
            "SELECT n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = ANY(%s) AND c.relkind = ANY(%s) AND pg_get_userbyid(c.relowner) <> %s "
            # a sequence that belongs to a column goes with its table
            "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND c.relkind = 'S' "
            "AND d.deptype IN ('a', 'i')) ORDER BY 1, 2",
            (list(self.lab.schemas), list(_KINDS), owner),
        ):
            yield Statement(f"ALTER {_KINDS[kind]} {self._table(schema, name)} OWNER TO {self.quote(owner)}")
        for schema, name in self._ask(
            "SELECT n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
            "WHERE n.nspname = ANY(%s) AND t.typtype IN ('e', 'd') AND pg_get_userbyid(t.typowner) <> %s ORDER BY 1, 2",
            (list(self.lab.schemas), owner),
        ):
            yield Statement(f"ALTER TYPE {self._table(schema, name)} OWNER TO {self.quote(owner)}")

    def _grant(self, role: Role) -> Iterator[Statement]:
        """Make a group's rights those of its role."""
        group, rights = self.group(role), rights_of(role, self.lab)
        may_use = {
            schema
            for (schema,) in self._ask(
                "SELECT n.nspname FROM pg_namespace n, aclexplode(n.nspacl) a "
                "WHERE a.privilege_type = 'USAGE' AND pg_get_userbyid(a.grantee) = %s",
                (group,),
            )
        }
        later = {
            schema: frozenset(privileges)
            for schema, privileges in self._ask(
                "SELECT n.nspname, array_agg(a.privilege_type::text) FROM pg_default_acl d "
                "JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a "
                "WHERE d.defaclobjtype = 'r' AND pg_get_userbyid(a.grantee) = %s "
                "AND pg_get_userbyid(d.defaclrole) = %s GROUP BY 1",
                (group, self.group("admin")),
            )
        }
        for schema in self.lab.schemas:
            if schema not in may_use:
                yield Statement(f"GRANT USAGE ON SCHEMA {self.quote(schema)} TO {self.quote(group)}")
            if later.get(schema) != READING:
                yield Statement(
                    f"ALTER DEFAULT PRIVILEGES FOR ROLE {self._group('admin')} IN SCHEMA {self.quote(schema)} "
                    f"GRANT {', '.join(sorted(READING, reverse=True))} ON TABLES TO {self.quote(group)}"
                )
        for schema, name, found in self._ask(
            "SELECT n.nspname, c.relname, (SELECT array_agg(a.privilege_type::text) FROM aclexplode(c.relacl) a "
            "WHERE pg_get_userbyid(a.grantee) = %s) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 1, 2",
            (group, list(self.lab.schemas)),
        ):
            has, wanted = frozenset(found or ()), READING | rights.get((schema, name), frozenset())
            for verb, privileges, word in (("GRANT", wanted - has, "TO"), ("REVOKE", has - wanted, "FROM")):
                if privileges:
                    listed = ", ".join(sorted(privileges))
                    yield Statement(f"{verb} {listed} ON {self._table(schema, name)} {word} {self.quote(group)}")

    def _table(self, schema: str, name: str) -> str:
        return f"{self.quote(schema)}.{self.quote(name)}"

    def _group(self, role: Role) -> str:
        return str(self.quote(self.group(role)))
