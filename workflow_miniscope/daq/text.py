"""Text files and their names, as the acquisition programs and the computers they passed through leave them."""

from __future__ import annotations

import codecs
from pathlib import Path

from ..errors import RecordingError

# What Windows in western Europe and America writes where a program does not ask for UTF-8, as both programs do not for
# notes
_ANSI = "cp1252"


def find_file(folder: Path, name: str) -> Path:
    """Give a file of a folder, whatever its letters' case: copying to some drives changes it.

    Returns
    -------
    Path
        The one of this name; else one that differs in case only; else the name itself, which is not there.
    """
    exact = folder / name
    if not exact.exists() and folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.name.lower() == name.lower():
                return path
    return exact


def read_bytes(path: Path) -> bytes:
    """Read a file, or raise RecordingError where it is missing."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise RecordingError(f"{path} is missing; copy it from the recording computer.") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror or error}).") from None


def read_text(path: Path) -> tuple[str, list[str]]:
    """Read a text file.

    Returns
    -------
    text : str
        What it says.
    problems : list of str
        One sentence where its encoding is not certain.

    Raises
    ------
    RecordingError
        It is missing or no text.
    """
    try:
        text, certain = decode(read_bytes(path))
    except UnicodeDecodeError:
        raise RecordingError(f"{path} is not a text file; copy it from the recording computer again.") from None
    return text, [] if certain else [f"{path.name} is not UTF-8 and was read as Windows-1252: check its umlauts."]


def decode(content: bytes) -> tuple[str, bool]:
    """Give the text of a file, and whether its encoding is certain, or raise UnicodeDecodeError."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as Excel saves "Unicode text"
        return content.decode("utf-16"), True
    try:
        return content.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        if any(byte < 32 and byte not in b"\t\n\r\f" for byte in content):  # which are in no text
            raise
        return content.decode(_ANSI), False
