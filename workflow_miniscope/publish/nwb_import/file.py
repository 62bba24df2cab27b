"""An NWB file into the database, all or nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
from .analysed import Analysed, read_analyses
from .happened import insert_happened
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

    Animal, session, recordings with their times, settings, notes, quality and head orientation, and, of files of this
    program, every analysis of a scope: parameters, motion correction, components, traces, verdicts. The file and its
    videos stay where they are, below a root directory; results are written below the processed root.

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
    recorded, analysed, animal, notes = _read(path, subject, videos)
    session_dir = to_relative(get_miniscope_root_data_dir(), _folder(path, recorded))
    name = animal.subject if animal else str(subject)
    with _result_folders(path, name, recorded, analysed) as folders:
        try:
            key, said = _insert(animal or subject, recorded, session_dir, list(zip(analysed, folders, strict=True)))
        except DATABASE_ERRORS as error:
            cause = str(error).splitlines()[0]
            raise ResultError(f"{path} is not imported: the database refuses it ({cause}).") from None
    counts = [f"{len(recorded.scopes)} scopes", f"{len(recorded.cameras)} cameras", f"{len(analysed)} analyses"]
    line = f"{key['subject']}, {key['session_datetime']} UTC: {', '.join(counts)}"
    return Imported(key, [line, *(f"Note: {note}" for note in (*notes, *said))])


def _read(
    path: Path, subject: str | None, videos: bool
) -> tuple[RecordedSession, list[Analysed], Animal | None, list[str]]:
    pynwb = need("pynwb")
    need("ndx_miniscope", "ndx-miniscope")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(pynwb.NWBHDF5IO(path, "r")).read()
        except Exception as error:  # pynwb lets the errors of everything below it through
            raise ResultError(f"{path} cannot be read as an NWB file ({error}).") from None
        animal = read_animal(file, path) if subject is None else None
        recorded = read_recorded(file, path, videos)
        analysed = list(read_analyses(file, path, recorded.scopes))
        _refuse_other_videos(file, path, [recorded.scopes[one.scope] for one in analysed])
        return recorded, analysed, animal, list(_left_out(file, recorded, analysed))


def _refuse_other_videos(file: Any, path: Path, scopes: Sequence[Recorded]) -> None:
    """Raise where a video is not the one that results were computed from."""
    table = file.acquisition.get("raw_files")
    if table is None:
        return
    known = {str(checksum) for checksum in table["checksum"][:]}
    for video in dict.fromkeys(video for scope in scopes for video in scope.device.files):
        if fast_checksum(video) not in known:
            raise RecordingError(
                f"{video} is not the video that the results in {path} were computed from; copy it there again."
            )


def _left_out(file: Any, recorded: RecordedSession, analysed: Sequence[Analysed]) -> Iterator[str]:
    """Say what a file has and the database does not get."""
    everything = (*recorded.scopes, *recorded.cameras)
    without = [one.device.name for one in everything if not one.device.files]
    if without:
        yield f"{', '.join(without)} cannot be processed again: the database knows videos only, and has none of it."
    ophys, behavior = (file.processing.get(name) for name in ("ophys", "behavior"))
    if ophys is not None and "ImageSegmentation" in ophys.data_interfaces and not analysed:
        yield "The cells in it are of another program and are left out."
    if behavior is not None and {"face_motion", "PupilTracking", "blink"} & set(behavior.data_interfaces):
        yield "Facemap's results are left out; `workflow-miniscope process` computes them from the videos."


def _folder(path: Path, recorded: RecordedSession) -> Path:
    """Return the folder of a session: that of its videos, else that of the file."""
    files = [file for one in (*recorded.scopes, *recorded.cameras) for file in one.device.files]
    return files[0].parent if files else path.parent


@contextmanager
def _result_folders(
    path: Path, subject: str, recorded: RecordedSession, analysed: Sequence[Analysed]
) -> Iterator[list[str]]:
    """Write the results as files, and give their folders below the processed root; none is left where it fails."""
    from ...pipeline import miniscope

    root = get_processed_root_data_dir()
    animal = re.sub(r"[^\w.-]", "-", subject)
    top = f"nwb_{animal}_{naive_utc(recorded.start):%Y%m%dT%H%M%S}"
    names = [f"{top}/{one.scope}_p{one.paramset_id}_c{one.curation_id}" for one in analysed]
    if miniscope.ProcessingTask & [{"processing_output_dir": name} for name in names]:
        raise ResultError(f"{path} is in the database already: its results are in {root / top}.")
    partial = root / f".{top}.partial"
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    try:
        for one, name in zip(analysed, names, strict=True):
            folder = partial / Path(name).name
            folder.mkdir(parents=True)
            write_result(folder, one.result)
            (folder / NOTE_NAME).write_text(json.dumps(one.run_note, indent=2) + "\n", encoding="utf-8")
        if names:
            shutil.rmtree(root / top, ignore_errors=True)  # of a run that was killed before the database knew
            partial.rename(root / top)
        yield names
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if names:
            shutil.rmtree(root / top, ignore_errors=True)
        raise


def _insert(
    animal: Animal | str | None,
    recorded: RecordedSession,
    session_dir: str,
    analysed: list[tuple[Analysed, str]],
) -> tuple[dict[str, Any], list[str]]:
    from ...pipeline import connection

    said: list[str] = []
    with connection.transaction:
        name = insert_animal(animal, said) if isinstance(animal, Animal) else _known(str(animal))
        key = insert_session(name, recorded, session_dir)
        scopes = []
        for number, one in enumerate(recorded.scopes):
            scope, notes = insert_scope(key, number, one, recorded)
            scopes.append(scope)
            said += notes
        for number, one in enumerate(recorded.cameras):
            said += insert_camera(key, number, one, recorded)
        insert_happened(key, recorded.happened)
        insert_analyses(scopes, analysed)
    return key, said


def _known(name: str) -> str:
    from ...errors import did_you_mean
    from ...pipeline import subject

    names = subject.Subject.to_arrays("subject").tolist()
    if name not in names:
        hint = did_you_mean(name, names, "ingest it with subjects.csv first.")
        raise ResultError(f"The animal {name} is not in the database; {hint}")
    return name
