"""A program in a terminal of a given width, as a person sees it."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
#: What rich and others read a terminal's abilities from.
_ABILITIES = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM")


def in_terminal(columns: int, *arguments: str, **environment: str) -> str:
    """Run this Python with arguments in a terminal, and return everything it wrote there."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in _ABILITIES}
    running = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**inherited, "TERM": "xterm-256color", "PYTHONPATH": str(TESTS), **environment},
    )
    os.close(theirs)
    written = b""
    try:
        while part := _read(ours):
            written += part
        _, errors = running.communicate(timeout=60)
        assert running.returncode == 0, errors.decode()
    finally:
        running.kill()
        running.wait()
        os.close(ours)
    return written.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # its other end was closed: the program has ended
        return b""


def without_styles(text: str) -> str:
    """Return a terminal's text without bold and colours, which must be the only control characters there are."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert "\x1b" not in plain
    return plain
