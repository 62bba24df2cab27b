"""The log of one curator's decisions: JSON lines beside the result file, appended to and never rewritten.

The first line says which result it belongs to. A line counts once it is on the disk with its end; what a killed
program left of a line was never confirmed to the page, which sends it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import fasteners
import numpy as np

from ...errors import CurationError, NotSavedError
from ..caiman import CaimanResult
from .decisions import EDITS, Curation, Event, now

FORMAT = "workflow-miniscope decisions"
VERSION = 1
_CURATOR = re.compile(r"\w[\w.-]{0,63}")


def log_path(result: Path, curator: str, folder: Path | None = None) -> Path:
    """Give the path of a curator's log.

    Parameters
    ----------
    result : Path
        The result file.
    curator : str
        Name of the curator.
    folder : Path, optional
        Where the log is, if not beside the result.

    Raises
    ------
    CurationError
        The name could not be part of a file's name.
    """
    if not _CURATOR.fullmatch(curator):
        raise CurationError(
            f"'{curator}' cannot be a curator's name: give letters, digits, '.', '-' and '_' with --curator."
        )
    return (folder or result.parent) / f"{result.stem}.decisions-{curator}.jsonl"


def fingerprint(result: CaimanResult) -> str:
    """Give what tells whether a log belongs to a result: a digest of its footprints, hexadecimal."""
    digest = hashlib.sha256(np.array([*result.dims, result.n_components], np.int64).tobytes())
    for part, kind in ((result.A.indptr, np.int64), (result.A.indices, np.int64), (result.A.data, np.float32)):
        digest.update(np.ascontiguousarray(part, kind).tobytes())
    return digest.hexdigest()


def read_log(path: Path, result: CaimanResult) -> list[Event]:
    """Read the events of a log, without opening it for writing.

    Raises
    ------
    CurationError
        There is no such file, it is no log, or it belongs to another result.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CurationError(f"The decisions in {path} cannot be read: {error.strerror}.") from error
    return _parse(path, data, result)[1]


def _parse(path: Path, data: bytes, result: CaimanResult) -> tuple[dict[str, Any], list[Event]]:
    """Give the first line and the events; an unfinished last line does not count."""
    lines = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]
    try:
        header = json.loads(lines[0])
        known = header["format"] == FORMAT
    except (IndexError, ValueError, TypeError, KeyError, RecursionError):
        known = False
    if not known:
        raise CurationError(f"{path} is no log of decisions: move it away to begin a new one.")
    if header.get("version") != VERSION:
        raise CurationError(f"{path} was written by a newer version of this program: update it to read the file.")
    if header.get("fingerprint") != fingerprint(result):
        raise CurationError(
            f"{path} belongs to another result: the recording was processed again since. Move it away to begin anew."
        )
    events: list[Event] = []
    known = result.n_components
    for number, line in enumerate(lines[1:], 2):
        try:
            events.append(Event.parse(json.loads(line), known))
            known += len(events[-1].made)
        except (ValueError, RecursionError, CurationError) as error:
            raise CurationError(f"{path}, line {number} is damaged: {error}") from error
    return header, events


class DecisionLog:
    """One curator's log, open for writing.

    Parameters
    ----------
    path : Path
        The file, see :func:`log_path`; it is made where there is none.
    result : CaimanResult
        What is curated.
    name : str
        File name of the result.
    curator : str
        Name of the curator.

    Attributes
    ----------
    events : list of Event
        All that was done.
    curation : Curation
        What follows from them.

    Raises
    ------
    CurationError
        The log cannot be written, is open in another program, or belongs to another result.
    """

    def __init__(self, path: Path, result: CaimanResult, name: str, curator: str) -> None:
        self.path = path
        self._n_components = result.n_components
        self._thread_lock = threading.Lock()
        self._process_lock = fasteners.InterProcessLock(path.with_name(f".{path.name}.lock"))
        if not path.parent.is_dir():
            raise NotSavedError(f"There is no folder {path.parent} for the decisions: give one with --decisions.")
        try:
            if not self._process_lock.acquire(blocking=False):
                raise CurationError(
                    f"{curator} is curating this result in another window already: close it, or give another --curator."
                )
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._open(result, name, curator)
        except BaseException:
            self._process_lock.release()
            raise

    def _open(self, result: CaimanResult, name: str, curator: str) -> None:
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
            whole = data.rfind(b"\n") + 1
            self.events = _parse(self.path, data, result)[1] if whole else []
            if whole < len(data):
                os.truncate(self.path, whole)
            self._file = self.path.open("ab", buffering=0)
            if not whole:
                header = {
                    "format": FORMAT,
                    "version": VERSION,
                    "result": name,
                    "components": result.n_components,
                    "fingerprint": fingerprint(result),
                    "curator": curator,
                    "at": now(),
                }
                self._write([header])
                _sync_folder(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from error
        self._known = {event.id for event in self.events}
        self.curation = Curation(self._n_components, self.events)

    def maker_of(self, component: int) -> tuple[Event, int]:
        """Give the edit that made a component, and which of those that it made.

        Raises
        ------
        IndexError
            No edit made it.
        """
        for event in self.events:
            if component in event.made:
                return event, event.made.index(component)
        raise IndexError(component)

    def append(self, values: Sequence[Any]) -> list[Event]:
        """Save events; those that are known already are left out.

        Parameters
        ----------
        values : sequence of dict
            Events as a page sends them, in their order, but no edits. Their time is set here.

        Returns
        -------
        list of Event
            Those that were new. They are on the disk.

        Raises
        ------
        CurationError
            One of them is not what it may be, or the disk is full: then none of them is saved.
        """
        with self._thread_lock:
            at = now()
            events = [replace(Event.parse(value, self._known_components), at=at) for value in values]
            edits = [event.action for event in events if event.action in EDITS]
            if edits:
                raise CurationError(f"The edit '{edits[0]}' is fitted before it is saved: ask for it, don't send it.")
            new = list({event.id: event for event in events if event.id not in self._known}.values())
            if new:
                try:
                    self._write([event.as_json() for event in new])
                except OSError as error:
                    raise self._unwritable(error) from error
            self._take(new)
            return new

    def append_edit(
        self,
        event_id: str,
        action: str,
        components: Sequence[int],
        place: Sequence[tuple[float, float]],
        n_made: int,
    ) -> Event:
        """Save an edit whose components are on the disk, and number them. It is on the disk when this returns.

        Raises
        ------
        CurationError
            Something in it is not what it may be, or one of the components is gone.
        NotSavedError
            It cannot be written.
        """
        with self._thread_lock:
            first = self._known_components
            values = {"id": event_id, "action": action, "components": list(components), "at": now()}
            values |= {"made": list(range(first, first + n_made)), "place": [[float(x), float(y)] for x, y in place]}
            event = Event.parse(values, first)
            if not all(self.curation.states[k].present for k in components):
                raise CurationError("One of the components is gone by now: nothing was changed.")
            try:
                self._write([event.as_json()])
            except OSError as error:
                raise self._unwritable(error) from error
            self._take([event])
            return event

    @property
    def _known_components(self) -> int:
        return len(self.curation.states)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            self._known.add(event.id)
            self.events.append(event)
            self.curation.apply(event)

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        """Append lines, all or none."""
        text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
        data, handle = memoryview(text.encode()), self._file.fileno()
        size = os.fstat(handle).st_size
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(handle)
        except OSError:
            self._file.truncate(size)
            raise

    def _unwritable(self, error: OSError) -> NotSavedError:
        return NotSavedError(
            f"The decisions cannot be saved in {self.path}: {error.strerror or error}. "
            "Another folder can be given with --decisions."
        )

    def close(self) -> None:
        """Close the file and let others open it."""
        self._file.close()
        self._process_lock.release()

    def __enter__(self) -> Self:
        """Use it with ``with``."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _sync_folder(folder: Path) -> None:
    """Make sure that a new file's name is on the disk, where the system has such a thing."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
