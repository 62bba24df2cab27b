"""Tables of a shared PostgreSQL server belong to a group, so that each of its members can change what another made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def as_owner(connection: Any, schema_name: str) -> Iterator[None]:
    """Declare in the block as the owner of a schema, where this user is a member of that group.

    Parameters
    ----------
    connection : datajoint.Connection
        Outside of a transaction. On the MySQL protocol, where tables have no owners, nothing is done.
    schema_name : str
        A schema; one that is not there yet belongs to who makes it.
    """
    owner = _group(connection, schema_name)
    if owner is None:
        yield
        return
    connection.query(f"SET ROLE {connection.adapter.quote_identifier(owner)}")
    try:
        yield
    finally:
        connection.query("RESET ROLE")


def _group(connection: Any, schema_name: str) -> str | None:
    if connection.adapter.backend != "postgresql":
        return None
    found = connection.query(
        "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s "
        "AND nspowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user) "
        "AND pg_has_role(nspowner, 'MEMBER')",
        args=(schema_name,),
    ).fetchone()
    return None if found is None else str(found[0])
