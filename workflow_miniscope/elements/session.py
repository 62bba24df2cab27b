"""element-session, translated; it needs no correction."""

from __future__ import annotations

from typing import Any

from .translation import import_element

session = import_element("element_session.session_with_datetime")


def get_session_directory(session_key: dict[str, Any]) -> str:
    """Return the directory of a session, relative to its root directory. The Elements ask for it by this name."""
    session_dir: str = (session.SessionDirectory & session_key).fetch1("session_dir")
    return session_dir
