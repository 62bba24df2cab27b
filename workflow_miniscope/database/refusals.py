"""What a server does not let a user do, as a sentence."""

from __future__ import annotations

from .connection import dj

# insufficient_privilege; and access denied: to a schema, a table, a column, for lack of something global
_CODES = ("42501", 1044, 1142, 1143, 1227)


def is_refusal(error: BaseException) -> bool:
    """Return whether an error says that this user may not do something, in a driver's words or in DataJoint's."""
    if isinstance(error, dj.errors.AccessError):
        return True
    if isinstance(error, dj.DataJointError):
        return "Check permissions" in str(error)  # a schema that could not be made
    code = getattr(error, "pgcode", None) or (error.args[0] if error.args else None)
    return code in _CODES


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
