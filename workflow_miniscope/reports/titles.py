"""What is written above a figure: everything that tells it from the figure of another recording or analysis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..work.local_time import local_starts

#: characters of a description at most, so that a title fits its figure
LONGEST = 40


def title(key: dict[str, Any]) -> str:
    """Return animal, start by both clocks and devices in one line; parameters, curation and face task in a second one.

    Parameters
    ----------
    key : dict
        Primary key of a recording, an analysis or a result of Facemap.
    """
    from ..pipeline import facemap, miniscope, session

    start = local_starts(session.Session & {name: key[name] for name in ("subject", "session_datetime")})
    local = next(iter(start.values()), None)
    recording = {name: key[name] for name in ("subject", "session_datetime", "recording_id")}
    devices = [(facemap.VideoRecording if is_of_camera(key) else miniscope.Recording, recording)]
    if "video_recording_id" in key:  # of a scope and a camera together
        devices.append((facemap.VideoRecording, {**recording, "recording_id": key["video_recording_id"]}))
    named = " and ".join((table & one).fetch1("device") for table, one in devices)
    lines = [f"{key['subject']} · {moments(key['session_datetime'], local)} · {named}"]
    lines += [" · ".join(said)] if (said := list(_analysis(key))) else []
    return "\n".join(lines)


def is_of_camera(key: dict[str, Any]) -> bool:
    """Whether a key is that of a camera's result, whose ``recording_id`` counts cameras."""
    return "facemap_task_id" in key and "paramset_id" not in key


def moments(utc: datetime, local: datetime | None) -> str:
    """Return a moment by the clock of the computer that recorded, where it is known, and in UTC."""
    if local is None:
        return f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    other = f"{utc:%H:%M:%S}" if utc.date() == local.date() else f"{utc:%Y-%m-%d %H:%M:%S}"
    return f"{local:%Y-%m-%d %H:%M:%S} local time ({other} UTC)"


def _analysis(key: dict[str, Any]) -> Iterator[str]:
    from ..pipeline import face, facemap, miniscope

    if "paramset_id" in key:
        engine, said = (miniscope.ProcessingParamSet & key).fetch1("processing_method", "paramset_desc")
        yield f"paramset {key['paramset_id']}: {_short(said, engine)}"
    if "curation_id" in key:
        by_hand = (miniscope.Curation & key).fetch1("manual_curation")
        yield f"curation {key['curation_id']}" + (", by hand" if by_hand else "")
    if "facemap_task_id" in key:
        camera = {**key, "recording_id": key.get("video_recording_id", key["recording_id"])}
        said = (facemap.FacemapTask & camera).fetch1("task_description")
        yield f"face task {key['facemap_task_id']}: {_short(said)}"
    if "prediction_params_id" in key:
        said = (face.PredictionParams() & key).fetch1("description")
        yield f"prediction {key['prediction_params_id']}: {_short(said)}"


def _short(text: str | None, engine: str = "") -> str:
    text = (text or "").strip() or "without a description"
    whole = text if not engine or engine in text.lower() else f"{engine}, {text}"
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1].rstrip()}…"
