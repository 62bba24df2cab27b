"""Decisions as events, and the state of every component that follows from them in their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from uuid import uuid4

from ...errors import CurationError

UNDECIDED = "undecided"
#: what can be decided about a component
DECISIONS = ("accepted", "rejected", UNDECIDED)
ACTIONS = ("decide", "note", "undo", "redo")
#: what can be made of components: those that it is made of go, new ones come. Only who fits the new ones can say it
EDITS = ("merge", "split", "add", "redraw")
#: points of the longest boundary that is taken
MOST_POINTS = 2000
#: letters of the longest note that is taken: a page of text
LONGEST_NOTE = 4000
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class State:
    """What is known of one component: the decision, a note, and whether it is there or an edit has replaced it."""

    decision: str = UNDECIDED
    note: str = ""
    present: bool = True


#: of a component whose edit was taken back, or has replaced it
ABSENT = State(present=False)


@dataclass(frozen=True)
class Event:
    """One thing that a curator did.

    Attributes
    ----------
    id : str
        Unique; an event that is sent again, because its answer was lost, is known by it.
    action : str
        "decide" (several components at once are one step), "note", "undo" or "redo"; or one of :data:`EDITS`.
    components : tuple of int
        Indices in the result, from 0; empty for undo and redo. Of an edit, those that it replaces.
    decision, note : str
        What was decided, what was noted; empty for other actions.
    made : tuple of int
        Components that an edit made, numbered after all that there were.
    place : tuple of (float, float)
        (x, y) px: where a cell was added, or the boundary that was drawn.
    at : str
        When it was saved: ISO 8601, UTC.
    """

    id: str
    action: str
    components: tuple[int, ...] = ()
    decision: str = ""
    note: str = ""
    at: str = ""
    made: tuple[int, ...] = ()
    place: tuple[tuple[float, float], ...] = ()

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
            Components of the result, and those that were made before.

        Raises
        ------
        CurationError
            Something in it is not what it may be.
        """
        if not isinstance(values, dict):
            raise CurationError("A decision must be an object with id and action.")
        unknown = set(values) - {"id", "action", "components", "decision", "note", "at", "made", "place"}
        if unknown:
            raise CurationError(f"A decision has no field '{sorted(unknown)[0]}'.")
        event = cls(
            id=_text(values, "id"),
            action=_text(values, "action"),
            components=_components(values.get("components", []), n_components),
            decision=_text(values, "decision"),
            note=_text(values, "note"),
            at=_text(values, "at"),
            made=_made(values.get("made", []), n_components),
            place=_place(values.get("place", [])),
        )
        event._check()
        return event

    def _check(self) -> None:
        require_id(self.id)
        if self.action not in ACTIONS + EDITS:
            raise CurationError(f"'{self.action}' is none of the actions {', '.join(ACTIONS + EDITS)}.")
        if bool(self.made) != (self.action in EDITS):
            raise CurationError(f"An edit makes components, '{self.action}' makes {len(self.made)}.")
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
        if self.made:
            values["made"] = list(self.made)
        if self.place:
            values["place"] = [list(point) for point in self.place]
        return values


def require_id(text: str) -> None:
    """Refuse an id that is none: files are named after it.

    Raises
    ------
    CurationError
        It has other signs than letters, digits and hyphens.
    """
    if not _ID.fullmatch(text):
        raise CurationError("A decision needs an id of up to 64 letters and digits.")


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


def _made(values: Any, n_components: int) -> tuple[int, ...]:
    if not isinstance(values, list) or values != list(range(n_components, n_components + len(values))):
        raise CurationError(f"The components that an edit makes are numbered from {n_components} on, not {values!r}.")
    return tuple(values)


def _place(values: Any) -> tuple[tuple[float, float], ...]:
    def is_point(value: Any) -> bool:
        return (
            isinstance(value, list) and len(value) == 2 and all(type(x) in (int, float) and isfinite(x) for x in value)
        )

    if not isinstance(values, list) or len(values) > MOST_POINTS or not all(map(is_point, values)):
        raise CurationError(f"The place of an edit is a list of up to {MOST_POINTS} points [x, y].")
    return tuple((float(x), float(y)) for x, y in values)


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
        One for each component: those of the result, and then those that edits made.
    n_components : int
        Components of the result.
    """

    def __init__(self, n_components: int, events: Iterable[Event] = ()) -> None:
        self.n_components = n_components
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
        step = self._edit(event) if event.action in EDITS else self._decide(event)
        if not step:
            return ()
        del self._steps[self._standing :]
        self._steps.append(step)
        self._standing += 1
        return self._set({k: after for k, _, after in step})

    def _decide(self, event: Event) -> list[tuple[int, State, State]]:
        step = []
        for component in event.components:
            before = self.states[component]
            after = (
                replace(before, decision=event.decision)
                if event.action == "decide"
                else replace(before, note=event.note)
            )
            if after != before and before.present:
                step.append((component, before, after))
        return step

    def _edit(self, event: Event) -> list[tuple[int, State, State]]:
        """Replace components; what was merged or added by a person is accepted, parts of one are to be looked at."""
        self.states += [ABSENT] * (max(event.made) + 1 - len(self.states))
        before = [self.states[component] for component in event.components]
        if not all(state.present for state in before):
            return []
        notes = "; ".join(dict.fromkeys(state.note for state in before if state.note))[:LONGEST_NOTE]
        decision = {"split": UNDECIDED, "redraw": before[0].decision if before else ""}.get(event.action, "accepted")
        gone = [(k, state, replace(state, present=False)) for k, state in zip(event.components, before, strict=True)]
        return gone + [(k, ABSENT, State(decision, notes)) for k in event.made]

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
        return tuple(k for k, state in enumerate(self.states) if state.present and state.decision == decision)

    @property
    def of_result(self) -> list[State]:
        """States of the components of the result alone; one that an edit has replaced counts as not decided."""
        return [state if state.present else State(note=state.note) for state in self.states[: self.n_components]]
