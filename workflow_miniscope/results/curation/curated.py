"""What a curation makes of a result: a file of its own, and a table of decisions for scripts."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from ...errors import CurationError, ResultError
from ...movies.types import Bools
from ..caiman import CaimanResult
from .decisions import DECISIONS, UNDECIDED, Curation, Event, State, now
from .extended import write_extended
from .made import MadeComponent

COLUMNS = ("component", "decision", "note")
#: why a component is none any more
REPLACED = "an edit of the curator replaced it, or was taken back"
#: for whoever reads an exported table; not read again
EXTRA = ("engine", "snr", "r", "curator")


@dataclass(frozen=True)
class Summary:
    """How many components were accepted, rejected and left undecided by a curator."""

    accepted: int
    rejected: int
    undecided: int

    @classmethod
    def of(cls, states: Sequence[State]) -> Summary:
        """Count those that are there."""
        counts = [sum(state.present and state.decision == decision for state in states) for decision in DECISIONS]
        return cls(*counts)

    def __str__(self) -> str:
        return f"{self.accepted} accepted, {self.rejected} rejected, {self.undecided} undecided"


def verdict(result: CaimanResult, states: Sequence[State]) -> Bools:
    """Which components are cells, bool [states]: as decided, and as the engine says where nobody decided.

    Components that an edit made are cells unless they were rejected; those that an edit replaced are none.
    """
    accepted = np.ones(len(states), bool)
    accepted[: result.n_components] = False
    accepted[result.accepted] = True
    for k, state in enumerate(states):
        if state.decision != UNDECIDED or not state.present:
            accepted[k] = state.present and state.decision == "accepted"
    return accepted


def write_curated(
    source: Path,
    target: Path,
    result: CaimanResult,
    states: Sequence[State],
    curator: str,
    made: Sequence[MadeComponent] = (),
) -> Path:
    """Write a copy of a result in which the decisions are the evaluation.

    Components keep their numbers: what was rejected or replaced stays in the file, as after an automatic evaluation.

    Parameters
    ----------
    source : Path
        The result file; it is not changed.
    target : Path
        The new file; its folder is made.
    result : CaimanResult
        What the file holds.
    states : sequence of State
        One for each component.
    curator : str
        Who decided; kept in the file's provenance.
    made : sequence of MadeComponent
        What the curator's edits made, in the order of their numbers.

    Raises
    ------
    CurationError
        The file is there already, or cannot be written.
    """
    if target.exists():
        raise CurationError(f"{target} is there already: a curated result is never overwritten.")
    accepted = verdict(result, states)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if made:
            write_extended(source, temporary, result, made)
        else:
            shutil.copyfile(source, temporary)
        with h5py.File(temporary, "r+") as file:
            estimates = file["estimates"]
            for name, kept in (("idx_components", accepted), ("idx_components_bad", ~accepted)):
                if name in estimates:
                    del estimates[name]
                estimates[name] = np.flatnonzero(kept).astype(np.int64)
            attributes = file.require_group("provenance").attrs
            attributes["curated"] = now()
            attributes["curator"] = curator
            attributes["curated_from"] = source.name
            decisions = {str(k): _plain(state) for k, state in enumerate(states) if state != State()}
            attributes["decided"] = sum(state.present and state.decision != UNDECIDED for state in states)
            attributes["made_by_hand"] = len(made)
            if made and "evaluation/reasons" in file:
                for k, state in enumerate(states):
                    if not state.present:
                        file["evaluation/reasons"][k] = REPLACED
            file["provenance"].create_dataset("decisions", data=json.dumps(decisions))
        os.replace(temporary, target)
    except OSError as error:
        raise CurationError(f"The curated result cannot be written to {target}: {error}.") from error
    except (KeyError, ValueError) as error:
        raise ResultError(f"{source} cannot be curated: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _plain(state: State) -> dict[str, str]:
    return {"decision": state.decision if state.present else "replaced", "note": state.note}


def export_csv(path: Path, result: CaimanResult, states: Sequence[State], curator: str) -> None:
    """Write decisions as a table: one row for each component that is there, those that edits made at the end.

    Raises
    ------
    CurationError
        The file cannot be written.
    """
    accepted = np.zeros(result.n_components, bool)
    accepted[result.accepted] = True
    n = result.n_components
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*COLUMNS, *EXTRA])
            for k, state in enumerate(states):
                if not state.present:
                    continue
                known = (result.snr, result.r_values)
                values = ["" if each is None or k >= n else f"{each[k]:.4g}" for each in known]
                engine = "" if k >= n else "accepted" if accepted[k] else "rejected"
                writer.writerow([k, state.decision, state.note, engine, *values, curator])
        os.replace(temporary, path)
    except OSError as error:
        raise CurationError(f"The decisions cannot be written to {path}: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_csv(path: Path, n_components: int) -> dict[int, State]:
    """Read a table of decisions: the columns component and decision, and note where there is one.

    Parameters
    ----------
    path : Path
        The table. Components that it does not name are not touched.
    n_components : int
        Components of the result.

    Raises
    ------
    CurationError
        The table cannot be read, or a row is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
            names = rows[0].keys() if rows else COLUMNS
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CurationError(f"{path} cannot be read as a table of decisions: {error}.") from error
    missing = [name for name in COLUMNS[:2] if name not in names]
    if missing:
        raise CurationError(f"{path} has no column '{missing[0]}': a table of decisions has component and decision.")
    states: dict[int, State] = {}
    for number, row in enumerate(rows, 2):
        where = f"{path}, row {number}"
        text = (row["component"] or "").strip()
        if not text.isdecimal() or int(text) >= n_components:
            raise CurationError(f"{where}: there is no component '{text}', the result has {n_components}, from 0.")
        decision = (row["decision"] or "").strip().lower()
        if decision not in DECISIONS:
            raise CurationError(f"{where}: a component can be {', '.join(DECISIONS)}, not '{decision}'.")
        if int(text) in states:
            raise CurationError(f"{where}: component {text} stands there twice.")
        states[int(text)] = State(decision, (row.get("note") or "").strip())
    return states


def events_for(curation: Curation, wanted: dict[int, State]) -> list[Event]:
    """Give what must be done for some components to be as they are wanted: one step for each kind of decision."""
    events = []
    for decision in DECISIONS:
        changed = [k for k, state in wanted.items() if state.decision == decision != curation.states[k].decision]
        if changed:
            events.append(Event.new("decide", changed, decision))
    for k, state in wanted.items():
        if state.note != curation.states[k].note:
            events.append(Event.new("note", [k], note=state.note))
    return events
