"""metaData.json and the spellings of its values."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import RecordingError
from ..spelling import composed
from .text import decode, read_bytes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_json(path: Path) -> dict[str, Any]:
    """Read a metaData.json.

    Raises
    ------
    RecordingError
        It is missing, or is no JSON object.
    """
    file = read_bytes(path)
    try:
        content = json.loads(decode(file)[0])
    except json.JSONDecodeError as error:
        raise RecordingError(f"{path} line {error.lineno} is not valid JSON ({error.msg}); correct it.") from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise RecordingError(f"{path} is not a JSON file; copy it from the recording computer again.") from None
    if not isinstance(content, dict):
        raise RecordingError(f"{path} holds no JSON object; copy it from the recording computer again.")
    return content


def number(value: Any) -> float | None:
    """Read a setting that is a number or starts with one: 20, 20.0, "20", "20FPS", "20 Hz", "16X".

    Returns
    -------
    float or None
        None where there is no number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    match = re.match(r"\s*([-+]?\d+(?:\.\d*)?)", value) if isinstance(value, str) else None
    if isinstance(value, str) and not match:
        return None
    try:
        found = float(match[1] if match else value)
    except OverflowError:  # JSON's integers have no limit
        return None
    return found if math.isfinite(found) else None


def text(value: Any) -> str | None:
    """Read a text, its letters composed, or a number typed as one; None where there is none or only blanks."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return (composed(value).strip() or None) if isinstance(value, str) else None


# Before the first Miniscope was built no recording can have started
_FIRST_YEAR = 2010
# Time zones reach from -12 to +14 hours; the two clocks are read a moment apart
_FARTHEST_ZONE = timedelta(hours=14, minutes=1)


def clock_problems(utc: datetime | None, local: datetime | None) -> list[str]:
    """Say where the start of a recording cannot be true."""
    problems = []
    if utc is not None and (utc.year < _FIRST_YEAR or utc > datetime.now(UTC) + timedelta(days=1)):
        problems.append(f"It says that it was recorded on {utc:%Y-%m-%d}: the clock of the computer was not set.")
    if utc is not None and local is not None and abs(local - utc.replace(tzinfo=None)) > _FARTHEST_ZONE:
        problems.append(
            f"The rig's clock at the start, {local:%Y-%m-%d %H:%M:%S}, is in no time zone at {utc:%Y-%m-%d %H:%M:%S} "
            "UTC: was metaData.json changed?"
        )
    return problems


def start_time(metadata: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Read when a recording started, from a session's metadata.

    The fields are in ``recordingStartTime`` from v1.10 of Miniscope-DAQ-QT, and flat before.

    Returns
    -------
    utc : datetime or None
        From ``msecSinceEpoch``, the only field that says when in the world it was.
    local : datetime or None
        The rig's clock, without a zone, from the other fields.
    """
    fields = metadata.get("recordingStartTime", metadata)
    if not isinstance(fields, dict):
        return None, None
    utc = local = None
    msec = number(fields.get("msecSinceEpoch"))
    if msec:
        try:
            utc = _EPOCH + timedelta(milliseconds=msec)
        except OverflowError:
            pass
    clock = [number(fields.get(name)) for name in ("year", "month", "day", "hour", "minute", "second")]
    known = [int(value) for value in clock if value is not None]
    if len(known) == len(clock):
        year, month, day, hour, minute, second = known
        try:
            local = datetime(year, month, day, hour, minute, second) + timedelta(
                milliseconds=number(fields.get("msec")) or 0
            )
        except (ValueError, OverflowError):
            pass
    return utc, local
