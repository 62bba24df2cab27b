"""When sessions started by the clock of the computer that recorded them; the tables hold UTC."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .progress import Key, key_of

_CLOCK = ("year", "month", "day", "hour", "minute", "second")


def local_starts(chosen: Any) -> dict[Key, datetime]:
    """Return the local starts of sessions, by animal and start in UTC; what neither file nor folder tells is left out.

    Parameters
    ----------
    chosen : DataJoint query
        Rows whose key holds that of a session.
    """
    from ..pipeline import recording, session

    fields: dict[Key, dict[str, Any]] = defaultdict(dict)
    for row in (recording.Settings.Session & chosen.proj()).to_dicts():
        fields[key_of(row)[:2]][row["setting"].removeprefix("recordingStartTime.")] = json.loads(row["value"])
    found = {}
    for folder in (session.SessionDirectory & chosen.proj()).to_dicts():
        key = key_of(folder)[:2]
        start = _of_settings(fields.get(key, {})) or _of_folder(folder["session_dir"])
        if start is not None:
            found[key] = start
    return found


def _of_settings(values: Mapping[str, Any]) -> datetime | None:
    """Return the time that a metadata file tells; those of older programs do not."""
    try:
        year, month, day, hour, minute, second = (int(values[name]) for name in _CLOCK)
        return datetime(year, month, day, hour, minute, second)
    except (KeyError, TypeError, ValueError):
        return None


def _of_folder(session_dir: str) -> datetime | None:
    """Return the time that Miniscope-DAQ named a folder after: 2026_01_15/10_20_30, or H10_M20_S30."""
    match = re.search(r"(\d{4})_(\d+)_(\d+)/H?(\d+)_M?(\d+)_S?(\d+)", session_dir)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
