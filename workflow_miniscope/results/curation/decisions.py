"""Decisions as events, and the state of every component that follows from them in their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ...errors import CurationError

UNDECIDED = "undecided"
#: what can be decided about a component
DECISIONS = ("accepted", "rejected", UNDECIDED)
ACTIONS = ("decide", "note", "undo", "redo")
#: letters of the longest note that is taken: a page of text
LONGEST_NOTE = 4000
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class State:
    """What is known of one component: the decision and a note."""

    decision: str = UNDECIDED
    note: str = ""


@dataclass(frozen=True)
class Event:
    """One thing that a curator did.

    Attributes
    ----------
    id : str
        Unique; an event that is sent again, because its answer was lost, is known by it.
    action : str
        "decide" (several components at once are one step), "note", "undo" or "redo".
    components : tuple of int
        Indices in the result, from 0; empty for undo and redo.
    decision, note : str
        What was decided, what was noted; empty for other actions.
    at : str
        When it was saved: ISO 8601, UTC.
    """

    id: str
    action: str
    components: tuple[int, ...] = ()
    decision: str = ""
    note: str = ""
    at: str = ""

    @classmethod
    def new(cls, action: str, components: Sequence[int] = (), decision: str = "", note: str = "") -> Event:
        """Make an event of now."""
        return cls(uuid4().hex, action, tuple(dict.fromkeys(components)), decision, note, now())

    @classmethod
    def parse(cls, values: Any, n_components: int) -> Event:
        """Make an event of what a page sent or a log holds.

        Parameters
        ----------
        values : dict
            The attributes as JSON has them; those that are empty may be absent.
        n_components : int
            Components of the result.

        Raises
        ------
        CurationError
            Something in it is not what it may be.
        """
        if not isinstance(values, dict):
            raise CurationError("A decision must be an object with id and action.")
        unknown = set(values) - {"id", "action", "components", "decision", "note", "at"}
        if unknown:
            raise CurationError(f"A decision has no field '{sorted(unknown)[0]}'.")
        event = cls(
            id=_text(values, "id"),
            action=_text(values, "action"),
            components=_components(values.get("components", []), n_components),
            decision=_text(values, "decision"),
            note=_text(values, "note"),
            at=_text(values, "at"),
        )
        event._check()
        return event

    def _check(self) -> None:
        if not _ID.fullmatch(self.id):
            raise CurationError("A decision needs an id of up to 64 letters and digits.")
        if self.action not in ACTIONS:
            raise CurationError(f"'{self.action}' is none of the actions {', '.join(ACTIONS)}.")
        if self.action in ("decide", "note") and not self.components:
            raise CurationError(f"The action '{self.action}' names no component.")
        if self.action == "decide" and self.decision not in DECISIONS:
            raise CurationError(f"A component can be {', '.join(DECISIONS)}, not '{self.decision}'.")
        if len(self.note) > LONGEST_NOTE:
            raise CurationError(f"A note may have {LONGEST_NOTE} letters, not {len(self.note)}.")

    def as_json(self) -> dict[str, Any]:
        """Give the attributes that are not empty, as JSON takes them."""
        values: dict[str, Any] = {"id": self.id, "action": self.action}
        if self.components:
            values["components"] = list(self.components)
        if self.action == "decide":
            values["decision"] = self.decision
        if self.action == "note" or self.note:
            values["note"] = self.note
        if self.at:
            values["at"] = self.at
        return values


def now() -> str:
    """Give the time in UTC, to the millisecond."""
    return utc().isoformat(timespec="milliseconds")


def utc() -> datetime:
    """Give the time, aware of its zone."""
    return datetime.now(UTC)


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise CurationError(f"'{name}' of a decision must be a text, not {value!r}.")
    return value


def _components(values: Any, n_components: int) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise CurationError("'components' of a decision must be a list of whole numbers.")
    outside = [value for value in values if not 0 <= value < n_components]
    if outside:
        raise CurationError(f"There is no component {outside[0]}: the result has {n_components}, numbered from 0.")
    return tuple(dict.fromkeys(values))


class Curation:
    """The state of every component after some events.

    What an event changed is one step. Undo takes back the latest step that stands, redo brings it again until
    another step is made; both without limit, because the steps come from the log.

    Parameters
    ----------
    n_components : int
        Components of the result; all are undecided at first.
    events : iterable of Event
        What was done, in its order.

    Attributes
    ----------
    states : list of State
        One for each component.
    """

    def __init__(self, n_components: int, events: Iterable[Event] = ()) -> None:
        self.states = [State()] * n_components
        # (component, before, after) of each step
        self._steps: list[list[tuple[int, State, State]]] = []
        self._standing = 0
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> tuple[int, ...]:
        """Take an event into account. Returns the components whose state it changed."""
        if event.action == "undo":
            if not self.can_undo:
                return ()
            self._standing -= 1
            return self._set({k: before for k, before, _ in self._steps[self._standing]})
        if event.action == "redo":
            if not self.can_redo:
                return ()
            self._standing += 1
            return self._set({k: after for k, _, after in self._steps[self._standing - 1]})
        step = []
        for component in event.components:
            before = self.states[component]
            after = (
                State(event.decision, before.note) if event.action == "decide" else State(before.decision, event.note)
            )
            if after != before:
                step.append((component, before, after))
        if not step:
            return ()
        del self._steps[self._standing :]
        self._steps.append(step)
        self._standing += 1
        return self._set({k: after for k, _, after in step})

    def _set(self, states: dict[int, State]) -> tuple[int, ...]:
        for component, state in states.items():
            self.states[component] = state
        return tuple(states)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._standing > 0

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back that can be made again."""
        return self._standing < len(self._steps)

    def chosen(self, decision: str) -> tuple[int, ...]:
        """Give the components with a decision."""
        return tuple(k for k, state in enumerate(self.states) if state.decision == decision)
