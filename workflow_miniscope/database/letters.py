"""Which letters the schemas of a MySQL or MariaDB server take, and which it takes for the same."""

from __future__ import annotations

from typing import Any

#: All letters, and none taken for another: as on PostgreSQL, ``m1`` and ``M1`` are two names, and ``Mäuse`` is not
#: ``Mause``.
CHARACTER_SET, COLLATION = "utf8mb4", "utf8mb4_bin"


def choose_letters(connection: Any, schema_name: str) -> None:
    """Declare the schemas that follow with all letters, whatever the server's own default is.

    Servers without a configuration take those of western Europe only, and composed ones. PostgreSQL takes all.

    Parameters
    ----------
    connection : datajoint.Connection
        To any server.
    schema_name : str
        A schema that all others refer to. Where it is there, the others get the letters it has, because a key's are
        those of the column it refers to.
    """
    if connection.adapter.backend != "mysql":
        return
    there = connection.query(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata "
        "WHERE schema_name = %s",
        args=(schema_name,),
    ).fetchone()
    character_set, collation = there or (CHARACTER_SET, COLLATION)
    connection.query(f"SET SESSION character_set_server = '{character_set}', SESSION collation_server = '{collation}'")
