"""What is ingested, done, pending and failed, for each table."""

from __future__ import annotations

from typing import Any

from ..database import jobs
from ..database.conditions import name_of
from ..database.restriction import choose, restricted
from ..paths import get_facemap_root_data_dir, get_miniscope_root_data_dir, say_absent
from .exclude import included
from .steps import Step, chosen_steps, waiting
from .text_table import TextTable


def status(restrict: Any = None) -> dict[str, dict[str, int]]:
    """Count each table's rows, what it still has to do, and what failed.

    Parameters
    ----------
    restrict : str, dict or list of them, optional
        Which recordings, such as ``subject=m1``; by default all.

    Returns
    -------
    dict
        ``{"miniscope.Processing": {"rows": 1, "todo": 0, "errors": 0}, ...}`` in the order of the workflow. Tasks and
        curations are to do for each recording or processing that has none; nothing is to do for what is excluded.
    """
    from ..pipeline import facemap, miniscope

    recordings, videos = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    left = included(recordings, videos)
    if restrict is None:
        recordings = videos = None  # everything, also what belongs to no recording
    todo = {step.name: chosen for step, chosen in chosen_steps(*left)}
    return {step.name: _count(step, chosen, todo[step.name]) for step, chosen in chosen_steps(recordings, videos)}


def _count(step: Step, chosen: Any, todo: Any) -> dict[str, int]:
    table = step.table()
    if step.computed:
        waits, _ = table.progress(todo)
        errors = len(jobs.errors(table, chosen))
    else:
        waits, errors = len(waiting(step.name, todo)), 0
    return {"rows": len(table if chosen is None else table & chosen), "todo": int(waits), "errors": errors}


def warned(restrict: Any = None) -> list[str]:
    """Say of each result that is not to be trusted, or only with warnings, or is nothing, which one it is and why.

    ``restrict``: see :func:`status`.
    """
    from ..pipeline import extraction, face, miniscope

    recordings = restricted(miniscope.Recording, restrict).proj()
    chosen = extraction.Verdict & recordings
    rows = (chosen & "verdict in ('usable with warnings', 'not to be trusted')").to_dicts()
    lines = []
    for row in sorted(rows, key=lambda row: row["verdict"]):
        key = {name: row[name] for name in extraction.Verdict.primary_key}
        lines.append(f"{name_of(key)}: {row['verdict']}. {' '.join(row['reasons'])}")
    for row in (face.NeuralPrediction() & recordings & "n_frames = 0").to_dicts():
        key = {name: row[name] for name in face.NeuralPrediction.primary_key}
        why = "the recording is too short" if row["n_components"] else "no motion of the face is known"
        lines.append(f"{name_of(key)}: nothing is predicted from the face, {why}.")
    return list(dict.fromkeys(lines))  # once for dF/F and deconvolved activity


def changed_files(restrict: Any = None) -> list[str]:
    """Say of the raw files of results which were changed since, and whether some are not where they were.

    ``restrict``: see :func:`status`.
    """
    from ..pipeline import facemap, miniscope, provenance

    recordings, videos = choose((miniscope.Recording, facemap.VideoRecording), restrict, "recording")
    files = provenance.raw_files(recordings.proj(), of=("scope",), quick=True)
    files += provenance.raw_files(videos.proj(), of=("camera",), quick=True)
    lines = [
        f"{file.path} was changed since results were computed from it." for file in files if file.state == "changed"
    ]
    gone = [file.path for file in files if file.state == "gone"]
    if gone:
        n = "A raw file" if len(gone) == 1 else f"{len(gone)} raw files"
        why = say_absent(dict.fromkeys([*get_miniscope_root_data_dir(), *get_facemap_root_data_dir()]))
        lines.append(
            f"{n} of results cannot be found below the root directories, such as {gone[0]}"
            + (f"; {why}" if why else ".")
        )
    return lines


def format_status(counts: dict[str, dict[str, int]]) -> TextTable:
    """Return what :func:`status` counted as a table."""
    rows = [(name, entry["rows"], entry["todo"], entry["errors"]) for name, entry in counts.items()]
    return TextTable(("table", "rows", "to do", "errors"), rows, key="table")
