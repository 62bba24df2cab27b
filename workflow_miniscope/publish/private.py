"""What must not leave the laboratory: folders of its computers, and who used them."""

from __future__ import annotations

import re
from typing import Any

#: Words in the names of settings that say who or which computer recorded; people are named in ``project.toml`` instead.
PERSONAL = ("researcher", "experimenter", "user", "host", "computer", "directory", "folder", "path")

# Drives and shares, whose folders may have blanks in their names, and folders from the root on
_WINDOWS = re.compile(r'(?:\b[A-Za-z]:|\\)[\\/](?:[^\\/\n"<>|*?:,;]+[\\/])*([^\\/\s,;"<>|*?:]*)')
_POSIX = re.compile(r'(?<![\w./])/(?:[^/\s",;][^/\n",;]*/)+([^/\s,;"]*)')


def without_paths(text: str) -> str:
    r"""Leave of every absolute path in a text the name of the file.

    >>> without_paths("moved to D:\\Ada L\\rig 1\\5.avi, then /home/ada/5.avi; 2 mg/kg")
    'moved to 5.avi, then 5.avi; 2 mg/kg'
    """
    return _POSIX.sub(r"\1", _WINDOWS.sub(r"\1", text))


def public(value: Any) -> Any:
    """Return a setting without absolute paths, in lists and dicts too."""
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, list):
        return [public(item) for item in value]
    if isinstance(value, dict):
        return {name: public(item) for name, item in value.items() if not is_personal(name)}
    return value


def is_personal(setting: str) -> bool:
    """Say whether a setting, by its name, is about people or computers."""
    return any(word in setting.lower() for word in PERSONAL)
