"""An NWB file, put together and written."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.file import Subject

from ... import __version__
from ..contents import Contents, Video
from ..project import Project
from .behavior import Faces, add_notes, orientations
from .cells import add_analyses
from .devices import add_devices, quality_table, raw_files_table, safe, settings_table
from .imaging import Imaged, add_cameras, add_scopes
from .streams import room_watched
from .trials import add_events, add_trials

# Of the identifiers that are made from a session, so that they are the same at every export
_NAMESPACE = uuid.UUID("5f0c2f4e-7c9d-5a53-9a39-6e0d6b1d3c1a")


@dataclass(frozen=True)
class Written:
    """What belongs to an NWB file.

    Attributes
    ----------
    videos : dict of Path
        The raw file of each video that the file names, by the name it has there.
    notes : tuple of str
        What was left out, and why.
    """

    videos: dict[str, Path]
    notes: tuple[str, ...]


def write(
    path: Path,
    contents: Contents,
    project: Project,
    folder: str,
    embed: bool = False,
    motion_corrected: bool = False,
    progress: bool = True,
) -> Written:
    """Write a session.

    Parameters
    ----------
    path : Path
        File to write; a file that is there is replaced.
    contents : Contents
        What the database has.
    project : Project
        What people said.
    folder : str
        Name of the folder beside the file that its videos are put into by the caller.
    embed : bool
        Write the scopes' frames into the file, without loss, instead of naming their videos.
    motion_corrected : bool
        Write the motion-corrected movie of each result too.
    progress : bool
        Show a progress bar on a terminal.
    """
    notes = list(contents.left_out)
    file = _start(contents, project)
    devices = add_devices(file, contents)
    imaged = add_scopes(file, contents, project, devices, None if embed else folder, progress)
    cameras = add_cameras(file, contents, devices, folder)
    for table in (settings_table(contents), quality_table(contents), raw_files_table(contents)):
        if table is not None:
            file.add_acquisition(table)
    add_notes(file, contents)
    add_events(file, contents)
    add_trials(file, contents)
    if contents.analyses:
        module = file.create_processing_module(name="ophys", description="Cells that were found, and their activity.")
        add_analyses(module, contents, imaged, notes, motion_corrected, progress)
    if motion_corrected:
        analysed = {analysis.recording_id for analysis in contents.analyses}
        notes += [
            f"{one.scope.device} has no motion-corrected movie: there is no result of it."
            for one in imaged
            if one.scope.key["recording_id"] not in analysed
        ]
    oriented = orientations(imaged)
    if oriented or contents.faces:
        module = file.create_processing_module(name="behavior", description="Orientation of the head; face and eyes.")
        for series in oriented:
            module.add(series)
        Faces(module, cameras).add(contents.faces)
    _add_brightness(file, [(f"frame_brightness{one.suffix}", one.scope, one.series) for one in imaged])
    _add_brightness(file, [(f"frame_brightness_{safe(camera.device)}", camera, series) for camera, series in cameras])
    with h5py.File(path, "w") as stored, NWBHDF5IO(file=stored, mode="w") as io, room_watched(path.parent):
        io.write(file)
    videos = {} if embed else _videos(imaged)
    for camera, series in cameras:
        videos |= dict(zip(series.external_file, camera.files, strict=True))
    return Written(videos, tuple(notes))


def _videos(imaged: list[Imaged]) -> dict[str, Path]:
    return {
        name: path for scope in imaged for name, path in zip(scope.series.external_file, scope.scope.files, strict=True)
    }


def _start(contents: Contents, project: Project) -> Any:
    """Return a file that says what was recorded, of which animal, and by whom."""
    names = [video.device for video in (*contents.scopes, *contents.cameras)]
    born = datetime.combine(contents.birth_date, time(), UTC)
    texts = {
        "institution": project.institution,
        "lab": project.lab,
        "experiment_description": project.experiment_description or contents.project,
        "protocol": project.protocol or ", ".join(contents.protocols),
        "virus": project.virus,
        "surgery": project.surgery,
        "pharmacology": project.pharmacology,
        "data_collection": f"Acquisition software: {contents.scopes[0].acq_software}." if contents.scopes else "",
        "notes": contents.note,
    }
    lists = {
        "experimenter": list(contents.experimenters) or project.experimenter,
        "keywords": project.keywords or list(contents.keywords),
        "related_publications": project.related_publications or list(contents.publications),
    }
    return NWBFile(
        session_description=contents.note or f"Recording of {', '.join(names)}.",
        identifier=str(uuid.uuid5(_NAMESPACE, f"{contents.subject} {contents.start.isoformat()}")),
        session_start_time=contents.start,
        file_create_date=datetime.now(UTC),  # the default tells in which zone
        session_id=session_id(contents),
        was_generated_by=[["workflow-miniscope", __version__]],
        subject=Subject(
            subject_id=contents.subject.replace("/", "-"),
            sex=contents.sex,
            date_of_birth=born,
            age=f"P{(contents.start.date() - contents.birth_date).days}D",
            description=contents.subject_description or None,
            species=contents.species or None,
            strain=contents.strain or None,
            genotype=contents.genotype or None,
        ),
        **{name: text for name, text in texts.items() if text},
        **{name: values for name, values in lists.items() if values},
    )


def session_id(contents: Contents) -> str:
    """Return the name of a session among those of its animal: when it started, UTC."""
    return f"{contents.start:%Y%m%dT%H%M%S}"


def _add_brightness(file: Any, recorded: list[tuple[str, Video, Any]]) -> None:
    """Add the mean of each frame, where it was measured, under the names that are given."""
    for name, video, series in recorded:
        values = video.quality.get("frame_brightness")
        if values is not None and len(values) == len(video.times):
            file.add_acquisition(
                TimeSeries(
                    name=name,
                    description=f"Mean of the pixels of each frame of {video.device}.",
                    data=np.asarray(values),
                    unit="grey levels",
                    timestamps=series,
                )
            )
