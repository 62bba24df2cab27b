"""Events and trials that a laboratory has entered."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contents import Contents
from ..private import without_paths
from .devices import safe


def add_events(file: Any, contents: Contents) -> None:
    """Add a table for each type of event."""
    from ...pipeline import event

    rows = (event.Event & contents.key).to_dicts(order_by="event_start_time")
    types = {row["event_type"]: row["event_type_description"] for row in event.EventType().to_dicts()}
    for name in sorted({row["event_type"] for row in rows}):
        events = file.create_events_table(
            name=safe(f"events_{name}"), description=without_paths(types[name]) or f"Events of the type {name}."
        )
        for row in rows:
            if row["event_type"] == name:
                start, end = float(row["event_start_time"]), row["event_end_time"]
                events.add_event(timestamp=start, duration=np.nan if end is None else float(end) - start)


def add_trials(file: Any, contents: Contents) -> None:
    """Add the trials with their types and attributes."""
    from ...pipeline import trial

    rows = (trial.Trial & contents.key).to_dicts(order_by="trial_id")
    if not rows:
        return
    attributes: dict[str, dict[int, str]] = {}
    for row in (trial.Trial.Attribute & contents.key).to_dicts():
        attributes.setdefault(row["attribute_name"], {})[row["trial_id"]] = without_paths(row["attribute_value"])
    file.add_trial_column(name="trial_type", description="Type of the trial; empty where it has none.")
    for name in sorted(attributes):
        file.add_trial_column(name=safe(name), description=f"Attribute {name} of the trial; empty where it has none.")
    for row in rows:
        file.add_trial(
            id=int(row["trial_id"]),
            start_time=float(row["trial_start_time"]),
            stop_time=float(row["trial_stop_time"]),
            trial_type=row["trial_type"] or "",
            **{safe(name): values.get(row["trial_id"], "") for name, values in attributes.items()},
        )
