"""What a server refuses, as a sentence: what it does not let a user do, and what its disk has no room for."""

from __future__ import annotations

from typing import Any

from .connection import DATABASE_ERRORS, dj

# insufficient_privilege; and access denied: to a schema, a table, a column, for lack of something global
_CODES = ("42501", 1044, 1142, 1143, 1227)

# disk_full; and: disk full, table full
_FULL_CODES = ("53100", 1021, 1114)


def is_refusal(error: BaseException) -> bool:
    """Return whether an error says that this user may not do something, in a driver's words or in DataJoint's."""
    if isinstance(error, dj.errors.AccessError):
        return True
    if isinstance(error, dj.DataJointError):
        return "Check permissions" in str(error)  # a schema that could not be made
    return _code(error) in _CODES


def is_full_disk(error: BaseException) -> bool:
    """Return whether an error says that the server's disk is full."""
    return isinstance(error, DATABASE_ERRORS) and _code(error) in _FULL_CODES


def full_disk(error: BaseException) -> str:
    """Say that the server's disk is full, and what to do."""
    why = " ".join(str(error.args[-1] if error.args else error).split())
    return (
        f"The disk of the database server is full, and nothing of this step was stored ({why}); free some of it, and "
        "run the command again."
    )


def sentence(error: BaseException) -> str:
    """Say what this user may not do, and who can change that."""
    # DataJoint puts its own words, and the MySQL driver a number, before the server's
    words = [
        word for word in error.args if isinstance(word, str) and word.strip() and word != "Insufficient privileges."
    ]
    why = words[0].strip().splitlines()[0] if words else "it does not say why"
    return (
        f"The database does not let user '{dj.config['database.user']}' do this ({why}); the server's administrator "
        "gives roles: `workflow-miniscope db roles`."
    )


def _code(error: BaseException) -> Any:
    return getattr(error, "pgcode", None) or (error.args[0] if error.args else None)
