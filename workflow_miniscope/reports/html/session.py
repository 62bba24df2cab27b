"""A session's page, put together from what the database holds of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...database.conditions import name_of
from ...errors import WorkflowError
from ...publish.chain import trace_back
from ...publish.credit import credit
from ...tables.provenance import RawFile, raw_files
from ...work.analyses import labels
from ...work.outcome import duration
from ...work.overview import Overview
from .. import report
from ..titles import moments
from . import analyses, recordings
from .analyses import Analysis
from .captions import caption
from .parts import Block, Fact, Page, Picture, Section, Table
from .pictures import of_figure

#: Figures of an analysis, by the part of the page they stand in; others follow the traces.
MOTION, CELLS, QUALITY, FACE = (
    ("motion_shifts", "registration"),
    ("footprints",),
    ("cell_quality",),
    ("neural_prediction",),
)
#: Figures whose images the page has one by one.
SHOWN = ("images",)
#: Settings, notes and lines of a table that are shown at most: a recording has a few dozen.
MOST_ROWS = 500


class _Figures:
    """The figures of a session, by what they are of."""

    def __init__(self, session: Mapping[str, Any], drawn: Callable[[], object]) -> None:
        self._drawings = [(one.name, one.draw, one.rows & dict(session)) for one in report.drawings()]
        self._drawn = drawn

    def names(self, key: Mapping[str, Any]) -> list[str]:
        """Return the figures whose rows have the attributes of a key."""
        return [name for name, _, rows in self._drawings if set(key) <= set(rows.primary_key)]

    def of(self, key: Mapping[str, Any], names: Sequence[str], known: Mapping[str, Any]) -> Iterator[Picture | str]:
        """Draw some figures of a recording or an analysis, or say why one cannot be drawn."""
        for name, draw, rows in self._drawings:
            if name not in names:
                continue
            for row in (rows & dict(key)).keys():
                words = caption(name)
                try:
                    figure = draw(row)
                except WorkflowError as error:
                    yield str(error)
                else:
                    yield of_figure(figure, words.alt.format(**known), words.text, words.chart)
                self._drawn()


def page(rows: Sequence[Overview], drawn: Callable[[], object] = lambda: None) -> Page:
    """Put a session's page together.

    Parameters
    ----------
    rows : sequence of Overview
        The session's recordings, at least one.
    drawn : callable
        Called after each figure.
    """
    first = rows[0]
    key = {"subject": first.key[0], "session_datetime": first.key[1]}
    figures = _Figures(key, drawn)
    scopes = [row for row in rows if row.kind == "scope"]
    cameras = [row for row in rows if row.kind == "camera"]
    sections = [section for row in scopes for section in _scope(row, figures)]
    sections += [_camera(row, figures) for row in cameras]
    sections += [_session(key), _provenance(key)]
    local = first.start_local
    return Page(
        name=name_of(key),
        title=f"{first.subject}, {local or first.start_utc:%Y-%m-%d %H:%M}{'' if local else ' UTC'}",
        subtitle=", ".join(filter(None, [moments(first.start_utc, local), first.session_dir])),
        judgements=[section.judgement for section in sections if section.judgement],
        glance=list(_glance(rows)),
        missing=list(_missing(rows)),
        sections=sections,
    )


# The top of the page ---------------------------------------------------------


def _glance(rows: Sequence[Overview]) -> Iterator[Fact]:
    for row in rows:
        if row.duration_s is not None:
            yield Fact(row.device, duration(row.duration_s), "recorded")
    for row in rows:
        for one, said in zip(row.analyses, labels(row.analyses), strict=True):
            if one.found is not None:
                yield Fact("Cells", f"{one.accepted}", f"of {one.found} components, {said}")


def _missing(rows: Sequence[Overview]) -> Iterator[str]:
    """Say what failed, what is left to do, and what was not recorded."""
    for row in rows:
        if row.excluded is not None:
            yield f"{row.name} is left out of processing: {row.excluded}"
            continue
        for failure in row.failures:
            yield f"{failure.step} of {failure.name} failed: {failure.cause}"
        todo = [step for step, state in row.steps.items() if state == "to do"]
        if todo and not row.failures:
            yield f"{row.name} is not processed to the end; next is {todo[0]}: run workflow-miniscope process."
    for kind, word in (("scope", "scope"), ("camera", "camera")):
        if not any(row.kind == kind for row in rows):
            yield f"No {word} was recorded in this session."


# Recordings ------------------------------------------------------------------


def _recording(row: Overview) -> dict[str, Any]:
    """Return the key of a recording."""
    return dict(zip(("subject", "session_datetime", "recording_id"), row.key, strict=True))


def _block(title: str, found: Iterator[Picture | str], facts: Sequence[Fact] = (), empty: str = "") -> Block:
    """Put figures into a block; what could not be drawn is said."""
    parts = list(found)
    pictures = [part for part in parts if isinstance(part, Picture)]
    sentences = [part for part in parts if isinstance(part, str)]
    return Block(title, sentences or ([empty] if empty and not pictures else []), facts, pictures)


def _with(block: Block, more: Block) -> Block:
    """Add the figures of another block, and what it says of those that could not be drawn."""
    return replace(block, sentences=[*block.sentences, *more.sentences], pictures=more.pictures)


def _scope(row: Overview, figures: _Figures) -> Iterator[Section]:
    from ...pipeline import miniscope, recording

    key = _recording(row)
    quality = _one(recording.RecordingQuality() & key)
    known = {"length": duration(row.duration_s or 0.0)}
    of_recording = figures.of(key, ["frame_intervals"], known)
    yield Section(
        row.name,
        f"Scope {row.device}",
        row.name,
        recordings.judgement(row.device, quality),
        [_block("Recording", of_recording, recordings.quality(quality), "It has not been read yet.")],
    )
    tasks = (miniscope.ProcessingTask & key).keys(order_by="paramset_id")
    for task in tasks:
        for made in (miniscope.Segmentation & task).keys(order_by="curation_id") or [task]:
            yield _analysis(Analysis(dict(made), name_of(made)), figures)


def _analysis(analysis: Analysis, figures: _Figures) -> Section:
    name, title = analysis.name, f"Extraction, {analysis.title}"
    if "curation_id" not in analysis.key:
        missing = Block("Cells", ("It has not been computed yet.",))
        return Section(name, title, name, analysis.judgement, [missing, analyses.parameters(analysis)])
    n, accepted = len(analysis.components), analysis.accepted
    known = {"accepted": accepted, "rejected": n - accepted, "length": ""}
    others = [name for name in figures.names(analysis.key) if name not in (*MOTION, *CELLS, *QUALITY, *FACE, *SHOWN)]

    def draw(names: Sequence[str]) -> Iterator[Picture | str]:
        return figures.of(analysis.key, names, known)

    blocks = [
        _block("Motion", draw(MOTION), empty="The result was saved without the shifts of its motion correction."),
        analyses.images(analysis),
        _with(analyses.cells(analysis), _block("", draw(CELLS if n else ()))),
    ]
    if accepted:
        blocks.append(_block("Activity", draw(others), empty="The traces are not in the database yet."))
        more = [_block("Quality of the components", draw(QUALITY)), _block("Activity and the face", draw(FACE))]
        blocks += [block for block in more if block.pictures or block.sentences]
    elif n:
        blocks.append(Block("Activity", ("No component was accepted as a cell: there are no traces to show.",)))
    return Section(name, title, name, analysis.judgement, [*blocks, analyses.parameters(analysis)])


def _camera(row: Overview, figures: _Figures) -> Section:
    from ...pipeline import facemap, recording

    key = _recording(row)
    quality = _one(recording.CameraQuality() & key)
    known = {"length": duration(row.duration_s or 0.0)}
    blocks = [Block("Recording", facts=recordings.quality(quality))]
    found = (facemap.FacialSignal & key).keys(order_by="facemap_task_id")
    for task in found:
        title = "Face" if len(found) == 1 else f"Face, Facemap task {task['facemap_task_id']}"
        blocks.append(_block(title, figures.of(task, ["facial_motion", "eye"], known)))
    if not found:
        blocks.append(Block("Face", ("Facemap has not been run on it yet.",)))
    return Section(row.name, f"Camera {row.device}", row.name, recordings.judgement(row.device, quality), blocks)


# What belongs to the session -------------------------------------------------


def _session(key: Mapping[str, Any]) -> Section:
    from ...pipeline import description, lab, recording, session, subject

    animal = (subject.Subject & key).fetch1()
    told = _one(description.SubjectDescription() & key)
    people = (lab.User & (session.SessionExperimenter & key)).to_dicts(order_by="user")
    sex = {"M": "male", "F": "female", "U": "not known"}.get(animal["sex"], animal["sex"])
    facts = [Fact("Sex", sex), Fact("Born", f"{animal['subject_birth_date']}")]
    age = (key["session_datetime"].date() - animal["subject_birth_date"]).days
    facts.append(Fact("Age", f"{age} days", "on the day of the session"))
    facts += [Fact(name.capitalize(), told[name]) for name in ("species", "strain", "genotype") if told.get(name)]
    facts += [Fact("About", animal["subject_description"])] if animal["subject_description"] else []
    names = [row["user_fullname"] or row["user"] for row in people]
    facts += [Fact("Recorded by", "; ".join(names))] if names else []
    written = [row["session_note"] for row in (session.SessionNote & key).to_dicts() if row["session_note"]]
    notes = (recording.Notes.Note() & key).to_dicts(order_by="note_id")
    settings = [{**row, "device": "session"} for row in (recording.Settings.Session() & key).to_dicts()]
    settings += (recording.Settings.Device() & key).to_dicts()
    tables = []
    if notes:
        said = [(f"{row['note_time']:.1f} s", row["note"]) for row in notes]
        tables.append(_table(f"{len(said)} notes written while recording", ("Time", "Note"), said))
    if settings:
        set_to = [(row["device"], row["setting"], row["value"]) for row in sorted(settings, key=_by_device)]
        tables.append(_table(f"{len(set_to)} settings of the acquisition", ("Device", "Setting", "Value"), set_to))
    return Section("session", "Animal and session", blocks=[Block("", written, facts, tables=tables)])


def _by_device(row: Mapping[str, Any]) -> tuple[bool, str, str]:
    return row["device"] != "session", row["device"], row["setting"]


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    left = len(rows) - MOST_ROWS
    return Table(caption, header, rows[:MOST_ROWS], f"{left} more are in the database." if left > 0 else "")


def _provenance(key: Mapping[str, Any]) -> Section:
    from ...pipeline import miniscope

    blocks = []
    for curation in (miniscope.Curation & (miniscope.RecordingInfo & key)).keys():
        links = trace_back(dict(curation)).links
        steps = [(link.what, line) for link in links if link.what != "raw files" for line in link.lines]
        table = Table("From the traces back to the videos", ("Table", "What is known"), steps)
        blocks.append(Block(name_of(curation), tables=[table]))
    files = raw_files(key)
    if files:
        rows = [(file.path, _bytes(file), file.checksum, file.state) for file in files]
        changed = [file.path for file in files if file.state in ("changed", "gone")]
        said = [f"Not what they were when the results were computed: {', '.join(changed)}."] if changed else []
        header = ("File", "Bytes", "Checksum", "Since then")
        blocks.append(Block("Raw files", said, tables=[_table(f"{len(rows)} files", header, rows)]))
    cited = credit(dict(key))
    blocks.append(Block("Cite", [*cited.publications, *map(str, cited.references)]))
    return Section("provenance", "Where it comes from", blocks=blocks)


def _bytes(file: RawFile) -> str:
    return "–" if file.n_bytes is None else str(file.n_bytes)


def _one(query: Any) -> dict[str, Any]:
    """Return the one row there is, or nothing."""
    rows = query.to_dicts()
    return dict(rows[0]) if rows else {}
