"""What a role may do: the same on both kinds of server, in the words of SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["reader", "operator", "admin"]

#: The roles, each of which may do what those before it may.
ROLES: tuple[Role, ...] = get_args(Role)

#: What is granted: privileges by schema and table; no table means all of a schema, also those that come
Rights = Mapping[tuple[str, str | None], frozenset[str]]

#: All that is done with the tables of a schema, and with the schema itself
ADMIN = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER"})


@dataclass(frozen=True)
class Lab:
    """The schemas of one laboratory, and what computing changes in them.

    Attributes
    ----------
    prefix : str
        What its schemas' names begin with.
    schemas : tuple of str
        All of them.
    filled : frozenset of (schema, table)
        Tables that get rows.
    changed : frozenset of (schema, table)
        Tables whose rows are changed afterwards.
    emptied : frozenset of (schema, table)
        Tables whose rows are removed, such as queues.
    """

    prefix: str
    schemas: tuple[str, ...]
    filled: frozenset[tuple[str, str]] = frozenset()
    changed: frozenset[tuple[str, str]] = frozenset()
    emptied: frozenset[tuple[str, str]] = frozenset()

    @property
    def main(self) -> str:
        """The schema that tells which role somebody has: who reads anything reads it."""
        return f"{self.prefix}workflow"


def rights_of(role: Role, lab: Lab) -> Rights:
    """Return what a role may do in a laboratory's schemas."""
    if role == "admin":
        return {(schema, None): ADMIN for schema in lab.schemas}
    rights: dict[tuple[str, str | None], frozenset[str]] = {
        (schema, None): frozenset({"SELECT"}) for schema in lab.schemas
    }
    if role == "operator":
        for table in lab.filled | lab.changed | lab.emptied:
            rights[table] = frozenset(
                privilege
                for privilege, tables in (("INSERT", lab.filled), ("UPDATE", lab.changed), ("DELETE", lab.emptied))
                if table in tables
            )
    return rights
