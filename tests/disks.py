"""Small disks, to be filled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small(folder: Path, size: int) -> Iterator[Path]:
    """Mount a disk of so many bytes at a folder, which is made; the test is skipped where that cannot be done."""
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if not sys.platform.startswith("linux") or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: that needs root on Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, free: int) -> None:
    """Leave so many bytes."""
    statistics = os.statvfs(disk)
    with open(disk / "fill", "wb") as file:
        file.write(bytes(statistics.f_bavail * statistics.f_frsize - free))
