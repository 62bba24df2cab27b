"""CSV manifests and Miniscope-DAQ folders into tables.

    python -m workflow_miniscope.ingest --subjects user_data/subjects.csv --sessions user_data/sessions.csv
    python -m workflow_miniscope.ingest --walk /data/miniscope --output user_data/sessions.csv

Each row goes in whole or not at all. Rows that are there already are left alone, so the command can be run again after
every recording day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import daq
from .bars import tqdm
from .database.columns import text_length
from .database.connection import DATABASE_ERRORS
from .errors import ManifestError, RecordingError, WorkflowError, did_you_mean
from .paths import find_full_path, get_facemap_root_data_dir, get_miniscope_root_data_dir, to_relative
from .spelling import composed
from .work import check
from .work.entered import Entered
from .work.manifests import (
    DESCRIPTION_COLUMNS,
    SESSION_COLUMNS,
    SESSION_OPTIONAL,
    SUBJECT_COLUMNS,
    SUBJECT_OPTIONAL,
    Row,
    read_manifest,
    too_long,
)
from .work.proposal import propose, walk

if TYPE_CHECKING:
    from .elements.reference import Kind

__all__ = ["IngestReport", "ingest", "propose", "walk"]

#: What is said of two manifests that have a header alone.
NOTHING = (
    "Nothing to ingest: the manifests have no rows. `workflow-miniscope ingest --walk ROOT --output "
    "user_data/sessions.csv` finds the sessions below the folder ROOT and adds them."
)


@dataclass
class IngestReport:
    """What ingest did: new entries and rows that were there, by kind, what is wrong with the others.

    ``refused`` are the animals among them; ``to_publish`` says what publishing the new sessions will miss.
    """

    inserted: dict[str, int] = field(default_factory=dict)
    present: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    to_publish: str = ""
    new_sessions: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _changes: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def note_change(self, place: str, since: str, change: str) -> None:
        """Keep what changed since an animal's recording before, to be told once however often it happens."""
        self._changes.setdefault(change, []).append(f"{place}: {since}, {change}.")

    def tell_changes(self) -> None:
        """Put the changes among the notes."""
        for first, *others in self._changes.values():
            rows = "row" if len(others) == 1 else "rows"
            self.notes.append(f"{first} The same in {len(others)} {rows} below." if others else first)
        self._changes.clear()

    def count(self, kind: str, n: int = 1) -> None:
        """Add to the new entries of a kind."""
        self.inserted[kind] = self.inserted.get(kind, 0) + n

    def __str__(self) -> str:
        lines = [f"{kind}: {n} new" for kind, n in self.inserted.items() if n]
        lines += [f"{kind}: {n} there already" for kind, n in self.present.items() if n]
        lines += [f"Note: {note}" for note in self.notes]
        lines += [f"Not ingested: {problem}" for problem in self.problems]
        lines += [self.to_publish] if self.to_publish else []
        return "\n".join(lines or [NOTHING])


def ingest(
    subjects_csv: str | Path = "user_data/subjects.csv",
    sessions_csv: str | Path = "user_data/sessions.csv",
    progress: bool = True,
    strict: bool = False,
) -> IngestReport:
    """Ingest the subjects and sessions of two manifests.

    Parameters
    ----------
    subjects_csv : path
        Columns subject, sex (M, F or U), subject_birth_date (YYYY-MM-DD), subject_description; optionally
        subject_nickname, and what archives ask for: species (Latin, such as Mus musculus), strain, genotype.
    sessions_csv : path
        Columns subject, session_dir (below a root directory), acq_software; optionally session_datetime (for
        recordings that do not know their start in UTC), session_note, recording_notes, user, project,
        recording_location_id.
    progress : bool
        Show a progress bar on a terminal.
    strict : bool
        Check each new session as ``workflow-miniscope check`` does, reading all its frames, and refuse it where a
        recording is unusable.

    Returns
    -------
    IngestReport
        Its ``problems`` name each row that was refused, and why.

    Raises
    ------
    ManifestError
        A manifest cannot be read at all.
    """
    from .pipeline import subject

    subject_rows, session_rows = _read_both(Path(subjects_csv), Path(sessions_csv))
    report = IngestReport()
    all_subjects = subject_rows
    subject_rows, session_rows = _fitting(subject_rows, report), _fitting(session_rows, report)
    known_subjects = set(subject.Subject.to_arrays("subject"))
    entered = Entered()
    _each(
        subject_rows,
        lambda row: _ingest_subject(row, known_subjects, report),
        report,
        "subjects",
        progress,
        known=lambda row: _has_subject(row, entered, report),
    )
    report.refused = {row.values["subject"] for row in all_subjects if "subject" in row.values} - known_subjects
    _each(
        session_rows,
        lambda row: _ingest_session(row, known_subjects, report),
        report,
        "sessions",
        progress,
        known=lambda row: _has_session(row, known_subjects, entered, report),
        before=(lambda row: _refuse_unusable(row, progress)) if strict else None,
    )
    report.tell_changes()
    report.to_publish = _to_publish(report)
    return report


def _to_publish(report: IngestReport) -> str:
    """Say what publishing the new sessions will miss, in a sentence; empty where there is nothing to say."""
    from .publish import dataset

    # sessions of one animal miss the same, but for the first where it was born later
    first = {key["subject"]: key for key in sorted(report.new_sessions, key=lambda key: key["session_datetime"])[::-1]}
    try:
        return dataset.summary(dataset.check_sessions(first.values())) if first else ""
    except WorkflowError as error:  # what people wrote of the project is no reason to fail here
        return f"What publishing will miss is not known: {error}"


def _read_both(subjects_csv: Path, sessions_csv: Path) -> tuple[list[Row], list[Row]]:
    """Read both manifests; what is wrong with either is told at once."""
    read, problems = [], []
    for path, required, optional in (
        (subjects_csv, SUBJECT_COLUMNS, SUBJECT_OPTIONAL),
        (sessions_csv, SESSION_COLUMNS, SESSION_OPTIONAL),
    ):
        try:
            read.append(read_manifest(path, required, optional))
        except ManifestError as error:
            problems.append(str(error))
    if problems:
        raise ManifestError("\n".join(problems))
    return read[0], read[1]


def _fitting(rows: list[Row], report: IngestReport) -> list[Row]:
    """Name all rows with a text that is longer than its column, before any goes in, and give the others."""
    fitting = []
    for row in rows:
        try:
            if row.problem:
                raise ManifestError(row.problem)
            for table in _filled_tables():
                _check_lengths(row.values, table)
        except ManifestError as error:
            report.problems.append(f"{row.path} line {row.line}: {error}")
        else:
            fitting.append(row)
    return fitting


def _filled_tables() -> tuple[Any, ...]:
    """Give the tables whose columns manifests fill as they are."""
    from .pipeline import description, miniscope, session, subject

    return subject.Subject, description.SubjectDescription, session.SessionNote, miniscope.Recording


def _each(
    rows: Iterable[Row],
    action: Callable[[Row], None],
    report: IngestReport,
    name: str,
    progress: bool,
    known: Callable[[Row], bool],
    before: Callable[[Row], None] | None = None,
) -> None:
    """Take in the rows that are not known, each whole or not at all."""
    from .pipeline import connection

    for row in tqdm(list(rows), desc=f"Ingest {name}", unit="row", disable=None if progress else True, leave=False):
        try:
            if known(row):
                continue
            if before is not None:  # it may take minutes, for which no transaction is held
                before(row)
            with connection.transaction:
                action(row)
        except WorkflowError as error:
            report.problems.append(f"{row.path} line {row.line}: {error}")
        except DATABASE_ERRORS as error:
            cause = str(error).splitlines()[0]
            report.problems.append(f"{row.path} line {row.line}: the database refuses it ({cause}).")


def _missing(row: Row, columns: Iterable[str]) -> list[str]:
    return [f"{column} is empty." for column in columns if column not in row.values]


def _subject_values(row: Row) -> dict[str, Any]:
    """Return the values of an animal's row; the error names everything that is wrong with it."""
    values: dict[str, Any] = dict(row.values)
    problems = _missing(row, ("subject",))
    values["sex"] = values.get("sex", "").upper()
    if values["sex"] not in ("M", "F", "U"):
        found = f"'{row.values['sex']}'" if values["sex"] else "empty"
        problems.append(f"sex is {found}; write M, F or U: male, female or unknown.")
    if "subject_birth_date" not in values:
        problems.append(
            "subject_birth_date is empty. The tables must have one: where it is not known, write an estimate such as "
            "2026-01-01, and say so in subject_description."
        )
    else:
        try:
            values["subject_birth_date"] = date.fromisoformat(values["subject_birth_date"])
        except ValueError:
            problems.append(
                f"subject_birth_date is '{values['subject_birth_date']}'; write it as YYYY-MM-DD, such as 2026-01-31."
            )
    if problems:
        raise ManifestError(" ".join(problems))
    return values


def _both_parts(row: Row) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of an animal's row, and those that describe it for archives."""
    from .tables.description import check_species

    values = _subject_values(row)
    described = {name: values.pop(name) for name in DESCRIPTION_COLUMNS if name in values}
    if "species" in described:
        described["species"] = check_species(described["species"])
    return values, described


def _has_subject(row: Row, entered: Entered, report: IngestReport) -> bool:
    """Whether an animal is in the database as its row says."""
    if not entered.has_subject(*_both_parts(row)):
        return False
    report.present["subject"] = report.present.get("subject", 0) + 1
    return True


def _ingest_subject(row: Row, known: set[str], report: IngestReport) -> None:
    from .pipeline import subject

    values, described = _both_parts(row)
    key = {"subject": values["subject"]}
    if values["subject"] in known:
        stored = (subject.Subject & key).fetch1()
        changed = [name for name, value in values.items() if stored[name] != value]
        changed += _describe(key, described)
        if changed:
            report.notes.append(
                f"{row.path} line {row.line}: subject {key['subject']} keeps the {changed[0]} it has in the database."
            )
        report.present["subject"] = report.present.get("subject", 0) + 1
        return
    subject.Subject.insert1(values)
    _describe(key, described)
    known.add(values["subject"])
    report.count("subject")


def _describe(key: dict[str, Any], described: dict[str, str]) -> list[str]:
    """Fill in what was not known of an animal; return the names of what is stored differently, and is kept."""
    from .pipeline import description

    if not described:
        return []
    stored = (description.SubjectDescription() & key).to_dicts()
    if not stored:
        description.SubjectDescription.insert1({**key, **described})
        return []
    new = {name: value for name, value in described.items() if not stored[0][name]}
    if new:
        description.SubjectDescription.update1({**key, **new})
    return [name for name, value in described.items() if stored[0][name] not in ("", value)]


def _open_row(row: Row, known_subjects: set[str], report: IngestReport) -> tuple[str, str, daq.Session]:
    """Return animal, relative path and recording of a session's row; the error names all that is wrong with it."""
    problems = _missing(row, SESSION_COLUMNS)
    name = row.values.get("subject", "")
    if name and name in report.refused:
        problems.append(f"subject '{name}' was refused (see above).")
    elif name and name not in known_subjects:
        hint = did_you_mean(name, known_subjects, "add it to the subjects' manifest.")
        problems.append(f"subject '{name}' is not in the database; {hint}")
    if "session_dir" in row.values:
        try:
            roots = get_miniscope_root_data_dir()
            folder = find_full_path(roots, row.values["session_dir"])
            relative = to_relative(roots, folder)
            recorded = daq.open_session(folder, row.values.get("acq_software"))
            if not recorded.devices:
                problems.append(f"{folder} holds no recording of a scope or camera.")
        except RecordingError as error:
            problems.append(str(error))
    if problems:
        raise ManifestError(" ".join(problems))
    return name, relative, recorded


def _has_session(row: Row, known_subjects: set[str], entered: Entered, report: IngestReport) -> bool:
    """Whether a session is in the database as its row says; what its folder has differently is told."""
    if any(column not in row.values for column in SESSION_COLUMNS):
        return False  # which is reported when it is ingested
    roots = get_miniscope_root_data_dir()
    try:
        there = entered.session(to_relative(roots, find_full_path(roots, row.values["session_dir"])))
    except RecordingError:
        return False  # as well
    if there is None or there["subject"] != row.values["subject"]:
        return False
    _, _, recorded = _open_row(row, known_subjects, report)
    _session_start(row, recorded)
    _tell_present(row, recorded, entered.devices(there), report)
    return True


def _tell_present(row: Row, recorded: daq.Session, devices: list[Kind], report: IngestReport) -> None:
    report.present["session"] = report.present.get("session", 0) + 1
    for other in _other_devices(recorded, devices):
        report.note_change(f"{row.path} line {row.line}", "this session is in the database", other)


def _ingest_session(row: Row, known_subjects: set[str], report: IngestReport) -> None:
    from .elements.stored_values import naive_utc
    from .pipeline import session

    name, relative, recorded = _open_row(row, known_subjects, report)
    start = _session_start(row, recorded)

    key = {"subject": name, "session_datetime": naive_utc(start)}
    there = _entered(relative)
    if there is not None:
        if there["subject"] != name:
            raise ManifestError(
                f"{relative} was ingested as a session of subject '{there['subject']}'; where that was wrong, "
                "`workflow-miniscope reassign` gives it to another animal."
            )
        _tell_present(row, recorded, Entered().devices(there), report)  # another process was faster, or a row before
        return
    if session.Session & key:
        other = (session.SessionDirectory & key).to_arrays("session_dir").tolist()
        raise ManifestError(
            f"subject '{name}' has a session that started at {key['session_datetime']} UTC already, "
            f"in {', '.join(other)}; where that folder was renamed or moved, `workflow-miniscope relocate` says so."
        )

    told = _verdicts(recorded)  # before the first insert, while nothing is locked
    since, changes = _changes(recorded, key)
    session.Session.insert1(key)
    entry = {**key, "session_dir": relative}
    _check_lengths(entry, session.SessionDirectory)
    session.SessionDirectory.insert1(entry)
    _insert_optional(row, key)

    told += _insert_recordings(row, key, recorded)
    place = f"{row.path} line {row.line}"
    report.notes += [f"{place}: {note}" for note in (*recorded.warnings, *told)]
    for change in changes:
        report.note_change(place, since, change)
    report.count("session")
    report.new_sessions.append(key)
    report.count("scope recording", len(recorded.scopes))
    report.count("camera recording", len(recorded.cameras))


def _entered(session_dir: str) -> dict[str, Any] | None:
    """Give the row of a session's folder, whichever form of its letters the database has."""
    from .pipeline import session

    there = (session.SessionDirectory & {"session_dir": session_dir}).to_dicts()
    if not there and not session_dir.isascii():
        # compared here, because a server may not know the other form's letters
        there = [row for row in session.SessionDirectory().to_dicts() if composed(row["session_dir"]) == session_dir]
    return there[0] if there else None


def _other_devices(recorded: daq.Session, devices: list[Kind]) -> list[str]:
    """Say where a session in the database has other devices than its folder."""
    from .elements.reference import recorded_kind

    stored = sorted(devices, key=lambda kind: kind[:2])
    found = sorted(map(recorded_kind, recorded.devices), key=lambda kind: kind[:2])
    if len(stored) == len(found) and all(one.is_of(other) for one, other in zip(stored, found, strict=True)):
        return []
    listed = (", ".join(map(str, kinds)) or "no device" for kinds in (stored, found))
    return ["which keeps {} though the folder has {}".format(*listed)]


def _insert_recordings(row: Row, key: dict[str, Any], recorded: daq.Session) -> list[str]:
    """Insert the recordings of a session's scopes and cameras, with their devices.

    Returns
    -------
    list of str
        What is said of new devices.
    """
    from .elements.reference import enter_device
    from .pipeline import AnatomicalLocation, facemap, miniscope

    entered, notes = {}, []
    for device in recorded.devices:
        entered[device.name], note = enter_device(device)
        notes += [note] if note else []
    for number, device in enumerate(recorded.scopes):
        entry = {
            **key,
            "recording_id": number,
            "device": entered[device.name],
            "acq_software": recorded.acq_software,
            "recording_notes": row.values.get("recording_notes", ""),
        }
        miniscope.Recording.insert1(entry)
        if "recording_location_id" in row.values:
            location = {"recording_location_id": row.values["recording_location_id"]}
            _check_there(location, AnatomicalLocation)
            miniscope.RecordingLocation.insert1({**key, "recording_id": number, **location})
    video_roots = get_facemap_root_data_dir()
    for number, device in enumerate(recorded.cameras):
        video = {**key, "recording_id": number}
        facemap.VideoRecording.insert1({**video, "device": entered[device.name]})
        facemap.VideoRecording.File.insert(
            {**video, "file_id": i, "file_path": to_relative(video_roots, path)} for i, path in enumerate(device.files)
        )
    return notes


def _verdicts(recorded: daq.Session) -> list[str]:
    """Say which recordings are not good, by their time stamps and files alone, which takes milliseconds a file."""
    checked = [daq.check_device(device, frames=False) for device in recorded.devices]
    said = [
        f"{device.name} is {device.quality.verdict}: {' '.join(device.quality.reasons)}"
        for device in checked
        if device.quality.verdict != "good"
    ]
    return [*said, *daq.relate(checked)]


def _changes(recorded: daq.Session, key: dict[str, Any]) -> tuple[str, list[str]]:
    """Say which settings differ from those of the animal's recording before, as far as its files are there.

    Returns
    -------
    since : str
        Which recording that is, as the beginning of a sentence.
    changes : list of str
        Its ends, without a full stop.
    """
    from .pipeline import session

    earlier = (session.SessionDirectory & {"subject": key["subject"]}).to_dicts(order_by="session_datetime")
    earlier = [entry for entry in earlier if entry["session_datetime"] < key["session_datetime"]]
    if not earlier:
        return "", []
    last = earlier[-1]
    try:
        folder = find_full_path(get_miniscope_root_data_dir(), last["session_dir"])
        before = daq.all_settings(daq.open_session(folder, allow_broken=True))
    except WorkflowError:
        return "", []
    since = f"since {last['session_datetime']} UTC, the recording before"
    return since, daq.told_changes(daq.changes(before, daq.all_settings(recorded)))


def _refuse_unusable(row: Row, progress: bool) -> None:
    """Check a session that is not in the database yet.

    Raises
    ------
    RecordingError
        One of its recordings is unusable.
    """
    if any(column not in row.values for column in SESSION_COLUMNS):
        return  # which is reported when it is ingested
    roots = get_miniscope_root_data_dir()
    folder = find_full_path(roots, row.values["session_dir"])
    if _entered(to_relative(roots, folder)) is not None:
        return
    checked = check.check_folder(folder, row.values["acq_software"], progress=progress)
    unusable = [device for device in checked.devices if device.quality.verdict == "unusable"]
    if unusable:
        said = "; ".join(f"{device.name}: {device.quality.reasons[0].rstrip('.')}" for device in unusable)
        raise RecordingError(f"{folder} is unusable ({said}).")


def _session_start(row: Row, recorded: daq.Session) -> datetime:
    text = row.values.get("session_datetime")
    if text is None:
        if recorded.start_utc is None:
            raise ManifestError(
                f"{recorded.folder} does not say when it started in UTC; add a column session_datetime, such as "
                "2026-01-15T10:20:30+01:00."
            )
        return recorded.start_utc
    try:
        start = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ManifestError(f"session_datetime is '{text}'; write it as 2026-01-15T10:20:30+01:00.") from None
    try:
        return (start if start.tzinfo else start.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ManifestError(f"session_datetime is '{text}', which in UTC is in no year from 1 to 9999.") from None


def _insert_optional(row: Row, key: dict[str, Any]) -> None:
    """Insert what the manifest says of a session beyond what it must."""
    from .pipeline import lab, session

    if "session_note" in row.values:
        session.SessionNote.insert1({**key, "session_note": row.values["session_note"]})
    for column, parent, table in (
        ("user", lab.User, session.SessionExperimenter),
        ("project", lab.Project, session.ProjectSession),
    ):
        if column in row.values:
            entry = {column: row.values[column]}
            _check_there(entry, parent)
            table.insert1({**key, **entry})


def _check_lengths(values: dict[str, Any], table: Any) -> None:
    """Refuse text that is longer than its column, which one server would cut and the other reject."""
    for name, value in values.items():
        longest = text_length(table, name)
        if longest is not None and isinstance(value, str) and len(value) > longest:
            raise ManifestError(too_long(name, value, longest))


def _check_there(entry: dict[str, str], parent: Any) -> None:
    if not parent & entry:
        ((name, value),) = entry.items()
        raise ManifestError(f"{name} '{value}' is not in {parent.__name__}; insert it there first.")


if __name__ == "__main__":
    from .cli import console
    from .cli.ingest import command

    console.run_one(command)
