"""Passwords of accounts: from a file, or made up and written into one that its owner alone can read."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import SettingsError
from ...settings import Settings, warn_if_open

#: Letters of a password at least
SHORTEST = 8

#: Random bytes of a password that is made up; it has a third more letters
RANDOM_BYTES = 24


def make_up() -> str:
    """Return a password that nobody can guess."""
    return secrets.token_urlsafe(RANDOM_BYTES)


def read(path: Path) -> str:
    """Return the password in the first line of a file.

    Raises
    ------
    SettingsError
        It cannot be read, or is too short.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The password in {path} cannot be read ({getattr(error, 'strerror', error)}).") from None
    warn_if_open(path)
    return check(lines[0].strip() if lines else "", str(path))


def check(password: str, where: str) -> str:
    """Return a password that is long enough.

    Raises
    ------
    SettingsError
        It is not.
    """
    if len(password) < SHORTEST:
        raise SettingsError(f"The password of {where} is too short: it needs {SHORTEST} letters at least.")
    return password


@contextmanager
def written(path: Path, settings: Settings, name: str, password: str) -> Iterator[None]:
    """Write the configuration of somebody into a file of its own, which is removed if the block ends in an error.

    Parameters
    ----------
    path : Path
        What to write, readable by its owner alone. A file that is there is never replaced.
    settings : Settings
        Of the server.
    name, password : str
        The account.

    Raises
    ------
    SettingsError
        The file is there, or cannot be written.
    """
    content = {
        "database.backend": settings.backend,
        "database.host": settings.host,
        "database.port": settings.port,
        "database.user": name,
        "database.password": password,
    }
    if settings.database_name is not None:
        content["database.name"] = settings.database_name
    if settings.use_tls is not None:
        content["database.use_tls"] = settings.use_tls
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SettingsError(f"{path} is there already, and may hold a password; name another file.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror or error}).") from None
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump({**content, "custom": {"database.prefix": settings.prefix}}, stream, indent=2)
            stream.write("\n")
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
