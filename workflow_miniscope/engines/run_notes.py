"""What is noted of a computation when it has ended: where, with which packages, how long it took.

The note lies beside the result, so that it stays with it whatever happens to the database.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import socket
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from ..whole_files import whole

NOTE_NAME = "run_note.json"

#: Packages whose versions may change a result.
PACKAGES = (
    "workflow-miniscope",
    "numpy",
    "scipy",
    "numba",
    "h5py",
    "opencv-python",
    "opencv-python-headless",
    "datajoint",
    "element-miniscope",
    "element-facemap",
    "caiman",
    "facemap",
    "torch",
)

logger = logging.getLogger(__name__)


def write_note(folder: Path, seconds: float) -> None:
    """Note in the folder of a result how its computation went.

    Parameters
    ----------
    folder : Path
        Of the result. Where it was computed in another process, that has noted its own environment there.
    seconds : float
        How long it took. A note that cannot be written is no reason to lose the result: the log says so.
    """
    _write(folder, {**(read_note(folder) or environment()), "duration_s": round(seconds, 3)})


def write_environment(folder: Path) -> None:
    """Note in the folder of a result what its computation, which ran in this process, depends on."""
    _write(folder, environment())


def _write(folder: Path, note: dict[str, Any]) -> None:
    try:
        with whole(folder / NOTE_NAME) as partial:
            partial.write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        logger.warning("The computation of %s cannot be noted in it: %s", folder, error)


def read_note(folder: Path) -> dict[str, Any]:
    """Return what was noted of a result, or nothing where it was not noted or cannot be read."""
    try:
        content = json.loads((folder / NOTE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def environment() -> dict[str, Any]:
    """Return what a computation here depends on: ``host``, ``platform``, ``python``, ``packages``, ``git_commit``."""
    return {
        "host": socket.gethostname(),
        "platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "git_commit": _commit(),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _commit() -> str:
    """Return the commit of this program where it runs from a clone, with a plus where files differ from it."""
    top = Path(__file__).parents[2]
    if not (top / ".git").exists():
        return ""
    try:
        told = [
            subprocess.run(
                ["git", "-C", str(top), *words], capture_output=True, text=True, timeout=20, check=True
            ).stdout
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]
    except (OSError, subprocess.SubprocessError):
        return ""
    return told[0].strip() + ("+" if told[1].strip() else "")
