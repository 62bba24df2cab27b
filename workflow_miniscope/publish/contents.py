"""What the database holds of one session, gathered for an export.

Traces, masks and components are not fetched here: they are read from their tables in pieces while they are written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from .. import daq
from ..database.restriction import restricted
from ..elements.reference import device_folder_name
from ..elements.stored_values import hash_params
from ..errors import RecordingError
from ..movies.types import Bools, Floats
from ..paths import find_full_path, get_facemap_root_data_dir, get_miniscope_root_data_dir
from ..tables.provenance import RawFile, raw_files
from .private import is_personal, public, without_paths

Key = dict[str, Any]


@dataclass(frozen=True)
class Video:
    """A scope's or camera's recording.

    Attributes
    ----------
    key : dict
        Of its row in ``miniscope.RecordingInfo`` or ``facemap.RecordingInfo``.
    device, description : str
        Name of the device, and what it is.
    files : tuple of Path
        Its AVI files that hold frames.
    starting_frames : tuple of int
        First frame of each of them.
    height, width : int
        Pixels.
    times : float64 [frames]
        Seconds from the start of the recording, as recorded.
    in_order : bool [frames]
        False for frames whose time is wrong.
    settings : dict
        What its metadata file says, without what is personal.
    quality : dict
        Its row of ``recording.RecordingQuality`` or ``CameraQuality``; empty where it was not judged.
    """

    key: Key
    device: str
    description: str
    files: tuple[Path, ...]
    starting_frames: tuple[int, ...]
    height: int
    width: int
    times: Floats
    in_order: Bools
    settings: dict[str, Any]
    quality: dict[str, Any]


@dataclass(frozen=True)
class Scope(Video):
    """A scope's recording.

    Attributes
    ----------
    notes : str
        What the manifest says of it.
    location : str
        Brain region that the database has for it; empty where it has none.
    acq_software : str
        Layout of its files, as the database names it.
    orientation : dict
        Its row of ``recording.HeadOrientation``; empty where it was not read.
    """

    notes: str = ""
    location: str = ""
    acq_software: str = ""
    orientation: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Analysis:
    """A curated result of one scope.

    Attributes
    ----------
    key : dict
        Of its row in ``miniscope.Segmentation``.
    recording_id : int
        Of the scope.
    engine, version, params, params_hash
        What computed it.
    computed, curated : datetime
        When, UTC.
    manual_curation : bool
        Whether somebody curated it.
    curation_note : str
    masks : tuple of int
        Numbers of its components.
    verdict : str
        Whether it can be trusted; empty where the engine does not say.
    reasons : tuple of str
        Why, in sentences.
    duration_s : float or None
        How long it took.
    packages : dict of str
        Versions of the packages that took part.
    """

    key: Key
    recording_id: int
    engine: str
    version: str
    params: dict[str, Any]
    params_hash: str
    computed: datetime
    curated: datetime
    manual_curation: bool
    curation_note: str
    masks: tuple[int, ...]
    verdict: str
    reasons: tuple[str, ...]
    duration_s: float | None
    packages: dict[str, str]


@dataclass(frozen=True)
class Contents:
    """What the database holds of one session; see the module.

    Attributes
    ----------
    key : dict
        Of its row in ``session.Session``.
    start : datetime
        Start of the recording, with its zone, which is UTC; times count from it.
    birth_date, sex, subject_description : of the animal
    species, strain, genotype : str
        Empty where they are not known.
    experimenters, protocols, keywords, publications : tuple of str
        As far as the lab's tables have them.
    project : str
        Description of the session's project in the lab's tables.
    note : str
        The session's note.
    notes : tuple of (float, str)
        What was written down during the recording, with its time in seconds.
    settings : dict
        The session's own.
    scopes, cameras, analyses, faces : tuple
        What was recorded and computed; faces are keys of ``facemap.FacialSignal``.
    raw_files : tuple of RawFile
        The videos that results were computed from, then and now.
    left_out : tuple of str
        What there is and is not exported, a sentence each.
    unread : tuple of str
        Names of the scopes and cameras that have not been read yet, and are not excluded.
    """

    key: Key
    start: datetime
    birth_date: date
    sex: str
    subject_description: str
    species: str
    strain: str
    genotype: str
    experimenters: tuple[str, ...]
    protocols: tuple[str, ...]
    keywords: tuple[str, ...]
    publications: tuple[str, ...]
    project: str
    note: str
    notes: tuple[tuple[float, str], ...]
    settings: dict[str, Any]
    scopes: tuple[Scope, ...]
    cameras: tuple[Video, ...]
    analyses: tuple[Analysis, ...]
    faces: tuple[Key, ...]
    raw_files: tuple[RawFile, ...]
    left_out: tuple[str, ...]
    unread: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Name of the animal."""
        return str(self.key["subject"])


def gather(key: Key, restrict: Any = None) -> Contents:
    """Gather what there is of a session.

    Parameters
    ----------
    key : dict
        Of a row in ``session.Session``.
    restrict : restriction, optional
        Which analyses; by default all.

    Raises
    ------
    RecordingError
        A raw file is gone, or cut since it was ingested.
    """
    from ..pipeline import recording, session

    settings = _settings(key)
    about = _about(key)
    cameras, other_cameras = _cameras(key, settings)
    scopes, other_scopes = _scopes(key, settings)
    notes = (recording.Notes.Note() & key).to_dicts(order_by="note_id")
    note = (session.SessionNote & key).to_dicts()
    return Contents(
        key=key,
        start=_start(key, settings.get(None, {})),
        note=without_paths(note[0]["session_note"]) if note else "",
        notes=tuple((float(row["note_time"]), without_paths(row["note"])) for row in notes),
        settings=settings.get(None, {}),
        scopes=scopes,
        cameras=cameras,
        analyses=_analyses(key, restrict),
        faces=_faces(key),
        raw_files=_raw_files(key),
        left_out=tuple(map(str, (*other_scopes, *other_cameras))),
        unread=tuple(one.device for one in (*other_scopes, *other_cameras) if one.excluded is None),
        **about,
    )


def outline(key: Key) -> Contents:
    """Gather what people say of a session, without its recordings: no file is read, and nothing needs to be processed.

    Parameters
    ----------
    key : dict
        Of a row in ``session.Session``.
    """
    from ..pipeline import Device, facemap, miniscope

    no_times, no_order = np.zeros(0), np.zeros(0, bool)
    bare: dict[str, Any] = {"files": (), "starting_frames": (), "height": 0, "width": 0, "settings": {}, "quality": {}}
    scopes = tuple(
        Scope(key=own, device=own["device"], description=own["description"], times=no_times, in_order=no_order, **bare)
        for own in (miniscope.Recording * Device & key).to_dicts(order_by="recording_id")
    )
    cameras = tuple(
        Video(key=own, device=own["device"], description=own["description"], times=no_times, in_order=no_order, **bare)
        for own in (facemap.VideoRecording * Device & key).to_dicts(order_by="recording_id")
    )
    return Contents(
        key=key,
        start=_start(key, {}),
        note="",
        notes=(),
        settings={},
        scopes=tuple(replace(scope, location=_location(scope.key)) for scope in scopes),
        cameras=cameras,
        analyses=(),
        faces=(),
        raw_files=(),
        left_out=(),
        **_about(key),
    )


def _location(key: Key) -> str:
    """Return the brain region that the database has for a scope's recording; empty where it has none."""
    from ..pipeline import AnatomicalLocation, miniscope

    own = {name: key[name] for name in miniscope.Recording.primary_key}
    places = (AnatomicalLocation & (miniscope.RecordingLocation & own)).to_dicts()
    return str(places[0]["anatomical_description"]) if places else ""


def _about(key: Key) -> dict[str, Any]:
    """Return what is known of the animal, the people and the project."""
    from ..pipeline import description, lab, session, subject

    animal = (subject.Subject & key).fetch1()
    described = (description.SubjectDescription() & key).to_dicts()
    told = described[0] if described else {}
    people = (lab.User & (session.SessionExperimenter & key)).to_dicts(order_by="user")
    projects = (lab.Project & (session.ProjectSession & key)).to_dicts()
    of_project = lab.Project.proj() & (session.ProjectSession & key)
    return {
        "birth_date": animal["subject_birth_date"],
        "sex": animal["sex"],
        "subject_description": without_paths(animal["subject_description"]),
        "species": told.get("species", ""),
        "strain": told.get("strain", ""),
        "genotype": told.get("genotype", ""),
        # a login says who it was to the lab only
        "experimenters": tuple(row["user_fullname"] for row in people if row["user_fullname"]),
        "protocols": _column(subject.Subject.Protocol & key, "protocol"),
        "keywords": _column(lab.ProjectKeywords & of_project, "keyword"),
        "publications": _column(lab.ProjectPublication & of_project, "publication"),
        "project": " ".join(row["project_description"] for row in projects if row["project_description"]),
    }


def _column(query: Any, name: str) -> tuple[str, ...]:
    return tuple(str(value) for value in query.to_arrays(name, order_by=name))


def _settings(key: Key) -> dict[str | None, dict[str, Any]]:
    """Return the settings of a session under None and those of its devices, without what is personal."""
    from ..pipeline import recording

    rows = [{**row, "device": None} for row in (recording.Settings.Session() & key).to_dicts()]
    rows += (recording.Settings.Device() & key).to_dicts()
    found: dict[str | None, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["device"] or "", row["setting"])):
        if not is_personal(row["setting"]):
            found.setdefault(row["device"], {})[row["setting"]] = public(json.loads(row["value"]))
    return found


def _start(key: Key, settings: dict[str, Any]) -> datetime:
    """Return when a session started: to the millisecond where its settings say so, which the key cannot hold."""
    stored: datetime = key["session_datetime"].replace(tzinfo=UTC)
    for name in ("recordingStartTime.msecSinceEpoch", "msecSinceEpoch"):
        if isinstance(settings.get(name), (int, float)):
            exact = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=settings[name])
            # the manifest may have corrected a clock that was not set
            if abs(exact - stored) < timedelta(seconds=1):
                return exact
    return stored


def _scopes(key: Key, settings: dict[str | None, dict[str, Any]]) -> tuple[tuple[Scope, ...], list[_Unread]]:
    from ..pipeline import Device, exclusion, miniscope, recording

    scopes, unread = [], []
    for row in (miniscope.Recording * Device & key).to_dicts(order_by="recording_id"):
        own = {name: row[name] for name in miniscope.Recording.primary_key}
        infos = (miniscope.RecordingInfo & own).to_dicts()
        if not infos:
            unread.append(_Unread("Scope", row["device"], _reason(exclusion.ExcludedScope() & own)))
            continue
        times = np.asarray(infos[0]["time_stamps"], np.float64)
        paths = (miniscope.RecordingInfo.File & own).to_arrays("file_path", order_by="file_id").tolist()
        files, starts = _files(paths, get_miniscope_root_data_dir())
        scopes.append(
            Scope(
                key=own,
                device=row["device"],
                description=row["description"],
                files=files,
                starting_frames=starts,
                height=int(infos[0]["px_height"]),
                width=int(infos[0]["px_width"]),
                times=times,
                in_order=daq.in_order(times),
                settings=settings.get(device_folder_name(row["device"]), {}),
                quality=_row(recording.RecordingQuality() & own),
                notes=without_paths(row["recording_notes"]),
                location=_location(own),
                acq_software=row["acq_software"],
                orientation=_row(recording.HeadOrientation() & own),
            )
        )
    return tuple(scopes), unread


def _cameras(key: Key, settings: dict[str | None, dict[str, Any]]) -> tuple[tuple[Video, ...], list[_Unread]]:
    from ..pipeline import Device, exclusion, facemap, recording

    cameras, unread = [], []
    for row in (facemap.VideoRecording * Device & key).to_dicts(order_by="recording_id"):
        own = {name: row[name] for name in facemap.VideoRecording.primary_key}
        infos = (facemap.RecordingInfo * recording.CameraTimes.proj("times", "in_order") & own).to_dicts()
        if not infos:
            unread.append(_Unread("Camera", row["device"], _reason(exclusion.ExcludedCamera() & own)))
            continue
        paths = (facemap.VideoRecording.File & own).to_arrays("file_path", order_by="file_id").tolist()
        files, starts = _files(paths, get_facemap_root_data_dir())
        cameras.append(
            Video(
                key=own,
                device=row["device"],
                description=row["description"],
                files=files,
                starting_frames=starts,
                height=int(infos[0]["px_height"]),
                width=int(infos[0]["px_width"]),
                times=np.asarray(infos[0]["times"], np.float64),
                in_order=np.asarray(infos[0]["in_order"], bool),
                settings=settings.get(device_folder_name(row["device"]), {}),
                quality=_row(recording.CameraQuality() & own),
            )
        )
    return tuple(cameras), unread


@dataclass(frozen=True)
class _Unread:
    """A scope or camera that has not been read, and why it was excluded; None where it was not."""

    kind: str
    device: str
    excluded: str | None

    def __str__(self) -> str:
        if self.excluded is None:
            return f"{self.kind} {self.device} is left out: it has not been read yet; run workflow-miniscope process."
        return f"{self.kind} {self.device} is left out: it is excluded ({self.excluded})."


def _reason(query: Any) -> str | None:
    reasons = query.to_arrays("reason").tolist()
    return str(reasons[0]) if reasons else None


def _row(query: Any) -> dict[str, Any]:
    """Return the one row there is, its texts without folders, or nothing."""
    rows = query.to_dicts()
    return {name: public(value) for name, value in rows[0].items()} if rows else {}


def _files(paths: list[str], roots: list[Path]) -> tuple[tuple[Path, ...], tuple[int, ...]]:
    """Return the files that hold frames and the first frame of each; recordings may end with an empty one."""
    if not paths:
        raise RecordingError(
            "A recording of this session has no video file in the database; ingest it again, or, where it was imported "
            "from an NWB file, hand that file on."
        )
    movie = daq.Movie([find_full_path(roots, path) for path in paths], decode_first=False)
    starts = np.concatenate([[0], np.cumsum(movie.counts)])
    kept = [i for i, count in enumerate(movie.counts) if count]
    return tuple(movie.files[i] for i in kept), tuple(int(starts[i]) for i in kept)


def _analyses(key: Key, restrict: Any) -> tuple[Analysis, ...]:
    from ..pipeline import extraction, miniscope, provenance

    chosen = restricted(miniscope.Segmentation & key, restrict)
    rows = (chosen * miniscope.Curation * miniscope.Processing * miniscope.ProcessingParamSet).to_dicts(
        order_by=["recording_id", "paramset_id", "curation_id"]
    )
    found = []
    for row in rows:
        own = {name: row[name] for name in miniscope.Segmentation.primary_key}
        processing = {name: row[name] for name in miniscope.Processing.primary_key}
        verdict, run = _row(extraction.Verdict() & processing), _row(provenance.ScopeRun() & processing)
        masks = (miniscope.Segmentation.Mask & own).to_arrays("mask", order_by="mask")
        found.append(
            Analysis(
                key=own,
                recording_id=int(row["recording_id"]),
                engine=row["processing_method"],
                version=row["package_version"],
                params=row["params"],
                params_hash=hash_params(row["processing_method"], row["params"]),
                computed=row["processing_time"],
                curated=row["curation_time"],
                manual_curation=bool(row["manual_curation"]),
                curation_note=without_paths(row["curation_note"]),
                masks=tuple(int(mask) for mask in masks),
                verdict=verdict.get("verdict") or "",
                reasons=tuple(verdict.get("reasons", ())),
                duration_s=run.get("duration_s"),
                packages=run.get("packages", {}),
            )
        )
    return tuple(found)


def _raw_files(key: Key) -> tuple[RawFile, ...]:
    """Return the session's raw files, by their paths below its folder: folders above may be named after people."""
    from ..pipeline import session

    folder = (session.SessionDirectory & key).fetch1("session_dir")
    return tuple(replace(file, path=file.path.removeprefix(f"{folder}/")) for file in raw_files(key))


def _faces(key: Key) -> tuple[Key, ...]:
    from ..pipeline import facemap

    return tuple(dict(row) for row in (facemap.FacialSignal & key).keys(order_by=["recording_id", "facemap_task_id"]))
