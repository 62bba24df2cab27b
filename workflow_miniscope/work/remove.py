"""Remove analyses, recordings, or animals from the database. Raw data are never touched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ..database.conditions import name_of
from ..database.restriction import choose
from ..errors import NothingMatched
from ..paths import get_processed_root_data_dir
from .change import Change, analyses_of, count_below, delete, forget_errors, names_analyses, recordings_of


def plan(restrict: Any, animals: bool = False, files: bool = False) -> Change:
    """Say what removing would do.

    Parameters
    ----------
    restrict : str, dict or list of them
        Which: the name of an analysis, a recording or a session, or a restriction on these.
    animals : bool
        Also remove the animals that have no session left.
    files : bool
        Also delete the results' files.

    Raises
    ------
    ParameterError, NothingMatched
        The restriction is wrong or chooses nothing.
    """
    if names_analyses(restrict):
        tasks, face_tasks = analyses_of(restrict)
        names = [*_names(tasks), *_names(face_tasks, camera=True)]
        return _removal("analysis", names, [tasks, face_tasks], (tasks, face_tasks, None), (tasks, face_tasks), files)
    try:
        recordings, videos = recordings_of(restrict)
    except NothingMatched:
        if not animals:
            raise
        return _plan_animals(restrict)
    return _plan_recordings(recordings, videos, animals, files)


def _plan_animals(restrict: Any) -> Change:
    """Say what removing animals without a session would do."""
    from ..pipeline import session, subject

    (subjects,) = choose([subject.Subject - session.Session.proj()], restrict, "animal without a session")
    names = subjects.to_arrays("subject").tolist()
    return _removal("animal", names, [subjects], (None, None, None), None, False)


def _plan_recordings(recordings: Any, videos: Any, animals: bool, files: bool) -> Change:
    from ..pipeline import facemap, miniscope, session, subject

    names = [*_names(recordings), *_names(videos, camera=True)]
    chosen = [recordings.proj(), videos.proj()]
    left = [(miniscope.Recording - chosen[0]).proj(), (facemap.VideoRecording - chosen[1]).proj()]
    # sessions of which no recording is left go, too, and with them what belongs to the session as a whole
    sessions = [key for key in (session.Session & chosen).keys() if not any(len(table & key) for table in left)]
    alone = []
    if animals:
        gone = {key["subject"] for key in sessions}
        alone = [
            {"subject": name} for name in sorted(gone) if not len((session.Session & {"subject": name}) - sessions)
        ]
        names += [f"the animal {key['subject']}" for key in alone]
    # each row is below one of these alone
    tops = [(subject.Subject, alone), (session.Session, _without(sessions, alone))]
    queries = [table & keys for table, keys in tops if keys]
    queries += [query - sessions if sessions else query for query in (recordings, videos)]
    analyses = miniscope.ProcessingTask & chosen[0], facemap.FacemapTask & chosen[1]
    whole = session.Session & sessions if sessions else None
    return _removal("recording", names, queries, (recordings, videos, whole), analyses, files)


def _without(sessions: list[dict[str, Any]], animals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    gone = {key["subject"] for key in animals}
    return [key for key in sessions if key["subject"] not in gone]


def _removal(
    what: str,
    names: list[str],
    queries: list[Any],
    jobs_of: tuple[Any, Any, Any],
    analyses: tuple[Any, Any] | None,
    files: bool,
) -> Change:
    folders = [] if analyses is None else result_folders(*analyses)
    sentences = [f"Removes {', '.join(names)} from the database."]
    if folders:
        listed = ", ".join(str(folder) for folder in folders)
        sentences.append(f"Deletes the results in {listed}." if files else f"The results in {listed} stay.")
    if what != "analysis":
        sentences.append("Raw data stay where they are.")

    def make() -> None:
        forget_errors(*jobs_of)
        for query in queries:
            delete(query)

    def after() -> None:
        for folder in folders if files else []:
            shutil.rmtree(folder, ignore_errors=True)

    return Change(tuple(sentences), make, count_below(queries), after)


def _names(query: Any, camera: bool = False) -> list[str]:
    return [name_of(key, camera) for key in query.keys()]


def result_folders(tasks: Any, face_tasks: Any) -> list[Path]:
    """Return the folders below the processed root, as far as they are there, of the analyses that wrote them."""
    root = get_processed_root_data_dir()
    names = [
        *(tasks & {"task_mode": "trigger"}).to_arrays("processing_output_dir"),
        *(face_tasks & {"task_mode": "trigger"}).to_arrays("facemap_output_dir"),
    ]
    folders = [root / name for name in dict.fromkeys(names) if name]
    return [folder for folder in folders if folder.is_dir() and folder.resolve() != root.resolve()]
