"""Whether what goes to a server and comes from it can be read on the way."""

from __future__ import annotations

from typing import Any


def tls_version(connection: Any) -> str | None:
    """Return the version of TLS that encrypts a connection, such as ``TLSv1.3``, or None where nothing does.

    Parameters
    ----------
    connection : datajoint.Connection
        To either kind of server.
    """
    if connection.adapter.backend == "postgresql":
        found = connection.query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl").fetchone()
        return None if found is None else str(found[0])
    found = connection.query("SHOW SESSION STATUS LIKE 'Ssl_version'").fetchone()
    return None if found is None else str(found[1]) or None
