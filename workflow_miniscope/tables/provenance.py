"""Where results come from: what computed them, and the raw files they were computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..database.connection import dj
from ..elements import facemap as face_element
from ..elements import miniscope as scope_element
from ..elements.facemap import facemap
from ..elements.miniscope import miniscope
from ..elements.stored_values import hash_params
from ..elements.translation import Key, Published
from ..engines.run_notes import read_note
from ..errors import WorkflowError
from ..movies.fingerprint import fast_checksum, read_record
from ..paths import find_full_path, get_facemap_root_data_dir, get_miniscope_root_data_dir

schema = dj.Schema()

# What is not known of a result that was computed elsewhere is null or empty
_COLUMNS = """
    ---
    engine             : varchar(32)
    engine_version=''  : varchar(64)
    params_hash        : char(36)       # of engine and parameters
    computed           : datetime       # UTC
    duration_s=null    : float64
    host=''            : varchar(255)
    platform=''        : varchar(255)
    python=''          : varchar(32)
    git_commit=''      : varchar(64)    # of this program, with a plus where files differed from it
    packages           : json           # versions by name
    """

_RAW_FILE = """
        -> master
        file_id      : int32
        ---
        file_path    : varchar(255)   # below a root directory
        n_bytes=null : int64          # null: it was gone already when this was noted
        checksum=''  : varchar(32)    # of the length and of pieces of the file (see movies.fingerprint)
        """


class _Run(Published):
    """What both tables share."""

    def make_insert(self, key: Key, row: dict[str, Any], files: list[dict[str, Any]]) -> None:
        self.insert1({**key, **row})
        self.RawFile.insert({**key, **file} for file in files)


@schema
class ScopeRun(_Run, dj.Computed):
    """What computed a result of a scope."""

    definition = f"""
    -> miniscope.Processing
    {_COLUMNS}
    """

    class RawFile(dj.Part):
        """A video that it was computed from, as it was then."""

        definition = _RAW_FILE

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        row = (miniscope.ProcessingTask * miniscope.ProcessingParamSet * miniscope.Processing & key).fetch1()
        files = (miniscope.RecordingInfo.File & key).to_arrays("file_path", order_by="file_id").tolist()
        return _about(row, row["processing_method"], row["params"]), row["processing_output_dir"], files

    def make_compute(
        self, key: Key, about: dict[str, Any], output_dir: str, files: list[str]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return _described(about, scope_element.find_output, output_dir, files, get_miniscope_root_data_dir())


@schema
class FaceRun(_Run, dj.Computed):
    """What computed a result of a camera."""

    definition = f"""
    -> facemap.FacemapProcessing
    {_COLUMNS}
    """

    class RawFile(dj.Part):
        """A video that it was computed from, as it was then."""

        definition = _RAW_FILE

    def make_fetch(self, key: Key) -> tuple[Any, ...]:
        row = (facemap.FacemapTask * facemap.FacemapProcessing & key).fetch1()
        files = (facemap.VideoRecording.File & key).to_arrays("file_path", order_by="file_id").tolist()
        return _about(row, "facemap", row["facemap_params"]), row["facemap_output_dir"], files

    def make_compute(
        self, key: Key, about: dict[str, Any], output_dir: str, files: list[str]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return _described(about, face_element.find_output, output_dir, files, get_facemap_root_data_dir())


def _about(row: dict[str, Any], engine: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return what the row of a processing says of its run."""
    return {
        "engine": engine,
        "engine_version": row["package_version"],
        "params_hash": hash_params(engine, params),
        "computed": row["processing_time"],
    }


def _described(
    about: dict[str, Any], find_output: Callable[[str], Path], output_dir: str, files: list[str], roots: list[Path]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the rows of a run: its own, and one for each raw file."""
    note: dict[str, Any] = {}
    recorded: list[dict[str, Any]] = []
    try:
        place = find_output(output_dir)
        folder = place if place.is_dir() else place.parent
        note, recorded = read_note(folder), read_record(folder)
    except WorkflowError:  # a result that is gone leaves no note
        pass
    row = {
        **about,
        "duration_s": note.get("duration_s"),
        **{name: str(note.get(name, "")) for name in ("host", "platform", "python", "git_commit")},
        "packages": note.get("packages", {}),
    }
    # what was noted when it was computed says best what the files were then, and saves reading them again
    known = dict(enumerate(recorded)) if len(recorded) <= len(files) else {}
    return row, [_file(number, path, roots, known.get(number)) for number, path in enumerate(files)]


def _file(number: int, path: str, roots: list[Path], recorded: dict[str, Any] | None) -> dict[str, Any]:
    row = {"file_id": number, "file_path": path}
    if recorded is not None and recorded["name"] == path.rsplit("/")[-1]:
        return {**row, "n_bytes": recorded["bytes"], "checksum": recorded["samples"]}
    try:
        full = find_full_path(roots, path)
    except WorkflowError:  # results outlive recordings
        return {**row, "n_bytes": None, "checksum": ""}
    return {**row, "n_bytes": full.stat().st_size, "checksum": fast_checksum(full)}


@dataclass(frozen=True)
class RawFile:
    """A raw file of a result, then and now.

    Attributes
    ----------
    path : str
        Below a root directory.
    n_bytes : int or None
        Its length then; None where it was gone already.
    checksum : str
        Of what it was then.
    state : str
        "unchanged", "changed", "gone", or "not noted" where it was gone and is there again.
    """

    path: str
    n_bytes: int | None
    checksum: str
    state: str


def raw_files(restriction: Any, of: tuple[str, ...] = ("scope", "camera"), quick: bool = False) -> list[RawFile]:
    """Return the raw files that results were computed from, and say which of them changed since.

    Parameters
    ----------
    restriction : dict or DataJoint restriction
        Which results.
    of : tuple of str
        Whose: "scope", "camera".
    quick : bool
        Read only files that were written after the computation; others, if they are as long as then, are taken for
        unchanged.
    """
    tables = {"scope": (ScopeRun, get_miniscope_root_data_dir()), "camera": (FaceRun, get_facemap_root_data_dir())}
    found: dict[str, RawFile] = {}
    for kind in of:
        table, roots = tables[kind]
        rows = (table.RawFile() * table.proj("computed") & restriction).to_dicts(order_by="file_path")
        for row in rows:
            path = row["file_path"]
            if path not in found or found[path].state == "unchanged":  # results may be of different states
                state = _state(path, row, roots, quick)
                found[path] = RawFile(path, row["n_bytes"], row["checksum"], state)
    return list(found.values())


def _state(path: str, row: dict[str, Any], roots: list[Path], quick: bool) -> str:
    try:
        full = find_full_path(roots, path)
    except WorkflowError:
        return "gone"
    if not row["checksum"]:
        return "not noted"
    status = full.stat()
    if status.st_size != row["n_bytes"]:
        return "changed"
    if quick and datetime.fromtimestamp(status.st_mtime, UTC) < row["computed"].replace(tzinfo=UTC):
        return "unchanged"
    return "unchanged" if fast_checksum(full) == row["checksum"] else "changed"
