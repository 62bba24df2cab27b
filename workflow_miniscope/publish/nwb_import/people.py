"""Who and what an NWB file names beside the recording: as far as the database or ``project.toml`` know them too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..nwb.imaging import UNKNOWN
from ..project import NAME, Project

Key = dict[str, Any]

#: Entries of the project's file that an NWB file has under the same name.
_SAME = (
    "institution",
    "lab",
    "experiment_description",
    "related_publications",
    "keywords",
    "virus",
    "surgery",
    "pharmacology",
    "protocol",
)


@dataclass(frozen=True)
class Named:
    """What a file names.

    Attributes
    ----------
    entries : dict
        Texts, lists of texts and numbers by their names in ``project.toml``; only what the file has.
    regions : dict of str
        Brain region of each scope, by the name of its series.
    """

    entries: dict[str, Any]
    regions: dict[str, str] = field(default_factory=dict)


def read_named(file: Any) -> Named:
    """Read who and what a file names."""
    from pynwb.ophys import OnePhotonSeries

    found: dict[str, Any] = {"experimenter": list(file.experimenter or [])}
    for name in _SAME:
        value = getattr(file, name)
        found[name] = value if value is None or isinstance(value, str) else [str(item) for item in value]
    regions = {}
    for series in file.acquisition.values():
        if isinstance(series, OnePhotonSeries):
            plane = dict(_of_plane(series.imaging_plane))
            found |= plane
            if "target_region" in plane:
                regions[series.name] = plane["target_region"]
    return Named({name: value for name, value in found.items() if value}, regions)


def _of_plane(plane: Any) -> Iterator[tuple[str, Any]]:
    for name, value in (("indicator", plane.indicator), ("target_region", plane.location)):
        if value and value != UNKNOWN:
            yield name, str(value)
    channels = plane.optical_channel
    wavelengths = {
        "excitation_nm": plane.excitation_lambda,
        "emission_nm": channels[0].emission_lambda if len(channels) else None,
    }
    for name, number in wavelengths.items():
        if number is not None and number == number:
            yield name, float(number)
    if plane.grid_spacing is not None and plane.grid_spacing_unit == "meters":
        yield "pixel_size_um", round(float(plane.grid_spacing[0]) * 1e6, 6)
    # as publish.nwb.imaging says them
    for name, pattern in (("lens", r"Lens: (.+?)\.(?= Coordinates: |$)"), ("coordinates", r"Coordinates: (.+)\.$")):
        told = re.search(pattern, plane.description or "")
        if told:
            yield name, told[1]


def insert_named(key: Key, scopes: dict[str, Key], named: Named) -> set[str]:
    """Link a session to the people, the protocol, the project and the regions that the database knows.

    Parameters
    ----------
    key : dict
        Of the session.
    scopes : dict of dict
        Keys of the scopes' recordings, by the names of their series.
    named : Named
        What the file names.

    Returns
    -------
    set of str
        The entries that the database has now.
    """
    from ...pipeline import AnatomicalLocation, lab, miniscope, session, subject

    known: set[str] = set()
    entries = named.entries
    users = [_one(lab.User, user_fullname=name) for name in entries.get("experimenter", [])]
    if users and None not in users:
        session.SessionExperimenter.insert({**key, "user": row["user"]} for row in users if row)
        known.add("experimenter")
    protocols = [_one(lab.Protocol, protocol=name) for name in str(entries.get("protocol", "")).split(", ")]
    if "protocol" in entries and None not in protocols:
        rows = [{"subject": key["subject"], "protocol": row["protocol"]} for row in protocols if row]
        subject.Subject.Protocol.insert(rows, skip_duplicates=True)
        known.add("protocol")
    project = _one(lab.Project, project_description=entries.get("experiment_description", ""))
    if project and "experiment_description" in entries:
        own = {"project": project["project"]}
        session.ProjectSession.insert1({**key, **own})
        known.add("experiment_description")
        for entry, table, column in (
            ("keywords", lab.ProjectKeywords, "keyword"),
            ("related_publications", lab.ProjectPublication, "publication"),
        ):
            if sorted(entries.get(entry, [])) == sorted((table & own).to_arrays(column).tolist()):
                known.add(entry)
    regions = {name: _one(AnatomicalLocation, anatomical_description=text) for name, text in named.regions.items()}
    for name, row in regions.items():
        if row and name in scopes:
            place = {"recording_location_id": row["recording_location_id"]}
            miniscope.RecordingLocation.insert1({**scopes[name], **place})
    if regions and None not in regions.values():
        known.add("target_region")
    return known


def _one(table: Any, **wanted: str) -> Key | None:
    """Return the one row with a value; None where there is none, or several."""
    rows = (table & wanted).to_dicts()
    return dict(rows[0]) if len(rows) == 1 else None


def unknown_entries(named: Named, known: set[str], project: Project) -> str:
    """Say what a file names and neither the database nor the project's file has; empty where that is nothing.

    Parameters
    ----------
    named : Named
        What the file names.
    known : set of str
        What the database has.
    project : Project
        What ``project.toml`` says of the animal.
    """
    missing = []
    for name, value in named.entries.items():
        told = getattr(project, name)
        if name == "pixel_size_um" and isinstance(told, dict):
            told = value if value in told.values() else None
        if name not in known and told != value:
            missing.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    if not missing:
        return ""
    return f"The database has no place for {', '.join(missing)}; to have it published again, write it into {NAME}."
