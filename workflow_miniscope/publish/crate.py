"""What is in a folder of published sessions, and how it came about, as an RO-Crate: JSON that other programs read.

``ro-crate-metadata.json`` follows RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) and its profile for runs of programs
(https://w3id.org/ro/wfrun/process/0.5): each analysis is an action with its program, parameters, videos and result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from .. import __version__
from ..whole_files import whole
from .contents import Analysis, Contents
from .credit import CAIMAN, CNMFE, FACEMAP, Credit, references
from .nwb.devices import safe
from .private import public
from .project import Project

NAME = "ro-crate-metadata.json"
#: Whom to cite, as text and as a bibliography.
CITATION, BIBLIOGRAPHY = "CITATION.txt", "CITATION.bib"

Entity = dict[str, Any]

_CRATE = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_FORMATS = {".nwb": "application/x-nwb", ".avi": "video/x-msvideo"}
_URLS = {
    "workflow-miniscope": "https://pypi.org/project/workflow-miniscope",
    "caiman": f"https://doi.org/{CAIMAN.fields['doi']}",
    "cnmfe": f"https://doi.org/{CNMFE.fields['doi']}",
    "facemap": f"https://doi.org/{FACEMAP.fields['doi']}",
}


class Crate:
    """The crate of a dataset's folder.

    Sessions that are described already and are still there are kept as they are.

    Parameters
    ----------
    folder : Path
        Folder of the dataset.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._described: dict[str, Entity] = {entity["@id"]: entity for entity in _kept(folder)}
        self._project: Project | None = None

    def add(self, contents: Contents, project: Project, path: Path) -> None:
        """Describe a session that is in the folder.

        Parameters
        ----------
        contents : Contents
            What the database has.
        project : Project
            What people said.
        path : Path
            The NWB file.
        """
        self._project = project
        entities = [*_of_session(self._folder, contents, project, path)]
        self._described |= {entity["@id"]: entity for entity in entities}

    def write(self) -> None:
        """Write the crate, and whom to cite for all that it describes, if anything was added to it."""
        if self._project is None:
            return
        cited = _credit(self._described, self._project)
        works = list(_citations(cited))
        root = _root(self._described, self._project, works)
        kept = {entity["@id"]: entity for entity in works} | self._described
        graph = [_descriptor(), root, _profile(), *kept.values()]
        content = {"@context": f"{_CRATE}/context", "@graph": graph}
        with whole(self._folder / NAME) as partial:
            partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for name, text in ((CITATION, str(cited)), (BIBLIOGRAPHY, cited.bibtex)):
            with whole(self._folder / name) as partial:
                partial.write_text(text + "\n", encoding="utf-8")


def _kept(folder: Path) -> Iterator[Entity]:
    """Give what an earlier crate says of files that are still there, and of what is no file."""
    try:
        graph = json.loads((folder / NAME).read_text(encoding="utf-8"))["@graph"]
        own = {"./", NAME, _PROFILE}
        entities = [entity for entity in graph if entity["@id"] not in own and not _is_cited(entity)]
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or none of ours
        return
    gone = {entity["@id"] for entity in entities if _is_file(entity) and not (folder / unquote(entity["@id"])).exists()}
    for entity in entities:
        results = {result["@id"] for result in entity.get("result", [])}
        if entity["@id"] not in gone and not (results & gone):
            yield entity


def _credit(described: dict[str, Entity], project: Project) -> Credit:
    """Say whom to cite for all that is described: people, and programs by the actions that they did."""
    people = [entity["name"] for entity in described.values() if entity["@type"] == "Person"]
    programs = [entity["name"] for entity in described.values() if entity["@type"] == "SoftwareApplication"]
    return Credit(tuple(people), tuple(project.related_publications), references([*programs, "pynwb"]))


def _citations(cited: Credit) -> Iterator[Entity]:
    for item in cited.references:
        doi = item.fields.get("doi")
        yield {
            "@id": f"https://doi.org/{doi}" if doi else f"#cite-{quote(item.name)}",
            "@type": "ScholarlyArticle" if doi else "CreativeWork",
            "name": item.fields["title"],
            "description": str(item),
            **({"identifier": item.rrid} if item.rrid else {}),
        }


def _is_cited(entity: Entity) -> bool:
    return entity["@type"] == "ScholarlyArticle" or str(entity["@id"]).startswith("#cite-")


def _is_file(entity: Entity) -> bool:
    return bool(entity["@type"] == "File")


def _descriptor() -> Entity:
    return {"@id": NAME, "@type": "CreativeWork", "conformsTo": {"@id": _CRATE}, "about": {"@id": "./"}}


def _profile() -> Entity:
    return {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}


def _root(described: dict[str, Entity], project: Project, cited: list[Entity]) -> Entity:
    files = [{"@id": name} for name, entity in described.items() if _is_file(entity)]
    actions = [{"@id": name} for name, entity in described.items() if entity["@type"] == "CreateAction"]
    people = [{"@id": name} for name, entity in described.items() if entity["@type"] == "Person"]
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": project.experiment_description or "Miniscope recordings",
        "description": project.experiment_description
        or "Recordings with Miniscopes and cameras, the cells that were found in them, and their activity.",
        "datePublished": f"{datetime.now(UTC):%Y-%m-%d}",
        "license": project.license or "No licence has been chosen yet.",
        "conformsTo": {"@id": _PROFILE},
        "hasPart": files,
        "mentions": actions,
        "citation": [{"@id": entity["@id"]} for entity in cited],
    }
    if people:
        root["author"] = people
    if project.keywords:
        root["keywords"] = project.keywords
    return root


def _person(name: str) -> Entity:
    return {"@id": f"#person-{quote(name)}", "@type": "Person", "name": name}


def _of_session(folder: Path, contents: Contents, project: Project, path: Path) -> Iterator[Entity]:
    """Give everything that is said of a session."""
    nwb = _file(folder, path, f"Session of {contents.subject} that began {contents.start.isoformat()}.")
    yield nwb
    yield from map(_person, dict.fromkeys([*contents.experimenters, *project.experimenter]))
    videos = sorted(path.with_suffix("").glob("*")) if path.with_suffix("").is_dir() else []
    for video in videos:
        yield _file(folder, video, f"Frames of {video.name.partition('_external_file_')[0]} of {path.name}.")
    for analysis in contents.analyses:
        (scope,) = [scope for scope in contents.scopes if scope.key["recording_id"] == analysis.recording_id]
        series = "OnePhotonSeries" + ("" if len(contents.scopes) == 1 else f"_{safe(scope.device)}")
        used = [_id(folder, video) for video in videos if video.name.startswith(f"{series}_external")]
        name = f"Cells of {scope.device} by {analysis.engine}"
        params = list(_parameters(nwb["@id"], analysis))
        number = f"{scope.key['recording_id']}-p{analysis.key['paramset_id']}-c{analysis.key['curation_id']}"
        yield from params
        yield from _action(
            nwb,
            number,
            name,
            (analysis.engine, analysis.version),
            (analysis.computed, analysis.duration_s),
            [*used, *(param["@id"] for param in params)],
        )
    yield from _faces(folder, contents, nwb, videos)
    yield from _action(
        nwb,
        "publish",
        f"Writing of {path.name}",
        ("workflow-miniscope", __version__),
        (datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None, microsecond=0), None),
        [_id(folder, video) for video in videos],
    )


def _faces(folder: Path, contents: Contents, nwb: Entity, videos: list[Path]) -> Iterator[Entity]:
    from ..pipeline import provenance

    for key in contents.faces:
        (camera,) = [camera for camera in contents.cameras if camera.key["recording_id"] == key["recording_id"]]
        series = f"ImageSeries_{safe(camera.device)}"
        used = [_id(folder, video) for video in videos if video.name.startswith(f"{series}_external")]
        for run in (provenance.FaceRun() & key).to_dicts():
            number = f"v{key['recording_id']}-t{key['facemap_task_id']}"
            program, when = (run["engine"], run["engine_version"]), (run["computed"], run["duration_s"])
            yield from _action(nwb, number, f"Motion of the face in {camera.device}", program, when, used)


def _action(
    nwb: Entity,
    number: str,
    name: str,
    program: tuple[str, str],
    when: tuple[datetime, float | None],
    used: list[str],
) -> Iterator[Entity]:
    """Give an action that made a part of a session's file, and the program that did it."""
    (engine, version), (ended, seconds) = program, when
    software = f"#program-{quote(engine)}-{quote(version or 'unknown')}"
    yield {
        "@id": software,
        "@type": "SoftwareApplication",
        "name": engine,
        "softwareVersion": version or "unknown",
        "url": _URLS.get(engine, _URLS["workflow-miniscope"]),
    }
    action: Entity = {
        "@id": f"#{nwb['@id']}-{number}",
        "@type": "CreateAction",
        "name": name,
        "description": f"{name}: results are in {nwb['name']}.",
        "instrument": {"@id": software},
        "object": [{"@id": name} for name in used],
        "result": [{"@id": nwb["@id"]}],
        "endTime": f"{ended.isoformat()}Z",
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
    if seconds is not None:
        action["startTime"] = f"{(ended - timedelta(seconds=round(seconds))).isoformat()}Z"
    yield action


def _parameters(nwb: str, analysis: Analysis) -> Iterator[Entity]:
    for name, value in sorted(analysis.params.items()):
        yield {
            "@id": f"#{nwb}-p{analysis.key['paramset_id']}-{quote(name)}",
            "@type": "PropertyValue",
            "name": name,
            "value": json.dumps(public(value), default=str),
        }


def _file(folder: Path, path: Path, description: str) -> Entity:
    return {
        "@id": _id(folder, path),
        "@type": "File",
        "name": path.name,
        "description": description,
        "contentSize": str(path.stat().st_size),
        "encodingFormat": _FORMATS.get(path.suffix, "application/octet-stream"),
    }


def _id(folder: Path, path: Path) -> str:
    """Return a file's name in the crate: its path below the folder, as in an address."""
    return quote(path.relative_to(folder).as_posix())
