"""The recordings, one by one: when, how long, how good, how far, with how many cells, and what failed last."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from ..database.conditions import name_of
from ..database.restriction import choose
from ..errors import NothingMatched
from .analyses import Analysis, camera_analyses, scope_analyses
from .exclude import excluded_names
from .local_time import local_starts
from .progress import RECORDING, Failure, Key, State, key_of, progress, step_failures
from .steps import INGESTED, chosen_steps, kind_of


@dataclass(frozen=True)
class Overview:
    """A recording and how far it is.

    Attributes
    ----------
    name : str
        What every command takes.
    key : tuple
        Animal, start, number of the recording.
    subject, device, session_dir : str
        Animal, scope or camera, folder.
    kind : "scope" or "camera"
    start_utc : datetime
        Without a zone.
    start_local : datetime or None
        By the clock of the computer that recorded; None where nothing says it.
    duration_s : float or None
        By the time stamps; None before it is checked.
    verdict : str or None
        "good", "usable with warnings" or "unusable"; None before it is checked.
    steps : dict
        The state of each step.
    analyses : tuple of Analysis
    failures : tuple of Failure
        Oldest first.
    excluded : str or None
        Why it is left out of processing; None where it is not.
    """

    name: str
    key: Key
    subject: str
    device: str
    kind: Literal["scope", "camera"]
    session_dir: str
    start_utc: datetime
    start_local: datetime | None
    duration_s: float | None
    verdict: str | None
    steps: Mapping[str, State]
    analyses: tuple[Analysis, ...] = ()
    failures: tuple[Failure, ...] = ()
    excluded: str | None = None

    @property
    def state(self) -> State:
        """Excluded, failed where a step is, to do where one can be computed, else done."""
        if self.excluded is not None:
            return "excluded"
        states = self.steps.values()
        return "failed" if "failed" in states else "to do" if "to do" in states else "done"

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        last = self.failures[-1] if self.failures else None
        return {
            "name": self.name,
            "subject": self.subject,
            "kind": self.kind,
            "device": self.device,
            "session_dir": self.session_dir,
            "start_utc": self.start_utc.isoformat(),
            "start_local": None if self.start_local is None else self.start_local.isoformat(),
            "duration_s": self.duration_s,
            "verdict": self.verdict,
            "state": self.state,
            "excluded": self.excluded,
            "steps": dict(self.steps),
            "analyses": [dict(vars(analysis)) for analysis in self.analyses],
            "last_error": None if last is None else {**vars(last), "time": last.time.isoformat()},
        }


def overview(
    restrict: Any = None, state: str | None = None, verdict: str | None = None, result: str | None = None
) -> list[Overview]:
    """Return the recordings of scopes and cameras, by animal and time.

    Parameters
    ----------
    restrict : str, dict or list of them, optional
        Which recordings (see :func:`..database.restriction.restricted`); by default all.
    state, verdict : str, optional
        Only recordings with these.
    result : str, optional
        Only recordings with an analysis that has this verdict.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong, or no recording is like this.
    """
    from ..pipeline import facemap, miniscope

    recordings, videos = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    rows = [*_of_kind("scope", recordings), *_of_kind("camera", videos)]
    rows = _with_steps(rows, recordings, videos)
    found = sorted(rows, key=lambda row: (row.subject, row.start_utc, row.kind == "camera", row.name))
    for what, wanted in (("state", state), ("verdict", verdict)):
        there = found
        found = [row for row in there if wanted is None or getattr(row, what) == wanted]
        if there and not found:
            counts = Counter(str(getattr(row, what) or "not checked yet") for row in there)
            said = ", ".join(f"{number} {value}" for value, number in counts.items())
            raise NothingMatched(f"No recording has the {what} '{wanted}'; there is: {said}.")
    return found if result is None else _with_result(found, result)


def _with_result(rows: Sequence[Overview], wanted: str) -> list[Overview]:
    """Keep the recordings with an analysis of this verdict."""
    kept = [row for row in rows if any(one.verdict == wanted for one in row.analyses)]
    if rows and not kept:
        counts = Counter(str(one.verdict or "not judged") for row in rows for one in row.analyses)
        said = ", ".join(f"{number} {value}" for value, number in counts.items()) or "no result"
        raise NothingMatched(f"No recording has a result that is '{wanted}'; there is: {said}.")
    return kept


# What is known of a recording before any step ---------------------------------


def _of_kind(kind: Literal["scope", "camera"], chosen: Any) -> Iterator[Overview]:
    from ..pipeline import recording, session

    quality = recording.RecordingQuality if kind == "scope" else recording.CameraQuality
    judged = {key_of(row): row for row in (quality & chosen.proj()).proj("verdict", "duration_s").to_dicts()}
    folders = {key_of(row): row["session_dir"] for row in (session.SessionDirectory & chosen.proj()).to_dicts()}
    clocks, excluded = local_starts(chosen), excluded_names()
    analyses = scope_analyses(chosen) if kind == "scope" else camera_analyses(chosen)
    for row in chosen.proj("device").to_dicts():
        folder = folders.get(key_of(row)[:2], "")
        found = judged.get(key_of(row), {})
        name = name_of({column: row[column] for column in RECORDING}, camera=kind == "camera")
        yield Overview(
            name=name,
            key=key_of(row),
            subject=row["subject"],
            device=row["device"],
            kind=kind,
            session_dir=folder,
            start_utc=row["session_datetime"],
            start_local=clocks.get(key_of(row)[:2]),
            duration_s=found.get("duration_s"),
            verdict=found.get("verdict"),
            steps={},
            analyses=tuple(analyses.get(key_of(row), ())),
            excluded=excluded.get(name),
        )


# Steps -----------------------------------------------------------------------


def _with_steps(rows: Sequence[Overview], recordings: Any, videos: Any) -> list[Overview]:
    states: dict[str, dict[str, State]] = defaultdict(dict)
    failed: dict[str, list[Failure]] = defaultdict(list)
    for step, chosen in chosen_steps(recordings, videos):
        if step.name in INGESTED:
            continue
        here, failures = progress(step, chosen), step_failures(step, chosen)
        for row in rows:
            if kind_of(step.name) not in ("session", row.kind):
                continue
            key = row.key[:2] if kind_of(step.name) == "session" else row.key
            mine = failures.get(key, [])
            failed[row.name] += mine
            states[row.name][step.name] = "failed" if mine else here.get(key, "waiting")
    return [
        replace(row, steps=states[row.name], failures=tuple(sorted(failed[row.name], key=lambda one: one.time)))
        for row in rows
    ]
