"""The steps of the workflow, in the order they depend on one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .by_hand import BY_HAND


@dataclass(frozen=True)
class Step:
    """One table of the workflow, by the name users know it under."""

    name: str
    table: Any

    @property
    def computed(self) -> bool:
        """Whether the table fills itself."""
        return hasattr(self.table, "populate")


INGESTED = (
    "subject.Subject",
    "session.Session",
    "session.SessionDirectory",
    "miniscope.Recording",
    "facemap.VideoRecording",
)

SESSION = (
    "recording.Notes",
    "recording.Settings",
)

MINISCOPE = (
    "miniscope.RecordingInfo",
    "recording.RecordingQuality",
    "recording.HeadOrientation",
    "miniscope.ProcessingTask",
    "miniscope.Processing",
    "provenance.ScopeRun",
    "extraction.Verdict",
    "miniscope.Curation",
    "miniscope.MotionCorrection",
    "miniscope.Segmentation",
    "extraction.Evaluation",
    "miniscope.MaskClassification",
    "miniscope.Fluorescence",
    "miniscope.Activity",
    "miniscope.ProcessingQualityMetrics",
    "miniscope_report.QualityMetrics",
)

FACEMAP = (
    "facemap.RecordingInfo",
    "recording.CameraQuality",
    "recording.CameraTimes",
    "facemap.FacemapTask",
    "facemap.FacemapProcessing",
    "provenance.FaceRun",
    "facemap.FacialSignal",
    "face.Pupil",
    "face.Blink",
)

# Of a scope and a camera together
BOTH = (
    "face.AlignedSignal",
    "face.NeuralPrediction",
)


def steps(names: tuple[str, ...]) -> list[Step]:
    """Return the tables of some steps. Connects to the database."""
    return [Step(name, _table(name)) for name in names]


def all_steps() -> list[Step]:
    """Return all tables of the workflow, in their order. Connects to the database."""
    return steps(INGESTED + SESSION + MINISCOPE + FACEMAP + BOTH)


def kind_of(name: str) -> Literal["session", "scope", "camera"]:
    """Return whose rows a step has, by its name: a session's, or a recording's of a scope or camera."""
    if name in SESSION:
        return "session"
    return "camera" if name in FACEMAP or name == INGESTED[-1] else "scope"


def chosen_steps(recordings: Any | None, videos: Any | None) -> Iterator[tuple[Step, Any]]:
    """Return all steps, each with what restricts its table to some recordings of scopes and of cameras.

    Parameters
    ----------
    recordings, videos : DataJoint query or None
        Rows of ``miniscope.Recording`` and of ``facemap.VideoRecording``; None restricts nothing.
    """
    groups: list[tuple[tuple[str, ...], Any]]
    if recordings is None or videos is None:
        groups = [(INGESTED + SESSION + MINISCOPE + FACEMAP + BOTH, None)]
    else:
        recordings, videos = recordings.proj(), videos.proj()
        either = [recordings, videos]
        groups = [
            (INGESTED[:-2] + SESSION, either),
            (INGESTED[-2:-1] + MINISCOPE, recordings),
            (INGESTED[-1:] + FACEMAP, videos),
            (BOTH, recordings),
        ]
    for names, chosen in groups:
        for step in steps(names):
            yield step, chosen


def waiting(name: str, chosen: Any = None) -> list[dict[str, Any]]:
    """Return the keys for which a hand-filled table has no row yet: recordings without a task, results without a
    curation. Tables that start from nothing wait for nothing.

    Parameters
    ----------
    name : str
        The table, such as "miniscope.Curation".
    chosen : DataJoint restriction, optional
        Of which recordings; by default all.
    """
    if name not in BY_HAND:
        return []
    found = _table(BY_HAND[name].parent).proj() - _table(name).proj()
    keys: list[dict[str, Any]] = (found if chosen is None else found & chosen).keys()
    return keys


def _table(name: str) -> Any:
    from .. import pipeline

    module, table = name.split(".")
    return getattr(getattr(pipeline, module), table)
