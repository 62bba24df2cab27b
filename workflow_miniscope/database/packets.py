"""The largest statement that a MySQL or MariaDB server takes: at a larger one it cuts the connection without a word."""

from __future__ import annotations

from typing import Any

#: MB that MySQL and MariaDB can be configured to take at most
MOST = 1024


def too_large(driver: Any, statement: str, arguments: Any, what: str) -> str | None:
    """Say that a statement is too large for a server, and what to do; None where it is not.

    Parameters
    ----------
    driver : connection of pymysql
        To the server.
    statement, arguments
        As they were given to the driver.
    what : str
        Whose statement it is, to begin the sentence with.
    """
    with driver.cursor() as cursor:
        needed = len(cursor.mogrify(statement, arguments).encode("utf-8", "surrogateescape"))
        cursor.execute("SELECT @@max_allowed_packet")
        largest = int(cursor.fetchone()[0])
    if needed < largest:
        return None
    wanted = 1 << max((needed >> 20).bit_length(), 6)  # the next power of two
    return (
        f"{what} takes a statement of {needed / 2**20:.0f} MB, and the database server takes {largest / 2**20:.0f} MB "
        f"at most: write max_allowed_packet={min(wanted, MOST)}M below [mysqld] in its configuration (my.cnf), restart "
        "it, and run the command again."
    )
