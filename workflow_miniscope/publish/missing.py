"""What an archive asks for and nobody has said yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import WorkflowError
from ..paths import find_full_path, get_facemap_root_data_dir, get_miniscope_root_data_dir
from ..tables.provenance import raw_files
from .contents import Contents, Key
from .project import NAME, Project


@dataclass(frozen=True)
class Missing:
    """Something that is not known of a session.

    Attributes
    ----------
    what : str
        Its name.
    where : str
        The column or entry to fill in.
    required : bool
        Whether the DANDI archive refuses a file without it; else it only asks.
    """

    what: str
    where: str
    required: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.where}"


def missing(contents: Contents, project: Project) -> list[Missing]:
    """List what is missing of a session, what is required first.

    Parameters
    ----------
    contents : Contents
        What the database has.
    project : Project
        What ``project.toml`` says of the session's animal.
    """
    subject = contents.subject
    column = "column {} of subjects.csv, row " + subject
    found = []
    if not contents.species:
        found.append(Missing("species", column.format("species"), required=True))
    if contents.birth_date >= contents.start.date():
        found.append(Missing("date of birth", column.format("subject_birth_date") + ", is after the session", True))
    if contents.sex == "U":
        found.append(Missing("sex", column.format("sex") + " (U: unknown)"))
    for name in ("strain", "genotype"):
        if not getattr(contents, name):
            found.append(Missing(name, column.format(name)))
    if not contents.subject_description:
        found.append(Missing("description of the animal", column.format("subject_description")))
    return found + [Missing(name, f"{name} in {NAME}") for name in _of_project(contents, project)]


def _of_project(contents: Contents, project: Project) -> Iterable[str]:
    """Give the entries of the project's file that neither it nor the lab's tables have."""
    known = {
        "experimenter": bool(contents.experimenters or project.experimenter),
        "institution": bool(project.institution),
        "lab": bool(project.lab),
        "experiment_description": bool(project.experiment_description or contents.project),
        "keywords": bool(project.keywords or contents.keywords),
        "protocol": bool(project.protocol or contents.protocols),
    }
    if contents.scopes:
        known |= {
            "indicator": bool(project.indicator),
            "virus": bool(project.virus),
            "target_region": bool(project.target_region) or all(scope.location for scope in contents.scopes),
            "excitation_nm": project.excitation_nm is not None,
            "emission_nm": project.emission_nm is not None,
        }
    return [name for name, there in known.items() if not there]


def lost_videos(key: Key) -> list[Missing]:
    """List the videos of a session that are gone, or are not what they were when results were computed.

    Parameters
    ----------
    key : dict
        Of a row in ``session.Session``.
    """
    from ..pipeline import facemap, miniscope

    state = {file.path: file.state for file in raw_files(key, quick=True)}
    for table, roots in (
        (miniscope.RecordingInfo.File, get_miniscope_root_data_dir()),
        (facemap.VideoRecording.File, get_facemap_root_data_dir()),
    ):
        for path in (table & key).to_arrays("file_path", order_by="file_path").tolist():
            if path not in state:
                state[path] = _state(path, roots)
    return [
        Missing("video", f"{path} is {how}; put the recorded file back", required=True)
        for path, how in state.items()
        if how in ("changed", "gone")
    ]


def _state(path: str, roots: list[Path]) -> str:
    try:
        find_full_path(roots, path)
    except WorkflowError:
        return "gone"
    return "there"
