"""Letters with accents, which are one sign or two depending on the system that wrote them, and mean the same.

A Mac's drive and copies of it decompose them (NFD), keyboards and other systems compose them (NFC). Names are compared
and stored composed; files are opened as the disk spells them.
"""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize


def composed(text: str) -> str:
    """Return a text with its letters composed."""
    return normalize("NFC", text)


def on_disk(path: Path) -> Path:
    """Return a path as the disk spells it, as far as it is there; the rest as it is given."""
    if str(path).isascii() or path.exists():
        return path
    full = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        full = _below(full, part)
    return full


def _below(folder: Path, name: str) -> Path:
    exact = folder / name
    if exact.exists() or not folder.is_dir():
        return exact
    try:
        return next((path for path in sorted(folder.iterdir()) if composed(path.name) == composed(name)), exact)
    except OSError:  # a folder that may be passed but not listed
        return exact
