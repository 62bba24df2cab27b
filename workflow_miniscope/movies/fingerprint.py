"""From which files a result was made, so that it is not taken for that of files put in their place.

Sizes and samples are compared, not whole files: an hour's recording has tens of gigabytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RecordingError
from .types import Floats

#: The record's name, beside the result
NAME = "raw_files.json"

#: Pieces of a file that its fast checksum is of, evenly spaced from its first to its last, and the bytes of each: 4 MB
#: of any file, however long, so that hundreds of videos take seconds.
PIECES, PIECE = 64, 65536


def write_record(folder: Path, files: Sequence[Path], times: Floats | None = None) -> None:
    """Write from what a result is made into its folder.

    Parameters
    ----------
    folder : Path
        Where the result is written.
    files : sequence of Path
        The movie's files, in order.
    times : float64 [frames], optional
        The time of each frame (s), where the result depends on it.
    """
    record: dict[str, Any] = {"files": [_describe(file) for file in files], "times": _digest_of(times)}
    record["folder"] = str(files[0].parent.resolve())
    (folder / NAME).write_text(json.dumps(record, indent=2), encoding="utf-8")


def read_record(folder: Path) -> list[dict[str, Any]]:
    """Read what was written of the files that a result in a folder was made from.

    Returns
    -------
    list of dict
        ``name``, ``bytes`` and ``samples`` (the checksum) of each; empty where nothing was written, or not this.
    """
    try:
        files = json.loads((folder / NAME).read_text(encoding="utf-8"))["files"]
        return [
            {"name": str(file["name"]), "bytes": int(file["bytes"]), "samples": str(file["samples"])} for file in files
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def changed(result: Path, files: Sequence[Path], times: Floats | None = None) -> str | None:
    """Say what of the raw data changed since a result was made from it, or None.

    A result without a record, of an earlier version or of another program, is compared with the times at which the
    files were written.

    Parameters
    ----------
    result : Path
        The result file.
    files : sequence of Path
        The movie's files now, in order. More of them than before are none of its business: the frames are counted.
    times : float64 [frames], optional
        The time of each frame now (s).

    Raises
    ------
    RecordingError
        A file cannot be read.
    """
    try:
        record = json.loads((result.parent / NAME).read_text(encoding="utf-8"))
        before, times_before = list(record["files"]), record["times"]
        names = [str(entry["name"]) for entry in before]
    except FileNotFoundError:
        made = result.stat().st_mtime
        newer = [file for file in files if _status(file).st_mtime > made]
        return f"{newer[0]} was written after it was made" if newer else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return f"its {NAME} cannot be read"
    for name, entry, file in zip(names, before, files, strict=False):
        if name != file.name:
            return f"it was made from {name}, in whose place {file} is"
        if entry != _describe(file):
            return f"{file} was changed since it was made"
    if len(names) > len(files):
        return f"it was made from {names[len(files)]}, too, which is not there"
    if times is not None and times_before is not None and times_before != _digest_of(times):
        return "the time stamps were changed since it was made"
    return None


def recorded_folder(result: Path) -> Path | None:
    """Give the folder that the first file was in when a result was made; None where its record does not say."""
    try:
        return Path(json.loads((result.parent / NAME).read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fast_checksum(path: Path) -> str:
    """Return a checksum of a file's length and of pieces of it.

    It tells a file that was replaced, cut, extended or compressed anew; a single changed byte between the pieces it
    may miss.

    Returns
    -------
    str
        32 hexadecimal digits (BLAKE2b).
    """
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    last = max(size - PIECE, 0)
    starts = sorted({last * i // (PIECES - 1) for i in range(PIECES)})
    with path.open("rb") as file:
        for start in starts:
            file.seek(start)
            digest.update(file.read(PIECE))
    return digest.hexdigest()


def _describe(file: Path) -> dict[str, Any]:
    size = _status(file).st_size
    try:
        return {"name": file.name, "bytes": size, "samples": fast_checksum(file)}
    except OSError as error:
        raise RecordingError(f"{file} cannot be read ({error.strerror or error}).") from None


def _status(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise RecordingError(f"{file} cannot be read ({error.strerror or error}).") from None


def _digest_of(times: Floats | None) -> str | None:
    if times is None:
        return None
    values = np.ascontiguousarray(times, dtype="<f8")
    return hashlib.blake2b(values.tobytes(), digest_size=16).hexdigest()
