"""What a run of processing did: rows, cells, failures, and the sentences that tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..database.conditions import name_of
from ..database.refusals import full_disk, is_full_disk
from ..errors import WorkflowError
from .steps import kind_of
from .text_table import TextTable

#: What is said where nothing was ingested: it is no success.
NO_RECORDING = (
    "There is nothing to process: no recording is in the database yet; `workflow-miniscope ingest` puts them in."
)


@dataclass
class ProcessReport:
    """What a run did.

    Attributes
    ----------
    done : dict
        Rows made for each table.
    errors : list of tuple
        What failed as (table, key, cause).
    elsewhere : list of tuple
        What other workers compute now as (table, key, where).
    names : set of str
        The recordings for which something was made.
    found, accepted : int
        Components found, and those accepted as cells, of the analyses that were finished.
    seconds : float
        How long it took.
    """

    done: dict[str, int] = field(default_factory=dict)
    errors: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    elsewhere: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    found: int = 0
    accepted: int = 0
    seconds: float = 0.0

    def count(self, name: str, n: int = 1) -> None:
        """Add to what was made for a table."""
        self.done[name] = self.done.get(name, 0) + n

    @property
    def happened(self) -> bool:
        """Whether anything was made or failed."""
        return any(self.done.values()) or bool(self.errors)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.parts()))

    def parts(self) -> list[TextTable | str]:
        """Return what was made as a table, and the sentences below it."""
        made = [(name, n) for name, n in self.done.items() if n]
        parts: list[TextTable | str] = [TextTable(("table", "made"), made, key="table")] if made else []
        if not made:
            nothing = self.errors or self.elsewhere
            parts.append("Nothing was made." if nothing else "Everything is done already.")
        if self.errors:
            failed = [f"  {name}, {name_of_key(name, key)}: {cause}" for name, key, cause in self.errors]
            parts.append("\n".join([f"{len(failed)} failed:", *failed]))
        if self.elsewhere:
            others = [f"  {name}, {name_of_key(name, key)}: on {worker}" for name, key, worker in self.elsewhere]
            parts.append("\n".join([f"{len(others)} computed by others now:", *others]))
        if made:
            parts.append(self.summary())
        return parts

    def summary(self) -> str:
        """Return one line: recordings, cells, time."""
        of = f"{len(self.names)} recording" + "s" * (len(self.names) != 1)
        cells = f", {self.accepted} cells of {self.found} components" if self.found else ""
        failed = f", {len(self.errors)} failed" if self.errors else ""
        return f"{of}{cells}{failed}, {duration(self.seconds)}."


def describe(error: BaseException) -> str:
    """Return the cause of an error as one line; ours are sentences, others get their kind in front."""
    if is_full_disk(error):
        return full_disk(error)
    text = " ".join(str(error).split())
    return text if isinstance(error, WorkflowError) and text else f"{type(error).__name__}: {text}".rstrip(": ")


def name_of_key(step: str, key: dict[str, Any]) -> str:
    """Return the name of a step's key, which every command takes; other keys as short text."""
    if {"subject", "session_datetime"} <= key.keys():
        return name_of(key, camera=kind_of(step) == "camera")
    return " ".join(f"{name}={value}" for name, value in key.items()) or "(another worker's)"


def duration(seconds: float) -> str:
    """Return a length of time for a person, such as ``1 h 3 min`` or ``12 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
