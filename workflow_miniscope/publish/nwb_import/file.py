"""An NWB file into the database, all or nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...database.connection import DATABASE_ERRORS
from ...elements.stored_values import naive_utc
from ...engines.run_notes import NOTE_NAME
from ...errors import RecordingError, ResultError
from ...movies.fingerprint import fast_checksum
from ...paths import get_miniscope_root_data_dir, get_processed_root_data_dir, to_relative
from ...results.caiman import write_result
from ..packages import need
from ..project import find_project, read_project
from .analysed import Analysed, read_analyses
from .faces import Face, insert_faces, read_faces
from .happened import insert_happened
from .people import Named, insert_named, read_named, unknown_entries
from .recorded import Animal, Recorded, RecordedSession, read_animal, read_recorded
from .rows import insert_analyses, insert_animal, insert_camera, insert_scope, insert_session


class Imported:
    """What importing a file did.

    Attributes
    ----------
    key : dict
        Of the session's row.
    lines : list of str
        What went in, and what did not.
    """

    def __init__(self, key: dict[str, Any], lines: list[str]) -> None:
        self.key, self.lines = key, lines

    def __str__(self) -> str:
        return "\n".join(self.lines)


def import_nwb(path: Path, subject: str | None = None, videos: bool = True) -> Imported:
    """Read an NWB file into the database.

    Animal, session, recordings with their times, settings, notes, quality and head orientation, people, protocol,
    project and brain region that the database knows, and, of files of this program, every analysis of a scope
    (parameters, motion correction, components, traces, verdicts) and of a face. The file and its videos stay where they
    are, below a root directory; results are written below the processed root.

    Parameters
    ----------
    path : Path
        The file: of :func:`..dataset.export_nwb`, or of another program that wrote what Miniscopes recorded.
    subject : str, optional
        An animal in the database that it is of; by default the one that it names, which is inserted where it is new.
    videos : bool
        Whether the videos that it names must be there; without them nothing can be computed again.

    Raises
    ------
    ResultError, RecordingError
        The file lacks something, or is in the database already. Then nothing of it is.
    """
    if not path.is_file():
        raise ResultError(f"{path} does not exist; name an NWB file.")
    read = _read(path, subject, videos)
    session_dir = to_relative(get_miniscope_root_data_dir(), _folder(path, read.recorded))
    with _result_folders(path, read) as folders:
        try:
            key, said = _insert(read, session_dir, folders)
        except DATABASE_ERRORS as error:
            cause = str(error).splitlines()[0]
            raise ResultError(f"{path} is not imported: the database refuses it ({cause}).") from None
    counts = {
        "scopes": len(read.recorded.scopes),
        "cameras": len(read.recorded.cameras),
        "analyses of scopes": len(read.analysed),
        "analyses of faces": len(read.faces),
    }
    told = ", ".join(f"{what}: {number}" for what, number in counts.items())
    line = f"{key['subject']}, {key['session_datetime']} UTC: {told}"
    return Imported(key, [line, *(f"Note: {note}" for note in (*read.notes, *said))])


@dataclass(frozen=True)
class _Read:
    """What was read of a file: the animal, or the name of one in the database, and everything else."""

    animal: Animal | str
    recorded: RecordedSession
    analysed: list[Analysed]
    faces: list[Face]
    named: Named
    notes: list[str]

    @property
    def subject(self) -> str:
        """Name of the animal."""
        return self.animal.subject if isinstance(self.animal, Animal) else self.animal


def _read(path: Path, subject: str | None, videos: bool) -> _Read:
    pynwb = need("pynwb")
    need("ndx_miniscope", "ndx-miniscope")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(pynwb.NWBHDF5IO(path, "r")).read()
        except Exception as error:  # pynwb lets the errors of everything below it through
            raise ResultError(f"{path} cannot be read as an NWB file ({error}).") from None
        animal = read_animal(file, path) if subject is None else subject
        recorded = read_recorded(file, path, videos)
        analysed = list(read_analyses(file, path, recorded.scopes))
        faces = read_faces(file, path, recorded.cameras)
        computed = [recorded.scopes[one.scope] for one in analysed] + [recorded.cameras[one.camera] for one in faces]
        _refuse_other_videos(file, path, computed)
        left_out = list(_left_out(file, recorded, analysed, faces))
        return _Read(animal, recorded, analysed, faces, read_named(file), left_out)


def _refuse_other_videos(file: Any, path: Path, recorded: Sequence[Recorded]) -> None:
    """Raise where a video is not the one that results were computed from."""
    table = file.acquisition.get("raw_files")
    if table is None:
        return
    known = {str(checksum) for checksum in table["checksum"][:]}
    for video in dict.fromkeys(video for one in recorded for video in one.device.files):
        if fast_checksum(video) not in known:
            raise RecordingError(
                f"{video} is not the video that the results in {path} were computed from; copy it there again."
            )


def _left_out(
    file: Any, recorded: RecordedSession, analysed: Sequence[Analysed], faces: Sequence[Face]
) -> Iterator[str]:
    """Say what a file has and the database does not get."""
    everything = (*recorded.scopes, *recorded.cameras)
    without = [one.device.name for one in everything if not one.device.files]
    if without:
        yield f"{', '.join(without)} cannot be processed again: the database knows videos only, and has none of it."
    ophys, behavior = (file.processing.get(name) for name in ("ophys", "behavior"))
    if ophys is not None and "ImageSegmentation" in ophys.data_interfaces and not analysed:
        yield "The cells in it are of another program and are left out."
    if ophys is not None and "MotionCorrection" in ophys.data_interfaces:
        yield "The motion-corrected movie stays in the file: it follows from the videos and how they were moved."
    if not faces and behavior is not None and {"face_motion", "PupilTracking"} & set(behavior.data_interfaces):
        yield (
            "The results of a face are left out, because the file does not say what computed them; "
            "`workflow-miniscope process` computes them from the videos."
        )


def _folder(path: Path, recorded: RecordedSession) -> Path:
    """Return the folder of a session: that of its videos, else that of the file."""
    files = [file for one in (*recorded.scopes, *recorded.cameras) for file in one.device.files]
    return files[0].parent if files else path.parent


@contextmanager
def _result_folders(path: Path, read: _Read) -> Iterator[list[str]]:
    """Write the results as files, and give their folders below the processed root; none is left where it fails.

    The folders of scopes come first. Those of faces hold what was noted when they were computed, and are empty at the
    end: the database has it all.
    """
    from ...pipeline import facemap, miniscope

    root = get_processed_root_data_dir()
    animal = re.sub(r"[^\w.-]", "-", read.subject)
    top = f"nwb_{animal}_{naive_utc(read.recorded.start):%Y%m%dT%H%M%S}"
    scopes = [f"{top}/{one.scope}_p{one.paramset_id}_c{one.curation_id}" for one in read.analysed]
    faces = [f"{top}/face_{one.camera}_t{one.task_id}" for one in read.faces]
    names = [*scopes, *faces]
    if miniscope.ProcessingTask & [{"processing_output_dir": name} for name in scopes] or facemap.FacemapTask & [
        {"facemap_output_dir": name} for name in faces
    ]:
        raise ResultError(f"{path} is in the database already: its results are in {root / top}.")
    partial = root / f".{top}.partial"
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    try:
        everything: list[Analysed | Face] = [*read.analysed, *read.faces]
        for one, name in zip(everything, names, strict=True):
            folder = partial / Path(name).name
            folder.mkdir(parents=True)
            if isinstance(one, Analysed):
                write_result(folder, one.result)
            (folder / NOTE_NAME).write_text(json.dumps(one.run_note, indent=2) + "\n", encoding="utf-8")
        if names:
            shutil.rmtree(root / top, ignore_errors=True)  # of a run that was killed before the database knew
            partial.rename(root / top)
        yield names
        for name in faces:  # Facemap computes into empty folders only, where somebody deletes what was imported
            (root / name / NOTE_NAME).unlink()
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if names:
            shutil.rmtree(root / top, ignore_errors=True)
        raise


def _insert(read: _Read, session_dir: str, folders: list[str]) -> tuple[dict[str, Any], list[str]]:
    from ...pipeline import connection

    said: list[str] = []
    recorded, project = read.recorded, read_project(find_project())
    with connection.transaction:
        name = insert_animal(read.animal, said) if isinstance(read.animal, Animal) else _known(read.animal)
        key = insert_session(name, recorded, session_dir)
        scopes = []
        for number, one in enumerate(recorded.scopes):
            scope, notes = insert_scope(key, number, one, recorded)
            scopes.append(scope)
            said += notes
        for number, one in enumerate(recorded.cameras):
            said += insert_camera(key, number, one, recorded)
        insert_happened(key, recorded.happened)
        n = len(read.analysed)
        insert_analyses(scopes, list(zip(read.analysed, folders[:n], strict=True)))
        insert_faces(key, list(zip(read.faces, folders[n:], strict=True)))
        of_series = {one.series: scope for one, scope in zip(recorded.scopes, scopes, strict=True)}
        known = insert_named(key, of_series, read.named)
    unknown = unknown_entries(read.named, known, project.of_subject(name))
    return key, [*said, *([unknown] if unknown else [])]


def _known(name: str) -> str:
    from ...errors import did_you_mean
    from ...pipeline import subject

    names = subject.Subject.to_arrays("subject").tolist()
    if name not in names:
        hint = did_you_mean(name, names, "ingest it with subjects.csv first.")
        raise ResultError(f"The animal {name} is not in the database; {hint}")
    return name
