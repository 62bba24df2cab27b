"""Events and trials of an NWB file of ours, read and inserted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Key = dict[str, Any]

_PREFIX = "events_"
_OF_TRIAL = ("start_time", "stop_time", "trial_type")


@dataclass(frozen=True)
class Event:
    """An event: its type with what that is, and when it began and ended, seconds; None where it has no end."""

    type: str
    description: str
    start: float
    end: float | None


@dataclass(frozen=True)
class Trial:
    """A trial: number, type (empty: none), begin and end in seconds, and its attributes that are not empty."""

    number: int
    type: str
    start: float
    stop: float
    attributes: dict[str, str]


@dataclass(frozen=True)
class Happened:
    """Everything that happened in a session."""

    events: tuple[Event, ...] = ()
    trials: tuple[Trial, ...] = ()


def read_happened(file: Any) -> Happened:
    """Read what a file has; columns of other programs' trials are taken for attributes."""
    return Happened(tuple(_events(file)), tuple(_trials(file)))


def _events(file: Any) -> Iterator[Event]:
    for name, table in (file.events or {}).items():
        if not name.startswith(_PREFIX):
            continue
        kind = name.removeprefix(_PREFIX)
        description = "" if table.description == f"Events of the type {kind}." else table.description
        for row in table.to_dataframe().to_dict("records"):
            start, duration = float(row["timestamp"]), float(row.get("duration", math.nan))
            yield Event(kind, description, start, None if math.isnan(duration) else start + duration)


def _trials(file: Any) -> Iterator[Trial]:
    if file.trials is None:
        return
    for number, row in file.trials.to_dataframe().iterrows():
        attributes = {str(name): str(value) for name, value in row.items() if name not in _OF_TRIAL and str(value)}
        yield Trial(
            int(number), str(row.get("trial_type", "")), float(row.start_time), float(row.stop_time), attributes
        )


def insert_happened(key: Key, happened: Happened) -> None:
    """Insert the events and trials of a session, with their types where these are new."""
    from ...pipeline import event, trial

    if not happened.events and not happened.trials:
        return
    event.BehaviorRecording.insert1(key)
    for name, text in dict.fromkeys((one.type, one.description) for one in happened.events):
        if not event.EventType & {"event_type": name}:
            event.EventType.insert1({"event_type": name, "event_type_description": text})
    event.Event.insert(
        (
            {**key, "event_type": one.type, "event_start_time": one.start, "event_end_time": one.end}
            for one in happened.events
        ),
        allow_direct_insert=True,
    )
    for name in dict.fromkeys(one.type for one in happened.trials if one.type):
        if not trial.TrialType & {"trial_type": name}:
            trial.TrialType.insert1({"trial_type": name})
    for one in happened.trials:
        own = {**key, "trial_id": one.number}
        times = {"trial_start_time": one.start, "trial_stop_time": one.stop}
        trial.Trial.insert1({**own, **times, "trial_type": one.type or None}, allow_direct_insert=True)
        trial.Trial.Attribute.insert(
            {**own, "attribute_name": name, "attribute_value": value} for name, value in one.attributes.items()
        )
