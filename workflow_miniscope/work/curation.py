"""Curation of a result file or of a processing in the database: where its log lies, what a committed one becomes."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..analysis.agreement import Agreement, agreement
from ..database.conditions import result_path
from ..errors import CurationError
from ..movies.types import Floats, Ints
from ..results.caiman import RESULT_NAME, OpenedResult, Traces, find_result
from ..results.curation import (
    Curation,
    DecisionLog,
    Event,
    MadeComponent,
    State,
    Summary,
    log_path,
    made_folder,
    read_log,
    read_made,
    write_curated,
)
from .result_movie import OpenedMovie, ResultMovie

logger = logging.getLogger(__name__)


class Curating:
    """A curator at a result file: no database.

    Attributes
    ----------
    opened : OpenedResult
        The result.
    log : DecisionLog
        Where decisions are saved.
    curator : str
        Who decides.
    source : ResultMovie
        Where the recording is.
    """

    def __init__(self, opened: OpenedResult, log: DecisionLog, curator: str, source: ResultMovie) -> None:
        self.opened, self.log, self.curator, self.source = opened, log, curator, source

    def open_movie(self) -> OpenedMovie:
        """Open the recording that the result was made from.

        Raises
        ------
        RecordingError
            It is not on the disk, or is another one.
        """
        return self.source.open()

    def changed(self) -> None:
        """Take note that the log has grown."""

    def commit(self, note: str = "") -> str:
        """Make a result of the decisions. Returns what was made, as a sentence.

        Raises
        ------
        CurationError
            Nothing was decided, or the file cannot be written.
        """
        self._require_decisions()
        parent = self.log.path.parent
        number = 1
        while list(parent.glob(f"curation_{number}_*")):
            number += 1
        path = parent / f"curation_{number}_{self.curator}" / RESULT_NAME
        states = self._states()
        write_curated(self.opened.path, path, self.opened.components, states, self.curator, self.made())
        return f"{Summary.of(states)}: {path}"

    def agreement(self, other: str) -> Agreement:
        """Compare the decisions with those of another curator, whose log lies beside.

        Raises
        ------
        CurationError
            That curator has no log of this result.
        """
        result = self.opened.components
        events = read_log(log_path(self.opened.path, other, self.log.path.parent), result)
        return agreement(self.log.curation.of_result, Curation(result.n_components, events).of_result)

    def made(self) -> list[MadeComponent]:
        """Read all that the curator's edits made, in the order of their numbers.

        Raises
        ------
        CurationError
            A file is missing or damaged.
        """
        folder = made_folder(self.log.path)
        edits = [event for event in self.log.events if event.made]
        return [component for event in edits for component in read_made(folder, event.id)]

    def one_made(self, component: int) -> MadeComponent:
        """Read one component that an edit made; see :meth:`made`."""
        event, which = self.log.maker_of(component)
        return read_made(made_folder(self.log.path), event.id)[which]

    def traces(self, component: int) -> Traces:
        """Read the traces of a component of the result, or of one that was made."""
        if component < self.opened.components.n_components:
            return self.opened.traces(component)
        one = self.one_made(component)
        return Traces(fitted=one.C, raw=one.C + one.YrA, deconvolved=one.S)

    def footprint(self, component: int) -> tuple[Ints, Floats]:
        """Give the pixels of a component, in Fortran order, and their weights."""
        A = self.opened.components.A
        if component < A.shape[1]:
            part = slice(A.indptr[component], A.indptr[component + 1])
            return A.indices[part], A.data[part]
        one = self.one_made(component)
        return one.pixels, one.weights

    def middle(self, component: int) -> tuple[float, float]:
        """Give the row and column of a component's centre of mass."""
        pixels, weights = self.footprint(component)
        x, y = np.divmod(pixels, self.opened.components.dims[0])
        total = float(weights.sum()) or 1.0
        return float(weights @ y) / total, float(weights @ x) / total

    def close(self) -> None:
        """End what is done beside."""

    def _states(self) -> list[State]:
        return list(self.log.curation.states)

    def _require_decisions(self) -> None:
        summary = Summary.of(self._states())
        if not summary.accepted + summary.rejected:
            raise CurationError(f"{self.curator} has decided nothing about {self.opened.path.name} yet.")


class CuratingInDatabase(Curating):
    """A curator at a processing in the database, which gets the decisions of the log, too.

    The log is written first. What a lost connection or a killed program kept from the database is in the log, and
    follows when it grows again or is opened the next time. All queries are made in one thread.
    """

    def __init__(
        self, opened: OpenedResult, log: DecisionLog, curator: str, source: ResultMovie, key: dict[str, Any]
    ) -> None:
        super().__init__(opened, log, curator, source)
        self.key = key
        self._thread = ThreadPoolExecutor(1, "database")
        self._thread.submit(self._record).result()

    def open_movie(self) -> OpenedMovie:
        """Open the recording that the database names."""
        return self._thread.submit(super().open_movie).result()

    def changed(self) -> None:
        """Insert the new decisions, beside what else is done."""
        self._thread.submit(self._record_or_say)

    def commit(self, note: str = "") -> str:
        """Make a curation of the Element, with a result file of its own, and fill the tables from it.

        Where the curator left a component undecided, the engine's verdict holds.
        """
        self._require_decisions()
        return self._thread.submit(self._commit, list(self.log.events), self._states(), note).result()

    def close(self) -> None:
        """Wait for the database."""
        self._thread.submit(self._record_or_say)
        self._thread.shutdown()

    def _record(self) -> None:
        from ..pipeline import curation

        curation.record(self.key, self.curator, list(self.log.events))

    def _record_or_say(self) -> None:
        try:
            self._record()
        except Exception as error:  # whatever it is, the decisions are in the log
            logger.warning("The database does not have the latest decisions yet (%s); the log has them.", error)

    def _commit(self, events: Sequence[Event], states: Sequence[State], note: str) -> str:
        from ..elements.stored_values import naive_utc
        from ..paths import get_processed_root_data_dir
        from ..pipeline import curation, miniscope
        from ..results.curation.decisions import utc

        curation.record(self.key, self.curator, events)
        numbers = (miniscope.Curation & self.key).to_arrays("curation_id")
        key = {**self.key, "curation_id": int(max(numbers, default=0)) + 1}
        output = (miniscope.ProcessingTask & self.key).fetch1("processing_output_dir")
        folder = PurePosixPath(output) / f"curation_{key['curation_id']}_{self.curator}"
        path = get_processed_root_data_dir() / folder / RESULT_NAME
        summary = Summary.of(states)
        said = f"by {self.curator}: {summary}" + (f". {note}" if note else "")
        write_curated(self.opened.path, path, self.opened.components, states, self.curator, self.made())
        try:
            with miniscope.Curation.connection.transaction:
                miniscope.Curation.insert1(
                    {
                        **key,
                        "curation_time": naive_utc(utc()),
                        "curation_output_dir": str(folder),
                        "manual_curation": True,
                        "curation_note": said[:2000],
                    }
                )
                counts = {f"n_{name}": count for name, count in vars(summary).items()}
                row = {**key, "curator": self.curator, "n_decisions": len(events), **counts}
                curation.Committed.insert1(row)
        except BaseException:  # a file that no row names is no curation
            path.unlink(missing_ok=True)
            path.parent.rmdir()
            raise
        fill(key)
        return f"{summary}: curation {key['curation_id']}, {path}"


def fill(key: dict[str, Any]) -> None:
    """Fill the tables that follow from a curation."""
    from .steps import MINISCOPE, steps  # a result file is curated without the database, whose packages take seconds

    for step in steps(MINISCOPE[MINISCOPE.index("miniscope.Curation") + 1 :]):
        if step.computed:
            step.table.populate(key)


@contextmanager
def curating(
    target: str | Path, curator: str | None = None, folder: Path | None = None, recording: Path | None = None
) -> Iterator[Curating]:
    """Open a result for a curator.

    Parameters
    ----------
    target : str or Path
        A result file or its folder; or what chooses one processing: its name, as ``list`` prints it, or a restriction.
    curator : str, optional
        Who decides; by default the user.
    folder : Path, optional
        Where decisions are saved, if not beside the result.
    recording : Path, optional
        The scope's folder, where neither the result nor the database says where the recording is.

    Raises
    ------
    WorkflowError
        There is no such result, or its decisions cannot be saved.
    """
    if folder is not None and not folder.is_dir():
        raise CurationError(f"There is no folder {folder} for the decisions: make it first.")
    name = getpass.getuser() if curator is None else curator
    key = None
    path = result_path(target)
    if path is None:
        key, path, usual = choose(str(target))
        folder = usual if folder is None else folder
    with closing(OpenedResult(path)) as opened:
        with DecisionLog(log_path(opened.path, name, folder), opened.components, opened.path.name, name) as log:
            source = ResultMovie(opened.path, recording, None if recording is not None else key)
            at_it = (
                Curating(opened, log, name, source)
                if key is None
                else CuratingInDatabase(opened, log, name, source, key)
            )
            with closing(at_it):
                yield at_it


def choose(restriction: str) -> tuple[dict[str, Any], Path, Path]:
    """Find the one processing that a restriction chooses.

    Returns
    -------
    key : dict
        Of ``miniscope.Processing``.
    path : Path
        The result file.
    folder : Path
        Where its logs are: below the processed root, even for a result that was loaded from a raw-data folder.

    Raises
    ------
    ResultError, ParameterError
        It chooses none or several, or its result is not there.
    """
    from ..database.restriction import only_key
    from ..elements.miniscope import find_output
    from ..paths import get_processed_root_data_dir
    from ..pipeline import miniscope

    key = only_key(miniscope.Processing, restriction, "processing")
    output = (miniscope.ProcessingTask & key).fetch1("processing_output_dir")
    folder = get_processed_root_data_dir() / output
    folder.mkdir(parents=True, exist_ok=True)
    return key, find_result(find_output(output)), folder
