"""What a run of Facemap notes beside its result, because the result itself does not say it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...errors import ResultError
from .parameters import Parameters

RUN_NAME = "facemap_run.json"


def write_run(folder: Path, version: str, params: Parameters, files: Sequence[str], n_frames: int) -> None:
    """Write the note; the moment is now."""
    about = {
        "program": "facemap",
        "version": version,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "params": params.plain(),
        "files": list(files),
        "n_frames": n_frames,
    }
    (folder / RUN_NAME).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def read_run(folder: Path | str) -> dict[str, Any] | None:
    """Read what a run noted beside its result, or give None where there is no such note.

    Returns
    -------
    dict or None
        ``version`` of Facemap, ``created`` (ISO 8601, UTC), ``params`` as checked, ``files``, ``n_frames``.

    Raises
    ------
    ResultError
        The note is damaged.
    """
    path = Path(folder) / RUN_NAME
    if not path.is_file():
        return None
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        datetime.fromisoformat(about["created"])
        missing = {"version", "params", "files", "n_frames"} - about.keys()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ResultError(f"{path} is damaged ({error}); move its folder away and run Facemap again.") from None
    if missing:
        raise ResultError(f"{path} lacks {', '.join(sorted(missing))}; move its folder away and run Facemap again.")
    return about
