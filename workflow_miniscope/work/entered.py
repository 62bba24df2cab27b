"""What the database has of animals and sessions, asked for once: manifests grow, and most of their rows are there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ..elements.reference import Kind, stored_kinds
from ..spelling import composed


class Entered:
    """Animals, sessions and their devices as they are when this is made; what is entered later is not in it."""

    def __init__(self) -> None:
        from ..pipeline import description, facemap, miniscope, session, subject

        self._subjects = {row["subject"]: row for row in subject.Subject().to_dicts()}
        self._described = {row["subject"]: row for row in description.SubjectDescription().to_dicts()}
        self._sessions = {composed(row["session_dir"]): row for row in session.SessionDirectory().to_dicts()}
        kinds = stored_kinds()
        self._devices: dict[tuple[Any, Any], list[Kind]] = defaultdict(list)
        for table in (miniscope.Recording, facemap.VideoRecording):
            for row in table.proj("device").to_dicts():
                self._devices[row["subject"], row["session_datetime"]].append(kinds[row["device"]])

    def has_subject(self, values: Mapping[str, Any], described: Mapping[str, Any]) -> bool:
        """Whether an animal is there with all of these values."""
        stored = self._subjects.get(values["subject"])
        more = self._described.get(values["subject"], {})
        return (
            stored is not None
            and all(stored[name] == value for name, value in values.items())
            and all(more.get(name) == value for name, value in described.items())
        )

    def session(self, session_dir: str) -> dict[str, Any] | None:
        """Return the row of a session's folder, whichever form of its letters the database has."""
        return self._sessions.get(composed(session_dir))

    def devices(self, entered: Mapping[str, Any]) -> list[Kind]:
        """Return what the scopes and cameras of a session are."""
        return self._devices[entered["subject"], entered["session_datetime"]]
