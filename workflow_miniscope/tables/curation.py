"""What curators decided, event by event: who, when, what, why. Rows are added, and never changed.

They are those of the logs beside the results (``results.curation``), which are written first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np

from ..analysis.agreement import Agreement, agreement
from ..database.connection import dj
from ..elements.miniscope import miniscope  # noqa: F401, the definitions name it
from ..elements.stored_values import naive_utc
from ..results.curation import Curation, Event

schema = dj.Schema()


@schema
class Decision(dj.Manual):
    """One thing that a curator did; see :class:`~workflow_miniscope.results.curation.Event`.

    ``undo`` takes back the curator's latest step that stands, ``redo`` makes it again: what counts follows from all
    rows of a curator in their order (:func:`states`).
    """

    definition = """
    -> miniscope.Processing
    curator          : varchar(64)
    decision_number  : int32          # order, from 0
    ---
    event_id         : varchar(64)    # as in the log beside the result
    decision_time    : datetime       # UTC
    action           : enum('decide', 'note', 'undo', 'redo', 'merge', 'split', 'add', 'redraw')
    decision=''      : varchar(16)    # accepted, rejected or undecided
    note=''          : varchar(4000)
    place=null       : <blob>         # of an edit: (x, y) px, where a cell was added, or the boundary drawn [points, 2]
    """

    class Component(dj.Part):
        """A component that it is about; of an edit, one that it replaced."""

        definition = """
        -> master
        component    : int32          # number in the result, as mask of miniscope.Segmentation.Mask
        """

    class Made(dj.Part):
        """A component that an edit made, numbered after all that there were, as in the committed result."""

        definition = """
        -> master
        component    : int32          # as mask of miniscope.Segmentation.Mask of a curation that was committed since
        """


@schema
class Committed(dj.Manual):
    """The decisions that a curation of the Element was made from."""

    definition = """
    -> miniscope.Curation
    ---
    curator      : varchar(64)
    n_decisions  : int32              # the first so many rows of the curator in Decision
    n_accepted   : int32
    n_rejected   : int32
    n_undecided  : int32              # for these the engine's verdict holds
    """


def record(key: dict[str, Any], curator: str, events: Iterable[Event]) -> int:
    """Insert the events of a curator's log that are not there yet. Returns how many.

    Parameters
    ----------
    key : dict
        Of ``miniscope.Processing``.
    curator : str
        Name of the curator.
    events : iterable of Event
        All of the log, in its order.
    """
    there = len(Decision() & key & {"curator": curator})
    rows, parts, made = [], [], []
    for number, event in list(enumerate(events))[there:]:
        row = {**key, "curator": curator, "decision_number": number}
        parts += [{**row, "component": component} for component in event.components]
        made += [{**row, "component": component} for component in event.made]
        rows.append(
            row
            | {
                "event_id": event.id,
                "decision_time": naive_utc(datetime.fromisoformat(event.at)),
                "action": event.action,
                "decision": event.decision,
                "note": event.note,
                "place": np.array(event.place, np.float64) if event.place else None,
            }
        )
    if rows:
        with Decision.connection.transaction:
            Decision.insert(rows)
            Decision.Component.insert(parts)
            Decision.Made.insert(made)
    return len(rows)


def events(key: dict[str, Any], curator: str) -> list[Event]:
    """Return what a curator did about a processing, in its order."""
    chosen = {**key, "curator": curator}
    components, made = (_by_decision(part & chosen) for part in (Decision.Component(), Decision.Made()))
    return [
        Event(
            row["event_id"],
            row["action"],
            tuple(components.get(row["decision_number"], ())),
            row["decision"],
            row["note"],
            row["decision_time"].isoformat(),
            tuple(made.get(row["decision_number"], ())),
            () if row["place"] is None else tuple((float(x), float(y)) for x, y in row["place"]),
        )
        for row in (Decision() & chosen).to_dicts(order_by="decision_number")
    ]


def _by_decision(parts: Any) -> dict[int, list[int]]:
    """Components of each decision, by its number."""
    found: dict[int, list[int]] = {}
    for part in parts.to_dicts(order_by=("decision_number", "component")):
        found.setdefault(part["decision_number"], []).append(part["component"])
    return found


def curators(key: dict[str, Any]) -> list[str]:
    """Return who has decided about a processing."""
    return sorted(set((Decision() & key).to_arrays("curator").tolist()))


def states(key: dict[str, Any], curator: str, n_components: int) -> Curation:
    """Return what follows from all that a curator did about a processing."""
    return Curation(n_components, events(key, curator))


def agreement_of(key: dict[str, Any], first: str, second: str) -> Agreement:
    """Compare what two curators decided about a processing."""
    both = [{"curator": first}, {"curator": second}]
    made = (Decision.Made() & key & both).to_arrays("component")
    components = (Decision.Component() & key & both).to_arrays("component")
    # those behind are undecided by both; what is made is numbered after the components of the result
    n_components = int(min(made)) if len(made) else int(max(components, default=-1)) + 1
    return agreement(*(states(key, curator, n_components).of_result for curator in (first, second)))
